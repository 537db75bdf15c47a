"""The pool–unpool network of chapter 8."""

from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from convbook.arguments import one_of


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
        self.unpool = one_of("unpool", unpool, ("switches", "repeat"))
        self.tied = tied
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
            return self.deconv(_unpooled(values, switches))
        return self.deconv(F.interpolate(values, scale_factor=2, mode="nearest"))

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(*self.encode(x))


def _unpooled(values: Tensor, switches: Tensor) -> Tensor:
    """``F.max_unpool2d(values, switches, 2)``, in a form that also works for stacked networks."""
    rows, columns = 2 * values.shape[2], 2 * values.shape[3]
    empty = values.new_zeros(*values.shape[:2], rows * columns)
    return empty.scatter(2, switches.flatten(2), values.flatten(2)).unflatten(2, (rows, columns))
