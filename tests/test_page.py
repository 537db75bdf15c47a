"""What stands open on a page, and what is folded: the rule that CONTRIBUTING.md gives."""

import ast
import json
import re
import statistics
from pathlib import Path

import pytest

from convbook.tables import Table, table

ROOT = Path(__file__).parents[1]
CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))
FOLDED = {"hide-input", "hide-cell"}
EXPLAINED = {"setup", "checked", "solution", "photograph", "nbval-ignore-output"} | FOLDED
every_chapter = pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)


def code_cells(chapter: Path) -> list[dict]:
    cells = json.loads(chapter.read_text("utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def tags(cell: dict) -> set[str]:
    return set(cell["metadata"].get("tags", []))


def lines(cell: dict) -> int:
    """Lines of code: neither empty nor a comment alone."""
    stripped = [line.strip() for line in "".join(cell["source"]).splitlines()]
    return len([line for line in stripped if line and not line.startswith("#")])


def calls(cell: dict) -> set[str]:
    """The functions that the cell's own statements call: ``claim``, ``glue``."""
    tree = ast.parse("".join(cell["source"]))
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {node.func.id for node in nodes if isinstance(node.func, ast.Name)}


def shows_a_picture(cell: dict) -> bool:
    shown = [output.get("data", {}) for output in cell["outputs"]]
    html = "".join("".join(data.get("text/html", "")) for data in shown)
    return any("image/png" in data for data in shown) or bool(
        re.search("<svg|<img|data-explorer=", html)
    )


@every_chapter
def test_every_tag_is_one_that_is_explained(chapter: Path):
    for cell in code_cells(chapter):
        assert tags(cell) <= EXPLAINED


@every_chapter
def test_bookkeeping_is_folded(chapter: Path):
    for cell in code_cells(chapter):
        if calls(cell) & {"claim", "glue"}:
            assert "hide-cell" in tags(cell), "".join(cell["source"])
        if "claim" in calls(cell):
            assert tags(cell) & {"checked", "solution"}, "".join(cell["source"])


@every_chapter
def test_every_fold_says_what_is_in_it(chapter: Path):
    """By the comment on its first line, unless its tag says it."""
    for cell in code_cells(chapter):
        if tags(cell) & FOLDED and not tags(cell) & {"setup", "checked", "solution"}:
            assert "".join(cell["source"]).startswith("# "), "".join(cell["source"])


@every_chapter
def test_every_number_that_is_kept_is_told(chapter: Path):
    cells = json.loads(chapter.read_text("utf-8"))["cells"]
    text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    outputs = [output for cell in code_cells(chapter) for output in cell["outputs"]]
    kept = [output.get("metadata", {}).get("scrapbook") for output in outputs]
    told = re.findall(r"\{glue:text\}`([^`:]+)", text)
    assert {scrap["name"] for scrap in kept if scrap} == set(told)


@every_chapter
def test_a_picture_comes_first(chapter: Path):
    before = 0
    for cell in code_cells(chapter):
        before += 0 if tags(cell) & FOLDED else lines(cell)
        if shows_a_picture(cell):
            break
    assert before <= 15


@every_chapter
def test_open_cells_are_short(chapter: Path):
    sizes = [lines(cell) for cell in code_cells(chapter) if not tags(cell) & FOLDED]
    assert max(sizes) <= 20
    assert statistics.median(sizes) <= 8


@every_chapter
def test_a_picture_is_told_to_who_does_not_see_it(chapter: Path):
    """Its alt text and caption quote no number."""
    for cell in code_cells(chapter):
        if any("image/png" in output.get("data", {}) for output in cell["outputs"]):
            told = cell["metadata"]["mystnb"]
            words = [told["image"]["alt"], told.get("figure", {}).get("caption", "")]
            assert words[0]
            assert not re.search(r"\d\.\d", " ".join(words))


def test_a_table_is_html_and_aligned_text(monkeypatch):
    shown = []
    monkeypatch.setattr("convbook.tables.display", shown.append)
    table("code", {"a & b": {"error": "0.10", "runs": 3}, "c": {"error": "12.00"}})
    bundle = shown[0]._repr_mimebundle_()
    assert bundle["text/plain"] == "code   error  runs\na & b   0.10     3\nc      12.00      "
    assert "<th>error</th>" in bundle["text/html"]
    assert '<th scope="row">a &amp; b</th><td>0.10</td><td>3</td>' in bundle["text/html"]
    table("code", {"d": [1, 2]}, columns=["x", "y"])
    assert shown[1] == Table(("code", "x", "y"), [("d", "1", "2")])
    with pytest.raises(ValueError, match=r"rows\['d'\]=\[1\]: expected 2 cells"):
        table("code", {"d": [1]}, columns=["x", "y"])
