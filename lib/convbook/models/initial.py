"""The first weights, from a seed."""

from collections.abc import Callable

import torch
from torch import nn

from convbook.arguments import LARGEST_SEED, whole_number


def initialised(make: Callable[[], nn.Module], seed: int) -> nn.Module:
    """``make()`` with its first weights drawn from ``seed``; the global generator is left as it
    was.

    Raises:
        ValueError: ``seed`` is no whole number from 0 to 2⁶³ - 1.
    """
    seed = whole_number("seed", seed, 0, LARGEST_SEED)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would reach other devices too
        return make()
