"""A decoder of one transposed convolution at work: code times filter, and the sum.

With a live kernel there is a slider for each number of the code. In the static book the same
drawing moves by itself: SVG's own animation, which needs a few kilobytes and no player.
"""

import math
from collections.abc import Sequence
from html import escape
from itertools import cycle

import ipywidgets as widgets
import numpy as np
from numpy.typing import ArrayLike

from convbook.explorers.static_twin import show
from convbook.palette import HUES

WIDTH, HEIGHT = 660, 210  # SVG units, as all lengths here
TOP, BOTTOM = 34, 198
PANELS = {"code": (46, 140), "code × filter": (196, 410), "sum + bias = output": (440, 654)}
SECONDS = 6  # from one end of a sweep to the other and back
FRAMES = 48

Code = Sequence[float]


def explore_decoder(filters: ArrayLike, bias: float, code: Code, sweep: Code) -> None:
    """Show what a decoder makes of a code, with sliders if a kernel is live.

    Args:
        filters: (K, n), the transposed convolution's.
        bias: added to every point of the output.
        code: K numbers, where the sliders start, and the middle of the static page's animation.
        sweep: K numbers, by how much the animation moves each number of the code up and down; where
            several move, they do so at different speeds.

    Raises:
        ValueError: the lengths of ``code`` or ``sweep`` differ from the number of filters, or
            ``filters`` is no matrix.
    """
    filters = np.asarray(filters, dtype=float)
    if filters.ndim != 2:
        raise ValueError(f"filters: expected (K, n), not {filters.shape}")
    for name, numbers in {"code": code, "sweep": sweep}.items():
        if len(numbers) != len(filters):
            raise ValueError(f"{name}: expected {len(filters)} numbers, not {len(numbers)}")
    frames = _frames(code, sweep)
    reach = float(np.abs(frames).max()) or 1.0
    scale = _scale(filters, bias, frames)
    # Sliders may go to all corners, the animation does not.
    widest = reach * np.abs(filters).sum(0).max() + abs(bias) or 1.0
    sliders = {
        f"code {i + 1}": widgets.FloatSlider(
            value, min=-reach, max=reach, step=reach / 20, description=f"code {i + 1}"
        )
        for i, value in enumerate(code)
    }

    def draw(**now: float) -> str:
        return draw_decoder(filters, bias, [list(now.values())], reach, widest)

    words = _words(code, sweep)
    moving = draw_decoder(filters, bias, frames, reach, scale)
    show(sliders, draw, f"decoder explorer: {words}", f"{moving}<p>{words}</p>")


def draw_decoder(
    filters: np.ndarray, bias: float, frames: Sequence[Code], reach: float, scale: float
) -> str:
    """Three panels as SVG: the code as bars, code times filter as curves, and their sum.

    Args:
        frames: the codes to show in turn, for ever; a single one stands still.
        reach, scale: the largest number of a code, and the largest value of a curve, that fit.
    """
    parts = [_label(left, name) for name, (left, _) in PANELS.items()]
    parts += [_axis(*panel) for panel in PANELS.values()]
    parts += [_limits(PANELS["code"][0], reach), _limits(PANELS["code × filter"][0], scale)]
    terms = np.array([np.multiply(filters, np.array(code)[:, None]) for code in frames])
    left, right = PANELS["code"]
    for i, colour in zip(range(len(filters)), cycle(HUES), strict=False):
        x = left + (i + 0.5) * (right - left) / len(filters)
        parts.append(_bar(x, [code[i] / reach for code in frames], colour))
        parts.append(_curve(PANELS["code × filter"], terms[:, i] / scale, colour))
    output = (terms.sum(1) + bias) / scale
    parts.append(_curve(PANELS["sum + bias = output"], output, "currentColor"))
    shown = "code times filter, summed, and the bias: the output"
    pause = "this.animationsPaused() ? this.unpauseAnimations() : this.pauseAnimations()"
    click = f' onclick="{pause}"' if len(frames) > 1 else ""
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" style="width: 100%; max-width: {WIDTH}px"'
        f"{click}><title>{escape(shown)}</title>{''.join(parts)}</svg>"
    )


def _frames(code: Code, sweep: Code) -> list[Code]:
    """One period of every number's swing; linear in between, which suits a linear decoder."""
    if not any(sweep):
        return [code]
    moving = [i for i, size in enumerate(sweep) if size]
    speeds = {which: turns + 1 for turns, which in enumerate(moving)}
    times = [2 * math.pi * frame / FRAMES for frame in range(FRAMES + 1)]
    return [
        [
            middle + size * math.sin(speeds.get(i, 0) * time)
            for i, (middle, size) in enumerate(zip(code, sweep, strict=True))
        ]
        for time in times
    ]


def _scale(filters: np.ndarray, bias: float, frames: Sequence[Code]) -> float:
    terms = np.array([filters * np.array(code)[:, None] for code in frames])
    reach = max(np.abs(terms).max(), np.abs(terms.sum(1) + bias).max())
    return 1.1 * reach or 1.0


def _bar(x: float, heights: Sequence[float], colour: str) -> str:
    tops = [f"{_y(height):.1f}" for height in heights]
    line = f'x1="{x:.0f}" x2="{x:.0f}" y1="{_y(0)}" y2="{tops[0]}"'
    look = f'stroke="{colour}" stroke-width="18"'
    return f"<line {line} {look}>{_animate('y2', tops)}</line>"


def _curve(panel: tuple[int, int], values: np.ndarray, colour: str) -> str:
    """(frames, n), each between -1 and 1, as a polyline that moves from frame to frame."""
    left, right = panel
    xs = np.linspace(left, right, values.shape[1])
    shapes = [
        " ".join(f"{x:.0f},{_y(value):.1f}" for x, value in zip(xs, frame, strict=True))
        for frame in values
    ]
    look = f'fill="none" stroke="{colour}" stroke-width="3" stroke-linejoin="round"'
    return f'<polyline points="{shapes[0]}" {look}>{_animate("points", shapes)}</polyline>'


def _animate(attribute: str, values: Sequence[str]) -> str:
    if len(set(values)) == 1:
        return ""
    steps = ";".join(values)
    timing = f'dur="{SECONDS}s" repeatCount="indefinite"'
    return f'<animate attributeName="{attribute}" {timing} values="{steps}"/>'


def _y(height: float) -> float:
    """From -1 … 1 to SVG's coordinate, which grows downwards."""
    return (TOP + BOTTOM) / 2 - height * (BOTTOM - TOP) / 2


def _axis(left: int, right: int) -> str:
    line = f'x1="{left}" x2="{right}" y1="{_y(0)}" y2="{_y(0)}"'
    return f'<line {line} stroke="currentColor" stroke-opacity="0.35"/>'


def _limits(x: float, reach: float) -> str:
    """The values at the top and the bottom of a panel, before its left edge."""
    look = 'font-size="12" fill="currentColor" fill-opacity="0.75" text-anchor="end"'
    places = {TOP + 8: f"{reach:.1f}", _y(0) + 4: "0", BOTTOM: f"−{reach:.1f}"}
    return "".join(f'<text x="{x - 6}" y="{y}" {look}>{text}</text>' for y, text in places.items())


def _label(x: float, text: str) -> str:
    return f'<text x="{x}" y="18" font-size="15" fill="currentColor">{escape(text)}</text>'


def _words(code: Code, sweep: Code) -> str:
    numbers = ", ".join(f"{number:g}" for number in code)
    moving = [str(i + 1) for i, size in enumerate(sweep) if size]
    if not moving:
        return f"code ({numbers})"
    if len(moving) == 1:
        return f"around the code ({numbers}), number {moving[0]} moves; a click pauses"
    which = "every number" if len(moving) == len(code) else f"numbers {' and '.join(moving)}"
    return f"around the code ({numbers}), {which} moving; a click pauses"
