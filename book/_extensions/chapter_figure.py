"""A chapter's stored pictures elsewhere, so that no second copy of them can grow old.

``{chapter-figure} notebooks/01_matrices 0`` takes that figure, with its alt text, and
``{chapter-photos} notebooks/10_cifar_bottleneck`` the first grid of photographs.
"""

from html import escape
from pathlib import Path

import nbformat
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


class ChapterFigure(SphinxDirective):
    """The figure of that number, counted from 0, as part of this page."""

    required_arguments = 2  # the chapter, without its ending; the number of the figure

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()  # the chapter changes while this page's source does not
        document, number = self.arguments[0], int(self.arguments[1])
        chapter = Path(self.env.srcdir, f"{document}.ipynb")
        png, alt = figures(nbformat.read(chapter, 4))[number]
        source = f"data:image/png;base64,{png.replace(chr(10), '')}"
        image = f'<img class="chapter-figure" src="{source}" alt="{escape(alt)}">'
        return [nodes.raw("", image, format="html")]


class ChapterPhotos(SphinxDirective):
    """The first grid of photographs in a chapter, as part of this page."""

    required_arguments = 1  # the chapter, without its ending

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()
        chapter = Path(self.env.srcdir, f"{self.arguments[0]}.ipynb")
        outputs = [
            out for cell in nbformat.read(chapter, 4).cells for out in cell.get("outputs", [])
        ]
        pages = (out.get("data", {}).get("text/html", "") for out in outputs)
        grid = next(page for page in pages if 'class="photos"' in page)
        return [nodes.raw("", f'<div class="cell_output">{grid}</div>', format="html")]


def figures(notebook: nbformat.NotebookNode) -> list[tuple[str, str]]:
    """The PNG, in base64, and the alt text of every figure, in order."""
    found = []
    for cell in notebook.cells:
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        for output in cell.get("outputs", []):
            if png := output.get("data", {}).get("image/png"):
                found.append((png, alt))
    return found


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("chapter-figure", ChapterFigure)
    app.add_directive("chapter-photos", ChapterPhotos)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
