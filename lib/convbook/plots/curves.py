"""Curves, filters, and a network that slides over a curve: the pictures of chapters 6 and 7."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from convbook.palette import FAINT, HUES, INK
from convbook.plots.style import WIDTH, mix


def curves(
    panels: Mapping[str, Mapping[str, ArrayLike]],
    columns: int,
    colours: Mapping[str, str] | None = None,
    xlabel: str = "",
) -> None:
    """Small panels of curves on one scale, with a title each and one legend for all.

    Args:
        panels: title to the name and the values (n,) of each curve; ``target`` is dashed.
        columns: panels in a row.
        colours: name to colour, the palette's hues in turn if not given.
        xlabel: below the lowest row.
    """
    rows = -(-len(panels) // columns)
    size = (WIDTH, 1.45 * rows + 0.55)
    figure, grid = plt.subplots(
        rows, columns, figsize=size, squeeze=False, sharex=True, sharey=True
    )
    names = dict.fromkeys(name for lines in panels.values() for name in lines)
    colours = colours or {name: f"C{number}" for number, name in enumerate(names)}
    drawn = {}  # the legend's lines, by name
    for axes, (title, lines) in zip(grid.flat, panels.items(), strict=False):
        axes.axhline(0, color=FAINT, linewidth=1, zorder=0)
        for name, values in lines.items():
            dashes = "--" if name == "target" else "-"
            look = {"linestyle": dashes, "linewidth": 1.5, "marker": ".", "markersize": 4}
            (drawn[name],) = axes.plot(values, color=colours[name], **look)
        axes.set_title(title, fontsize=9)
        axes.tick_params(labelsize=8)
        axes.locator_params("x", integer=True)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    for axes in grid[-1]:
        axes.set_xlabel(xlabel, fontsize=9)
    if len(drawn) > 1:
        figure.legend(drawn.values(), drawn, loc="outside upper left", ncols=len(drawn), fontsize=9)


def encoder_stages(patch: ArrayLike, filters: ArrayLike, bias: ArrayLike) -> None:
    """How one patch becomes a code: the filters beside it, their products with it, and the sums.

    Args:
        patch, filters, bias: (n,), (K, n) and (K,); the code is tanh of sum and bias.
    """
    patch, filters, bias = np.asarray(patch), np.asarray(filters), np.asarray(bias)
    products = filters * patch
    code = np.tanh(products.sum(1) + bias)
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(WIDTH, 2.7), width_ratios=[3, 3, 2])
    left.plot(patch, color=INK, linestyle="--", linewidth=1.6, label="patch")
    left.set_title("filters, patch", fontsize=9)
    middle.set_title("weight × point", fontsize=9)
    right.set_title("code", fontsize=9)
    for which in range(len(filters)):
        left.plot(filters[which], linewidth=1.6, label=f"filter {which + 1}")
        middle.plot(products[which], linewidth=1.6)
        bar = right.bar(which + 1, code[which], width=0.6)
        right.bar_label(bar, [f"{code[which]:.3f}"], padding=3, fontsize=8)
    figure.legend(fontsize=8, loc="outside lower center", ncols=len(filters) + 1)
    right.margins(x=0.25, y=0.25)
    for axes in (left, middle, right):
        axes.axhline(0, color=FAINT, linewidth=1, zorder=0)
        axes.tick_params(labelsize=8)
        axes.locator_params("x", integer=True)
    left.set_xlabel("point", fontsize=9)
    middle.set_xlabel("point", fontsize=9)
    right.set_xlabel("filter", fontsize=9)


def sliding(points: int, kernel_size: int, stride: int, channels: int) -> None:
    """A network of one convolution and its way back, drawn: points, windows, codes and stamps.

    Args:
        points, kernel_size, stride: of the convolution, in points.
        channels: numbers in each code, drawn above one another.
    """
    starts = range(0, points - kernel_size + 1, stride)
    width, height = max(points + 5.5, 12.5), 7.6 + channels
    _, axes = plt.subplots(figsize=(WIDTH, WIDTH * height / width), layout="none")
    axes.set_position((0, 0, 1, 1))
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height, 0), aspect="equal")
    axes.axis("off")
    rows = {"curve": 0.5, "code": 3.3, "output": 5.3 + channels}
    for name, top in rows.items():
        middle = top + (channels if name == "code" else 1) / 2
        axes.text(points + 0.5, middle, name, va="center", fontsize=10)
    for top in (rows["curve"], rows["output"]):
        for i in range(points):
            overlaps = sum(start <= i < start + kernel_size for start in starts)
            shade = mix(INK, "white", 1 - 0.16 * overlaps) if top == rows["output"] else "white"
            box = Rectangle((i, top), 1, 1, facecolor=shade, edgecolor=FAINT, linewidth=1)
            axes.add_patch(box)
            text = f"{i}" if top == rows["curve"] else f"{overlaps}"
            axes.text(i + 0.5, top + 0.54, text, ha="center", va="center", fontsize=8)
    for number, start in enumerate(starts):
        colour = HUES[3 + number % 3]  # the first three are filters
        left = start + kernel_size / 2 - 0.5
        for channel in range(channels):  # channels lie behind one another, at one position
            place, face = (left, rows["code"] + channel), mix(colour, "white", 0.6)
            axes.add_patch(Rectangle(place, 1, 1, facecolor=face, edgecolor=colour))
        for edge, corner in ((start, left), (start + kernel_size, left + 1)):
            read = [rows["curve"] + 1.1, rows["code"]]
            write = [rows["code"] + channels, rows["output"] - 0.1]
            axes.plot([edge, corner], read, color=colour, linewidth=1.2)
            axes.plot([corner, edge], write, color=colour, linewidth=1.2)
    for top, name in ((rows["code"] - 0.9, "convolution"), (rows["output"] - 1, "transposed")):
        axes.text(points + 0.5, top, name, va="center", fontsize=9, style="italic")
