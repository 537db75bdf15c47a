"""Explorer "Reconstructions": two versions of a photograph on either side of a line."""

from base64 import b64encode
from collections.abc import Mapping
from html import escape
from io import BytesIO
from typing import Any, Self

import torch
import traitlets
from PIL import Image
from torch import Tensor

from convbook.arguments import number, one_of, whole_number
from convbook.explorers.explorer import Explorer, module, number_cells

DIGITS = 4  # decimals of an error


class Reconstructions(Explorer):
    """Photographs, and what several codes keep of them, from the largest error to the smallest.

    ``Reconstructions.of(photographs, codes)`` makes one of images; the constructor takes its
    traits.

    Args:
        sheet: a PNG as the address of an image within the page: a column for each photograph, a row
            for each name.
        names: of the codes; the last is the photograph itself.
        errors: for each name, the error on each photograph.
        overall: for each name, the error on all test photographs.
        photo: the one that is shown.
        left, right: which of the names stands on either side of the line.
        line: where it is, from 0, the left edge, to 1.

    Raises:
        ValueError: there are not as many errors as names, or a number lies outside its range.
    """

    _esm = module("curves.js", "reconstructions.js")
    kept = ("photo", "left", "right", "line")

    sheet = traitlets.Unicode().tag(sync=True)
    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    errors = traitlets.List(traitlets.List(traitlets.Float())).tag(sync=True)
    overall = traitlets.List(traitlets.Float()).tag(sync=True)
    photo = traitlets.Int(0).tag(sync=True)
    left = traitlets.Int().tag(sync=True)
    right = traitlets.Int(0).tag(sync=True)
    line = traitlets.Float(0.5).tag(sync=True)

    def __init__(self, **settings: Any) -> None:
        if "names" in settings:
            settings.setdefault("left", len(settings["names"]) - 1)
        super().__init__(**settings)
        for name in ("errors", "overall"):
            if (found := len(getattr(self, name))) != len(self.names):
                raise ValueError(f"{name}: expected {len(self.names)}, not {found}")
        whole_number("photo", self.photo, 0, len(self.errors[0]) - 1)
        for name in ("left", "right"):
            whole_number(name, getattr(self, name), 0, len(self.names) - 1)
        number("line", self.line, 0, 1)

    @classmethod
    def of(
        cls,
        photographs: Tensor,
        codes: Mapping[str, tuple[Tensor, float]],
        limits: tuple[float, float] = (0, 1),
        sides: tuple[str, str] | None = None,
    ) -> Self:
        """Photographs beside what codes keep of them.

        Args:
            photographs: (N, 3, H, W).
            codes: name to what it keeps of these, (N, 3, H, W), and its error over all test images.
            limits: the values shown as black and as full colour.
            sides: the two codes that are compared first. If not given, the photograph and the code
                with the largest error.

        Raises:
            ValueError: images of a code have another shape than the photographs, or one of
                ``sides`` is none of the codes.
        """
        for name, (images, _) in codes.items():
            if images.shape != photographs.shape:
                expected, found = tuple(photographs.shape), tuple(images.shape)
                raise ValueError(f"codes[{name!r}]: expected {expected}, not {found}")
        ordered = sorted(codes, key=lambda name: -codes[name][1])
        rows = [codes[name][0] for name in ordered] + [photographs]
        off = [(images - photographs).pow(2).flatten(1).mean(1) for images in rows]  # (N,) each
        first = {}
        for side, name in zip(("left", "right"), sides or (), strict=False):
            one_of("sides", name, ordered)
            first[side] = ordered.index(name)
        return cls(
            sheet=_sheet(rows, limits),
            names=[*ordered, "the photograph"],
            errors=[[round(error, DIGITS) for error in row.tolist()] for row in off],
            overall=[*(round(float(codes[name][1]), DIGITS) for name in ordered), 0.0],
            **first,
        )

    def words(self) -> str:
        return (
            f"Explorer: {len(self.errors[0])} photographs beside what {len(self.names) - 1} codes "
            "keep of them."
        )

    def figure(self) -> str:
        rows = "".join(
            f"<tr><th>{escape(name)}</th>{number_cells([error])}</tr>"
            for name, error in zip(self.names, self.overall, strict=True)
        )
        caption = "their error on all test photographs"
        return (
            f"<p>{self.words()}</p><figure><table><caption>{caption}</caption>{rows}</table>"
            "</figure>"
        )


def _sheet(rows: list[Tensor], limits: tuple[float, float]) -> str:
    """Rows of images, (N, 3, H, W) each, as the address of one PNG within the page."""
    low, high = limits
    tiles = torch.stack(rows).detach().cpu().float().movedim(2, -1)  # (R, N, H, W, 3)
    sheet = tiles.transpose(1, 2).flatten(2, 3).flatten(0, 1)  # (R·H, N·W, 3)
    pixels = (255 * ((sheet - low) / (high - low)).clamp(0, 1)).round().byte().numpy()
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{b64encode(file.getvalue()).decode()}"
