"""Figures. One look for all chapters; a function that makes a figure returns nothing, since a
notebook shows the open figure.
"""

from convbook.plots.cells import (
    alignments,
    draw_cells,
    gather_and_scatter,
    kernel_colours,
    kronecker,
    product,
    sliding_kernel,
    stamps,
    structures,
    weight_colours,
)
from convbook.plots.curves import curves, encoder_stages, sliding
from convbook.plots.images import image_rows
from convbook.plots.photos import photo_grid
from convbook.plots.results import (
    by_place,
    dots,
    loss_curves,
    over_epochs,
    over_strength,
    ranking,
)
from convbook.plots.style import set_style
