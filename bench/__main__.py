"""``make bench``: every comparison, on the device at hand. It needs the official data."""

from bench import mnist
from bench.side_by_side import compare
from convbook import settings

settings.describe()
compare("mnist", mnist.source_loop, mnist.ours, seeds=(1, 2))
