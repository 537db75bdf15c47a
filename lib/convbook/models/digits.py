"""The network for digits of chapter 9."""

from typing import Literal

from torch import Tensor, nn

from convbook.arguments import one_of

LAST = {"none": nn.Identity, "relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}


class DigitAutoencoder(nn.Module):
    """Chapter 9's autoencoder, without switches: 8×2×2 numbers are all that passes.

    Args:
        last: the activation of the output, which the source's text and its code give differently.

    Raises:
        ValueError: ``last`` is none of the four.
    """

    def __init__(self, last: Literal["none", "relu", "tanh", "sigmoid"] = "relu"):
        super().__init__()
        one_of("last", last, LAST)
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 16, kernel_size=3, stride=3, padding=1),  # (N, 16, 10, 10)
            nn.ReLU(),
            nn.MaxPool2d(2),  # (N, 16, 5, 5)
            nn.Conv2d(16, 8, kernel_size=3, padding=1),  # (N, 8, 5, 5)
            nn.ReLU(),
            nn.MaxPool2d(2),  # (N, 8, 2, 2)
        )
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(8, 16, kernel_size=3, stride=2),  # (N, 16, 5, 5)
            nn.ReLU(),
            nn.ConvTranspose2d(16, 8, kernel_size=5, stride=3, padding=1),  # (N, 8, 15, 15)
            nn.ReLU(),
            nn.ConvTranspose2d(8, 1, kernel_size=2, stride=2, padding=1),  # (N, 1, 28, 28)
            LAST[last](),
        )

    def encode(self, x: Tensor) -> Tensor:
        """(N, 1, 28, 28) to (N, 8, 2, 2)."""
        return self.encoder(x)

    def decode(self, code: Tensor) -> Tensor:
        """(N, 8, 2, 2) back to (N, 1, 28, 28)."""
        return self.decoder(code)

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))
