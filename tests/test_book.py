"""The built book: complete, light, and sufficient to itself."""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml

ROOT = Path(__file__).parents[1]
CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))
CLAIM = "application/vnd.convbook.claim+json"
WIDGET = "application/vnd.jupyter.widget-view+json"
MEGABYTE = 10**6
LINKED = {"next", "prev", "index", "search", "author", "canonical"}  # and not loaded


class Page(HTMLParser):
    """What a page loads as it opens, what it links to, its anchors, and its inline scripts."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.images: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.scripts: list[str] = []
        self._in_script = False
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self._in_script = tag == "script"
        self.anchors |= {values.get("id"), values.get("name")}
        if tag == "a":
            self.links += [values.get("href") or ""]
        elif tag == "link" and values.get("rel") in LINKED:
            self.links += [values["href"]]
        elif address := values.get("src") or (values.get("href") if tag == "link" else None):
            if address.startswith("data:"):  # the page carries it itself
                return
            self.loads.append(address)
            if tag == "img":
                self.images.append(address)

    def handle_data(self, data: str) -> None:
        if self._in_script:
            self.scripts.append(data)


def pages(book: Path) -> dict[Path, Page]:
    """Every page; below _static lie the theme's templates."""
    paths = [path for path in sorted(book.rglob("*.html")) if book / "_static" not in path.parents]
    return {path: Page(path) for path in paths}


def target(page: Path, address: str) -> Path:
    """The file that an address without a host means on ``page``."""
    path = unquote(urlsplit(address).path)
    return (page.parent / path).resolve() if path else page


def stored_outputs() -> Iterator[dict]:
    for chapter in CHAPTERS:
        for cell in json.loads(chapter.read_text("utf-8"))["cells"]:
            yield from cell.get("outputs", [])


def test_every_page_of_the_contents_is_there(book: Path):
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text())
    listed = [chapter["file"] for part in contents["parts"] for chapter in part["chapters"]]
    for file in [contents["root"], *listed]:
        assert (book / f"{file}.html").is_file()


def test_the_book_is_light(book: Path):
    """A copy for reading without a network: 2.5 MB a chapter, its notebook and its share of
    scripts among them.
    """
    assert sum(path.stat().st_size for path in book.rglob("*")) < 2.5 * len(CHAPTERS) * MEGABYTE


def test_every_page_is_light(book: Path):
    """A page with its figures; scripts and styles are loaded once for the whole book."""
    for path, page in pages(book).items():
        files = {path, *(target(path, address) for address in page.images)}
        weight = sum(file.stat().st_size for file in files)
        assert weight < 2 * MEGABYTE, f"{path.name} weighs {weight / MEGABYTE:.1f} MB"


def test_no_page_loads_anything_from_elsewhere(book: Path):
    for path, page in pages(book).items():
        away = [address for address in page.loads if urlsplit(address).netloc]
        assert not away, f"{path.name} loads {away}"
        assert not re.findall(r"https?://[^\s\"']+", "".join(page.scripts)), path.name
    for sheet in book.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", sheet.read_text("utf-8"))


def test_no_link_within_the_book_is_dead(book: Path):
    known = pages(book)
    for path, page in known.items():
        for address in page.loads + page.links:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            file = target(path, address)
            assert file.exists(), f"{path.name} points to {address}"
            if parts.fragment and file in known:
                assert unquote(parts.fragment) in known[file].anchors, f"{path.name}: {address}"


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_every_chapter_can_be_downloaded(book: Path, chapter: Path):
    page = book / "notebooks" / f"{chapter.stem}.html"
    [notebook] = {target(page, link) for link in Page(page).links if link.endswith(".ipynb")}
    assert notebook.read_bytes() == chapter.read_bytes()


def test_every_claim_is_on_the_claims_page(book: Path):
    claims = [
        output["data"][CLAIM] for output in stored_outputs() if CLAIM in output.get("data", {})
    ]
    page = (book / "book" / "claims.html").read_text("utf-8")
    verdicts = re.findall(r'<tr class="(held|open)">', page)
    assert verdicts.count("held") == sum(claim["verdict"] == "held" for claim in claims)
    assert len(verdicts) == len(claims) > 0


def test_the_lines_for_a_network_of_ones_own_run():
    page = (ROOT / "book" / "run-it-yourself.md").read_text("utf-8")
    [lines] = [code for code in re.findall(r"```python\n(.*?)```", page, re.S) if "fit(" in code]
    made: dict = {}
    exec(lines, made)
    assert made["history"].test_loss[-1] < made["history"].test_loss[0]
    assert made["ensemble"].model(3)(made["test"]).shape == made["test"].shape


def test_every_widget_leaves_something_on_the_page():
    """Without a kernel a widget's view is blank; the page shows the text/html beside it."""
    for output in stored_outputs():
        if WIDGET in output.get("data", {}):
            assert "text/html" in output["data"]


def test_the_first_page_opens_with_a_chapters_own_explorer(book: Path):
    pages = ("".join(output.get("data", {}).get("text/html", "")) for output in stored_outputs())
    explorers = [page for page in pages if 'data-explorer="Operator"' in page]
    page = (book / "book" / "intro.html").read_text("utf-8")
    assert explorers[1] in page
    assert page.index("data-explorer") < page.index("<img", page.index("<article"))
