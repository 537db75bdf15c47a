"""Things to turn: in a live notebook, in Colab, and on a page with no kernel, from one source."""

from convbook.explorers.decoding import explore_decoder
from convbook.explorers.explorer import Explorer
from convbook.explorers.operator import Operator
from convbook.explorers.overlap import Overlap
from convbook.explorers.predict import Predict

__all__ = ["Explorer", "Operator", "Overlap", "Predict", "explore_decoder"]
