"""Explorer "Overlap": how many stamps of a transposed convolution reach each output cell."""

from html import escape

import torch
import torch.nn.functional as F
import traitlets

from convbook.arguments import one_of, whole_number
from convbook.explorers.explorer import Explorer, module, number_cells

REMEDIES = ("none", "divide", "resize", "average")


class Overlap(Explorer):
    """The overlap map of a kernel and a stride, its pattern's frequency, and what evens it out.

    ``Overlap(kernel=3, stride=2)`` is the checkerboard.

    Args:
        kernel, stride: in cells, 1 to 9 and 1 to 6.
        size: the number of input cells, 1 to 8.
        dimensions: 1 or 2.
        remedy: "none"; "divide", by the map; "resize" each cell to ``stride`` cells and convolve;
            or "average" over ``stride`` neighbours afterwards.

    Raises:
        ValueError: an argument is something else.
    """

    _esm = module("overlap.js")
    kept = ("kernel", "stride", "size", "dimensions", "remedy")

    kernel = traitlets.Int(3).tag(sync=True)
    stride = traitlets.Int(2).tag(sync=True)
    size = traitlets.Int(6).tag(sync=True)
    dimensions = traitlets.Int(1).tag(sync=True)
    remedy = traitlets.Unicode("none").tag(sync=True)

    def __init__(self, **settings: object) -> None:
        super().__init__(**settings)
        for name, most in {"kernel": 9, "stride": 6, "size": 8, "dimensions": 2}.items():
            whole_number(name, getattr(self, name), 1, most)
        one_of("remedy", self.remedy, REMEDIES)

    def map(self) -> torch.Tensor:
        """(cells,) along one axis: how much reaches each output cell if all numbers are 1."""
        ones, weights = torch.ones(1, 1, self.size), torch.ones(1, 1, self.kernel)
        if self.remedy == "resize":
            copied = ones.repeat_interleave(self.stride, 2)
            return F.conv_transpose1d(copied, weights)[0, 0]
        stamped = F.conv_transpose1d(ones, weights, stride=self.stride)
        if self.remedy == "divide":
            return (stamped / stamped.clamp(min=1))[0, 0]
        if self.remedy == "average":
            window = torch.ones(1, 1, self.stride) / self.stride
            return F.conv1d(stamped, window, padding=self.stride - 1)[0, 0]
        return stamped[0, 0]

    def words(self) -> str:
        return (
            f"Explorer: the overlap of {self.size} stamps, kernel {self.kernel}, stride "
            f"{self.stride}, in {self.dimensions}-D; remedy: {self.remedy}."
        )

    def figure(self) -> str:
        cells = number_cells(self.map().tolist())
        return (
            f"<p>{escape(self.words())}</p><table><caption>along one axis: what reaches each "
            f"output cell</caption><tbody><tr>{cells}</tr></tbody></table>"
        )
