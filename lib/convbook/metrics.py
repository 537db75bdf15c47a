"""How far apart two sets of images are."""

import math
from itertools import product

import numpy as np
import torch
from scipy.fft import dctn
from torch import Tensor

from convbook.arguments import tensor, whole_number


def mse(output: Tensor, target: Tensor) -> float:
    """The mean squared error over all images and pixels, in squared units of the pixel values.

    >>> mse(torch.tensor([0.5, 1.0]), torch.tensor([0.0, 1.0]))
    0.125

    Raises:
        ValueError: one is no tensor or empty, or the two shapes differ.
    """
    _check_pair(output, target)
    difference = output.detach().cpu().double() - target.detach().cpu().double()
    return difference.pow(2).mean().item()


def entropy(counts: Tensor) -> float:
    """The entropy in bits of the distribution that ``counts`` (of any shape, not negative)
    describe.

    Shannon 1948, doi 10.1002/j.1538-7305.1948.tb01338.x.

    >>> entropy(torch.tensor([5, 5, 5, 5]))
    2.0

    Raises:
        ValueError: ``counts`` is no tensor, a count is negative or not finite, or none is positive.
    """
    counts = tensor("counts", counts).detach().flatten().cpu().double()
    if not ((counts >= 0).all() and 0 < counts.sum() < math.inf):
        raise ValueError("counts: expected numbers of at least zero, one of them positive")
    return torch.special.entr(counts / counts.sum()).sum().item() / math.log(2)


def error_spectrum(output: Tensor, target: Tensor) -> Tensor:
    """The mean squared error by spatial frequency: (N, C, n, n) twice to (n // 2 + 1,).

    Entry k is the part of the error whose waves fit more than k - 1 and up to k times across the
    image; those above n // 2, which only slanted waves can be, count with the last. The waves are
    cosines (the DCT of JPEG, Ahmed et al. 1974, doi 10.1109/T-C.1974.223784), so that the borders
    of an image do not count as edges. The entries add up to ``mse`` (Parseval's theorem).

    Raises:
        ValueError: one is no tensor or empty, the two shapes differ, or are not square images.
    """
    _check_pair(output, target)
    if output.dim() != 4 or output.shape[2] != output.shape[3]:
        raise ValueError(f"output, target: expected (N, C, n, n), not {tuple(output.shape)}")
    size = output.shape[3]
    difference = (output.detach().cpu() - target.detach().cpu()).double().numpy()
    power = np.square(dctn(difference, axes=(2, 3), norm="ortho")).mean((0, 1))  # (n, n)
    times = torch.arange(size) / 2  # a cosine of the DCT has k / 2 periods
    across = torch.hypot(times[:, None], times[None]).ceil().long().clamp(max=size // 2)
    spectrum = torch.zeros(size // 2 + 1, dtype=torch.float64)
    return spectrum.index_add(0, across.flatten(), torch.from_numpy(power).flatten()) / size**2


def checkerboard(images: Tensor, stride: int) -> float:
    """How much a pattern that repeats every ``stride`` pixels stands out: 1 if not at all.

    A pattern of that period has its energy at few frequencies, the multiples of n / stride in both
    directions. The energy there is divided by the mean energy on the ring of frequencies two steps
    away. White noise has 1. A pattern of amplitude a, such as a cos(2π i / stride) along the rows,
    adds a constant times a² (``tests/test_measures.py``).

    Args:
        images: (N, C, n, n), cut to a multiple of ``stride``. Each loses its mean, and fades out
            towards its borders (a Hann window), so that they do not count as edges.

    Raises:
        ValueError: ``images`` is no tensor or not square, or ``stride`` is below 2 or above a sixth
            of n.
    """
    if tensor("images", images).dim() != 4 or images.shape[2] != images.shape[3]:
        raise ValueError(f"images: expected (N, C, n, n), not {tuple(images.shape)}")
    whole_number("stride", stride, 2, images.shape[3] // 6)
    size = images.shape[3] // stride * stride
    cut = images[..., :size, :size].detach().cpu().double()
    fade = torch.hann_window(size, dtype=torch.float64)
    faded = (cut - cut.mean((2, 3), keepdim=True)) * torch.outer(fade, fade)
    energy = torch.fft.fft2(faded).abs().square().mean((0, 1))  # (size, size)
    near = [(i, j) for i, j in product(range(-2, 3), repeat=2) if max(abs(i), abs(j)) == 2]
    ring = torch.stack([energy.roll(step, (0, 1)) for step in near]).mean(0)
    at = slice(None, None, size // stride)
    return ((energy[at, at].sum() - energy[0, 0]) / (ring[at, at].sum() - ring[0, 0])).item()


def _check_pair(output: Tensor, target: Tensor) -> None:
    if tensor("target", target).numel() == 0:
        raise ValueError(f"target: expected at least one number, not {tuple(target.shape)}")
    if tensor("output", output).shape != target.shape:
        raise ValueError(f"output: expected {tuple(target.shape)}, not {tuple(output.shape)}")
