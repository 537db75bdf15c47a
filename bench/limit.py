"""The least time that a training step can take on this machine, bound by arithmetic or by memory.

Both speeds are measured, once a run. What is counted is what no training can do without; calling
the operations, which keeps small networks waiting, is not.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

from convbook import settings
from convbook.training.forward import MixedPrecision, Precision

SIDE, BYTES = 2048, 2**28  # of the matrices multiplied, and of the memory copied
WEIGHT_PASSES = 8  # weights, gradients and Adam's two averages are each read and written


@dataclass(frozen=True)
class Limit:
    seconds: float
    bound_by: str  # arithmetic or memory


def of_step(model: nn.Module, batch: Tensor, precision: Precision = "float32") -> Limit:
    """The larger of a step's arithmetic and its memory traffic, each at this machine's speed.

    Arithmetic is that of forward and backward pass. Memory traffic is that of the weights, their
    gradients and Adam's averages, and of the batch and the activations kept for the backward pass,
    written once and read once.
    """
    device = settings.device()
    kept: dict[int, int] = {}  # bytes of what is saved, by its address
    forward = MixedPrecision(model.to(device), precision, device)
    weights = {parameter.data_ptr() for parameter in model.parameters()}

    def keep(saved: Tensor) -> Tensor:
        if saved.data_ptr() not in weights:
            kept[saved.data_ptr()] = max(saved.nbytes, kept.get(saved.data_ptr(), 0))
        return saved

    batch = batch.to(device)
    with FlopCounterMode(display=False) as counter, saved_tensors_hooks(keep, lambda saved: saved):
        F.mse_loss(forward(batch), batch).backward()
    weight_bytes = sum(parameter.nbytes for parameter in model.parameters())
    seconds = {
        "arithmetic": counter.get_total_flops() / product_speed(precision),
        "memory": (WEIGHT_PASSES * weight_bytes + 2 * sum(kept.values())) / copy_speed(),
    }
    bound_by = max(seconds, key=seconds.__getitem__)
    return Limit(seconds[bound_by], bound_by)


@cache
def product_speed(precision: Precision) -> float:
    """Operations a second in a product of large matrices, in the precision of the training."""
    matrix = torch.randn(SIDE, SIDE, device=settings.device(), dtype=getattr(torch, precision))
    return 2 * SIDE**3 / _shortest(lambda: matrix @ matrix)


@cache
def copy_speed() -> float:
    """Bytes a second, read and written, in a copy too large for any cache."""
    source = torch.ones(BYTES, dtype=torch.uint8, device=settings.device())
    target = torch.zeros_like(source)
    return 2 * BYTES / _shortest(lambda: target.copy_(source))


def _shortest(work: Callable[[], Tensor], repeats: int = 10) -> float:
    """Seconds; the first time is thrown away, and each waits for the device."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        work().flatten()[0].item()
        times.append(time.perf_counter() - start)
    return min(times[1:])
