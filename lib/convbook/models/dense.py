"""The network of chapter 5: dense layers only."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from convbook.arguments import whole_number

SHAPE = (1, 28, 28)


class DenseAutoencoder(nn.Module):
    """Chapter 5's autoencoder for digits: 784 pixels, through ever fewer numbers, and back.

    A GELU (Hendrycks and Gimpel 2016, arXiv 1606.08415) follows every layer but the code and the
    output. So with a single width there is none, and the network is linear.

    Args:
        widths: the numbers after each layer of the encoder; the last is the code's size.

    Raises:
        ValueError: there is no width, or one is below 1.
    """

    def __init__(self, widths: Sequence[int] = (128, 64, 30)):
        super().__init__()
        if len(widths) == 0:
            raise ValueError(f"widths={widths}: expected at least one")
        sizes = [784, *(whole_number("widths", width, 1) for width in widths)]
        self.encoder = nn.Sequential(nn.Flatten(), *_layers(sizes))
        self.decoder = nn.Sequential(*_layers(sizes[::-1]), nn.Unflatten(1, SHAPE))

    def encode(self, x: Tensor) -> Tensor:
        """(N, 1, 28, 28) to (N, code)."""
        return self.encoder(x)

    def decode(self, code: Tensor) -> Tensor:
        """(N, code) back to (N, 1, 28, 28)."""
        return self.decoder(code)

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))


def _layers(sizes: Sequence[int]) -> list[nn.Module]:
    """A linear layer from each size to the next, with a GELU between any two."""
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), nn.GELU()]
    return layers[:-1]
