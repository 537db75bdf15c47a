"""Noise on images, from a generator: what a denoiser is shown instead of the clean picture."""

import torch
from torch import Generator, Tensor

from convbook.arguments import number, tensor


def uniform_impulses(images: Tensor, generator: Generator, *, probability: float) -> Tensor:
    """Each number is replaced with this probability by one drawn uniformly from [0, 1).

    Args:
        images: (N, C, H, W) in [0, 1], or of any shape; they are left as they are.
        generator: on the images' device.
        probability: of being replaced, in [0, 1].

    Raises:
        ValueError: ``images`` is no tensor, ``generator`` none of torch's, or ``probability`` lies
            outside.
    """
    _check(images, generator)
    number("probability", probability, 0, 1)
    hit = _uniform(images, generator) < probability
    return torch.where(hit, _uniform(images, generator), images)


def salt_and_pepper(images: Tensor, generator: Generator, *, probability: float) -> Tensor:
    """Each number is replaced with this probability: by 0 or by 1, equally often.

    The arguments and errors are those of ``uniform_impulses``. Gonzalez and Woods, "Digital Image
    Processing", chapter 5.
    """
    _check(images, generator)
    number("probability", probability, 0, 1)
    drawn = _uniform(images, generator)
    peppered = torch.where(drawn < probability / 2, 0.0, images)
    return torch.where(drawn > 1 - probability / 2, 1.0, peppered)


def gaussian_noise(images: Tensor, generator: Generator, *, deviation: float) -> Tensor:
    """A normal deviate added to each number; the result may leave [0, 1].

    Args:
        images, generator: as for ``uniform_impulses``.
        deviation: standard deviation, at least 0.

    Raises:
        ValueError: ``deviation`` is negative, or one of the others as for ``uniform_impulses``.
    """
    _check(images, generator)
    number("deviation", deviation, 0)
    drawn = torch.randn(images.shape, generator=generator, device=images.device)
    return images + deviation * drawn


def _uniform(images: Tensor, generator: Generator) -> Tensor:
    return torch.rand(images.shape, generator=generator, device=images.device)


def _check(images: Tensor, generator: Generator) -> None:
    tensor("images", images)
    if not isinstance(generator, Generator):
        raise ValueError(f"generator={generator!r}: expected a torch.Generator")
