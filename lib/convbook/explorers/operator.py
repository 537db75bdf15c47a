"""Explorer "Operator": a convolution or its transpose, every cell of it in the reader's hands."""

from collections.abc import Callable
from html import escape

import torch
import torch.nn.functional as F
import traitlets

from convbook.arguments import one_of, whole_number
from convbook.explorers.explorer import Explorer, module, number_cells
from convbook.sizes import conv_size, conv_transpose_size

# What stands in cells that nobody has filled; operator.js has the same numbers.
FIRST_INPUT = ((1, 0, 2, 1), (2, 1, 0, 3), (0, 3, 1, 2))


class Operator(Explorer):
    """One channel of a convolution or a transposed convolution, without a bias.

    Args:
        transposed: whether it is the transposed convolution.
        dimensions: 1 or 2; in two, the settings hold for rows and columns alike.
        size: the input's cells along each side, 1 to 16.
        kernel_size, stride, padding, dilation, output_padding: as in PyTorch.
        view: what is pointed at, an input cell ("scatter") or an output cell ("gather"), or the
            output cell where zeros stand between the input's ("zeros", if transposed).
        position: which of these cells, counted row by row.
        input, kernel: numbers for the first cells, as rows; the others hold small whole numbers.

    Raises:
        ValueError: no layer has these settings.
    """

    _esm = module("operator.js")
    kept = (
        *("transposed", "dimensions", "size", "kernel_size", "stride", "padding", "dilation"),
        *("output_padding", "view", "input", "kernel"),
    )

    transposed = traitlets.Bool(False).tag(sync=True)
    dimensions = traitlets.Int(2).tag(sync=True)
    size = traitlets.Int(4).tag(sync=True)
    kernel_size = traitlets.Int(3).tag(sync=True)
    stride = traitlets.Int(1).tag(sync=True)
    padding = traitlets.Int(0).tag(sync=True)
    dilation = traitlets.Int(1).tag(sync=True)
    output_padding = traitlets.Int(0).tag(sync=True)
    view = traitlets.Unicode().tag(sync=True)
    position = traitlets.Int(0).tag(sync=True)
    input = traitlets.List(traitlets.Any()).tag(sync=True)
    kernel = traitlets.List(traitlets.Any()).tag(sync=True)

    @traitlets.default("view")
    def _first_view(self) -> str:
        return "scatter" if self.transposed else "gather"

    def __init__(self, **settings: object) -> None:
        super().__init__(**settings)
        whole_number("dimensions", self.dimensions, 1, 2)
        one_of("view", self.view, ["scatter", "gather", *(["zeros"] if self.transposed else [])])
        whole_number("size", self.size, 1, 16)
        self.output_size()  # raises where there is no such layer

    def output_size(self) -> int:
        """The output's cells along each side."""
        geometry = (self.size, self.kernel_size, self.stride, self.padding)
        if self.transposed:
            return conv_transpose_size(*geometry, self.output_padding, self.dilation)
        return conv_size(*geometry, self.dilation)

    def numbers(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Input, kernel and output, each (rows, columns); in one dimension there is one row."""
        flat = self.dimensions == 1
        size, k = self.size, self.kernel_size
        x = _filled(self.input, 1 if flat else size, size, lambda r, c: FIRST_INPUT[r % 3][c % 4])
        weight = _filled(self.kernel, 1 if flat else k, k, lambda r, c: r * k + c + 1)

        def along(value: int, resting: int) -> tuple[int, int]:
            return resting if flat else value, value  # one row stays as it is

        stride, padding = along(self.stride, 1), along(self.padding, 0)
        dilation, extra = along(self.dilation, 1), along(self.output_padding, 0)
        images = x[None, None], weight[None, None]
        if self.transposed:
            y = F.conv_transpose2d(*images, None, stride, padding, extra, 1, dilation)
        else:
            y = F.conv2d(*images, None, stride, padding, dilation)
        return x, weight, y[0, 0]

    def words(self) -> str:
        name = "transposed convolution" if self.transposed else "convolution"
        output_padding = f", output_padding {self.output_padding}" if self.transposed else ""
        return (
            f"Explorer: a {name} in {self.dimensions}-D, from {self.size} to {self.output_size()} "
            f"cells a side; kernel_size {self.kernel_size}, stride {self.stride}, padding "
            f"{self.padding}, dilation {self.dilation}{output_padding}."
        )

    def figure(self) -> str:
        tables = zip(("input", "kernel", "output"), self.numbers(), strict=True)
        return (
            f"<p>{escape(self.words())}</p>"
            f"<div>{''.join(_table(name, values) for name, values in tables)}</div>"
        )


def _filled(
    given: list, rows: int, columns: int, first: Callable[[int, int], float]
) -> torch.Tensor:
    lines = given if given and isinstance(given[0], list) else [given]
    values = [[first(r, c) for c in range(columns)] for r in range(rows)]
    for line, own in zip(values, lines, strict=False):
        line[: min(len(own), columns)] = own[:columns]
    return torch.tensor(values, dtype=torch.float64)


def _table(name: str, values: torch.Tensor) -> str:
    rows = "".join(f"<tr>{number_cells(line)}</tr>" for line in values.tolist())
    return (
        '<table style="display: inline-table; margin: 0 1.5em 0.5em 0; vertical-align: middle">'
        f"<caption>{name}</caption><tbody>{rows}</tbody></table>"
    )
