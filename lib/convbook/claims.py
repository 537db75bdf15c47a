"""Claims: each stated result, beside the two sides that were compared for it.

A claim about trained networks compares measurements, and says on which data they were made. It is
judged where the profile is full and the data are official, and reported as not judged elsewhere. A
claim of mathematics is true or false, names no data, and is judged in every run. A claim that does
not hold stops the chapter: the page cannot be stored with it.

How far a claim is from failing is its **margin**: the distance of the two sides, in units of the
spread between runs, or, where each side is one number, as a share of the larger. What a chapter
stores has a margin of at least two spreads, or a tenth (``tests/test_claims.py``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from statistics import mean, stdev

from IPython.display import display
from torch import Tensor

from convbook import settings
from convbook.data import CurveData, ImageData

Measured = float | Tensor | Sequence[float]  # one number, or one for each run
MIME = "application/vnd.convbook.claim+json"
ENOUGH = {"spreads": 2.0, "share": 0.1}  # the smallest margin with which a claim is stored


class ClaimFailed(AssertionError):
    """A stated result did not come out."""


@dataclass(frozen=True)
class Side:
    """What stands on one side of a comparison: one number, or one for each run."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        return mean(self.values)

    @property
    def spread(self) -> float:
        """The standard deviation between runs; 0 for one number."""
        return stdev(self.values) if len(self.values) > 1 else 0.0

    def __str__(self) -> str:
        spread = f" ± {self.spread:.2g}" if len(self.values) > 1 else ""
        return f"{self.mean:.4g}{spread}"


@dataclass(frozen=True)
class Comparison:
    """Two sides, the distance that makes the claim hold, and how far it is from failing."""

    left: Side
    word: str
    right: Side
    holds: bool
    margin: float
    unit: str  # of the margin: spreads or share
    runs: int

    @property
    def record(self) -> dict[str, object]:
        """The comparison as JSON, for the page that lists all claims."""
        sides = {"left": self.left, "right": self.right}
        return {
            **{name: {"mean": side.mean, "spread": side.spread} for name, side in sides.items()},
            **{name: getattr(self, name) for name in ("word", "margin", "unit", "runs")},
            "enough": ENOUGH[self.unit],
        }

    def __str__(self) -> str:
        far = f"{self.margin:.3g} spreads" if self.unit == "spreads" else f"{self.margin:.0%}"
        runs = f"{self.runs} runs" if self.runs > 1 else "one run"
        return f"{self.left} is {self.word} {self.right} ({runs}, margin: {far})"


def below(left: Measured, right: Measured, runs: int = 1, on_average: bool = False) -> Comparison:
    """``left`` is below ``right``.

    >>> print(below([0.010, 0.012], [0.020, 0.022]))
    0.011 ± 0.0014 is below 0.021 ± 0.0014 (2 runs, margin: 7.07 spreads)

    Args:
        left, right: one number, or one for each run; every one of ``left`` has to be below every
            one of ``right``. To compare run by run, compare their differences with 0, or their
            ratios with 1.
        runs: how many runs stand behind single numbers, such as counts.
        on_average: whether only the means are compared.

    Raises:
        ValueError: a side is empty.
    """
    return _compared(_side("left", left), "below", _side("right", right), runs, on_average)


def above(left: Measured, right: Measured, runs: int = 1, on_average: bool = False) -> Comparison:
    """``left`` is above ``right``; the arguments are those of ``below``."""
    return _compared(_side("left", left), "above", _side("right", right), runs, on_average)


def between(low: float, measured: Measured, high: float, runs: int = 1) -> Comparison:
    """``measured`` is above ``low`` and below ``high``; it is compared with the nearer of them."""
    sides = above(measured, low, runs), below(measured, high, runs)
    return min(sides, key=lambda side: (side.holds, side.margin))


def within(left: Measured, right: float, tolerance: float, runs: int = 1) -> Comparison:
    """``left`` is less than ``tolerance`` away from ``right``."""
    away = tuple(abs(value - right) for value in _side("left", left).values)
    return below(away, tolerance, runs)


def _compared(left: Side, word: str, right: Side, runs: int, on_average: bool) -> Comparison:
    low, high = (left, right) if word == "below" else (right, left)
    apart = high.mean - low.mean
    holds = apart > 0 if on_average else max(low.values) < min(high.values)
    if spread := max(left.spread, right.spread):
        margin, unit = apart / spread, "spreads"
    else:
        largest = max(abs(low.mean), abs(high.mean))
        margin, unit = apart / largest if largest else 0.0, "share"
    count = max(runs, len(left.values), len(right.values))
    return Comparison(left, word, right, holds, margin, unit, count)


def _side(name: str, measured: Measured) -> Side:
    values = measured.tolist() if isinstance(measured, Tensor) else measured
    values = tuple(map(float, values if isinstance(values, Sequence) else [values]))
    if not values:
        raise ValueError(f"{name}={measured!r}: expected a number, or one for each run")
    return Side(values)


@dataclass(frozen=True)
class Claim:
    """A statement, its verdict, and what was compared, as the page shows it."""

    statement: str
    verdict: str
    compared: Comparison | None = None

    def _repr_mimebundle_(self, **_: object) -> dict[str, object]:
        sign, kind = ("✓", "held") if self.verdict == "held" else ("○", "open")
        note = "" if kind == "held" else f" ({self.verdict})"
        line, sides = f"{sign} {self.statement}{note}", str(self.compared or "")
        html = f'<div class="claim {kind}">{escape(line)}</div>'
        if sides:
            html = (
                f'<details class="claim {kind}"><summary>{escape(line)}</summary>'
                f"{escape(sides)}</details>"
            )
        record = {"statement": self.statement, "verdict": self.verdict}
        return {
            "text/plain": f"{line}\n  {sides}" if sides else line,
            "text/html": html,
            MIME: record | (self.compared.record if self.compared else {}),
        }


def claim(
    statement: str, condition: bool | Comparison, data: CurveData | ImageData | None = None
) -> None:
    """Show ``statement`` as held, or stop; with ``data`` it may also be shown as not judged.

    Args:
        statement: one sentence, as a reader would repeat it.
        condition: what has to be true for it: of measurements a comparison, of mathematics a bool.
        data: what it was measured on, if it was measured.

    Raises:
        TypeError: the condition is neither, such as an array or a string that merely is true, or
            it is a bool where something was measured.
        ClaimFailed: the claim is judged, and does not hold.
    """
    compared = condition if isinstance(condition, Comparison) else None
    if not isinstance(condition, bool | Comparison):
        kind = type(condition).__name__
        raise TypeError(f"condition: expected a comparison, or a bool of mathematics, not {kind}")
    if data is not None and compared is None:
        raise TypeError("condition: expected a comparison, since data was measured, not a bool")
    if reason := _reason_not_to_judge(data):
        display(Claim(statement, f"not judged: {reason}", compared))
        return
    if not (condition if isinstance(condition, bool) else condition.holds):
        raise ClaimFailed(f"{statement} {compared or ''}".strip())
    display(Claim(statement, "held", compared))


def _reason_not_to_judge(data: CurveData | ImageData | None) -> str | None:
    if data is None:
        return None
    if not data.official:
        return "stand-in data"
    return None if settings.profile() == "full" else "quick profile"


def glue(**numbers: str) -> None:
    """Let the prose of this page quote numbers: ``glue(error="0.0145")``, then the role glue:text.

    The record is MyST-NB's own; it is written here so that a chapter needs no MyST-NB to run.
    """
    prefix = "application/papermill.record/"
    for name, text in numbers.items():
        metadata = {"scrapbook": {"name": name, "mime_prefix": prefix}}
        quoted = repr(text)  # or MyST-NB would read 0.0150 as a number and drop the last zero
        display({f"{prefix}text/plain": quoted}, raw=True, metadata=metadata)
