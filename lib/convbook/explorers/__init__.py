"""Things to turn: pictures with sliders where a kernel is live, and a static twin where not."""

from convbook.explorers.decoding import explore_decoder
from convbook.explorers.size_arithmetic import explore_sizes

__all__ = ["explore_decoder", "explore_sizes"]
