"""Bring the runs that the stored chapters ask for into ``runs/``, and write their registry.

    python book/collect_runs.py

Run it in the repository's root, after the chapters have run in full (``make runs`` does both). A
run is taken from ``runs/``, or else from where it was trained; what no chapter asks for is removed.
"""

import hashlib
import json
import shutil
import sys
from pathlib import Path
from typing import TypedDict

from convbook import settings
from convbook.training.runs import read

MIME = "application/vnd.convbook.runs+json"
REGISTRY = "lib/convbook/training/registry.json"
LARGEST, ALL_TOGETHER = 20_000_000, 60_000_000  # bytes: every clone carries them


class Entry(TypedDict):
    size: int
    sha256: str


def asked_for(chapter: Path) -> dict[str, str]:
    """The runs that the chapter's stored outputs say they come from: name to checksum.

    Raises:
        ValueError: it has no stored outputs, so that nobody can tell which runs it needs.
    """
    cells = json.loads(chapter.read_text("utf-8"))["cells"]
    if not any(cell.get("outputs") for cell in cells):
        raise ValueError(f"{chapter}: expected the stored outputs of a full run")
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    found: dict[str, str] = {}
    for output in outputs:
        found |= output.get("data", {}).get(MIME, {})
    return found


def collect(root: Path) -> dict[str, Entry]:
    """Make ``root/runs`` hold what the chapters ask for, and nothing else.

    Returns:
        The registry: name to size in bytes and SHA-256.

    Raises:
        FileNotFoundError: a run is neither there nor where it would have been trained.
        ValueError: one run, or all of them, are larger than a clone should carry.
    """
    folder = root / "runs"
    folder.mkdir(exist_ok=True)
    asked: dict[str, str] = {}
    for chapter in sorted(root.glob("notebooks/*.ipynb")):
        asked |= asked_for(chapter)
    for name, checksum in asked.items():
        if not is_run(folder / name, checksum):
            if not is_run(trained := settings.runs_folder() / name, checksum):
                raise FileNotFoundError(f"{name}: expected it in {folder} or {trained.parent}")
            shutil.copy(trained, folder)
    for path in folder.iterdir():
        if path.name not in asked:
            path.unlink()
    registry: dict[str, Entry] = {}
    for name in sorted(asked):
        content = (folder / name).read_bytes()
        if len(content) > LARGEST:
            raise ValueError(f"{name}: {len(content):,} bytes, expected at most {LARGEST:,}")
        registry[name] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    total = sum(entry["size"] for entry in registry.values())
    if total > ALL_TOGETHER:
        raise ValueError(f"runs: {total:,} bytes, expected at most {ALL_TOGETHER:,}")
    return registry


def is_run(path: Path, checksum: str) -> bool:
    run = read(path)
    return run is not None and run.checksum == checksum


def main() -> None:
    path = Path(REGISTRY)
    address = json.loads(path.read_text("utf-8"))["address"]
    try:
        registry = collect(Path.cwd())
    except (FileNotFoundError, ValueError) as reason:
        sys.exit(f"runs/ is not complete: {reason}")
    path.write_text(json.dumps({"address": address, "runs": registry}, indent=1) + "\n", "utf-8")
    print(f"runs/: {len(registry)} runs, {sum(e['size'] for e in registry.values()):,} bytes")


if __name__ == "__main__":
    main()
