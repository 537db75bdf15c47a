"""What the source texts say, row by row, and what became of it.

The rows stand in ``book/sources.yml``. ``{source-rows} KEY`` is the table of one source, and
``{source-counts}`` how many rows of each source have which verdict. What a row's claims compared is
read from the chapters' stored outputs, so that no number is copied.
"""

import json
from collections import Counter
from pathlib import Path

import yaml
from claims_page import MIME, compared
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

ROWS = "book/sources.yml"
HEADS = ("the source", "the course", "verdict")
VERDICTS = ("confirmed", "corrected", "failed", "not judged")


class SourceRows(SphinxDirective):
    """One source: a heading for each of its sections, and a row for each thing that it says."""

    required_arguments = 1  # the source's key

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()  # the chapters change while this page's source does not
        [source] = [each for each in read(self.env) if each["key"] == self.arguments[0]]
        body = nodes.tbody()
        for section in source["sections"]:
            body += nodes.row(
                "", nodes.entry("", nodes.paragraph(text=section["name"]), morecols=2)
            )
            body += [self.row(row) for row in section["rows"]]
        heads = [nodes.entry("", nodes.paragraph(text=text)) for text in HEADS]
        columns = [nodes.colspec() for _ in HEADS]  # their widths stand in book.css
        group = nodes.tgroup("", *columns, nodes.thead("", nodes.row("", *heads)), body, cols=3)
        return [nodes.table("", group, classes=["sources"])]

    def row(self, row: dict) -> nodes.row:
        """What it says, where it is treated and what came out, and the verdict."""
        here = nodes.entry("", *self.places(row.get("see", [])))
        if "note" in row:
            here += self.parse_text_to_nodes(row["note"])
        here += [self.claim(statement, row["see"]) for statement in row.get("claims", [])]
        verdict = nodes.entry("", nodes.paragraph(text=row["verdict"]))
        kind = row["verdict"].replace(" ", "-")
        says = nodes.entry("", *self.parse_text_to_nodes(row["says"]))
        return nodes.row("", says, here, verdict, classes=["said", kind])

    def places(self, targets: list[str]) -> list[nodes.Node]:
        """A line for each section; chapters that are not there yet are left to the row's note."""
        lines = []
        for target in targets:
            chapter, _, heading = target.partition("#")
            if f"notebooks/{chapter}" in self.env.found_docs:
                address = f"../notebooks/{chapter}.html#{anchor(heading)}"
                link = nodes.reference("", named(chapter, heading), refuri=address)
                lines.append(nodes.paragraph("", "", link))
        return lines

    def claim(self, statement: str, targets: list[str]) -> nodes.paragraph:
        """The statement, and both sides where it compares two."""
        chapters = {target.partition("#")[0] for target in targets}
        records = (claims(self.env, chapter).get(statement) for chapter in chapters)
        record = next(filter(None, records))
        line = nodes.paragraph("", f"✓ {statement}", classes=["claim", "held"])
        if "margin" in record:
            line += nodes.inline("", compared(record), classes=["sides"])
        return line


class SourceCounts(SphinxDirective):
    """How many rows have which verdict, by source and in all."""

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()
        lines = [(source["title"], verdicts(source)) for source in read(self.env)]
        lines.append(("in all", sum((each for _, each in lines), Counter())))
        head = "".join(f"<th>{text}</th>" for text in ("", *VERDICTS, "rows"))
        body = "".join(counted(title, each) for title, each in lines)
        table = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
        page = f'<table class="numbers counts">{table}</table>'
        return [nodes.raw("", page, format="html")]


def counted(title: str, verdicts: Counter) -> str:
    numbers = [verdicts[verdict] for verdict in VERDICTS]
    cells = "".join(f"<td>{number}</td>" for number in (*numbers, sum(numbers)))
    return f"<tr><th>{title}</th>{cells}</tr>"


def verdicts(source: dict) -> Counter:
    return Counter(row["verdict"] for section in source["sections"] for row in section["rows"])


def read(env: BuildEnvironment) -> list[dict]:
    return yaml.safe_load(Path(env.srcdir, ROWS).read_text("utf-8"))


def named(chapter: str, heading: str) -> str:
    """A section, with its chapter's number in front; a chapter's title has it already."""
    number = chapter.partition("_")[0].lstrip("0")
    plain = heading.replace("`", "")
    return plain if plain.startswith(f"{number} ·") else f"{number} · {plain}"


def anchor(heading: str) -> str:
    """The id that docutils gives a section with this heading."""
    return nodes.make_id(heading.replace("`", ""))


def claims(env: BuildEnvironment, chapter: str) -> dict[str, dict]:
    """The records of a chapter's claims, by their statements."""
    path = Path(env.srcdir, "notebooks", f"{chapter}.ipynb")
    cells = json.loads(path.read_text("utf-8"))["cells"] if path.exists() else []
    outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    records = [data[MIME] for data in outputs if MIME in data]
    return {record["statement"]: record for record in records}


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("source-rows", SourceRows)
    app.add_directive("source-counts", SourceCounts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
