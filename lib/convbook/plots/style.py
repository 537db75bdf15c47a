"""The course's look: quiet ink, and colours from ``palette``.

A figure is opaque, so that it reads the same on a light and on a dark page.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_rgb

from convbook.palette import HUES, INK, PAPER

WIDTH = 7.0  # inches: every figure fills the text column


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
            "figure.figsize": (WIDTH, 3.4),
            "figure.dpi": 144,
            "figure.constrained_layout.use": True,
        }
    )


def mix(colour: str, other: str, share: float) -> np.ndarray:
    """``colour`` with a share of ``other``, as red, green and blue."""
    return np.array(to_rgb(colour)) * (1 - share) + np.array(to_rgb(other)) * share
