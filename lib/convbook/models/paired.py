"""The network of chapter 13: a code in two parts, learned from pairs of images."""

import torch
from torch import Tensor, nn

from convbook.arguments import whole_number
from convbook.models.dense import DenseAutoencoder


class PairedAutoencoder(nn.Module):
    """Chapter 13's autoencoder: a code of two parts, identity and style, for pairs of digits.

    With ``exchange`` each image of a pair is decoded from its own style and the other's identity
    (as in Mathieu et al. 2016, arXiv 1611.03383, which adds an adversary). So of two images of
    one class the first part has to hold what the class has in common. An image by itself exchanges
    with none.

    Args:
        identity, style: how many numbers each part has; those of the style lie in [-1, 1].
        exchange: whether the images of a pair exchange their identities before they are decoded.

    Raises:
        ValueError: a part has no number.
    """

    def __init__(self, identity: int = 8, style: int = 4, exchange: bool = True):
        super().__init__()
        self.parts = [whole_number("identity", identity, 1), whole_number("style", style, 1)]
        self.exchange = exchange
        self.single = DenseAutoencoder((40, 32, identity + style))

    def encode(self, x: Tensor) -> Tensor:
        """(N, images, 28, 28) to (N, code, images): two images if they are pairs, else one."""
        codes = self.single.encode(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        identity, style = codes.mT.split(self.parts, dim=1)
        return torch.cat([identity, style.tanh()], dim=1)

    def decode(self, code: Tensor) -> Tensor:
        """(N, code, images) back to (N, images, 28, 28)."""
        identity, style = code.split(self.parts, dim=1)
        if self.exchange:
            identity = identity.flip(2)
        codes = torch.cat([identity, style], dim=1).mT.flatten(0, 1)
        return self.single.decode(codes).view(len(code), -1, 28, 28)

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))
