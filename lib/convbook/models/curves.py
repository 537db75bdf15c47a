"""Networks for Bezier curves: chapters 6 and 7."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from convbook.arguments import one_of


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
        choices: dict[str, Callable[[Tensor], Tensor]] = {
            "tanh": torch.tanh,
            "relu": torch.relu,
            "none": nn.Identity(),
        }
        self.activation = choices[one_of("activation", activation, choices)]
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
