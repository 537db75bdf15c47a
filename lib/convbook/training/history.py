"""What a training run leaves behind, and the bar that shows it under way."""

import sys
from dataclasses import dataclass, field

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from torch import Tensor
from tqdm import tqdm


@dataclass
class History:
    """What a training run leaves behind. Epoch e stands at index e - 1."""

    train_loss: list[float] = field(default_factory=list)  # mean over the epoch's examples
    test_loss: list[float] = field(default_factory=list)  # over the whole test set, after the epoch
    snapshots: dict[int, Tensor] = field(default_factory=dict)  # epoch: the watched reconstructions
    seconds: float = 0.0  # wall-clock time of training and testing together

    def plot(self, axes: Axes | None = None) -> Axes:
        """Both losses over the epochs, on a logarithmic axis."""
        axes = axes or plt.gca()
        epochs = range(1, len(self.train_loss) + 1)
        axes.plot(epochs, self.train_loss, marker="o", label="train, mean over the epoch")
        axes.plot(epochs, self.test_loss, marker="o", label="test, after the epoch")
        axes.set(xlabel="epoch", ylabel="loss", yscale="log")
        axes.legend()
        return axes


def progress_bar(total: int, shown: bool, unit: str = "epoch") -> tqdm:
    """A text bar on standard output: notebooks keep its last line, and show it without a kernel."""
    return tqdm(
        total=total,
        disable=not shown,
        file=sys.stdout,
        unit=unit,
        bar_format="{n}/{total} {unit}s |{bar:20}| {elapsed}{postfix}",
    )
