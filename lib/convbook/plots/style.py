"""The course's look: quiet ink, and colours from ``palette``.

A figure is drawn on white, which the page takes away, or turns round where the page is dark.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_rgb

from convbook.palette import HUES, INK, PAPER

WIDTH = 5.2  # inches: so narrow that its letters can be read on a phone, where it fills the page


def set_style() -> None:
    """Give every figure of this session the course's look."""
    plt.switch_backend(plt.get_backend())  # load it now: Matplotlib 3.8 would draw a cell late
    plt.rcParams.update(
        {
            "figure.facecolor": PAPER,
            "savefig.facecolor": PAPER,
            "axes.facecolor": PAPER,
            "axes.edgecolor": INK,
            "axes.labelcolor": INK,
            "text.color": INK,
            "xtick.color": INK,
            "ytick.color": INK,
            "axes.prop_cycle": plt.cycler(color=HUES),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlelocation": "left",
            "axes.titlesize": 11,
            "axes.labelsize": 10,
            "font.size": 10,
            "legend.frameon": False,
            "lines.linewidth": 2,
            "lines.markersize": 5,
            "image.cmap": "gray",
            "figure.figsize": (WIDTH, 3.0),
            "figure.dpi": 160,
            "figure.constrained_layout.use": True,
        }
    )


def mix(colour: str, other: str, share: float) -> np.ndarray:
    """``colour`` with a share of ``other``, as red, green and blue."""
    return np.array(to_rgb(colour)) * (1 - share) + np.array(to_rgb(other)) * share
