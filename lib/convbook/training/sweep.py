"""``run_sweep``: many independent runs of ``fit``, here or on a cluster, each of them kept.

A run is described by a ``Configuration``, which is small enough to be sent to another process.
There it loads its own data. What is finished is on disk before the next run begins, so an
interrupted sweep goes on where it stopped.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, as_completed
from dataclasses import dataclass, fields
from functools import lru_cache, partial

import torch.nn.functional as F
from torch import Tensor, nn

from convbook import settings, sizes
from convbook.data import Selection
from convbook.models import initial, initialised
from convbook.training import forward, solo
from convbook.training.cache import Run, kept, run_key, run_path, write_run
from convbook.training.forward import Precision, resolved
from convbook.training.history import History, progress_bar
from convbook.training.schedules import constant
from convbook.training.solo import Corruption, Loss, Schedule, fit

CODE = (forward, initial, sizes, solo)


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """One run of ``fit``: the network, the images, and ``fit``'s own arguments.

    Args:
        make: builds the network: a class of ``convbook.models``, or ``functools.partial`` of one.
        images: what it is trained and tested on.
        seed: of the first weights, the shuffling and the corruption.
        watch: the test images, by number, whose reconstructions are kept at ``snapshots_at``.
        precision: as for ``fit``, but ``auto`` if not given.
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


@dataclass(frozen=True, eq=False)
class Trained:
    """A configuration, and what came of it."""

    configuration: Configuration
    history: History
    weights: dict[str, Tensor]  # of the trained network, on the CPU

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
    this one. If one fails, the others go on, and the failures are raised together at the end. If
    the executor itself breaks, a notice says so, and what is left is trained here.

    Args:
        configurations: as many as you like; equal ones are trained once.
        executor: where to train: any of ``concurrent.futures``, or a cluster's, such as
            ``dask.distributed.Client(…).get_executor()``. Without one, here, one after another.
        progress: whether to show a text bar, which leaves one line.

    Raises:
        ExceptionGroup: runs failed, for the reasons that it lists.
    """
    distinct = list(dict.fromkeys(configurations))
    finished: dict[Configuration, Trained] = {}
    failures: list[Exception] = []
    with progress_bar(len(distinct), progress, unit="run") as bar:
        for configuration, result in _started(distinct, executor):
            try:
                finished[configuration] = _collected(configuration, *result())
            except Exception as reason:
                reason.add_note(f"in {configuration}")
                failures.append(reason)
            bar.set_postfix_str(_trained_for(finished.values()))
            bar.update()
    if any(isinstance(reason, BrokenExecutor) for reason in failures):
        print(f"NOTICE: the executor broke; {len(finished)} runs are kept, training here the rest.")
        return run_sweep(configurations, None, progress)
    if failures:
        raise ExceptionGroup(f"{len(failures)} of {len(distinct)} runs failed", failures)
    return [finished[configuration] for configuration in configurations]


def _started(
    configurations: Sequence[Configuration], executor: Executor | None
) -> Iterator[tuple[Configuration, Callable[[], tuple[str, Run]]]]:
    """Each configuration, as it gets its turn or is finished, with a way to its result."""
    if executor is None:
        for configuration in configurations:
            yield configuration, partial(train, configuration)
        return
    futures = {
        _submitted(configuration, executor): configuration for configuration in configurations
    }
    for future in as_completed(futures):
        yield futures[future], future.result


def _submitted(configuration: Configuration, executor: Executor) -> Future:
    """The run's future, which has failed already if the executor takes nothing any more."""
    try:
        return executor.submit(train, configuration)
    except BrokenExecutor as reason:
        failed: Future = Future()
        failed.set_exception(reason)
        return failed


def train(configuration: Configuration) -> tuple[str, Run]:
    """Train this run, or read it from this machine's disk; its key, and what came of it.

    Raises:
        ValueError: the configuration is of a kind by which one run cannot be told from another.
    """
    key = key_of(configuration)
    run, _ = kept(key, partial(_train, configuration))
    return key, run


def key_of(configuration: Configuration) -> str:
    """The name of this run on this machine's disk."""
    decisive = {field.name: getattr(configuration, field.name) for field in fields(configuration)}
    decisive["images"] = _content(configuration.images)
    decisive["device"] = settings.device().type
    decisive["precision"] = resolved(configuration.precision, settings.device())
    return run_key("fit", CODE, decisive)


@lru_cache(maxsize=16)
def _content(images: Selection) -> str:
    """The checksum of the images themselves, whatever the selection's words for them."""
    loaded, content = images.load(), hashlib.sha256()
    for part in (loaded.train, loaded.test):
        content.update(part.contiguous().numpy())
    return content.hexdigest()


def _train(configuration: Configuration) -> tuple[Run, bool]:
    """The run, and that it is complete: ``fit`` ends no earlier."""
    arguments = {field.name: getattr(configuration, field.name) for field in fields(configuration)}
    images = arguments.pop("images").load()
    model = initialised(arguments.pop("make"), configuration.seed)
    watched = arguments.pop("watch")
    watch = images.test[list(watched)] if watched else None
    history = fit(model, images.train, images.test, watch=watch, progress=False, **arguments)
    weights = {name: value.cpu().contiguous() for name, value in model.state_dict().items()}
    return vars(history) | {"weights": weights}, True


def _collected(configuration: Configuration, key: str, run: Run) -> Trained:
    """The result, kept on this machine too, if another one trained it."""
    if not run_path(key).exists():
        write_run(run_path(key), run)
    history = History(**{name: value for name, value in run.items() if name != "weights"})
    return Trained(configuration, history, run["weights"])


def _trained_for(finished: Iterable[Trained]) -> str:
    seconds = sum(trained.history.seconds for trained in finished)
    return f"{seconds / 60:.1f} min of training in all"
