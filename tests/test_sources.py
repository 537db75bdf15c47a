"""The page that accounts for the sources: nothing left out, and nothing that is not so."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "book" / "sources.yml"
SOURCES = yaml.safe_load(PAGE.read_text("utf-8"))
VERDICTS = ("confirmed", "corrected", "failed", "not judged")
CLAIM = "application/vnd.convbook.claim+json"

every_source = pytest.mark.parametrize("source", SOURCES, ids=lambda source: source["key"])


def rows() -> Iterator[dict]:
    for source in SOURCES:
        for section in source["sections"]:
            yield from section["rows"]


def targets() -> set[str]:
    return {target for row in rows() for target in row.get("see", [])}


def cells(chapter: str) -> list[dict]:
    return json.loads((ROOT / "notebooks" / f"{chapter}.ipynb").read_text("utf-8"))["cells"]


def headings(chapter: str) -> set[str]:
    prose = ["".join(cell["source"]) for cell in cells(chapter) if cell["cell_type"] == "markdown"]
    return set(re.findall(r"^#+ (.+?)\s*$", "\n".join(prose), re.M))


def statements(chapter: str) -> set[str]:
    outputs = [output for cell in cells(chapter) for output in cell.get("outputs", [])]
    shown = [output.get("data", {}) for output in outputs]
    return {data[CLAIM]["statement"] for data in shown if CLAIM in data}


# Rows


def test_every_row_says_something_and_has_a_verdict():
    for row in rows():
        assert set(row) <= {"says", "figures", "verdict", "see", "claims", "note"}
        assert row["says"].endswith((".", "?", ")")), row
        assert row["verdict"] in VERDICTS, row


def test_what_is_judged_has_a_place_or_a_reason_and_what_is_not_a_reason():
    for row in rows():
        if row["verdict"] == "not judged":
            assert row.get("note"), row
            assert not row.get("claims"), row
        elif row["verdict"] == "confirmed":
            assert row.get("see"), row
        else:  # what is so instead: in words, or in a claim
            assert row.get("note") or row.get("claims"), row


def test_no_measured_number_is_typed():
    for row in rows():
        prose = re.sub(r"\$[^$]*\$|`[^`]*`|\(https[^)]*\)", "", row["says"] + row.get("note", ""))
        assert not re.search(r"\d\.\d", prose), row


# Chapters


def test_every_link_meets_a_section():
    for target in targets():
        chapter, _, heading = target.partition("#")
        assert heading in headings(chapter), target


def test_every_claim_is_one_of_the_rows_chapters():
    for row in rows():
        chapters = {target.partition("#")[0] for target in row.get("see", [])}
        made = set().union(*(statements(chapter) for chapter in chapters))
        assert set(row.get("claims", [])) <= made, row


# The sources themselves, which are not in the repository


def seeds() -> Path:
    """The folder of the five texts, on the machines where this course is written."""
    folders = [folder / "shared" / "seeds" for folder in (ROOT, ROOT.parent)]
    found = next((folder for folder in folders if folder.is_dir()), None)
    if found is None:
        pytest.skip("the five source texts are not in the repository: they have their own licences")
    return found


def sections(path: Path) -> dict[str, str]:
    """The text below each heading, down to the next one; headings without any are left out."""
    text = re.sub(r"^```.*?^```\s*$", "", path.read_text("utf-8"), flags=re.S | re.M)
    marked = r"^#+ +(.+?)\s*$"
    alone = r"(?<=\n\n)[^\S\n]*([\u4e00-\u9fff]{2,12})[^\S\n]*(?=\n\n)"  # a short line by itself
    parts = re.split(marked if re.search(marked, text, re.M) else alone, text, flags=re.M)[1:]
    found = dict(zip(parts[::2], parts[1::2], strict=True))
    return {heading: below for heading, below in found.items() if below.strip()}


def figures(below: str) -> int:
    """Images, or the title that a copied page leaves in the place of each."""
    return len(re.findall(r"!\[|^详解逆卷积操作--", below, re.M))


@every_source
def test_no_section_of_a_source_is_left_out(source: dict):
    found = sections(seeds() / source["seed"])
    assert [section["heading"] for section in source["sections"]] == list(found)
    assert all(section["rows"] for section in source["sections"])


@every_source
def test_every_figure_is_accounted_for(source: dict):
    found = sections(seeds() / source["seed"])
    for section in source["sections"]:
        counted = sum(row.get("figures", 0) for row in section["rows"])
        assert counted == figures(found[section["heading"]]), section["heading"]


# The page


def test_the_page_has_every_row_and_counts_them(book: Path):
    page = (book / "book" / "sources.html").read_text("utf-8")
    shown = re.findall(r'<tr class="(?:row-\w+ )?([\w -]*\bsaid\b[\w -]*)">', page)
    by_verdict = [sum(kind.replace(" ", "-") in row.split() for row in shown) for kind in VERDICTS]
    assert len(shown) == sum(by_verdict) == PAGE.read_text("utf-8").count("- says:")
    [total] = re.findall(r"<tr><th>in all</th>(.*?)</tr>", page)
    assert [int(number) for number in re.findall(r"\d+", total)] == [*by_verdict, len(shown)]


def test_the_page_shows_every_source(book: Path):
    page = (ROOT / "book" / "sources.md").read_text("utf-8")
    assert re.findall(r"```\{source-rows\} (\w+)", page) == [source["key"] for source in SOURCES]
    for source in SOURCES:
        assert f"{{cite:p}}`{source['key']}`" in page
