"""The book to take along: one archive that opens from disk, and one PDF."""

import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Browser, Page
from pypdf import PdfReader

from conftest import build_book, needs_chromium

ROOT = Path(__file__).parents[1]
NAME = "convolution-transposed"
# The theme asks for its symbols' fonts in a way that a browser refuses to a page from disk. They
# are drawn by a script, and are not missed.
FONTS = re.compile(r"fontawesome|Failed to load resource: net::ERR_FAILED")

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def unpacked(book: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make offline` packs of the book, unpacked where a reader might."""
    root = tmp_path_factory.mktemp("course")
    shutil.copy(ROOT / "Makefile", root)
    (root / "_build").mkdir()
    for name, target in {".venv": sys.prefix, "notebooks": ROOT / "notebooks"}.items():
        (root / name).symlink_to(target)
    (root / "_build" / "html").symlink_to(book)
    run = subprocess.run(
        ["make", "-o", "book", "offline"], cwd=root, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    folder = tmp_path_factory.mktemp("Downloads (1) für später")
    zipfile.ZipFile(root / "_build" / f"{NAME}.zip").extractall(folder)
    [top] = folder.iterdir()
    return top


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page without a network, that leaves no trouble behind."""
    troubles: list[str] = []
    context = browser.new_context(offline=True)
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.on("pageerror", lambda error: troubles.append(f"error: {error}"))
    page.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
    page.on("request", lambda request: troubles.append(request.url) if away(request.url) else None)
    yield page
    context.close()
    assert [trouble for trouble in troubles if not FONTS.search(trouble)] == []


def away(address: str) -> bool:
    return not address.startswith(("file:", "data:", "blob:"))


def test_a_double_click_opens_the_book(page: Page, unpacked: Path):
    page.goto((unpacked / "index.html").as_uri())
    page.wait_for_url("**/book/intro.html")
    page.get_by_role("link", name="Start with chapter 1").click()
    page.get_by_role("heading", name="1 · Convolution as a matrix").wait_for()


def test_explorers_and_formulas_work_from_disk(page: Page, unpacked: Path):
    page.goto((unpacked / "notebooks" / "02_sizes.html").as_uri())
    page.evaluate("() => window.MathJax.startup.promise")
    assert page.locator("mjx-container svg").count() >= page.locator(".math").count() > 0
    explorer = page.locator("[data-explorer=Operator]").first
    stride = explorer.get_by_label("stride s", exact=True)
    before = stride.input_value()
    explorer.get_by_role("button", name="stride s: one more").click()
    assert int(stride.input_value()) == int(before) + 1


def test_the_search_finds_from_disk(page: Page, unpacked: Path):
    page.goto((unpacked / "search.html").as_uri() + "?q=checkerboard")
    found = page.locator("#search-results li a")
    found.filter(has_text="Overlap").first.click()
    page.get_by_role("heading", level=1, name="Overlap").wait_for()


def test_the_pdf_has_the_chapters_in_its_outline(tmp_path: Path):
    """Two chapters: the whole book takes a minute to print."""
    shutil.copy(ROOT / "_config.yml", tmp_path)
    for name in ("book", "notebooks"):
        shutil.copytree(ROOT / name, tmp_path / name)
    chapters = ["notebooks/03_from_scratch", "notebooks/04_overlap"]
    parts = [{"file": chapter} for chapter in chapters]
    contents = {"format": "jb-book", "root": "book/references", "chapters": parts}
    (tmp_path / "_toc.yml").write_text(yaml.safe_dump(contents))
    build_book(tmp_path, tmp_path, "singlehtml")
    pdf = tmp_path / "book.pdf"
    page = tmp_path / "_build" / "singlehtml" / "book" / "references.html"
    command = [sys.executable, ROOT / "book" / "print_book.py", page, pdf]
    subprocess.run(command, check=True, capture_output=True)

    reader = PdfReader(pdf)
    _, below = reader.outline  # the root page, and what it holds
    titles = [entry.title for entry in below if not isinstance(entry, list)]
    assert titles == ["3 · From scratch", "4 · Overlap"]
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"], (
        "no tags: a screen reader cannot read it"
    )
    text = " ".join(" ".join(page.extract_text() for page in reader.pages).split())
    sources = "".join((ROOT / f"{chapter}.ipynb").read_text("utf-8") for chapter in chapters)
    answers = re.findall(r'{dropdown} Show the answer\\n",\s+"([A-Za-z ,]+)', sources)
    assert len(answers) >= 3
    assert [answer for answer in answers if answer.strip() not in text] == []
    assert not re.search(r"Checked: \d|Setup", text), "what is folded is left out"
