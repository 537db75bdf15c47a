"""Print the book, built as one page, as a PDF: tagged, and with its headings as an outline.

    python book/print_book.py _build/singlehtml/book/intro.html _build/convolution-transposed.pdf

What stands on paper is decided in ``_static/book.css``, under ``@media print``. An explorer stands
there as what a page without scripts shows, and answers stand open.
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import PdfMargins, sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
MARGIN = PdfMargins(top="18mm", bottom="18mm", left="20mm", right="20mm")
FOOT = '<p style="width: 100%; font-size: 8px; text-align: center" class="pageNumber"></p>'
# An explorer's module is read from an address of the page's own making. Without one, it stays as
# it is where no script runs.
NO_MODULES = "URL.createObjectURL = () => 'about:blank'"
READY = """async () => {
    await window.MathJax?.startup?.promise;
    for (const fold of document.querySelectorAll("details:not(.hide, .runs)")) fold.open = true;
    const images = [...document.images];
    await Promise.all(images.map((image) => image.decode()));
    return images.length;
}"""


def chromium() -> str:
    """The browser on the path.

    Raises:
        FileNotFoundError: there is none.
    """
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise FileNotFoundError(f"no browser on the path: install one of {', '.join(BROWSERS)}")
    return found


def print_book(page: Path, pdf: Path) -> None:
    """Print a page of Sphinx's builder ``singlehtml``.

    Args:
        page: the page, below the folder of the built book.
        pdf: the file to write.

    Raises:
        FileNotFoundError: no Chromium is on the path.
        playwright.sync_api.Error: a picture of the page does not load.
    """
    # The builder writes the page into the folder of the book's root, and its addresses as if it
    # stood above it.
    above = page.parents[1] / "printed.html"
    shutil.copy(page, above)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        context = browser.new_context(color_scheme="light", offline=True)
        context.set_default_timeout(600_000)  # in milliseconds
        sheet = context.new_page()
        sheet.add_init_script(NO_MODULES)
        sheet.goto(above.resolve().as_uri())
        sheet.evaluate(READY)
        sheet.pdf(
            path=pdf, format="A4", scale=0.8, margin=MARGIN, outline=True, tagged=True,
            display_header_footer=True, header_template="<p></p>", footer_template=FOOT,
        )  # fmt: skip
        browser.close()


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    print_book(source, target)
    print(f"Open {target.resolve()}: {target.stat().st_size / 1e6:.1f} MB")
