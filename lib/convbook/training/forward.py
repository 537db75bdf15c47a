"""A batch's way through a network: in bfloat16 if asked for, on CUDA as one captured graph."""

import copy
from collections.abc import Callable
from typing import Literal, cast

import torch
from torch import Tensor, nn

Precision = Literal["float32", "bfloat16"]


class MixedPrecision(nn.Module):
    """``model`` with its convolutions and products in ``precision``; the output is float32.

    Weights stay in float32, and so do their updates (Micikevicius et al. 2017, arXiv 1710.03740;
    bfloat16 has float32's range, so that the loss needs no scaling).
    """

    def __init__(self, model: nn.Module, precision: Precision, device: torch.device):
        super().__init__()
        self.model, self.mixed, self.kind = model, precision == "bfloat16", device.type

    def forward(self, x: Tensor) -> Tensor:
        # A captured graph must not keep a cast weight, which is good for one step only.
        with torch.autocast(self.kind, torch.bfloat16, enabled=self.mixed, cache_enabled=False):
            return self.model(x).float()


def captured(model: nn.Module, sample: Tensor) -> Callable[[Tensor], Tensor]:
    """``model`` with its forward and its backward pass as one CUDA graph each, for batches of
    ``sample``'s shape; a batch of another shape goes through it layer by layer.

    Where a layer cannot be captured, a notice says so, and every batch goes layer by layer.
    """
    try:  # a shallow copy, since the capture replaces the forward method of what it is given, and
        # a sample of its own, since every batch is written into it
        with torch.cuda.device(sample.device):
            graphed = torch.cuda.make_graphed_callables(copy.copy(model), (sample.clone(),))
    except RuntimeError as reason:
        print(f"NOTICE: not captured as a CUDA graph, so slower: {reason}")
        return model
    fast = cast(nn.Module, graphed)
    return lambda batch: (fast if batch.shape == sample.shape else model)(batch)
