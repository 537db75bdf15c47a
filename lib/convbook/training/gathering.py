"""``gather``: the runs of these trainings, read if they prove themselves, else trained.

A stored run's provenance says which code, version of torch and device trained it. Where one of
these is another here, the run's first steps are trained again, and their losses compared: if they
agree, the run is what would be trained here, and it is used; if not, it is trained again.
"""

import hashlib
import platform
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, as_completed
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import Any, Protocol

import torch
from IPython.display import display
from torch import Tensor

from convbook import settings
from convbook.locks import locked
from convbook.training.history import FIRST_STEPS, progress_bar
from convbook.training.recipe import CODE, Recipe, canonical
from convbook.training.runs import Run, Tensors, candidates, name_of, read, store, unstored

# How far the first loss may lie from the run's, as a share. Other processors round otherwise, and
# what rounding has changed doubles with every step, at worst (measured: a code of 1000 numbers).
TOLERANCE, GROWTH = 2e-5, 2.0


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


def gather(
    jobs: Sequence[Job], executor: Executor | None = None, progress: bool = True
) -> list[Run]:
    """The runs of these jobs, in their order: read where they are stored, else trained and stored.

    If one fails, the others go on, and the failures are raised together at the end. If a pool of
    processes breaks, a notice says so, and what is left is trained here. Ctrl-C, or a stopped
    kernel, stops the workers too; what was finished is stored.

    Raises:
        ExceptionGroup: jobs failed, for the reasons that it lists.
    """
    began = time.time_ns()
    runs: dict[int, Run] = {}
    missing: dict[int, Job] = {}
    failures: list[Exception] = []
    for number, job in enumerate(jobs):
        with _collected(failures, job):
            if run := find(job, candidates(name_of(job.recipe))):
                runs[number] = run
            else:
                missing[number] = job
    _show(list(runs.values()), "read")
    _foretell(list(missing.values()))
    with (
        progress_bar(len(missing), progress and bool(missing), unit="run") as bar,
        closing(_started(missing, executor, began)) as started,
    ):
        for number, result in started:
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
    trained = [runs[number] for number in missing if runs[number].complete]
    _show([run for run in trained if run.name not in unstored], "stored")
    _show([run for run in trained if run.name in unstored], "kept in memory")
    return [runs[number] for number in range(len(jobs))]


@contextmanager
def _collected(failures: list[Exception], job: Job) -> Iterator[None]:
    try:
        yield
    except Exception as reason:
        reason.add_note(f"in {job}")
        failures.append(reason)


def _started(
    jobs: dict[int, Job], executor: Executor | None, began: int
) -> Generator[tuple[int, Callable[[], Run]], None, None]:
    """Each job, as it gets its turn or is finished, with a way to its run."""
    if executor is None:
        yield from ((number, partial(train_here, job, began)) for number, job in jobs.items())
        return
    futures: dict[Future[Run], int] = {}
    try:
        for number, job in jobs.items():
            futures[executor.submit(run_of, job)] = number
        for future in as_completed(list(futures)):
            yield futures[future], partial(_brought_home, future)
            del futures[future]
    finally:  # what is left was interrupted
        _stop(executor, list(futures))


def _brought_home(future: Future[Run]) -> Run:
    return store(future.result())


def _stop(executor: Executor, futures: Sequence[Future[Run]]) -> None:
    """Train nothing more, and store what is finished."""
    finished = [future for future in futures if future.done()]
    workers = list((getattr(executor, "_processes", None) or {}).values())
    if len(finished) < len(futures):
        for process in workers:  # a pool cannot stop what has begun, before Python 3.14
            process.terminate()
    for future in futures:
        if future in finished and not future.cancelled() and not future.exception():
            store(future.result())
        elif not workers:
            future.cancel()


def train_here(job: Job, began: int) -> Run:
    """Train this job, unless another process has done so since ``began``, in nanoseconds."""
    own = settings.runs_folder() / name_of(job.recipe)
    with ExitStack() as held:
        with suppress(OSError):  # nothing can be written there, which storing the run will say
            own.parent.mkdir(parents=True, exist_ok=True)
            lock = own.with_name(f"{own.name}.lock")
            held.enter_context(locked(lock, f"training {own.name}"))
        is_new = own.exists() and own.stat().st_mtime_ns >= began
        if is_new and (run := read(own)) and find(job, [run]):
            return run
        return store(run_of(job))


def run_of(job: Job) -> Run:
    """Train this job, from nothing."""
    start = time.perf_counter()
    tensors = job.train()
    seconds = round(time.perf_counter() - start, 1)
    provenance = _circumstances() | {"seconds": seconds, "date": time.strftime("%Y-%m-%d")}
    run = Run(job.recipe, provenance, tensors)
    if run.complete and run.recipe.get("precision", "float32") != "float32":
        tensors["first_losses"] = _first_losses(job)
    if run.complete and job.noisy:
        tensors["first_losses_without_noise"] = _first_losses(job, noise=False)
    return run


def _first_losses(job: Job, noise: bool = True) -> Tensor:
    return job.train(FIRST_STEPS, noise)["first_losses"]


def _circumstances() -> dict[str, Any]:
    """What may change a run's numbers, beside its recipe."""
    device = settings.device()
    cpu = f"{device.type.upper()}, {platform.machine()}"
    return {
        "code": CODE,
        "torch": torch.__version__.partition("+")[0],
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else cpu,
        "threads": torch.get_num_threads(),
    }


# A run's proof


def find(job: Job, found: Iterable[Run]) -> Run | None:
    """The first of these runs that is this job's, and proves itself; None if there is none."""
    name = name_of(job.recipe)
    for run in found:
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
    again = _first_losses(job, noise)
    if again.shape != kept.shape:
        return f"its first losses are {tuple(kept.shape)}, here {tuple(again.shape)}"
    apart = ((again - kept).abs() / kept.abs().clamp_min(1e-30)).nan_to_num(torch.inf)
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


def _place(provenance: dict[str, Any]) -> str:
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
