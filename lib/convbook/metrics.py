"""How far apart two sets of images are."""

import math

import torch
from torch import Tensor


def mse(output: Tensor, target: Tensor) -> float:
    """The mean squared error over all images and pixels, in squared units of the pixel values.

    Raises:
        ValueError: the two shapes differ.
    """
    if output.shape != target.shape:
        raise ValueError(f"output: expected {tuple(target.shape)}, not {tuple(output.shape)}")
    difference = output.detach().cpu().double() - target.detach().cpu().double()
    return difference.pow(2).mean().item()


def psnr(output: Tensor, target: Tensor, peak: float = 1.0) -> float:
    """The peak signal-to-noise ratio in decibels, 10 log10(peak² / MSE); infinite where both are
    equal.

    Raises:
        ValueError: the two shapes differ, or ``peak`` is not positive.
    """
    if not peak > 0:
        raise ValueError(f"peak={peak}: expected a positive number")
    error = torch.tensor(mse(output, target), dtype=torch.float64)
    return (10 * torch.log10(peak**2 / error)).item()


def entropy(counts: Tensor) -> float:
    """The entropy in bits of the distribution that ``counts`` (of any shape, not negative)
    describe.

    Shannon 1948, doi 10.1002/j.1538-7305.1948.tb01338.x.

    Raises:
        ValueError: a count is negative, or none is positive.
    """
    counts = counts.flatten().cpu().double()
    if (counts < 0).any() or counts.sum() == 0:
        raise ValueError("counts: expected numbers of at least zero, one of them positive")
    return torch.special.entr(counts / counts.sum()).sum().item() / math.log(2)
