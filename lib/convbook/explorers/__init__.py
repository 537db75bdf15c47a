"""Things to turn: in a live notebook, in Colab, and on a page with no kernel, from one source."""

from convbook.explorers.axes import NoiseAndAxes
from convbook.explorers.codebook import Codebook
from convbook.explorers.decoder import Decoder
from convbook.explorers.digit import DrawDigit
from convbook.explorers.explorer import Explorer
from convbook.explorers.latent import LatentMap
from convbook.explorers.operator import Operator
from convbook.explorers.overlap import Overlap
from convbook.explorers.predict import Predict
from convbook.explorers.reconstructions import Reconstructions
from convbook.explorers.trainer import Trainer

__all__ = [
    "Codebook",
    "Decoder",
    "DrawDigit",
    "Explorer",
    "LatentMap",
    "NoiseAndAxes",
    "Operator",
    "Overlap",
    "Predict",
    "Reconstructions",
    "Trainer",
]
