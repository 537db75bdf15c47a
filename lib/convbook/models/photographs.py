"""The networks for photographs of chapters 10 and 11."""

from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

from convbook.arguments import one_of


class PhotoAutoencoder(nn.Module):
    """Chapter 10's autoencoder: six convolutions, a code, six transposed convolutions.

    The first weights are the source's: Xavier's (Glorot and Bengio 2010) in convolutions and
    linear layers, with biases of 0.01, while the transposed convolutions keep PyTorch's. The
    options are the chapter's one-at-a-time changes.

    Args:
        latent_dim: size of the code.
        code_activation: ``none`` lets the code have either sign.
        initialise: ``all`` gives transposed convolutions Xavier's weights as well.
        maps: channels left by one more 1×1 convolution before the linear layers, or none.

    Raises:
        ValueError: ``code_activation`` or ``initialise`` is none of its choices.
    """

    def __init__(
        self,
        latent_dim: int = 200,
        code_activation: Literal["relu", "none"] = "relu",
        initialise: Literal["source", "all"] = "source",
        maps: int | None = None,
    ):
        super().__init__()
        one_of("code_activation", code_activation, ("relu", "none"))
        one_of("initialise", initialise, ("source", "all"))
        conv, transposed = nn.Conv2d, nn.ConvTranspose2d
        flat = (maps or 64) * 8 * 8
        self.encoder = nn.Sequential(
            *(conv(3, 16, 3, padding=1), nn.ReLU()),  # (N, 16, 32, 32)
            *(conv(16, 16, 3, padding=1), nn.ReLU()),
            *(conv(16, 32, 3, padding=1, stride=2), nn.ReLU()),  # (N, 32, 16, 16)
            *(conv(32, 32, 3, padding=1), nn.ReLU()),
            *(conv(32, 64, 3, padding=1, stride=2), nn.ReLU()),  # (N, 64, 8, 8)
            *(conv(64, 64, 3, padding=1), nn.ReLU()),
            *([conv(64, maps, 1), nn.ReLU()] if maps else []),
            nn.Flatten(),  # (N, 4096)
            nn.Linear(flat, latent_dim),
            *([nn.ReLU()] if code_activation == "relu" else []),
        )
        up = partial(transposed, kernel_size=3, padding=1, stride=2, output_padding=1)
        self.decoder = nn.Sequential(
            *(nn.Linear(latent_dim, flat), nn.ReLU()),
            nn.Unflatten(1, (maps or 64, 8, 8)),
            *([transposed(maps, 64, 1), nn.ReLU()] if maps else []),
            *(transposed(64, 64, 3, padding=1), nn.ReLU()),
            *(up(64, 32), nn.ReLU()),  # (N, 32, 16, 16)
            *(transposed(32, 32, 3, padding=1), nn.ReLU()),
            *(up(32, 16), nn.ReLU()),  # (N, 16, 32, 32)
            *(transposed(16, 16, 3, padding=1), nn.ReLU()),
            transposed(16, 3, 3, padding=1),  # (N, 3, 32, 32)
        )
        drawn = (conv, nn.Linear) + ((transposed,) if initialise == "all" else ())
        for layer in self.modules():
            if isinstance(layer, drawn):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.constant_(layer.get_parameter("bias"), 0.01)

    def encode(self, x: Tensor) -> Tensor:
        """(N, 3, 32, 32) to (N, latent_dim)."""
        return self.encoder(x)

    def decode(self, code: Tensor) -> Tensor:
        """(N, latent_dim) back to (N, 3, 32, 32)."""
        return self.decoder(code)

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))


class TwoPathAutoencoder(nn.Module):
    """The network that chapter 10 arrives at: a linear autoencoder, and convolutions beside it.

    Both encoders add up to one code, and both decoders to one image. The linear path starts as a
    projection; the convolutional one, the source's network without ReLU on the code, starts at
    zero, so that it has only to learn what a linear map cannot do.

    Args:
        latent_dim: size of the code.
    """

    def __init__(self, latent_dim: int = 200):
        super().__init__()
        self.project = nn.Linear(3 * 32 * 32, latent_dim)
        self.expand = nn.Linear(latent_dim, 3 * 32 * 32)
        self.convolutions = PhotoAutoencoder(latent_dim, code_activation="none", initialise="all")
        nn.init.orthogonal_(self.project.weight)
        with torch.no_grad():
            self.expand.weight.copy_(self.project.weight.T)
        last = (self.convolutions.encoder[-1], self.convolutions.decoder[-1])
        for layer in (self.project, self.expand, *last):
            nn.init.zeros_(layer.get_parameter("bias"))
        for layer in last:
            nn.init.zeros_(layer.get_parameter("weight"))

    def encode(self, x: Tensor) -> Tensor:
        """(N, 3, 32, 32) to (N, latent_dim)."""
        return self.project(x.flatten(1)) + self.convolutions.encode(x)

    def decode(self, code: Tensor) -> Tensor:
        """(N, latent_dim) back to (N, 3, 32, 32)."""
        return self.expand(code).unflatten(1, (3, 32, 32)) + self.convolutions.decode(code)

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))


class PhotoDenoiser(nn.Module):
    """Chapter 11's denoiser without a code: four convolutions say what the noise is, and it is
    subtracted (Zhang et al. 2017, doi 10.1109/TIP.2017.2662206, in small).
    """

    def __init__(self) -> None:
        super().__init__()
        self.noise = nn.Sequential(
            *(nn.Conv2d(3, 32, 3, padding=1), nn.ReLU()),  # (N, 32, 32, 32)
            *(nn.Conv2d(32, 32, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(32, 32, 3, padding=1), nn.ReLU()),
            nn.Conv2d(32, 3, 3, padding=1),  # (N, 3, 32, 32)
        )

    def forward(self, x: Tensor) -> Tensor:
        return x - self.noise(x)
