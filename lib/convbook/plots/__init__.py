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
from convbook.plots.curves import (
    by_place,
    curves,
    dots,
    encoder_stages,
    filters_over_seeds,
    over_epochs,
    sliding,
)
from convbook.plots.images import image_rows
from convbook.plots.photos import photo_grid
from convbook.plots.results import (
    histogram,
    loss_curves,
    over_strength,
    ranking,
)
from convbook.plots.style import set_style

__all__ = [
    "alignments",
    "by_place",
    "curves",
    "dots",
    "draw_cells",
    "encoder_stages",
    "filters_over_seeds",
    "gather_and_scatter",
    "histogram",
    "image_rows",
    "kernel_colours",
    "kronecker",
    "loss_curves",
    "over_epochs",
    "over_strength",
    "photo_grid",
    "product",
    "ranking",
    "set_style",
    "sliding",
    "sliding_kernel",
    "stamps",
    "structures",
    "weight_colours",
]
