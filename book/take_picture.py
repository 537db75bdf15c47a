"""Take the README's picture again, of the first explorer in the built book: after `make book`,

    python book/take_picture.py _build/html book/_static/explorer.png

It is also the picture that stands beside a link to the book where somebody shares one.
"""

import sys
from pathlib import Path

from playwright.sync_api import ViewportSize, sync_playwright

from print_book import chromium


def take_picture(book: Path, picture: Path) -> None:
    """The explorer on the first page, as a reader meets it: 1000 CSS pixels wide, light.

    Raises:
        FileNotFoundError: no Chromium is on the path.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        view = ViewportSize(width=1000, height=900)
        page = browser.new_page(viewport=view, color_scheme="light", device_scale_factor=1.2)
        page.set_default_timeout(600_000)  # in milliseconds
        page.goto((book / "book" / "intro.html").resolve().as_uri())
        explorer = page.locator("[data-explorer=Operator]").first
        explorer.locator(".root").wait_for()
        explorer.screenshot(path=picture)
        browser.close()


if __name__ == "__main__":
    take_picture(*map(Path, sys.argv[1:]))
