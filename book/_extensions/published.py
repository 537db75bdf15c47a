"""What the book's public address is for, once ``book/publish.py`` has written it: search, previews.

There is no ``robots.txt``: a crawler reads it at the root of a host alone, where a project's pages
on GitHub do not stand.
"""

from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config


def preview(app: Sphinx, config: Config) -> None:
    """Where a link is shared, the preview names the book, and loads its picture from there."""
    config.ogp_site_name = config.html_title
    config.ogp_site_url = config.html_baseurl


def write_sitemap(app: Sphinx, failure: Exception | None) -> None:
    """``sitemap.txt``, one page's address a line."""
    base = app.config.html_baseurl
    if base and failure is None and app.builder.name == "html":
        pages = map(app.builder.get_target_uri, sorted(app.env.found_docs))
        text = "".join(f"{base}{page}\n" for page in pages)
        Path(app.outdir, "sitemap.txt").write_text(text, "utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("config-inited", preview)
    app.connect("build-finished", write_sitemap)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
