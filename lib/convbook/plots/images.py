"""Images in rows, and in tables."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

from convbook.plots.style import WIDTH


def image_rows(
    rows: Mapping[str, Sequence[Tensor]],
    titles: Sequence[str] = (),
    limits: tuple[float, float] | None = (0, 1),
) -> None:
    """Rows of images, a label before each.

    Args:
        rows: label to images, each (H, W), (1, H, W) or (3, H, W).
        titles: one above each column.
        limits: the values shown as black and as white; None lets each image use its own range.
    """
    columns = max(len(images) for images in rows.values())
    side = (WIDTH - 1.0 * any(rows)) / columns
    height = len(rows) * side + 0.3 * bool(titles)
    _, grid = plt.subplots(len(rows), columns, figsize=(WIDTH, height), squeeze=False)
    for all_axes, (label, images) in zip(grid, rows.items(), strict=True):
        for axes, image in zip(all_axes, images, strict=False):
            axes.imshow(_shown(image, limits), vmin=0, vmax=1, interpolation="nearest")
        for axes in all_axes:
            _bare(axes)
        for axes in all_axes[len(images) :]:
            axes.set_visible(False)
        _name_row(all_axes[0], label)
    for axes, title in zip(grid[0], titles, strict=False):
        axes.set_title(title, fontsize=9, loc="center")
        axes.set_visible(True)
    for axes in grid[0][len(next(iter(rows.values()))) : len(titles)]:
        axes.set_frame_on(False)


def _shown(image: Tensor, limits: tuple[float, float] | None) -> np.ndarray:
    """(H, W), (1, H, W) or (3, H, W) as matplotlib wants it, from 0, black, to 1, white."""
    image = image.detach().cpu().float()
    low, high = limits or (image.min().item(), image.max().item())
    image = ((image - low) / ((high - low) or 1)).clamp(0, 1)
    if image.dim() == 3:
        image = image[0] if len(image) == 1 else image.permute(1, 2, 0)
    return image.numpy()


def _bare(axes: Axes) -> None:
    """No ticks and no frame: the image speaks for itself."""
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def _name_row(first: Axes, name: str) -> None:
    first.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
