"""Claims: each stated result, next to the condition that a run has to meet.

A claim about a trained network says on which data it was measured. It is judged where the profile
is full and the data are official, and reported as not judged elsewhere. A claim of pure
mathematics names no data and is judged in every run. A claim that does not hold stops the chapter:
the page cannot be stored with it.
"""

from dataclasses import dataclass
from html import escape

from IPython.display import display

from convbook import settings
from convbook.data import CurveData, ImageData


class ClaimFailed(AssertionError):
    """A stated result did not come out."""


@dataclass(frozen=True)
class Claim:
    """A statement and its verdict, as the page shows it."""

    statement: str
    verdict: str

    def _repr_mimebundle_(self, **_: object) -> dict[str, object]:
        sign, kind = ("✓", "held") if self.verdict == "held" else ("○", "open")
        note = "" if kind == "held" else f" ({self.verdict})"
        text = f"{sign} {self.statement}{note}"
        return {
            "text/plain": text,
            "text/html": f'<div class="claim {kind}">{escape(text)}</div>',
            "application/vnd.convbook.claim+json": {
                "statement": self.statement,
                "verdict": self.verdict,
            },
        }


def claim(statement: str, condition: bool, data: CurveData | ImageData | None = None) -> None:
    """Show ``statement`` as held, or stop; with ``data`` it may also be shown as not judged.

    Args:
        statement: one sentence, as a reader would repeat it.
        condition: what has to be true for it.
        data: what it was measured on, if it was measured.

    Raises:
        ClaimFailed: the claim is judged, and the condition is false.
    """
    if reason := _reason_not_to_judge(data):
        display(Claim(statement, f"not judged: {reason}"))
        return
    if not condition:
        raise ClaimFailed(statement)
    display(Claim(statement, "held"))


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
