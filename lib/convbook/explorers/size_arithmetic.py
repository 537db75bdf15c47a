"""The arithmetic of chapter 2 as a picture: which cells each position reads, or each stamp writes.

One drawing function serves twice. With a live kernel, sliders redraw it; in the static book the
same drawing, with its first settings, stands in the sliders' place.
"""

from html import escape

import ipywidgets as widgets

from convbook.explorers.static_twin import show
from convbook.palette import HUES
from convbook.sizes import conv_size, conv_transpose_size, span, taps

CELL = 36  # the side of a cell, in SVG units
ROW = 24  # the height of a kernel position
TEXT = 22  # the height of a line of text
MARGIN = 3  # columns on the right, for the names of the rows


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
    limits = {"size": (1, 12), "kernel_size": (1, 5), "stride": (1, 4), "dilation": (1, 3)}
    sliders = {}
    for name, value in first.items():
        low, high = limits.get(name, (0, 3))
        label = name.replace("_", " ")
        sliders[name] = widgets.IntSlider(value, low, max(high, value), description=label)

    def draw_or_say_why(**settings: int) -> str:
        try:
            return draw(**settings)
        except ValueError as reason:
            return f"<p>{escape(str(reason))}</p>"

    show(sliders, draw_or_say_why, f"size explorer: {_settings(**first)}", draw(**first))


def draw_convolution(size: int, kernel_size: int, stride: int, padding: int, dilation: int) -> str:
    """The input with its padding, a row for each kernel position, and the output, as SVG."""
    output = conv_size(size, kernel_size, stride, padding, dilation)
    padded, reach = size + 2 * padding, span(kernel_size, dilation)
    inside = range(padding, padding + size)
    note = f"p = {padding} of padding at each end (dashed)" if padding else "no padding"
    parts = [_label(0, f"input: n = {size} cells, {note}")]
    parts += [_cell(i, TEXT, i - padding if i in inside else None) for i in range(padded)]
    top = TEXT + CELL + 10
    for o in range(output):
        read = taps(o, kernel_size, stride, dilation=dilation)
        parts.append(_kernel(read, top + o * ROW, o, padded, f"output {o}"))
    parts.append(_distance(stride, top + ROW) if output > 1 else "")
    bottom = top + output * ROW
    unread = padded - (output - 1) * stride - reach
    parts.append(_label(bottom, f"cells at the end that no position reads: {unread}"))
    title = f"convolution: from n = {size} cells to m = {output}"
    settings = _settings(size, kernel_size, stride, padding, dilation)
    return _svg(parts, padded, bottom + TEXT, title, settings)


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
    stamped = conv_transpose_size(size, kernel_size, stride, dilation=dilation)
    columns, kept = max(stamped, padding + output), range(padding, padding + output)
    parts = [_label(0, f"input: m = {size} cells, a stamp for each, of k = {kernel_size} weights")]
    for i in range(size):
        covered = taps(i, kernel_size, stride, dilation=dilation)
        parts.append(_kernel(covered, TEXT + i * ROW, i, columns, f"input {i}"))
    parts.append(_distance(stride, TEXT + ROW) if size > 1 else "")
    top = TEXT + size * ROW + 6
    unpadded = output - output_padding  # the cells of output_padding are the last ones: mark them
    parts += [
        _cell(i, top, i - padding if i in kept else None, marked=i - padding >= unpadded)
        for i in range(columns)
    ]
    note = f"output: n = {output} cells; p = {padding} cropped at each end (dashed)"
    if output_padding:
        note = f"output: n = {output} cells, {output_padding} of them by output_padding (bold)"
    parts.append(_label(top + CELL + 4, note))
    title = f"transposed convolution: from m = {size} cells to n = {output}"
    settings = _settings(size, kernel_size, stride, padding, dilation, output_padding)
    return _svg(parts, columns, top + CELL + 4 + TEXT, title, settings)


def _cell(column: int, y: float, index: int | None, marked: bool = False) -> str:
    """A cell with its index, or a dashed one that is padding or cropped."""
    box = f'x="{column * CELL + 2}" y="{y}" width="{CELL - 4}" height="{CELL - 4}" rx="4"'
    if index is None:
        look = 'fill="none" stroke="currentColor" stroke-opacity="0.5" stroke-dasharray="4 4"'
        return f'<rect class="outside" {box} {look}/>'
    line = 'stroke-width="3"' if marked else 'stroke-opacity="0.5"'
    look = f'fill="currentColor" fill-opacity="0.12" stroke="currentColor" {line}'
    where = f'x="{column * CELL + CELL / 2}" y="{y + CELL / 2 + 3}" text-anchor="middle"'
    number = f'<text {where} font-size="13" fill="currentColor">{index}</text>'
    return f'<rect class="kept" {box} {look}/>{number}'


def _kernel(cells: range, y: float, which: int, columns: int, name: str) -> str:
    """The weights of one kernel position, joined by a line, and its name at the right."""
    colour, middle = HUES[which % len(HUES)], y + ROW / 2
    start, end = cells[0] * CELL + CELL / 2, cells[-1] * CELL + CELL / 2
    line = f'<path d="M{start} {middle}H{end}" stroke="{colour}" stroke-width="3"/>'
    weights = "".join(
        f'<rect class="weight" x="{cell * CELL + 6}" y="{y + 4}" width="{CELL - 12}" '
        f'height="{ROW - 8}" rx="3" fill="{colour}"/>'
        for cell in cells
    )
    return line + weights + _label(y, name, columns * CELL + 10)


def _distance(stride: int, y: float) -> str:
    """How far the second kernel position stands from the first, where there is room to say so."""
    if stride < 2:
        return ""
    middle = y + ROW / 2
    line = f"M2 {middle}H{stride * CELL}M2 {middle - 5}v10"
    look = 'stroke="currentColor" stroke-opacity="0.6"'
    where = f'x="{stride * CELL / 2}" y="{middle + 16}" text-anchor="middle" font-size="14"'
    return f'<path d="{line}" {look}/><text {where} fill="currentColor">s = {stride}</text>'


def _label(y: float, text: str, x: float = 2) -> str:
    return f'<text x="{x}" y="{y + 16}" font-size="15" fill="currentColor">{escape(text)}</text>'


def _settings(
    size: int,
    kernel_size: int,
    stride: int,
    padding: int,
    dilation: int,
    output_padding: int | None = None,
) -> str:
    """The settings in words; a convolution has no ``output_padding``."""
    text = (
        f"size {size}, kernel_size {kernel_size}, stride {stride}, padding {padding}, "
        f"dilation {dilation}"
    )
    return text if output_padding is None else f"{text}, output_padding {output_padding}"


def _svg(parts: list[str], columns: int, height: float, title: str, settings: str) -> str:
    """One picture that takes the page's text colour, so that it reads on light and on dark."""
    width = max((columns + MARGIN) * CELL, 10 * CELL)
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" style="width: 100%; max-width: {width}px">'
        f"<title>{escape(title)}; {escape(settings)}</title>{''.join(parts)}</svg>"
        f"<p><strong>{escape(title)}</strong> ({escape(settings)})</p>"
    )
