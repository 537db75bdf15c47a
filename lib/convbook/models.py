"""The networks of the chapters, each in the form that its chapter derives."""

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def initialised(make: Callable[[], nn.Module], seed: int) -> nn.Module:
    """``make()`` with its first weights drawn from ``seed``; the global generator is left as it
    was.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would reach other devices too
        return make()


class PoolUnpool(nn.Module):
    """Chapter 8's autoencoder: convolve, pool, unpool, convolve transposed. Twenty numbers in all.

    Args:
        unpool: ``switches`` puts each value back where the pooling took it from (and so passes
            those places around the code); ``repeat`` writes it to all four cells.
        tied: whether the transposed convolution uses the convolution's own kernel.

    Raises:
        ValueError: ``unpool`` is neither of the two.
    """

    def __init__(self, unpool: Literal["switches", "repeat"] = "switches", tied: bool = False):
        super().__init__()
        if unpool not in ("switches", "repeat"):
            raise ValueError(f"unpool={unpool!r}: expected 'switches' or 'repeat'")
        self.unpool, self.tied = unpool, tied
        self.conv = nn.Conv2d(1, 1, kernel_size=3)
        self.deconv = nn.ConvTranspose2d(1, 1, kernel_size=3)
        if tied:
            self.deconv.weight = self.conv.weight  # one parameter under two names

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 1, 28, 28) to the pooled values and their places (the switches), (N, 1, 13, 13)
        each.
        """
        return F.max_pool2d(self.conv(x), 2, return_indices=True)

    def decode(self, values: Tensor, switches: Tensor) -> Tensor:
        """Values and switches, (N, 1, 13, 13) each, back to (N, 1, 28, 28)."""
        if self.unpool == "switches":
            return self.deconv(F.max_unpool2d(values, switches, 2))
        return self.deconv(F.interpolate(values, scale_factor=2, mode="nearest"))

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(*self.encode(x))


class PatchAutoencoder(nn.Module):
    """Chapter 6's autoencoder: one convolution, one transposed convolution, 46 numbers in all.

    The kernel is as long as a patch, so that a patch has one code of three numbers; a longer curve
    has a code every four points.

    Args:
        activation: of the code; ``none`` leaves the network linear.

    Raises:
        ValueError: ``activation`` is none of the three.
    """

    def __init__(self, activation: Literal["tanh", "relu", "none"] = "tanh"):
        super().__init__()
        choices = {"tanh": torch.tanh, "relu": torch.relu, "none": nn.Identity()}
        if activation not in choices:
            raise ValueError(f"activation={activation!r}: expected 'tanh', 'relu' or 'none'")
        self.activation = choices[activation]
        self.conv = nn.Conv1d(1, 3, kernel_size=7, stride=4)
        self.deconv = nn.ConvTranspose1d(3, 1, kernel_size=7, stride=4)

    def encode(self, x: Tensor) -> Tensor:
        """(N, 1, 4m + 3) to m codes of three numbers: (N, 3, m)."""
        return self.activation(self.conv(x))

    def decode(self, code: Tensor) -> Tensor:
        """(N, 3, m) back to (N, 1, 4m + 3); where patches overlap, they add up."""
        return self.deconv(code)

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))


class CurveAutoencoder(nn.Module):
    """Chapter 7's whole network: a curve of 15 points to 3×3 numbers, to two, and back."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 3, kernel_size=7, stride=4)
        self.narrow = nn.Linear(9, 2)
        self.widen = nn.Linear(2, 9)
        self.deconv = nn.ConvTranspose1d(3, 1, kernel_size=7, stride=4)

    def encode(self, x: Tensor) -> Tensor:
        """(N, 1, 15) to (N, 2)."""
        return self.narrow(torch.tanh(self.conv(x)).flatten(1))

    def decode(self, code: Tensor) -> Tensor:
        """(N, 2) to (N, 1, 15)."""
        return self.deconv(torch.tanh(self.widen(code)).unflatten(1, (3, 3)))

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))
