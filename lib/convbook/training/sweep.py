"""``run_sweep``: many independent runs of ``fit``, here or on a cluster, each of them kept.

A run is described by a ``Configuration``, which is small enough to be sent to another process.
There it loads its own data. What is finished is on disk before the next run begins, so an
interrupted sweep goes on where it stopped.
"""

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, as_completed
from dataclasses import dataclass, replace
from functools import lru_cache, partial

import torch.nn.functional as F
from torch import Tensor, nn

from convbook import settings
from convbook.arguments import whole_number
from convbook.data import ImageData, Selection
from convbook.models import initialised
from convbook.training.cache import SOLO_CODE, Run, decoded, kept, read_run, run_key, run_path
from convbook.training.forward import Precision, resolved
from convbook.training.history import History, progress_bar
from convbook.training.schedules import constant
from convbook.training.solo import Corruption, Loss, Schedule, fit

# The first weights come from torch's one global generator: a process trains one run at a time.
ALONE = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """One run of ``fit``: the network, the images, and ``fit``'s own arguments.

    Args:
        make: builds the network: a class of ``convbook.models``, or ``functools.partial`` of one.
        images: what it is trained and tested on.
        seed: of the first weights, the shuffling and the corruption.
        watch: the test images, by number, whose reconstructions are kept at ``snapshots_at``.
        precision: as for ``fit``, but ``auto`` if not given.

    Raises:
        ValueError: ``seed`` or a number in ``watch`` is no whole number of at least 0.
    """

    make: Callable[[], nn.Module]
    images: Selection
    seed: int
    epochs: int
    batch_size: int
    learning_rate: float
    loss: Loss = F.mse_loss
    corrupt: Corruption | None = None
    shuffle: bool = True
    schedule: Schedule = constant
    precision: Precision = "auto"
    watch: tuple[int, ...] = ()
    snapshots_at: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        whole_number("seed", self.seed, 0)
        watch = tuple(whole_number("watch", number, 0) for number in self.watch)
        object.__setattr__(self, "watch", watch)
        object.__setattr__(self, "snapshots_at", tuple(self.snapshots_at))


@dataclass(frozen=True, eq=False)
class Trained:
    """A configuration, and what came of it."""

    configuration: Configuration
    history: History
    weights: dict[str, Tensor]  # of the trained network, on the CPU

    @classmethod
    def of(cls, configuration: Configuration, run: Run) -> "Trained":
        """From what is stored of a run."""
        history = History(**{name: value for name, value in run.items() if name != "weights"})
        return cls(configuration, history, run["weights"])

    def model(self) -> nn.Module:
        """The trained network, on the CPU and in evaluation mode."""
        model = initialised(self.configuration.make, 0)
        model.load_state_dict(self.weights)
        return model.eval()


def run_sweep(
    configurations: Sequence[Configuration],
    executor: Executor | None = None,
    progress: bool = True,
) -> list[Trained]:
    """Train every configuration that was not trained before; the results are in their order.

    Every finished run is kept in ``settings.runs_folder()``, on the machine that trained it and on
    this one. If one fails, the others go on, and the failures are raised together at the end. If a
    pool of processes breaks, a notice says so, and what is left is trained here.

    Args:
        configurations: as many as you like; equal ones are trained once.
        executor: where to train: any of ``concurrent.futures``, or a cluster's, such as
            ``dask.distributed.Client(…).get_executor()``. Without one, here, one after another.
            A process trains one run at a time, so threads of one process gain nothing.
        progress: whether to show a text bar, which leaves one line.

    Raises:
        ExceptionGroup: runs failed, for the reasons that it lists.
    """
    distinct = list(dict.fromkeys(configurations))
    finished: dict[Configuration, Trained] = {}
    failures: list[Exception] = []
    trained_before = 0
    with progress_bar(len(distinct), progress, unit="run") as bar:
        for configuration, result in _started(distinct, executor):
            try:
                run, before = result()
                finished[configuration] = Trained.of(configuration, run)
                trained_before += before
            except Exception as reason:
                reason.add_note(f"in {configuration}")
                failures.append(reason)
            minutes = sum(trained.history.seconds for trained in finished.values()) / 60
            bar.set_postfix_str(f"{trained_before} trained before, {minutes:.1f} min of training")
            bar.update()
    if any(isinstance(reason, BrokenExecutor) for reason in failures):
        left = [configuration for configuration in distinct if configuration not in finished]
        print(f"NOTICE: the executor broke; {len(left)} of {len(distinct)} runs are trained here.")
        finished |= dict(zip(left, run_sweep(left, progress=progress), strict=True))
    elif failures:
        raise ExceptionGroup(f"{len(failures)} of {len(distinct)} runs failed", failures)
    return [finished[configuration] for configuration in configurations]


def _started(
    configurations: Sequence[Configuration], executor: Executor | None
) -> Iterator[tuple[Configuration, Callable[[], tuple[Run, bool]]]]:
    """Each configuration, as it gets its turn or is finished, with a way to its run."""
    futures: dict[Future, Configuration] = {}
    try:
        for configuration in configurations:
            if executor is None:
                yield configuration, partial(train, configuration)
            else:
                futures[_sent(configuration, executor)] = configuration
        for future in as_completed(futures):
            yield futures[future], partial(_brought_home, future)
    finally:  # if interrupted, do not wait for those that have not begun
        for future in futures:
            future.cancel()


def train(configuration: Configuration) -> tuple[Run, bool]:
    """Train this run, or read it from this machine's disk; and whether it was trained before.

    Raises:
        ValueError: the configuration is of a kind by which one run cannot be told from another.
    """
    with ALONE:
        return kept(key_of(configuration), partial(_train, configuration))


def key_of(configuration: Configuration) -> str:
    """The name of this run on this machine's disk."""
    device = settings.device()
    decisive = vars(configuration) | {
        "images": _content(configuration.images.load()),
        "device": device.type,
        "precision": resolved(configuration.precision, device),
    }
    return run_key("fit", SOLO_CODE, decisive)


@lru_cache(maxsize=2)
def _content(images: ImageData) -> str:
    """The checksum of the images themselves, whatever the selection's words for them."""
    content = hashlib.sha256()
    for part in (images.train, images.test):
        content.update(part.contiguous().numpy())
    return content.hexdigest()


def _train(configuration: Configuration) -> tuple[Run, bool]:
    """The run, and that it is complete: ``fit`` ends no earlier."""
    arguments = dict(vars(configuration))
    images = arguments.pop("images").load()
    model = initialised(arguments.pop("make"), configuration.seed)
    watched = arguments.pop("watch")
    if watched and max(watched) >= len(images.test):
        raise ValueError(f"watch={watched}: expected numbers below {len(images.test)}")
    watch = images.test[list(watched)] if watched else None
    history = fit(model, images.train, images.test, watch=watch, progress=False, **arguments)
    weights = {name: value.cpu().contiguous() for name, value in model.state_dict().items()}
    return vars(history) | {"weights": weights}, True


# Elsewhere


def _sent(configuration: Configuration, executor: Executor) -> Future:
    """The run's future: done already if the run is here, failed already if it cannot be sent.

    The worker is told to use what this machine has, the official images or the stand-in: it must
    not fall back to other ones by itself.
    """
    settled: Future = Future()
    try:
        path = run_path(key := key_of(configuration))
        if read_run(path) is None:
            source = "official" if configuration.images.load().official else "stand-in"
            there = replace(configuration, images=replace(configuration.images, source=source))
            return executor.submit(train_elsewhere, there)
        settled.set_result((key, path.read_bytes(), True))
    except Exception as reason:
        settled.set_exception(reason)
    return settled


def train_elsewhere(configuration: Configuration) -> tuple[str, bytes, bool]:
    """On a worker: train this run; its name there, the content of the file that keeps it, and
    whether it was trained before.
    """
    _, before = train(configuration)
    key = key_of(configuration)
    return key, run_path(key).read_bytes(), before


def _brought_home(future: Future) -> tuple[Run, bool]:
    """The run that a worker has sent, kept on this machine too; and whether it was trained
    before.
    """
    key, content, before = future.result()
    run = decoded(content)
    if run is None:
        raise OSError("a worker's result arrived damaged")
    return kept(key, lambda: (run, True))[0], before
