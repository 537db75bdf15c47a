"""Numbers in coloured squares: the alphabet of chapters 1 and 2.

A kernel's weights keep one colour each throughout a chapter: rows differ in hue, columns in
lightness.
"""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import FancyArrowPatch, Rectangle
from numpy.typing import ArrayLike

from convbook.palette import BLUE, FAINT, HUES, INK, PAPER, VERMILION
from convbook.plots.style import WIDTH, mix


def kernel_colours(rows: int, columns: int) -> np.ndarray:
    """One colour per kernel weight, (rows, columns, 3): a hue per row, lighter from left to
    right.
    """
    white_share = np.linspace(0.42, 0.8, columns) if columns > 1 else [0.6]
    return np.array(
        [
            [mix(HUES[row % len(HUES)], "white", share) for share in white_share]
            for row in range(rows)
        ]
    )


def weight_colours(matrix: ArrayLike, kernel: ArrayLike) -> np.ndarray:
    """Colour each entry of ``matrix`` as the weight of ``kernel`` it equals, zeros as paper.

    The weights must differ from one another, and none may be zero.

    Raises:
        ValueError: ``kernel`` repeats a weight or holds a zero, or ``matrix`` holds another number.
    """
    matrix, kernel = np.asarray(matrix), np.asarray(kernel)
    colours = dict(zip(kernel.flat, kernel_colours(*kernel.shape).reshape(-1, 3), strict=True))
    if len(colours) < kernel.size or 0 in colours:
        raise ValueError("kernel: expected weights that differ from one another and from zero")
    colours[0] = np.array(to_rgb(PAPER))
    if unknown := set(matrix.flat) - set(colours):
        raise ValueError(f"matrix: expected zeros and weights of the kernel, not {unknown}")
    return np.array([colours[value] for value in matrix.flat]).reshape(*matrix.shape, 3)


def draw_cells(
    axes: Axes,
    values: ArrayLike,
    colours: np.ndarray | None = None,
    at: tuple[float, float] = (0, 0),
    label: str = "",
    fontsize: float = 9,
) -> None:
    """Draw a matrix as squares of side 1 with its top left corner ``at`` (x, y), y growing
    downwards.

    Args:
        values: (rows, columns), or (rows,) for a column; zeros are faint, and NaN is left blank.
        colours: (rows, columns, 3); paper if not given.
        label: written above.
    """
    values = np.atleast_2d(np.asarray(values).T).T if np.ndim(values) == 1 else np.asarray(values)
    rows, columns = values.shape
    if colours is None:
        colours = np.broadcast_to(to_rgb(PAPER), (rows, columns, 3))
    for row, column in np.ndindex(rows, columns):
        x, y = at[0] + column, at[1] + row
        face = colours.reshape(rows, columns, 3)[row, column]
        axes.add_patch(Rectangle((x, y), 1, 1, facecolor=face, edgecolor=FAINT, linewidth=0.8))
        if not np.isnan(values[row, column]):
            axes.text(
                x + 0.5,
                y + 0.54,
                f"{values[row, column]:g}",
                ha="center",
                va="center",
                fontsize=fontsize,
                color=INK if values[row, column] or face.min() < 0.9 else "#9a9a92",
            )
    if label:
        axes.text(at[0] + columns / 2, at[1] - 0.35, label, ha="center", va="bottom", fontsize=10)


def _canvas(width: float, height: float) -> Axes:
    """An empty figure for ``width`` by ``height`` cells, y growing downwards, no axes drawn."""
    figure = plt.figure(figsize=(WIDTH, WIDTH * height / width), layout="none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0), aspect="equal")
    axes.axis("off")
    return axes


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    axes.add_patch(
        FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=12, color=INK, linewidth=1.3)
    )


def _outline(axes: Axes, at: tuple[float, float], columns: int, rows: int) -> None:
    axes.add_patch(Rectangle(at, columns, rows, fill=False, edgecolor=INK, linewidth=2.2))


def gather_and_scatter(x: ArrayLike, y: ArrayLike, kernel: ArrayLike) -> None:
    """One output cell of a convolution, and what the transposed convolution makes of that cell.

    Args:
        x, kernel, y: (n, n), (k, k) and (n - k + 1, n - k + 1).
    """
    x, y, kernel = np.asarray(x), np.asarray(y), np.asarray(kernel)
    size, k = len(x), len(kernel)
    weights = kernel_colours(k, k)
    window = np.broadcast_to(to_rgb(PAPER), (size, size, 3)).copy()
    window[:k, :k] = weights
    stamp = np.zeros_like(x)
    stamp[:k, :k] = y[0, 0] * kernel
    first_cell = np.full_like(y, np.nan)
    first_cell[0, 0] = y[0, 0]

    axes = _canvas(13, 14.6)  # one below the other: on a phone the numbers can still be read
    gather = ("Convolution: many to one", "gather", (x, "input"), (first_cell, "output"))
    scatter = ("Transposed: one to many", "scatter", (first_cell, "input"), (stamp, "what it adds"))
    for top, (title, verb, first, second) in zip((0, 7.4), (gather, scatter), strict=True):
        axes.text(0.5, top + 0.8, title, fontsize=12, weight="bold", va="center")
        at = 0.5
        for values, label in (first, second):
            large = len(values) == size
            place = (at, top + (2.6 if large else 3.6))
            draw_cells(axes, values, window if large else None, place, label)
            _outline(axes, place, *((k, k) if large else (1, 1)))
            at += len(values) + 5.9
        start, middle = 0.5 + len(first[0]), top + 4.6
        draw_cells(axes, kernel, weights, (start + 1.45, middle - 1.5), verb)
        _arrow(axes, (start + 0.2, middle), (start + 1.4, middle))
        _arrow(axes, (start + 4.5, middle), (start + 5.7, middle))


def product(
    result: ArrayLike,
    matrix: ArrayLike,
    vector: ArrayLike,
    kernel: ArrayLike,
    names: tuple[str, str, str],
) -> None:
    """``result = matrix @ vector`` as on paper: the vector over the columns, the result beside the
    rows.

    The matrix is coloured by kernel weight.
    """
    matrix = np.asarray(matrix)
    rows, columns = matrix.shape
    width = max(columns + 6.0, 1.6 * rows)
    axes = _canvas(width, rows + 3.2)
    left, top = (width - columns - 2.0) / 2, 2.4
    draw_cells(axes, np.reshape(vector, (1, -1)), None, (left, 0.7), fontsize=8)
    draw_cells(axes, matrix, weight_colours(matrix, kernel), (left, top), fontsize=8)
    draw_cells(axes, result, None, (left + columns + 1.6, top), names[0], fontsize=8)
    axes.text(left - 0.5, 1.2, names[2], ha="right", va="center", fontsize=11)
    axes.text(left - 0.5, top + rows / 2, names[1], ha="right", va="center", fontsize=11)
    axes.text(left + columns + 0.8, top + rows / 2, "=", ha="center", va="center", fontsize=14)


def stamps(maps: ArrayLike, matrix: ArrayLike, kernel: ArrayLike, crop: int = 0) -> None:
    """Intermediate maps with a plus between them, each weight in its colour, and their sum.

    Args:
        maps: (M, rows, columns), each the kernel times a number of its own.
        matrix: (M, rows · columns), the convolution's: which weight stands where.
        crop: the cells outside the outline on the sum, at each side.
    """
    maps, kernel = np.asarray(maps), np.asarray(kernel)
    count, rows, columns = maps.shape
    scales = maps.sum((1, 2)) / kernel.sum()
    colours = weight_colours(matrix, kernel).reshape(*maps.shape, 3)
    size = 9 if columns < 5 else 7.5
    pitch, in_a_row = columns + 1.6, 3  # with more, the numbers are too small for a phone
    axes = _canvas(in_a_row * pitch + 0.6, -(-(count + 1) // in_a_row) * (rows + 2.2))

    def place(i: int) -> tuple[float, float]:
        return 1.2 + i % in_a_row * pitch, 1.6 + i // in_a_row * (rows + 2.2)

    for i, (stamp, scale) in enumerate(zip(maps, scales, strict=True)):
        draw_cells(axes, stamp, colours[i], place(i), f"{scale:g} · kernel", fontsize=size)
    draw_cells(axes, maps.sum(0), None, place(count), "their sum, z", fontsize=size)
    for i in range(1, count + 1):
        left, top = place(i)
        sign = "=" if i == count else "+"
        axes.text(left - 0.7, top + rows / 2, sign, ha="center", va="center", fontsize=13)
    if crop:
        left, top = place(count)
        _outline(axes, (left + crop, top + crop), columns - 2 * crop, rows - 2 * crop)


def sliding_kernel(
    grid: ArrayLike, kernels: Mapping[str, ArrayLike], colours: ArrayLike, at: tuple[int, int]
) -> None:
    """Kernels over the same cells of a grid of mostly zeros, and the sum that each makes.

    Args:
        grid: (rows, columns).
        kernels: name to (k, k) weights; each weight has the colour that it has in ``colours``.
        colours: (k, k), the kernel that gives each weight its colour.
        at: row and column of the grid under the kernels' top left weight.
    """
    grid, (row, column) = np.asarray(grid), at
    rows, columns = grid.shape
    axes = _canvas(len(kernels) * (columns + 1.2) + 0.2, rows + 3.1)
    for panel, (name, kernel) in enumerate(kernels.items()):
        left, kernel = 0.7 + panel * (columns + 1.2), np.asarray(kernel)
        k = len(kernel)
        face = np.broadcast_to(to_rgb(PAPER), (rows, columns, 3)).copy()
        face[row : row + k, column : column + k] = weight_colours(kernel, colours)
        draw_cells(axes, grid, face, (left, 1.6), name, fontsize=10)
        _outline(axes, (left + column, 1.6 + row), k, k)
        terms, total = [], 0.0
        for i, j in np.ndindex(k, k):
            axes.text(
                left + column + j + 0.94, 1.6 + row + i + 0.06, f"{kernel[i, j]:g}",
                ha="right", va="top", fontsize=8,
            )  # fmt: skip
            if value := grid[row + i, column + j]:
                terms.append(f"{value:g}·{kernel[i, j]:g}")
                total += value * kernel[i, j]
        line = f"{' + '.join(terms)} = {total:g}"
        axes.text(left + columns / 2, rows + 2.3, line, ha="center", va="center", fontsize=11)


def kronecker(first: ArrayLike, second: ArrayLike) -> None:
    """``first ⊗ second = their product``, the product in blocks of the second's size."""
    first, second = np.asarray(first), np.asarray(second)
    whole = np.kron(first, second)
    (rows, columns), (height, width) = first.shape, second.shape
    shade = np.array([to_rgb(PAPER), mix(BLUE, "white", 0.7)])
    axes = _canvas(whole.shape[1] + 1.0, height + len(whole) + 3.4)
    left = (whole.shape[1] + 1.0 - columns - width - 1.6) / 2
    draw_cells(axes, first, shade[(first != 0).astype(int)], (left, 1.2), "rows")
    axes.text(left + columns + 0.8, 1.2 + rows / 2, "⊗", ha="center", va="center", fontsize=14)
    at = left + columns + 1.6
    draw_cells(axes, second, shade[(second != 0).astype(int)], (at, 1.2), "columns")
    top = max(rows, height) + 2.6
    draw_cells(axes, whole, shade[(whole != 0).astype(int)], (0.5, top), "=", fontsize=8)
    for i, j in np.ndindex(rows, columns):
        _outline(axes, (0.5 + j * width, top + i * height), width, height)


def structures(matrices: Mapping[str, ArrayLike], kernel: ArrayLike) -> None:
    """Convolution matrices, coloured by weight: the last one at the right, in full height."""
    *wide, tall = matrices
    heights = [np.shape(matrices[name])[0] + 1 for name in wide]
    figure, all_axes = plt.subplot_mosaic(
        [[name, tall] for name in wide],
        figsize=(WIDTH, 4.6),
        width_ratios=[1.2, 1],
        height_ratios=heights,
    )
    for name, axes in all_axes.items():
        axes.imshow(weight_colours(matrices[name], kernel), interpolation="nearest")
        rows, columns = np.shape(matrices[name])
        axes.set_title(f"{name}: {rows}×{columns}", fontsize=9)
        axes.set(xticks=[], yticks=[], anchor="NW")
        axes.spines[:].set(visible=True, color=FAINT)
    figure.set_layout_engine("constrained", h_pad=0.06)


def alignments(
    size: int, kernel_size: int, stride: int, paddings: Mapping[str, tuple[int, int]]
) -> None:
    """Strips of cells, one for each way to pad: a bar for each position of the kernel, and the
    cell under its middle in the bar's colour.

    Args:
        paddings: name to the cells added before and after; the kernel needs an odd size.
    """
    most = max(before for before, _ in paddings.values())
    axes = _canvas(size + 11, 2.4 * len(paddings) + 0.4)
    for row, (name, (before, after)) in enumerate(paddings.items()):
        left, top = 8.2 + most - before, 1.3 + 2.4 * row
        middles = range(kernel_size // 2, before + size + after - kernel_size // 2, stride)
        values = [*["pad"] * before, *range(size), *["pad"] * after]
        for i, value in enumerate(values):
            face: str | np.ndarray = PAPER
            if i in middles:
                odd = middles.index(i) % 2  # two colours and heights tell neighbours apart
                colour = (BLUE, VERMILION)[odd]
                face = mix(colour, "white", 0.45)
                reach = np.array([0.15, kernel_size - 0.15]) - kernel_size // 2
                axes.plot(left + i + reach, 2 * [top - 0.3 - 0.3 * odd], color=colour, linewidth=3)
            square = Rectangle((left + i, top), 1, 1, facecolor=face, edgecolor=INK, linewidth=0.9)
            square.set_linestyle("--" if value == "pad" else "-")
            axes.add_patch(square)
            if value != "pad":
                axes.text(left + i + 0.5, top + 0.54, value, ha="center", va="center")
        axes.text(7.8, top + 0.54, name, ha="right", va="center")
