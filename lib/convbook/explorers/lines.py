"""Curves as SVG, for where no script runs."""

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT, APART, TOP = 180, 110, 24, 22  # SVG units

Line = tuple[str, Sequence[float]]  # colour and heights


def line_panels(panels: Mapping[str, Sequence[Line]], words: str) -> str:
    """Panels side by side, on one scale, each with its title and its curves.

    Args:
        words: what the picture shows, for who does not see it.
    """
    heights = [value for lines in panels.values() for _, line in lines for value in line]
    reach = max(map(abs, heights)) or 1.0
    middle = TOP + HEIGHT / 2
    parts = []
    for place, (title, lines) in enumerate(panels.items()):
        left = place * (WIDTH + APART)
        parts.append(f'<text x="{left}" y="14" fill="currentColor">{escape(title)}</text>')
        parts.append(_line([(left, middle), (left + WIDTH, middle)], "currentColor", 0.4))
        for colour, line in lines:
            step = WIDTH / (len(line) - 1)
            points = [
                (left + i * step, middle - value / reach * HEIGHT / 2)
                for i, value in enumerate(line)
            ]
            parts.append(_line(points, colour, 3))
    width = len(panels) * (WIDTH + APART)
    return (
        f'<svg viewBox="-4 0 {width} {TOP + HEIGHT + 4}" role="img" '
        f'style="width: 100%; max-width: {width}px"><title>{escape(words)}</title>'
        f"{''.join(parts)}</svg>"
    )


def _line(points: Sequence[tuple[float, float]], colour: str, width: float) -> str:
    text = " ".join(f"{x:.0f},{y:.1f}" for x, y in points)
    look = f'fill="none" stroke="{colour}" stroke-width="{width}" stroke-linejoin="round"'
    return f'<polyline points="{text}" {look}/>'
