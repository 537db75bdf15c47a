"""Sliders where a kernel is live, and in the static book the picture that stands in their place."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import ipywidgets as widgets
from IPython.display import display

Slider: TypeAlias = widgets.IntSlider | widgets.FloatSlider


def show(sliders: Mapping[str, Slider], draw: Callable[..., str], text: str, static: str) -> None:
    """Display sliders above the picture that ``draw`` makes of their values.

    Args:
        sliders: the name under which ``draw`` takes each value.
        draw: the values to HTML.
        text: what is shown where there is neither.
        static: HTML for a page without a kernel.
    """
    picture = widgets.HTML()

    def redraw(_: object = None) -> None:
        picture.value = draw(**{name: slider.value for name, slider in sliders.items()})

    redraw()
    for slider in sliders.values():
        slider.observe(redraw, names="value")
    box = widgets.VBox([*sliders.values(), picture])
    name = text.partition(":")[0]
    view = {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
    bundle = {
        "text/plain": text,
        "text/html": f'<figure class="explorer" data-explorer="{name}">{static}</figure>',
        "application/vnd.jupyter.widget-view+json": view,
    }
    display(bundle, raw=True)
