"""The directive ``{claims}``: every statement that a chapter judges, listed by chapter.

``convbook.claims.claim`` leaves a machine-readable record in the stored output of its cell; this
collects them.
"""

from collections.abc import Iterator
from pathlib import Path

import nbformat
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

MIME = "application/vnd.convbook.claim+json"


class Claims(SphinxDirective):
    """One section a chapter: its title as a link, then its statements, each with its verdict."""

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()  # the chapters change while this page's source does not
        documents = ((name, Path(self.env.doc2path(name))) for name in sorted(self.env.found_docs))
        chapters = {name: path for name, path in documents if path.suffix == ".ipynb"}
        return [self.section(name, nbformat.read(path, 4)) for name, path in chapters.items()]

    def section(self, document: str, notebook: nbformat.NotebookNode) -> nodes.section:
        link = addnodes.pending_xref(
            "",
            nodes.inline(text=title(notebook)),
            refdomain="std",
            reftype="doc",
            reftarget=f"/{document}",
            refdoc=self.env.docname,
            refexplicit=True,
        )
        statements = [statement(claim) for claim in claims(notebook)]
        body = (
            nodes.bullet_list("", *statements, classes=["claims"])
            if statements
            else nodes.paragraph(text="No claims in this chapter.")
        )
        name = nodes.make_id(document.rsplit("/", 1)[-1])
        return nodes.section("", nodes.title("", "", link), body, ids=[f"claims-{name}"])


def statement(claim: dict[str, str]) -> nodes.list_item:
    held = claim["verdict"] == "held"
    text = claim["statement"] if held else f"{claim['statement']} ({claim['verdict']})"
    return nodes.list_item("", nodes.paragraph(text=text), classes=["held" if held else "open"])


def claims(notebook: nbformat.NotebookNode) -> Iterator[dict[str, str]]:
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if MIME in output.get("data", {}):
                yield output["data"][MIME]


def title(notebook: nbformat.NotebookNode) -> str:
    """The chapter's first heading."""
    return notebook.cells[0].source.splitlines()[0].removeprefix("# ")


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("claims", Claims)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
