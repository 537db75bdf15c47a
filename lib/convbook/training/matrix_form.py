"""Short 1-d convolutions as one matrix product each, which is what a batch of networks wants.

Over a batch of networks, every network with weights of its own, a convolution turns into one of as
many groups, for which CPU libraries have no fast path. A product with the convolution's matrix
(chapter 1) turns into a batched product, which they have.
"""

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from convbook.matrices import tap_matrix
from convbook.sizes import conv_size, conv_transpose_size

LONGEST = 64  # cells: the matrix of a longer signal is mostly zeros, and slower than the layer


class ConvolutionsAsMatrices(TorchFunctionMode):
    """Within this context ``conv1d`` and ``conv_transpose1d`` of short signals are products."""

    def __torch_function__(
        self, function: Callable, types: tuple, args: tuple = (), kwargs: dict | None = None
    ) -> object:
        if function in OURS and _as_layers_call_it(args, kwargs) and args[0].shape[-1] <= LONGEST:
            return OURS[function](*args)
        return function(*args, **(kwargs or {}))


def _as_layers_call_it(args: tuple, kwargs: dict | None) -> bool:
    """All by position and in tuples; ``padding="same"``, groups and others are left to torch."""
    in_tuples = all(isinstance(part, tuple) for part in args[3:6])
    return not kwargs and in_tuples and args[6:7] in ((), (1,))


def conv1d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: tuple[int] = (1,),
    padding: tuple[int] = (0,),
    dilation: tuple[int] = (1,),
    groups: int = 1,
) -> Tensor:
    """``F.conv1d`` with its own parameters: (N, in, length) to (N, out, positions)."""
    length = x.shape[2]
    positions = conv_size(length, weight.shape[2], stride[0], padding[0], dilation[0])
    matrix = _matrix(weight, length, positions, stride[0], padding[0], dilation[0])
    return _biased((x.flatten(1) @ matrix).unflatten(1, (-1, positions)), bias)


def conv_transpose1d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: tuple[int] = (1,),
    padding: tuple[int] = (0,),
    output_padding: tuple[int] = (0,),
    groups: int = 1,
    dilation: tuple[int] = (1,),
) -> Tensor:
    """``F.conv_transpose1d``: the transpose of the same matrix, (N, in, positions) to
    (N, out, length).
    """
    positions = x.shape[2]
    geometry = (stride[0], padding[0], output_padding[0], dilation[0])
    length = conv_transpose_size(positions, weight.shape[2], *geometry)
    matrix = _matrix(weight, length, positions, stride[0], padding[0], dilation[0])
    return _biased((x.flatten(1) @ matrix.T).unflatten(1, (-1, length)), bias)


def _matrix(
    weight: Tensor, length: int, positions: int, stride: int, padding: int, dilation: int
) -> Tensor:
    """(out, in, k) to (in · length, out · positions): each weight wherever the kernel puts it."""
    if length == weight.shape[2] and (positions, padding, dilation) == (1, 0, 1):
        return weight.flatten(1).T  # a kernel as long as the signal is its own matrix
    geometry = (length, positions, weight.shape[2], stride, padding, dilation)
    placed = weight.flatten(0, 1) @ _places(*geometry, weight.dtype, weight.device)
    placed = placed.view(*weight.shape[:2], positions, length)
    return placed.permute(1, 3, 0, 2).flatten(2).flatten(0, 1)


@cache  # so that a traced step finds them ready
def _places(
    length: int,
    positions: int,
    kernel_size: int,
    stride: int,
    padding: int,
    dilation: int,
    dtype: torch.dtype,
    device: torch.device,
) -> Tensor:
    """Chapter 1's picking matrices, a row for each tap: (kernel_size, positions · length)."""
    taps = [
        tap_matrix(tap, positions, length, stride, padding, dilation) for tap in range(kernel_size)
    ]
    return torch.stack(taps).flatten(1).to(device, dtype)


def _biased(output: Tensor, bias: Tensor | None) -> Tensor:
    return output if bias is None else output + bias[:, None]


OURS: dict[Callable, Callable] = {torch.conv1d: conv1d, torch.conv_transpose1d: conv_transpose1d}
