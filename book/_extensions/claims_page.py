"""The directive ``{claims}``: every statement that a chapter judges, those with least margin first.

``convbook.claims.claim`` leaves a machine-readable record in the stored output of its cell; this
collects them. A click on a column's head sorts by it (``_static/sortable.js``).
"""

from collections.abc import Iterator
from html import escape
from pathlib import Path

import nbformat
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

MIME = "application/vnd.convbook.claim+json"
HEADS = ("chapter", "what is claimed, and what was compared", "margin", "runs")


class Claims(SphinxDirective):
    """Two tables: what was compared, with its margin; and what is true or false in itself."""

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()  # the chapters change while this page's source does not
        documents = ((name, Path(self.env.doc2path(name))) for name in sorted(self.env.found_docs))
        chapters = {name: path for name, path in documents if path.suffix == ".ipynb"}
        found = [
            (f"../{name}.html", path.stem.partition("_")[0].lstrip("0"), record)
            for name, path in chapters.items()
            for record in claims(nbformat.read(path, 4))
        ]
        measured = sorted((each for each in found if "margin" in each[2]), key=thinness)
        others = [each for each in found if "margin" not in each[2]]
        parts = ["<h2>Compared</h2>", table(HEADS, measured)]
        parts += ["<h2>True or false, without two sides</h2>", table(HEADS[:2], others)]
        return [nodes.raw("", "".join(parts), format="html")]


def thinness(found: tuple[str, str, dict]) -> float:
    """The margin, as a multiple of what is asked of it."""
    return found[2]["margin"] / found[2]["enough"]


def table(heads: tuple[str, ...], found: list[tuple[str, str, dict]]) -> str:
    top = "".join(f"<th>{head}</th>" for head in heads)
    body = "".join(row(*each) for each in found)
    return (
        f'<table class="claims sortable"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>'
    )


def row(address: str, chapter: str, record: dict) -> str:
    held = "held" if record["verdict"] == "held" else "open"
    note = "" if held == "held" else f" ({record['verdict']})"
    cells = [f'<td data-sort="{chapter}"><a href="{address}">{chapter}</a></td>']
    sides = f"<small>{escape(compared(record))}</small>" if "margin" in record else ""
    cells.append(f"<td>{escape(record['statement'] + note)}{sides}</td>")
    if "margin" in record:
        width = min(4.0, thinness((address, chapter, record)))
        far = margin(record)
        cells.append(
            f'<td data-sort="{thinness((address, chapter, record)):.4f}">'
            f'<span class="bar" style="width:{width:.2f}em"></span>{far}</td>'
        )
        cells.append(f'<td data-sort="{record["runs"]}">{record["runs"]}</td>')
    return f'<tr class="{held}">{"".join(cells)}</tr>'


def compared(record: dict) -> str:
    """Both sides, as a line."""
    left, right = (side(record[name]) for name in ("left", "right"))
    return f"{left} {record['word']} {right}"


def side(value: dict[str, float]) -> str:
    spread = f" ± {value['spread']:.2g}" if value["spread"] else ""
    return f"{value['mean']:.4g}{spread}"


def margin(record: dict) -> str:
    if record["unit"] == "spreads":
        return f"{record['margin']:.1f} spreads"
    return f"{record['margin']:.0%}"


def claims(notebook: nbformat.NotebookNode) -> Iterator[dict]:
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if MIME in output.get("data", {}):
                yield output["data"][MIME]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("claims", Claims)
    app.add_js_file("sortable.js")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
