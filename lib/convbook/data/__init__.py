"""Bezier curves; MNIST and CIFAR-10: the official files, or else an announced stand-in."""

from convbook.data.curves import CurveData, bezier
from convbook.data.images import ImageData
from convbook.data.official import DataUnavailable
from convbook.data.selection import Selection
from convbook.data.sources import cifar10, mnist
