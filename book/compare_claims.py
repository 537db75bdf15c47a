"""Hold the claims of chapters that were run elsewhere, or anew, against the stored ones.

    python book/compare_claims.py FOLDER

``make claims`` runs the chapters into a folder and calls this: with ``CONVBOOK_DATA=…`` on the runs
of another machine, with ``CONVBOOK_RUNS=train`` on new ones. It lists each measured claim whose
sides have moved, in units of the stored spread (or of the side itself, where there is one number),
and each that does not hold.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat

MIME = "application/vnd.convbook.claim+json"
Claims = dict[str, dict]  # records by statement


def recorded(chapter: Path) -> tuple[Claims, list[str]]:
    """The claims of an executed chapter, and those that stopped a cell."""
    outputs = [out for cell in nbformat.read(chapter, 4).cells for out in cell.get("outputs", [])]
    records = [out["data"][MIME] for out in outputs if MIME in out.get("data", {})]
    failed = [out["evalue"] for out in outputs if out.get("ename") == "ClaimFailed"]
    return {record["statement"]: record for record in records}, failed


def moved(stored: dict, again: dict) -> float:
    """How far the sides lie from the stored ones: in stored spreads, or as a share."""
    distances = []
    for name in ("left", "right"):
        before, after = stored[name], again[name]
        unit = stored["left"]["spread"] or stored["right"]["spread"] or abs(before["mean"]) or 1.0
        distances.append(abs(after["mean"] - before["mean"]) / unit)
    return max(distances)


def compared(stored: Claims, again: Claims) -> Iterator[tuple[float, str]]:
    """How far each measured claim has moved, and a line that says so; the farthest first."""
    lines = []
    for statement, record in stored.items():
        if "margin" not in record:
            continue
        if statement not in again:
            lines.append((float("inf"), f"not made: {statement}"))
            continue
        other = again[statement]
        far = moved(record, other)
        unit = "spreads" if record["unit"] == "spreads" else "of itself"
        margins = f"margin {record['margin']:.3g}, then {other['margin']:.3g}"
        lines.append((far, f"{far:8.2f} {unit}, {margins}: {statement}"))
    yield from sorted(lines, reverse=True)


def main() -> None:
    folder, failures = Path(sys.argv[1]), 0
    for chapter in sorted(folder.glob("*.ipynb")):
        stored, _ = recorded(Path("notebooks", chapter.name))
        again, failed = recorded(chapter)
        print(f"\n{chapter.stem}: {len(again)} of {len(stored)} claims hold")
        for far, line in compared(stored, again):
            if far > 0.005:
                print(line)
        for reason in failed:
            print(f"    does not hold: {reason}")
        failures += len(failed)
    if failures:
        sys.exit(f"{failures} claims do not hold")


if __name__ == "__main__":
    main()
