"""The arithmetic of chapter 2 as a picture: which cells each position reads, or each stamp writes.

One drawing function serves twice. With a live kernel, sliders redraw it; in the static book the
same drawing, with its first settings, stands in the sliders' place.
"""

from html import escape

import ipywidgets as widgets
from IPython.display import display

from convbook.sizes import conv_size, conv_transpose_size, span

CELL = 22  # the side of a cell, in SVG units
ROW = 15  # the height of a kernel position
HUES = ("#0072b2", "#d55e00", "#009e73", "#aa4a87", "#c98a00", "#4fa3d9")


def explore_sizes(
    *,
    transposed: bool = False,
    size: int = 8,
    kernel_size: int = 3,
    stride: int = 2,
    padding: int = 1,
    dilation: int = 1,
    output_padding: int = 0,
) -> None:
    """Show one layer's size arithmetic in one dimension, with sliders if a kernel is live.

    All arguments are in cells and set where the sliders start. The static page shows that setting.

    Raises:
        ValueError: the first settings are none that ``sizes`` accepts.
    """
    first = {
        "size": size,
        "kernel_size": kernel_size,
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
    }
    if transposed:
        first["output_padding"] = output_padding
    draw = draw_transposed if transposed else draw_convolution
    picture = widgets.HTML(draw(**first))
    limits = {"size": (1, 12), "kernel_size": (1, 5), "stride": (1, 4), "dilation": (1, 3)}
    sliders = {
        name: widgets.IntSlider(
            value, *limits.get(name, (0, 3)), description=name.replace("_", " ")
        )
        for name, value in first.items()
    }

    def redraw(_: object) -> None:
        try:
            picture.value = draw(**{name: slider.value for name, slider in sliders.items()})
        except ValueError as reason:
            picture.value = f"<p>{escape(str(reason))}</p>"

    for slider in sliders.values():
        slider.observe(redraw, names="value")
    box = widgets.VBox([*sliders.values(), picture])
    view = {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
    bundle = {
        "text/plain": f"size explorer: {_settings(first)}",
        "text/html": f'<figure class="explorer">{draw(**first)}</figure>',
        "application/vnd.jupyter.widget-view+json": view,
    }
    display(bundle, raw=True)


def draw_convolution(size: int, kernel_size: int, stride: int, padding: int, dilation: int) -> str:
    """The input with its padding, a row for each kernel position, and the output, as SVG."""
    output = conv_size(size, kernel_size, stride, padding, dilation)
    padded = size + 2 * padding
    reach = (output - 1) * stride + span(kernel_size, dilation)
    title = f"convolution: {size} cells in, {output} out"
    parts = [_label(0, f"input {size}, padding {padding} on each side")]
    parts += [
        _cell(i, 14, "pad" if not padding <= i < padding + size else "in") for i in range(padded)
    ]
    top = 14 + CELL + 8
    for o in range(output):
        y = top + o * ROW
        parts += [_tap(o * stride + t * dilation, y, o) for t in range(kernel_size)]
        parts.append(_side(padded, y, f"output {o}"))
    if reach < padded:
        count = padded - reach
        parts.append(_label(top + output * ROW + 10, f"the last {count} of them no position reads"))
    return _svg(parts, padded + 4, top + output * ROW + 16, title, _settings(locals()))


def draw_transposed(
    size: int,
    kernel_size: int,
    stride: int,
    padding: int,
    dilation: int,
    output_padding: int = 0,
) -> str:
    """A stamp for each input cell, and below them the canvas with what is cropped, as SVG."""
    output = conv_transpose_size(size, kernel_size, stride, padding, output_padding, dilation)
    stamped = (size - 1) * stride + span(kernel_size, dilation)
    width = max(stamped, padding + output)
    title = f"transposed convolution: {size} cells in, {output} out"
    parts = [_label(0, f"{size} stamps, one every {stride}")]
    for i in range(size):
        y = 14 + i * ROW
        parts += [_tap(i * stride + t * dilation, y, i) for t in range(kernel_size)]
        parts.append(_side(width, y, f"input {i}"))
    top = 14 + size * ROW + 8
    kept = range(padding, padding + output)
    parts += [_cell(i, top, "in" if i in kept else "pad") for i in range(width)]
    note = f"output {output}; dashed cells are cropped, {padding} on each side"
    if output_padding:
        note = f"output {output}: output_padding {output_padding} keeps or adds cells at the end"
    parts.append(_label(top + CELL + 13, note))
    return _svg(parts, width + 4, top + CELL + 20, title, _settings(locals()))


def _cell(column: int, y: int, kind: str) -> str:
    return (
        f'<rect class="{kind}" x="{column * CELL + 1}" y="{y}" width="{CELL - 2}" '
        f'height="{CELL - 2}" rx="3" {_OUTLINE[kind]}/>'
    )


_OUTLINE = {
    "in": 'fill="currentColor" fill-opacity="0.16" stroke="currentColor" stroke-opacity="0.55"',
    "pad": 'fill="none" stroke="currentColor" stroke-opacity="0.55" stroke-dasharray="3 3"',
}


def _tap(column: int, y: int, which: int) -> str:
    return (
        f'<rect x="{column * CELL + 3}" y="{y}" width="{CELL - 6}" height="{ROW - 4}" rx="2" '
        f'fill="{HUES[which % len(HUES)]}"/>'
    )


def _label(y: float, text: str) -> str:
    return f'<text x="1" y="{y + 8}" font-size="12" fill="currentColor">{escape(text)}</text>'


def _side(columns: int, y: float, text: str) -> str:
    x = columns * CELL + 6
    return f'<text x="{x}" y="{y + 10}" font-size="11" fill="currentColor">{escape(text)}</text>'


def _settings(values: dict[str, object]) -> str:
    names = ("size", "kernel_size", "stride", "padding", "dilation", "output_padding")
    return ", ".join(f"{name} {values[name]}" for name in names if name in values)


def _svg(parts: list[str], columns: int, height: float, title: str, settings: str) -> str:
    """One picture that takes the page's text colour, so that it reads on light and on dark."""
    width = columns * CELL
    return (
        f'<svg viewBox="0 -4 {width} {height + 4}" role="img" '
        f'style="width: 100%; max-width: {width}px; height: auto">'
        f"<title>{escape(title)}; {escape(settings)}</title>{''.join(parts)}</svg>"
        f"<p><strong>{escape(title)}</strong> ({escape(settings)})</p>"
    )
