"""Stored runs: what came of a training, in a file that is known by what was asked.

Runs trained here lie in ``settings.runs_folder()``. Those of the chapters lie in the repository's
``runs/``; where the package stands alone, they are fetched from the repository's address.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pooch
import requests
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from convbook import settings
from convbook.training.history import progress_bar
from convbook.training.recipe import Recipe, canonical, checksum

Tensors = dict[str, Tensor]  # parts of a name are divided by "/": "snapshots/10/conv.weight"

REGISTRY = files("convbook.training") / "registry.json"

unstored: dict[str, "Run"] = {}  # by name: for which there was no room on disk


@dataclass(frozen=True, eq=False)
class Run:
    """What came of a job, where, and with what."""

    recipe: Recipe
    provenance: dict[str, Any]
    tensors: Tensors

    @property
    def name(self) -> str:
        return name_of(self.recipe)

    @property
    def checksum(self) -> str:
        """Of all that the run's file holds."""
        tensors = sorted(self.tensors.items())
        shapes = [f"{name} {values.dtype} {tuple(values.shape)}" for name, values in tensors]
        words = [canonical(self.recipe), canonical(self.provenance), *shapes]
        content = "\n".join([*words, checksum(*(values for _, values in tensors))])
        return hashlib.sha256(content.encode()).hexdigest()

    @property
    def complete(self) -> bool:
        """Whether no epoch is missing, as it is after an interruption."""
        return self.tensors["train_loss"].shape[-1] == self.recipe["epochs"]

    def part(self, prefix: str) -> Tensors:
        """The tensors below ``prefix``, under the rest of their names."""
        start = f"{prefix}/"
        found = {name: values for name, values in self.tensors.items() if name.startswith(start)}
        return {name.removeprefix(start): values for name, values in found.items()}


def name_of(recipe: Recipe) -> str:
    """The file name of this recipe's run: the network's name, and a hash.

    Raises:
        ValueError: what makes the network has no name.
    """
    if not isinstance(make := recipe["make"], dict):
        raise ValueError(f"make={make!r}: expected a class, a function, or a partial of one")
    (network,) = make
    return f"{network}-{hashlib.sha256(canonical(recipe).encode()).hexdigest()[:16]}.safetensors"


def encoded(run: Run) -> bytes:
    """The content of the run's file."""
    words = {"recipe": canonical(run.recipe), "provenance": canonical(run.provenance)}
    tensors = {name: values.contiguous() for name, values in run.tensors.items()}
    return save(tensors, words | {"checksum": run.checksum})


def read(path: Path) -> Run | None:
    """The run in this file; None if there is none, or, with a notice, if it is damaged.

    Nothing in it is executed, whatever it holds.
    """
    try:
        path.open("rb").close()  # safetensors says of what may not be read that it is not there
        with safe_open(path, framework="pt") as file:
            words = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        run = Run(json.loads(words["recipe"]), json.loads(words["provenance"]), tensors)
        if run.checksum != words["checksum"]:
            raise ValueError("its checksum is another")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (SafetensorError, KeyError, ValueError, OSError) as reason:
        print(f"NOTICE: {path} is damaged, or no stored run, and is left aside: {reason}")
        return None
    return run


def store(run: Run) -> Run:
    """Keep the run, in a file that gets its name when it is complete; or, with a notice, in memory.

    An interrupted run is not kept.
    """
    if not run.complete:
        return run
    path = settings.runs_folder() / run.name
    unfinished = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            unfinished.write_bytes(encoded(run))
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as reason:
        print(f"NOTICE: {run.name} is kept in memory only, since it could not be stored: {reason}")
        unstored[run.name] = run
    return run


# Where a run may lie


def candidates(name: str) -> Iterator[Run]:
    """The runs of this name: in memory, trained here, in the repository, or fetched from there."""
    if settings.train_anew():
        return
    if name in unstored:
        yield unstored[name]
    for folder in (settings.runs_folder(), settings.published_runs_folder()):
        if folder and (run := read(folder / name)):
            yield run
    if not settings.published_runs_folder() and (path := fetched(name)) and (run := read(path)):
        yield run


def fetched(name: str) -> Path | None:
    """The published run of this name, fetched and checked if it is not here yet.

    None if none is published, or, with a notice, if it cannot be had.
    """
    registry = json.loads(REGISTRY.read_text("utf-8"))
    if name not in registry["runs"]:
        return None
    size, known_hash = registry["runs"][name]["size"], registry["runs"][name]["sha256"]
    kept = settings.runs_folder() / "published"
    address, known = registry["address"], {name: f"sha256:{known_hash}"}
    if not (kept / name).exists() and not _reachable(address):
        return None
    source = pooch.create(path=kept, base_url=address, registry=known, retry_if_failed=1)
    pooch.get_logger().setLevel("ERROR")
    try:
        with progress_bar(size, size > 1_000_000, unit="byte") as bar:
            return Path(source.fetch(name, downloader=pooch.HTTPDownloader(bar, timeout=30)))
    except (OSError, ValueError) as reason:
        print(f"NOTICE: {source.get_url(name)} could not be fetched: {reason}")
        return None


@cache
def _reachable(address: str) -> bool:
    """Whether there is something to fetch from; a notice says once why not."""
    if not address:
        print("NOTICE: no runs are fetched, since this copy has no address (book/publish.py)")
        return False
    try:
        requests.head(address, timeout=10)
    except requests.RequestException as reason:
        print(f"NOTICE: no runs are fetched, since {address} cannot be reached: {reason}")
        return False
    return True
