"""Measure how long chapters take, for the page "Times": seconds in quick, and in full.

    python book/measure_times.py notebooks/*.ipynb

What is measured goes into ``book/times.csv``, beside what was measured of other chapters. The
seconds are those of one processor core, whatever else it had to do; the time of a training is in
the provenance of its run.
"""

import csv
import datetime
import json
import os
import platform
import resource
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from safetensors import safe_open

ROOT = Path(__file__).parents[1]
RUNS = "application/vnd.convbook.runs+json"  # the files of the runs that a cell has read


def seconds_to_run(chapter: Path, profile: str) -> float:
    """What one core takes for the chapter from its first cell to its last, kernel and all."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute", str(chapter)]
        options = ["--output-dir", folder, "--ExecutePreprocessor.timeout=-1"]
        profiled = os.environ | {"CONVBOOK_PROFILE": profile, "OMP_NUM_THREADS": "1"}
        subprocess.run([*command, *options], env=profiled, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def seconds_to_train(chapter: Path, runs: Path) -> float:
    """What the runs that the chapter reads took where they were trained, each counted once."""
    cells = nbformat.read(chapter, 4).cells
    data = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    names = {name for each in data for name in each.get(RUNS, {})}
    return sum(provenance(runs / name)["seconds"] for name in names)


def provenance(run: Path) -> dict:
    with safe_open(run, "numpy") as stored:
        return json.loads(stored.metadata()["provenance"])


def processor() -> str:
    """As the machine calls it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    named = [line.split(": ", 1)[1] for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor()


def measure(chapter: Path) -> list[str]:
    """The chapter's row of the table."""
    return [
        f"[](../notebooks/{chapter.stem}.ipynb)",
        f"{seconds_to_run(chapter, 'quick'):.0f} s",
        f"{seconds_to_run(chapter, 'full'):.0f} s",
        f"{seconds_to_train(chapter, ROOT / 'runs') / 60:.0f} min",
        f"{processor()}, torch {version('torch').partition('+')[0]}",
        datetime.datetime.now(datetime.UTC).date().isoformat(),
    ]


def keep(row: list[str], kept: Path) -> None:
    """Put the row into the table, in place of an older one of the same chapter, and add all up."""
    with kept.open(newline="", encoding="utf-8") as file:
        head, *rows, _ = csv.reader(file)
    rows = sorted([*(each for each in rows if each[0] != row[0]), row])
    columns = list(zip(*rows, strict=True))[1:4]
    quick, full, training = (sum(int(cell.split()[0]) for cell in column) for column in columns)
    total = ["all chapters", f"{quick / 60:.0f} min", f"{full / 60:.0f} min"]
    total += [f"{training / 60:.0f} h", "", ""]
    with kept.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([head, *rows, total])


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:]):
        keep(row := measure(path), ROOT / "book" / "times.csv")
        print(*row)
