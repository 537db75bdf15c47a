"""The base of the explorers: one ES module each, at home wherever a reader meets it.

Beside a kernel, in Jupyter and in Colab, anywidget runs the module, and its traits are those of
the Python object. On a page without a kernel and without a network the same module stands in the
output's HTML, and ``static_host.js`` runs it. Where no script runs, the HTML shows a static figure.
"""

import json
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import ClassVar

import anywidget
from ipywidgets import DOMWidget

HERE = Path(__file__).parent
HOST = (HERE / "static_host.js").read_text("utf-8")


def module(*names: str) -> str:
    """The source of an explorer's module: what all of them share, and then its own files."""
    return "\n".join((HERE / file).read_text("utf-8") for file in ("elements.js", *names))


def number_cells(values: Iterable[float]) -> str:
    """Numbers as cells of a table that needs no style sheet."""
    look = 'style="padding: 0 0.4em; text-align: right"'
    return "".join(f"<td {look}>{value:.4g}</td>" for value in values)


class Explorer(anywidget.AnyWidget):
    """A widget that a page without a kernel shows too.

    A subclass names its module in ``_esm``. What the module reads are traits of JSON's types with
    ``sync=True``. It says in ``words`` what it is, and in ``figure`` what stands where no script
    runs.
    """

    kept: ClassVar[tuple[str, ...]] = ()  # the traits that a page's address keeps
    _ipython_display_ = None  # ipywidgets 7, as in Colab, would display without the HTML below

    def words(self) -> str:
        """One sentence, for where there is neither script nor HTML."""
        raise NotImplementedError

    def figure(self) -> str:
        """HTML without a script: the first setting, as a table or in words."""
        raise NotImplementedError

    def state(self) -> dict[str, object]:
        """What the module reads, as JSON's types."""
        own = self.traits(sync=True).keys() - DOMWidget.class_traits(sync=True).keys()
        return self.get_state(sorted(name for name in own if not name.startswith("_")))

    def static(self) -> str:
        """HTML that needs no kernel, no network and no other file."""
        data = {"esm": self._esm, "kept": self.kept, "state": self.state()}
        text = json.dumps(data, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
        name = escape(type(self).__name__)
        return (
            f'<div class="explorer" data-explorer="{name}">{self.figure()}'
            f'<script type="application/json">{text}</script><script>{HOST}</script></div>'
        )

    def _repr_mimebundle_(self, **kwargs: dict) -> tuple[dict, dict]:
        data, metadata = super()._repr_mimebundle_(**kwargs) or ({}, {})
        return {**data, "text/plain": self.words(), "text/html": self.static()}, metadata
