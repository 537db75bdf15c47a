"""Stored runs, which prove themselves.

A run is known by its recipe. Its file holds what came out, the recipe, and its provenance: the
code, the version of torch and the device that trained it. Where one of these is another, the run's
first steps are trained again, and their losses compared: if they agree, the run is what this code
would train, and it is used; if not, it is trained again.

Runs trained here lie in ``settings.runs_folder()``. Those of the chapters lie in the repository's
``runs/``; where the package stands alone, they are fetched from the repository's address.
"""

import hashlib
import json
import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, as_completed
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Protocol

import pooch
import torch
from filelock import FileLock
from IPython.display import display
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from convbook import settings
from convbook.training.history import FIRST_STEPS, progress_bar
from convbook.training.recipe import CODE, JSON, Recipe, canonical, checksum

Tensors = dict[str, Tensor]  # parts of a name are divided by "/": "snapshots/10/conv.weight"

# How far the first loss may lie from the run's, as a share. Other processors round otherwise, and
# what rounding has changed doubles with every step, at worst (measured: a code of 1000 numbers).
TOLERANCE, GROWTH = 2e-5, 2.0
REGISTRY = files("convbook.training") / "registry.json"

_unstored: dict[str, "Run"] = {}  # for which there was no room on disk


class Job(Protocol):
    """What can be trained: ``run_sweep``'s configurations, and a call of ``fit_ensemble``.

    It can be sent to another process.
    """

    @property
    def recipe(self) -> Recipe: ...

    @property
    def steps(self) -> int:
        """Batches in all."""

    @property
    def noisy(self) -> bool:
        """Whether it draws noise on the device: another kind of device draws other noise."""

    @property
    def ours(self) -> bool:
        """Whether the library's code decides its numbers, rather than a notebook's."""

    def train(self, stop_after: int | None = None, noise: bool = True) -> Tensors:
        """What comes out, ``train_loss`` and ``first_losses`` among it, as it is to be kept.

        To be compared, the first steps are taken in float32, which rounds most alike everywhere.
        """


@dataclass(frozen=True, eq=False)
class Run:
    """What came of a job, where, and with what."""

    recipe: Recipe
    provenance: Recipe
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

    def part(self, prefix: str) -> Tensors:
        """The tensors below ``prefix``, under the rest of their names."""
        start = f"{prefix}/"
        found = {name: values for name, values in self.tensors.items() if name.startswith(start)}
        return {name.removeprefix(start): values for name, values in found.items()}


def gather(
    jobs: Sequence[Job], executor: Executor | None = None, progress: bool = True
) -> list[Run]:
    """The runs of these jobs, in their order: read where they are stored, else trained and stored.

    If one fails, the others go on, and the failures are raised together at the end. If a pool of
    processes breaks, a notice says so, and what is left is trained here.

    Raises:
        ExceptionGroup: jobs failed, for the reasons that it lists.
    """
    runs: dict[int, Run] = {}
    missing: dict[int, Job] = {}
    failures: list[Exception] = []
    for number, job in enumerate(jobs):
        with _collected(failures, job):
            if run := find(job, _candidates(name_of(job.recipe))):
                runs[number] = run
            else:
                missing[number] = job
    _show(list(runs.values()), "read")
    _foretell(list(missing.values()))
    with progress_bar(len(missing), progress and bool(missing), unit="run") as bar:
        for number, result in _started(missing, executor):
            with _collected(failures, jobs[number]):
                runs[number] = result()
            bar.update()
    if any(isinstance(reason, BrokenExecutor) for reason in failures):
        left = [number for number in missing if number not in runs]
        print(f"NOTICE: the executor broke; {len(left)} of {len(jobs)} runs are trained here.")
        again = gather([jobs[number] for number in left], progress=progress)
        runs |= dict(zip(left, again, strict=True))
    elif failures:
        raise ExceptionGroup(f"{len(failures)} of {len(jobs)} runs failed", failures)
    _show([runs[number] for number in missing], "stored")
    return [runs[number] for number in range(len(jobs))]


@contextmanager
def _collected(failures: list[Exception], job: Job) -> Iterator[None]:
    try:
        yield
    except Exception as reason:
        reason.add_note(f"in {job}")
        failures.append(reason)


def _started(
    jobs: dict[int, Job], executor: Executor | None
) -> Iterator[tuple[int, Callable[[], Run]]]:
    """Each job, as it gets its turn or is finished, with a way to its run."""
    if executor is None:
        yield from ((number, lambda job=job: train_here(job)) for number, job in jobs.items())
        return
    futures: dict[Future, int] = {}
    try:
        futures = {executor.submit(run_of, job): number for number, job in jobs.items()}
        for future in as_completed(futures):
            yield futures[future], lambda future=future: store(future.result())
    finally:  # if interrupted, do not wait for those that have not begun
        for future in futures:
            future.cancel()


def train_here(job: Job) -> Run:
    """Train this job, unless another process does so meanwhile."""
    own = settings.runs_folder() / name_of(job.recipe)
    before = _modified(own)
    with _locked(own.name):
        if _modified(own) != before and (run := find(job, iter([own]))):
            return run
        return store(run_of(job))


def _modified(path: Path) -> int | None:
    return path.stat().st_mtime_ns if path.exists() else None


def _locked(name: str) -> AbstractContextManager:
    try:
        settings.runs_folder().mkdir(parents=True, exist_ok=True)
        return FileLock(settings.runs_folder() / f"{name}.lock").acquire()
    except OSError:  # nothing can be written there, which storing the run will say
        return nullcontext()


def run_of(job: Job) -> Run:
    """Train this job, from nothing."""
    start = time.perf_counter()
    tensors = job.train()
    seconds = round(time.perf_counter() - start, 1)
    if job.recipe.get("precision", "float32") != "float32":
        tensors |= _first_losses(job)
    if job.noisy:
        quiet = _first_losses(job, noise=False)
        tensors["first_losses_without_noise"] = quiet["first_losses"]
    provenance = _circumstances() | {"seconds": seconds, "date": time.strftime("%Y-%m-%d")}
    return Run(job.recipe, provenance, tensors)


def _first_losses(job: Job, noise: bool = True) -> Tensors:
    return {"first_losses": job.train(FIRST_STEPS, noise)["first_losses"]}


def _circumstances() -> Recipe:
    """What may change a run's numbers, beside its recipe."""
    device = settings.device()
    cpu = f"{device.type.upper()}, {platform.machine()}"
    return {
        "code": CODE,
        "torch": torch.__version__.partition("+")[0],
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else cpu,
        "threads": torch.get_num_threads(),
    }


# Finding a run, and its proof


def find(job: Job, paths: Iterator[Path]) -> Run | None:
    """The first run of this job that proves itself; None if there is none."""
    name = name_of(job.recipe)
    candidates = (read(path) for path in paths)
    for run in [_unstored[name]] if name in _unstored else candidates:
        if run is None:
            continue
        if canonical(run.recipe) != canonical(job.recipe):
            print(f"NOTICE: {name} holds another recipe's run; it is left aside.")
        elif reason := _refusal(run, job):
            print(f"NOTICE: the stored run {name} is not what this code trains: {reason}.")
        else:
            return run
    return None


def _refusal(run: Run, job: Job) -> str | None:
    """Why this run is not what the code here would train; None if it is."""
    here, there = _circumstances(), run.provenance
    if job.ours and all(here[what] == there[what] for what in ("code", "torch", "device")):
        return None
    proof = hashlib.sha256(f"{run.name} {there} {here}".encode()).hexdigest()
    if job.ours and proof in _proofs():
        return None
    kind = str(here["device"]).partition(",")[0]  # a CPU draws the same noise as another
    noise = not job.noisy or str(there["device"]).partition(",")[0] == kind
    kept = run.tensors["first_losses" if noise else "first_losses_without_noise"]
    again = _first_losses(job, noise)["first_losses"]
    if again.shape != kept.shape:
        return f"its first losses are {tuple(kept.shape)}, here {tuple(again.shape)}"
    apart = ((again - kept).abs() / kept.abs()).nan_to_num(torch.inf)
    excess = apart / (TOLERANCE * GROWTH ** torch.arange(kept.shape[-1]))
    if (excess <= 1).all():
        if job.ours:
            _remember(proof)
        return None
    worst = excess.argmax()
    return f"a loss of {kept.flatten()[worst]:.6g} is {again.flatten()[worst]:.6g} here"


def _proofs() -> list[str]:
    try:
        return (settings.runs_folder() / "proved.txt").read_text().split()
    except OSError:
        return []


def _remember(proof: str) -> None:
    try:
        settings.runs_folder().mkdir(parents=True, exist_ok=True)
        with (settings.runs_folder() / "proved.txt").open("a") as proofs:
            proofs.write(f"{proof}\n")
    except OSError:
        return  # it is proved again the next time


def _candidates(name: str) -> Iterator[Path]:
    """Where the run of this name may lie: here, in the repository, or fetched from there."""
    if settings.train_anew():
        return
    yield settings.runs_folder() / name
    if published := settings.published_runs_folder():
        yield published / name
    elif path := fetched(name):
        yield path


def fetched(name: str) -> Path | None:
    """The published run of this name, fetched and checked if it is not here yet.

    None if none is published, or, with a notice, if it cannot be had.
    """
    registry = json.loads(REGISTRY.read_text("utf-8"))
    if name not in registry["runs"] or not registry["address"]:
        return None
    size, known_hash = registry["runs"][name]["size"], registry["runs"][name]["sha256"]
    source = pooch.create(
        path=settings.runs_folder() / "published",
        base_url=registry["address"],
        registry={name: f"sha256:{known_hash}"},
        retry_if_failed=1,
    )
    pooch.get_logger().setLevel("ERROR")
    bar = progress_bar(size, size > 1_000_000, unit="byte")
    try:
        with bar:
            return Path(source.fetch(name, downloader=pooch.HTTPDownloader(bar, timeout=30)))
    except (OSError, ValueError) as reason:
        print(f"NOTICE: {source.get_url(name)} could not be fetched: {reason}")
        return None


# Files


def name_of(recipe: Recipe) -> str:
    """The file name of this recipe's run: the network's name, and a hash."""
    (network,) = recipe["make"]
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
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            words = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        run = Run(json.loads(words["recipe"]), json.loads(words["provenance"]), tensors)
        if run.checksum != words["checksum"]:
            raise ValueError("its checksum is another")
    except (SafetensorError, KeyError, ValueError, OSError) as reason:
        print(f"NOTICE: {path} is damaged, or no stored run, and is left aside: {reason}")
        return None
    return run


def store(run: Run) -> Run:
    """Keep the run, in a file that gets its name when it is complete; or, with a notice, in memory.

    An interrupted run is not kept.
    """
    if run.tensors["train_loss"].shape[-1] < run.recipe["epochs"]:
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
        _unstored[run.name] = run
    return run


# What a reader is told


@dataclass(frozen=True)
class _Line:
    """How many runs there are, and where they were trained: one line, folded on the page.

    Names and checksums tell ``make runs`` what a chapter asks for.
    """

    short: str
    full: str
    checksums: dict[str, str]  # by name

    def _repr_mimebundle_(self, **_: object) -> dict[str, object]:
        summary = f"<summary>{escape(self.short)}</summary>"
        return {
            "text/plain": f"{self.short}, {self.full}",
            "text/html": f'<details class="runs">{summary}{escape(self.full)}</details>',
            "application/vnd.convbook.runs+json": self.checksums,
        }

    def __repr__(self) -> str:
        return f"{self.short}, {self.full}"


def _show(runs: Sequence[Run], what: str) -> None:
    if not runs:
        return
    places = sorted({_place(run.provenance) for run in runs})
    minutes = sum(run.provenance["seconds"] for run in runs) / 60
    time_taken = f"{minutes:.0f} min" if minutes >= 1 else f"{60 * minutes:.0f} s"
    short = f"{len(runs)} {'runs' if len(runs) > 1 else 'run'} {what}"
    checksums = {run.name: run.checksum for run in runs}
    display(_Line(short, f"trained on {' and '.join(places)} in {time_taken}", checksums))


def _place(provenance: dict[str, JSON]) -> str:
    kind, _, machine = str(provenance["device"]).partition(", ")
    cores = "core" if provenance["threads"] == 1 else "cores"
    where = f"{provenance['threads']} CPU {cores} ({machine})" if kind == "CPU" else kind
    return f"{where} with torch {provenance['torch']}"


def _foretell(jobs: Sequence[Job]) -> None:
    """Say how long the training of these will take, if that is over a minute."""
    steps = sum(job.steps for job in jobs)
    if steps < 100 * FIRST_STEPS:
        return
    start = time.perf_counter()
    jobs[0].train(FIRST_STEPS)
    minutes = (time.perf_counter() - start) / FIRST_STEPS * steps / 60
    if minutes > 1:
        count = f"{len(jobs)} runs are" if len(jobs) > 1 else "1 run is"
        print(
            f"NOTICE: {count} not stored. Training here takes about {minutes:.0f} min; "
            "with CONVBOOK_PROFILE=quick a chapter takes seconds."
        )
