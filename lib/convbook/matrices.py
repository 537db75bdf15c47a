"""A convolution is a matrix. This module writes it down, entry by entry.

Chapter 1 derives it. For an input of ``size`` cells, kernel tap t of a one-dimensional convolution
picks, for output position o, the input cell o * stride - padding + t * dilation. That picking is a
0/1 matrix S_t, and the whole convolution is C = sum over taps of w_t S_t. In more dimensions the
picking matrices multiply as Kronecker products, and channels add one more factor:

    C = sum over taps (t, u) of W[:, :, t, u] ⊗ S_t ⊗ S_u

The transposed convolution is, entry for entry, Cᵀ (Dumoulin and Visin, arXiv 1603.07285, section
4).
"""

from collections.abc import Sequence
from itertools import product

import numpy as np
import torch
from torch import Tensor

from convbook.arguments import tensor, whole_number
from convbook.sizes import conv_size, conv_transpose_size

PerDimension = int | Sequence[int]


def conv_matrix(
    weight: Tensor,
    size: PerDimension,
    stride: PerDimension = 1,
    padding: PerDimension = 0,
    dilation: PerDimension = 1,
    groups: int = 1,
) -> Tensor:
    """The matrix C with ``C @ x.flatten()`` equal to the convolution of x, flattened.

    >>> conv_matrix(torch.tensor([[[1, 2]]]), size=4)
    tensor([[1, 2, 0, 0],
            [0, 1, 2, 0],
            [0, 0, 1, 2]])

    Args:
        weight: (C_out, C_in / groups, K_1, …, K_D), as in ``torch.nn.functional.conv1d`` and
            ``conv2d``.
        size: the input's spatial size, in cells: one number, or one per dimension.
        stride, padding, dilation: one number, or one per dimension.
        groups: into how many independent parts the channels fall.

    Returns:
        (C_out · O_1 · … · O_D, C_in · N_1 · … · N_D), with the dtype and device of ``weight``.

    Raises:
        ValueError: sizes that ``conv_size`` refuses, or channels that ``groups`` does not divide.
    """
    dimensions = _spatial_dimensions(weight)
    check_groups(weight, groups)
    geometry = per_dimension(
        dimensions, size=size, stride=stride, padding=padding, dilation=dilation
    )
    kernel = weight.shape[2:]
    outputs = [conv_size(n, k, s, p, d) for k, (n, s, p, d) in zip(kernel, geometry, strict=True)]
    return _sum_over_taps(weight, geometry, outputs, groups)


def conv_transpose_matrix(
    weight: Tensor,
    size: PerDimension,
    stride: PerDimension = 1,
    padding: PerDimension = 0,
    output_padding: PerDimension = 0,
    dilation: PerDimension = 1,
    groups: int = 1,
) -> Tensor:
    """The matrix Cᵀ with ``Cᵀ @ y.flatten()`` equal to the transposed convolution of y, flattened.

    C is the convolution that leads back from the output to ``size``. Where ``output_padding`` is
    at least ``stride`` (PyTorch allows that when ``dilation`` is larger), that convolution could
    take more positions than y has cells, and C is its first rows alone.

    >>> conv_transpose_matrix(torch.tensor([[[1, 2]]]), size=2, stride=2)
    tensor([[1, 0],
            [2, 0],
            [0, 1],
            [0, 2]])

    Args:
        weight: (C_in, C_out / groups, K_1, …, K_D), as in
            ``torch.nn.functional.conv_transpose2d``: read as the weight of the convolution on the
            way back, its first axis is that convolution's output.
        size: the spatial size of y, in cells: one number, or one per dimension.

    Returns:
        (C_out · O_1 · … · O_D, C_in · N_1 · … · N_D), with the dtype and device of ``weight``.

    Raises:
        ValueError: sizes that ``conv_transpose_size`` refuses, or channels that ``groups`` does
            not divide.
    """
    dimensions = _spatial_dimensions(weight)
    check_groups(weight, groups)
    settings = per_dimension(
        dimensions,
        size=size,
        stride=stride,
        padding=padding,
        output_padding=output_padding,
        dilation=dilation,
    )
    kernel = weight.shape[2:]
    geometry = [
        (conv_transpose_size(n, k, s, p, extra, d), s, p, d)
        for k, (n, s, p, extra, d) in zip(kernel, settings, strict=True)
    ]
    return _sum_over_taps(weight, geometry, [n for n, *_ in settings], groups).T


def tap_matrix(
    tap: int, outputs: int, inputs: int, stride: int, padding: int, dilation: int
) -> Tensor:
    """S_t: (outputs, inputs), one where kernel tap t at output position o reads input cell i, else
    zero.
    """
    read = torch.arange(outputs) * stride - padding + tap * dilation
    return (read[:, None] == torch.arange(inputs)).float()


def per_dimension(dimensions: int, **settings: PerDimension) -> list[tuple[int, ...]]:
    """The settings regrouped: one tuple a dimension, each in the order of the keywords.

    Raises:
        ValueError: a setting has neither one number nor one per dimension.
    """
    columns = []
    for name, value in settings.items():
        values = (
            tuple(value) if isinstance(value, (tuple, list, torch.Size)) else (value,) * dimensions
        )
        if len(values) != dimensions:
            raise ValueError(f"{name}={value!r}: expected one number or {dimensions}")
        columns.append(values)
    return list(zip(*columns, strict=True))


def check_groups(weight: Tensor | np.ndarray, groups: int) -> None:
    """Check that ``groups`` divides the first axis of ``weight``."""
    groups = whole_number("groups", groups, 1)
    if weight.shape[0] % groups:
        raise ValueError(
            f"groups={groups}: expected a divisor of the weight's {weight.shape[0]} first channels"
        )


def _spatial_dimensions(weight: Tensor) -> int:
    if tensor("weight", weight).dim() < 3:
        raise ValueError(
            f"weight: expected (channels, channels, kernel, …), not {tuple(weight.shape)}"
        )
    return weight.dim() - 2


def _sum_over_taps(
    weight: Tensor, geometry: Sequence[tuple[int, ...]], outputs: list[int], groups: int
) -> Tensor:
    """Sum over kernel taps of W[:, :, t, u, …] ⊗ S_t ⊗ S_u ⊗ …."""
    by_tap = weight.movedim((0, 1), (-2, -1))  # (K_1, …, K_D, C_out, C_in)
    total = weight.new_zeros(())
    for tap in product(*map(range, weight.shape[2:])):
        block = torch.block_diag(*by_tap[tap].chunk(groups))  # (C_out, C_in)
        for t, o, (n, s, p, d) in zip(tap, outputs, geometry, strict=True):
            picks = tap_matrix(t, o, n, s, p, d).to(weight)
            block = torch.kron(block, picks)
        total = total + block
    return total
