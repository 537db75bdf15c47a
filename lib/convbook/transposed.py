"""One operator, five implementations: the transposed convolution of a batch of images.

Chapter 1 derives each of them. All five take torch's arguments and return the same numbers:

    >>> y, weight = torch.tensor([[[[1.0, 10.0]]]]), torch.tensor([[[[1.0, 2.0]]]])
    >>> [way(y, weight, stride=(1, 1)).tolist() for way in (by_scatter, by_matrix)]
    [[[[[1.0, 12.0, 20.0]]]], [[[[1.0, 12.0, 20.0]]]]]

Args:
    y: (N, C_in, H, W).
    weight: (C_in, C_out / groups, K, L), the layout of ``torch.nn.functional.conv_transpose2d``.
    stride, padding, output_padding, dilation: one whole number, or one per dimension.
    groups: into how many independent parts the channels fall.

Returns:
    (N, C_out, H', W'), with H' and W' from ``sizes.conv_transpose_size``.

Raises:
    ValueError: y and weight are not tensors of one floating-point type, channels of y, weight and
        groups do not match, or ``conv_transpose_size`` refuses the sizes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor

from convbook.arguments import tensor
from convbook.matrices import PerDimension, check_groups, conv_transpose_matrix, per_dimension
from convbook.sizes import conv_transpose_size, span, taps


@dataclass(frozen=True)
class Geometry:
    """The checked settings of one transposed convolution, in pairs: rows, then columns."""

    stride: tuple[int, int]
    padding: tuple[int, int]
    output_padding: tuple[int, int]
    dilation: tuple[int, int]
    output: tuple[int, int]
    groups: int


def _with_torchs_arguments(
    way: Callable[[Tensor, Tensor, Geometry], Tensor],
) -> Callable[..., Tensor]:
    """Give an implementation the arguments of ``conv_transpose2d``, checked in one place."""

    def checked(
        y: Tensor,
        weight: Tensor,
        stride: PerDimension = 1,
        padding: PerDimension = 0,
        output_padding: PerDimension = 0,
        dilation: PerDimension = 1,
        groups: int = 1,
    ) -> Tensor:
        if not tensor("y", y).is_floating_point():
            raise ValueError(f"y: expected floating-point numbers, not {y.dtype}")
        tensor("weight", weight, y.dtype)
        if y.dim() != 4 or weight.dim() != 4:
            shapes = f"{tuple(y.shape)} and {tuple(weight.shape)}"
            raise ValueError(f"y, weight: expected four axes each, not {shapes}")
        check_groups(weight, groups)
        if y.shape[1] != weight.shape[0]:
            expected = f"expected {weight.shape[0]}, the weight's first axis"
            raise ValueError(f"y: it has {y.shape[1]} channels; {expected}")
        rows, columns = per_dimension(
            2, stride=stride, padding=padding, output_padding=output_padding, dilation=dilation
        )
        height, width = (
            conv_transpose_size(n, k, s, p, extra, d)
            for n, k, (s, p, extra, d) in zip(
                y.shape[2:], weight.shape[2:], (rows, columns), strict=True
            )
        )
        stride, padding, output_padding, dilation = zip(rows, columns, strict=True)
        shape = Geometry(stride, padding, output_padding, dilation, (height, width), groups)
        return way(y, weight, shape)

    checked.__name__, checked.__doc__ = way.__name__, way.__doc__
    return checked


@_with_torchs_arguments
def by_scatter(y: Tensor, weight: Tensor, shape: Geometry) -> Tensor:
    """Stamp the kernel, times each cell of y, onto a canvas; add where stamps overlap; crop."""
    batch, _, height, width = y.shape
    rows, columns = (n + 2 * p for n, p in zip(shape.output, shape.padding, strict=True))
    canvas = y.new_zeros(batch, weight.shape[1] * shape.groups, rows, columns)
    for i, j in product(range(height), range(width)):
        stamp = _mix_channels(y[:, :, i, j], weight, shape.groups)  # (N, C_out, K, L)
        covered = (
            enumerate(taps(position, k, s, dilation=d))
            for position, k, s, d in zip(
                (i, j), weight.shape[2:], shape.stride, shape.dilation, strict=True
            )
        )
        for (t, row), (u, column) in product(*covered):
            canvas[:, :, row, column] += stamp[:, :, t, u]
    return _crop(canvas, shape)


@_with_torchs_arguments
def by_matrix(y: Tensor, weight: Tensor, shape: Geometry) -> Tensor:
    """Multiply by the transposed matrix of the convolution that leads back."""
    settings = (shape.stride, shape.padding, shape.output_padding, shape.dilation, shape.groups)
    matrix = conv_transpose_matrix(weight, y.shape[2:], *settings)
    return (y.flatten(1) @ matrix.T).unflatten(1, (-1, *shape.output))


@_with_torchs_arguments
def by_zero_insertion(y: Tensor, weight: Tensor, shape: Geometry) -> Tensor:
    """Put stride - 1 zeros between the cells of y, pad, and convolve with the flipped kernel."""
    rows, columns = ((n - 1) * s + 1 for n, s in zip(y.shape[2:], shape.stride, strict=True))
    spread = y.new_zeros(*y.shape[:2], rows, columns)
    spread[:, :, :: shape.stride[0], :: shape.stride[1]] = y
    flipped = weight.flip(2, 3).unflatten(0, (shape.groups, -1)).transpose(1, 2).flatten(0, 1)
    margins: list[int] = []
    for axis in (1, 0):  # F.pad wants the last dimension first; a negative margin crops
        before = span(weight.shape[2 + axis], shape.dilation[axis]) - 1 - shape.padding[axis]
        margins += [before, before + shape.output_padding[axis]]
    return F.conv2d(F.pad(spread, margins), flipped, dilation=shape.dilation, groups=shape.groups)


@_with_torchs_arguments
def by_autograd(y: Tensor, weight: Tensor, shape: Geometry) -> Tensor:
    """The gradient of the convolution that leads back, with y as the gradient at its output."""
    height, width = y.shape[2:]
    channels = weight.shape[1] * shape.groups
    x = y.new_zeros(y.shape[0], channels, *shape.output, requires_grad=True)
    settings = (shape.stride, shape.padding, shape.dilation, shape.groups)
    with torch.enable_grad():
        back = F.conv2d(x, weight.detach(), None, *settings)
        (gradient,) = torch.autograd.grad(back[:, :, :height, :width], x, y)
    return gradient


@_with_torchs_arguments
def by_col2im(y: Tensor, weight: Tensor, shape: Geometry) -> Tensor:
    """One matrix product makes all stamps as columns; ``F.fold`` (col2im) adds them in place."""
    cells = y.flatten(2).unflatten(1, (shape.groups, -1))  # (N, groups, C_in / groups, H · W)
    kernels = weight.flatten(1).unflatten(0, (shape.groups, -1))  # (groups, C_in / groups, stamp)
    columns = torch.einsum("ngcp,gck->ngkp", cells, kernels).flatten(1, 2)
    # fold counts positions by the convolution's formula: give it what y's stamps need, no more
    geometry = zip(y.shape[2:], weight.shape[2:], shape.stride, shape.dilation, strict=True)
    needed = tuple(conv_transpose_size(n, k, s, dilation=d) for n, k, s, d in geometry)
    canvas = F.fold(columns, needed, weight.shape[2:], shape.dilation, 0, shape.stride)
    extra_rows, extra_columns = shape.output_padding
    return _crop(F.pad(canvas, (0, extra_columns, 0, extra_rows)), shape)


FIVE_WAYS = (by_scatter, by_matrix, by_zero_insertion, by_autograd, by_col2im)


def _mix_channels(cells: Tensor, weight: Tensor, groups: int) -> Tensor:
    """(N, C_in) times (C_in, C_out / groups, K, L), group by group: (N, C_out, K, L)."""
    cells = cells.unflatten(1, (groups, -1))
    kernels = weight.unflatten(0, (groups, -1))
    return torch.einsum("ngc,gcokl->ngokl", cells, kernels).flatten(1, 2)


def _crop(canvas: Tensor, shape: Geometry) -> Tensor:
    (top, left), (height, width) = shape.padding, shape.output
    return canvas[:, :, top : top + height, left : left + width]
