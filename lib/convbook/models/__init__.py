"""The networks of the chapters, each in the form that its chapter derives."""

from convbook.models.curves import CurveAutoencoder, PatchAutoencoder
from convbook.models.dense import DenseAutoencoder
from convbook.models.digits import DigitAutoencoder
from convbook.models.discrete import OneHotAutoencoder, QuantisedAutoencoder, straight_through
from convbook.models.initial import initialised
from convbook.models.paired import PairedAutoencoder
from convbook.models.photographs import PhotoAutoencoder, PhotoDenoiser, TwoPathAutoencoder
from convbook.models.pooling import PoolUnpool
from convbook.models.upsampling import UpsamplingAutoencoder

__all__ = [
    "CurveAutoencoder",
    "DenseAutoencoder",
    "DigitAutoencoder",
    "OneHotAutoencoder",
    "PairedAutoencoder",
    "PatchAutoencoder",
    "PhotoAutoencoder",
    "PhotoDenoiser",
    "PoolUnpool",
    "QuantisedAutoencoder",
    "TwoPathAutoencoder",
    "UpsamplingAutoencoder",
    "initialised",
    "straight_through",
]
