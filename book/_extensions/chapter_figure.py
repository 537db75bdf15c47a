"""A chapter's stored outputs elsewhere, so that no second copy of them can grow old.

``{chapter-explorer} notebooks/01_matrices 1`` takes that explorer, which needs no kernel, and
``{chapter-photos} notebooks/10_cifar_bottleneck`` the first grid of photographs.
"""

import re
from pathlib import Path

import nbformat
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

EXPLORER = re.compile(r'<div class="explorer" data-explorer="Operator">')


class ChapterExplorer(SphinxDirective):
    """The explorer of that number, counted from 0, as part of this page."""

    required_arguments = 2  # the chapter, without its ending; the number of the explorer

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()  # the chapter changes while this page's source does not
        found = [page for page in pages(self.env, self.arguments[0]) if EXPLORER.match(page)]
        return [nodes.raw("", found[int(self.arguments[1])], format="html")]


class ChapterPhotos(SphinxDirective):
    """The first grid of photographs in a chapter, as part of this page."""

    required_arguments = 1  # the chapter, without its ending

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()
        found = pages(self.env, self.arguments[0])
        grid = next(page for page in found if 'class="photos"' in page)
        return [nodes.raw("", f'<div class="cell_output">{grid}</div>', format="html")]


def pages(env: BuildEnvironment, chapter: str) -> list[str]:
    """The HTML of every stored output that has some, in order."""
    notebook = nbformat.read(Path(env.srcdir, f"{chapter}.ipynb"), 4)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [output.get("data", {}).get("text/html", "") for output in outputs]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("chapter-explorer", ChapterExplorer)
    app.add_directive("chapter-photos", ChapterPhotos)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
