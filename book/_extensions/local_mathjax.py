"""Serve MathJax from the book: one file, so that no formula needs the network.

Its SVG output draws every glyph as a path and needs no fonts, which some browsers refuse to a page
opened from disk; the "full" build holds all TeX extensions, so nothing is fetched later either.
"""

from importlib.util import find_spec
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

FILE = "tex-svg-full.js"


def serve_mathjax(app: Sphinx, config: Config) -> None:
    package = find_spec("sphinx-mathjax-offline")  # used as a folder of files, not as an extension
    mathjax = Path(package.submodule_search_locations[0]) / "static" / "mathjax"
    config.html_static_path.append(str(mathjax / FILE))
    config.mathjax_path = FILE


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("config-inited", serve_mathjax)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
