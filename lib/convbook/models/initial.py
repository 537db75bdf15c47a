"""The first weights, from a seed."""

from collections.abc import Callable

import torch
from torch import nn


def initialised(make: Callable[[], nn.Module], seed: int) -> nn.Module:
    """``make()`` with its first weights drawn from ``seed``; the global generator is left as it
    was.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would reach other devices too
        return make()
