"""``run_sweep``: many independent runs of ``fit``, here or on a cluster, each of them kept.

A run is described by a ``Configuration``, which is small enough to be sent to another process.
There it loads its own data. What is finished is on disk before the next run begins, so an
interrupted sweep goes on where it stopped.
"""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import nn

from convbook.arguments import LARGEST_SEED, function, positive, whole_number, whole_numbers
from convbook.data import ImageData, Selection
from convbook.data.sources import Source
from convbook.models import initialised
from convbook.training.forward import Precision
from convbook.training.gathering import gather
from convbook.training.history import History, Weights
from convbook.training.recipe import Recipe, arguments, checksum, is_ours
from convbook.training.runs import Run, Tensors
from convbook.training.schedules import constant
from convbook.training.solo import Corruption, Loss, Schedule, fit, weights_of

# The first weights come from torch's one global generator: a process trains one run at a time.
ALONE = threading.Lock()
LARGE = 100_000  # numbers: the weights of a larger network are kept in half precision


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """One run of ``fit``: the network, the images, and ``fit``'s own arguments.

    Args:
        make: builds the network: a class or function with a name, or ``functools.partial`` of one.
        images: what it is trained and tested on.
        seed: of the first weights, the shuffling and the corruption.
        watch: the test images, by number, whose reconstructions are kept at ``pictures_at``.
        weights: whether the weights are kept as well as the losses. Those of a network of over
            100,000 numbers, and pictures, are kept in half precision.

    Raises:
        ValueError: a number that has to be whole is not, too small, or an epoch past the last;
            ``images`` is no selection; or what has to be a function is none.
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
    precision: Precision = "float32"
    watch: tuple[int, ...] = ()
    pictures_at: tuple[int, ...] = ()
    snapshots_at: tuple[int, ...] = ()
    weights: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.images, Selection):
            raise ValueError(f"images={self.images!r}: expected a Selection")
        for name in ("make", "loss", "schedule") + (("corrupt",) if self.noisy else ()):
            function(name, getattr(self, name))
        epochs = whole_number("epochs", self.epochs, 1)
        plain = {
            "seed": whole_number("seed", self.seed, 0, LARGEST_SEED),
            "epochs": epochs,
            "batch_size": whole_number("batch_size", self.batch_size, 1),
            "learning_rate": positive("learning_rate", self.learning_rate),
            "watch": whole_numbers("watch", self.watch, 0),
            "pictures_at": whole_numbers("pictures_at", self.pictures_at, 1, epochs),
            "snapshots_at": whole_numbers("snapshots_at", self.snapshots_at, 1, epochs),
        }
        for name, number in plain.items():  # Python's own, so that equal is equal
            object.__setattr__(self, name, number)

    @property
    def recipe(self) -> Recipe:
        """What was asked, as a run is known by it."""
        given = dict(vars(self))
        selection, images = given.pop("images"), self.images.load()
        described = arguments(Selection, vars(selection))
        described.pop("source", None)  # the content tells the official images from a stand-in
        return arguments(Configuration, given) | {
            "images": described | {"sha256": _content(images)}
        }

    @property
    def steps(self) -> int:
        """Batches in all."""
        return self.epochs * -(-len(self.images.load().train) // self.batch_size)

    @property
    def noisy(self) -> bool:
        """Whether it draws noise on the device."""
        return self.corrupt is not None

    @property
    def ours(self) -> bool:
        """Whether the library's code decides its numbers, rather than a notebook's."""
        return all(map(is_ours, (self.make, self.loss, self.corrupt, self.schedule)))

    def train(self, stop_after: int | None = None, noise: bool = True) -> Tensors:
        """What comes out of ``fit``, as it is kept; the first steps alone are taken in float32.

        Raises:
            KeyboardInterrupt: it was interrupted; part of a run is no run.
        """
        given = dict(vars(self))
        make, images, watch = given.pop("make"), given.pop("images").load(), given.pop("watch")
        keeps = given.pop("weights")
        if not noise:
            given["corrupt"] = None
        if stop_after:
            given["precision"] = "float32"
        if watch and max(watch) >= len(images.test):
            raise ValueError(f"watch={watch}: expected numbers below {len(images.test)}")
        given["watch"] = images.test[list(watch)] if watch else None
        with ALONE:
            model = initialised(make, self.seed)
            history = fit(
                model, images.train, images.test, **given, progress=False, stop_after=stop_after
            )
        if stop_after is None and len(history.train_loss) < self.epochs:
            raise KeyboardInterrupt
        return _tensors(history, weights_of(model) if keeps and stop_after is None else {})


def _tensors(history: History, weights: Weights) -> Tensors:
    """What a run's file holds."""
    large = sum(values.numel() for values in weights.values()) > LARGE
    states = {"weights": weights} | {
        f"snapshots/{epoch}": values for epoch, values in history.snapshots.items()
    }
    found = {
        f"{where}/{name}": values.half() if large and values.is_floating_point() else values
        for where, state in states.items()
        for name, values in state.items()
    }
    found |= {f"pictures/{epoch}": images.half() for epoch, images in history.pictures.items()}
    for name in ("train_loss", "test_loss", "first_losses"):
        found[name] = torch.tensor(getattr(history, name), dtype=torch.float64)
    return found


@lru_cache(maxsize=4)
def _content(images: ImageData) -> str:
    """The checksum of the images themselves, whatever the selection's words for them."""
    return checksum(images.train, images.test)


@dataclass(frozen=True, eq=False)
class Trained:
    """A configuration, and what came of it."""

    configuration: Configuration
    history: History
    weights: Weights  # of the trained network, on the CPU; empty where only losses are kept

    @classmethod
    def of(cls, configuration: Configuration, run: Run) -> "Trained":
        """From what is stored of a run."""
        epochs = {int(name) for name in configuration.snapshots_at}
        history = History(
            **{name: run.tensors[name].tolist() for name in ("train_loss", "test_loss")},
            first_losses=run.tensors["first_losses"].tolist(),
            pictures={int(epoch): images.float() for epoch, images in run.part("pictures").items()},
            snapshots={epoch: _full(run.part(f"snapshots/{epoch}")) for epoch in epochs},
            seconds=run.provenance["seconds"],
        )
        return cls(configuration, history, _full(run.part("weights")))

    def model(self, epoch: int | None = None) -> nn.Module:
        """The network, on the CPU and in evaluation mode, at its end or after an epoch that a
        snapshot was taken at.

        Raises:
            ValueError: its weights, or those after ``epoch``, were not kept.
        """
        weights = self.weights if epoch is None else self.history.snapshots.get(epoch)
        if not weights:
            raise ValueError(f"epoch={epoch}: expected one whose weights are kept")
        model = initialised(self.configuration.make, 0)
        model.load_state_dict(weights)
        return model.eval()


def _full(weights: Tensors) -> Weights:
    return {
        name: values.float() if values.is_floating_point() else values
        for name, values in weights.items()
    }


def run_sweep(
    configurations: Iterable[Configuration],
    executor: Executor | None = None,
    progress: bool = True,
) -> list[Trained]:
    """Train every configuration that was not trained before; the results are in their order.

    Args:
        configurations: as many as you like; equal ones are trained once.
        executor: where to train: any of ``concurrent.futures``, or a cluster's, as
            ``dask.distributed.Client(…).get_executor()``. Without one, here, one after another.
            A process trains one run at a time, so threads of one process gain nothing.
        progress: whether to show a text bar, which leaves one line.

    Raises:
        ValueError: these are no configurations, or that is no executor.
        ExceptionGroup: runs failed, for the reasons that it lists.
    """
    if not isinstance(configurations, Iterable):
        raise ValueError(f"configurations={configurations!r}: expected a list of them")
    for each in (configurations := list(configurations)):
        if not isinstance(each, Configuration):
            raise ValueError(f"configurations: expected Configurations alone, not {each!r}")
    if not isinstance(executor, Executor | None):
        raise ValueError(f"executor={executor!r}: expected a concurrent.futures.Executor")
    distinct = list(dict.fromkeys(configurations))
    runs = gather([_told(each) for each in distinct] if executor else distinct, executor, progress)
    trained = {each: Trained.of(each, run) for each, run in zip(distinct, runs, strict=True)}
    return [trained[each] for each in configurations]


def _told(configuration: Configuration) -> Configuration:
    """With the source that this machine has: a worker must not fall back to another by itself."""
    source: Source = "official" if configuration.images.load().official else "stand-in"
    return replace(configuration, images=replace(configuration.images, source=source))
