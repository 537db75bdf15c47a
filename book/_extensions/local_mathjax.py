"""Serve MathJax from the book: one file, so that no formula needs the network.

Its SVG output draws every glyph as a path and needs no fonts, which some browsers refuse to a page
opened from disk; the "full" build holds all TeX extensions, so nothing is fetched later either.
"""

from importlib.resources import files

from sphinx.application import Sphinx
from sphinx.config import Config

FILE = "tex-svg-full.js"


def serve_mathjax(app: Sphinx, config: Config) -> None:
    package = files("sphinx-mathjax-offline")  # used as a folder of files, not as an extension
    config.html_static_path.append(str(package / "static" / "mathjax" / FILE))
    config.mathjax_path = FILE


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("config-inited", serve_mathjax)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
