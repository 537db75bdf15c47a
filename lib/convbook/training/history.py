"""What a training run leaves behind, the bar that shows it under way, and how it is stopped."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from torch import Tensor
from tqdm import tqdm

Weights = dict[str, Tensor]  # by the names that the network gives its parameters

FIRST_STEPS = 20  # batches whose losses are kept: by them a stored run is known again


@dataclass
class History:
    """What a training run leaves behind. Epoch e stands at index e - 1."""

    train_loss: list[float] = field(default_factory=list)  # mean over the epoch's examples
    test_loss: list[float] = field(default_factory=list)  # over the whole test set, after the epoch
    first_losses: list[float] = field(default_factory=list)  # of each of the first batches
    pictures: dict[int, Tensor] = field(default_factory=dict)  # epoch: the watched reconstructions
    snapshots: dict[int, Weights] = field(default_factory=dict)  # epoch: the weights after it
    seconds: float = 0.0  # wall-clock time of training and testing together


def progress_bar(total: int, shown: bool, unit: str = "epoch") -> tqdm:
    """A text bar on standard output: notebooks keep its last line, and show it without a kernel."""
    return tqdm(
        total=total,
        file=sys.stdout if shown else io.StringIO(),
        unit=unit,
        bar_format="{n}/{total} {unit}s |{bar:20}| {elapsed}{postfix}",
    )


@contextmanager
def interruptible(bar: tqdm, whole: bool) -> Iterator[None]:
    """Ctrl-C, or a stopped kernel, ends a whole training, of which all that was reached is kept;
    some of the first steps alone would prove nothing.
    """
    try:
        yield
    except KeyboardInterrupt:
        if not whole:
            raise
        bar.write(f"Interrupted after {bar.n} of {bar.total} epochs.")
