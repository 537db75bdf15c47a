"""Photographs in a grid: each an image of its own, so that a page can lay them out for a phone."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from IPython.display import display
from PIL import Image
from torch import Tensor

GRID = (
    "display: grid; grid-template-columns: 7.5em repeat(var(--columns), minmax(0, 1fr)); "
    "gap: 4px; align-items: center; max-width: 48em"
)


@dataclass(frozen=True)
class PhotoGrid:
    """What ``photo_grid`` shows: HTML, and words where there is none."""

    html: str
    words: str

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"text/plain": self.words, "text/html": self.html}


def photo_grid(
    rows: Mapping[str, Sequence[Tensor]],
    notes: Mapping[str, str],
    alt: str,
    limits: tuple[float, float] = (0, 1),
    titles: Sequence[str] = (),
) -> None:
    """Show rows of photographs that are compared, a column for each; a phone shows the first four.

    Args:
        rows: name to images, each (3, H, W), or (1, H, W) for grey.
        notes: name to a few words below it.
        alt: what is to be seen, for who does not see it.
        limits: the values shown as black and as full colour.
        titles: one above each column, up to four; on a phone a row's name then stands above it.
    """
    columns = max(len(images) for images in rows.values())
    heads = ["", *titles] if titles else []
    cells = [f'<span style="text-align: center">{escape(head)}</span>' for head in heads]
    for name, images in rows.items():
        note = escape(notes.get(name, ""))
        cells.append(f"<span><b>{escape(name)}</b><br>{note}</span>")
        cells += [f'<img alt="" src="{as_png(image, limits)}">' for image in images]
    kind = "photos titled" if titles else "photos"
    html = (
        f'<div class="{kind}" role="img" aria-label="{escape(alt)}" '
        f'style="--columns: {columns}; {GRID}">{"".join(cells)}</div>'
    )
    words = "\n".join(f"{name} ({notes.get(name, '')}): {columns} images" for name in rows)
    display(PhotoGrid(html, words))


def as_png(image: Tensor, limits: tuple[float, float]) -> str:
    """The image, (3, H, W) or (1, H, W), as the address of a PNG within the page."""
    low, high = limits
    grey = ((image.detach().cpu().float() - low) / (high - low)).clamp(0, 1)
    pixels = (255 * grey).round().byte().expand(3, -1, -1).permute(1, 2, 0).numpy()
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
