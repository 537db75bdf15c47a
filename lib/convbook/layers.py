"""Convolution and transposed convolution in NumPy, forwards and backwards. Chapter 3 derives them.

Two maps do the work, and either is the other's transpose: ``gather`` reads a large image through
the kernel and makes a small one; ``scatter`` stamps the kernel for every cell of a small image, and
makes a large one (Dumoulin and Visin, arXiv 1603.07285, section 4). A convolution gathers on the
way forward and scatters gradients on the way back. A transposed convolution does it the other way
round, with the same two functions.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from convbook.matrices import PerDimension, check_groups, per_dimension
from convbook.sizes import conv_size, conv_transpose_size, same_padding, span

Array = NDArray[np.floating]
Padding = PerDimension | Literal["valid", "same"]


@dataclass(frozen=True)
class Axis:
    """How a large and a small image lie to one another along their rows, or their columns."""

    large: int
    small: int
    kernel: int
    stride: int
    dilation: int
    before: int  # cells of padding before the large image's first

    @property
    def canvas(self) -> int:
        """The cells that the kernel reaches, and those of the large image, all together."""
        covered = (self.small - 1) * self.stride + span(self.kernel, self.dilation)
        return max(covered, self.before + self.large)

    @property
    def inside(self) -> slice:
        """Where on the canvas the large image lies."""
        return slice(self.before, self.before + self.large)

    def cells(self, tap: int) -> slice:
        """The canvas's cells that one of the kernel's weights meets, one for each small cell."""
        first = tap * self.dilation
        return slice(first, first + (self.small - 1) * self.stride + 1, self.stride)


Axes = tuple[Axis, Axis]


def im2col(large: Array, axes: Axes) -> Array:
    """(N, C, H, W) to (N, C, K, L, H', W'): for every small cell, the large cells it reads."""
    rows, columns = axes
    canvas = np.zeros((*large.shape[:2], rows.canvas, columns.canvas), large.dtype)
    canvas[:, :, rows.inside, columns.inside] = large
    sizes = (rows.kernel, columns.kernel, rows.small, columns.small)
    read = np.empty((*large.shape[:2], *sizes), large.dtype)
    for t, u in np.ndindex(rows.kernel, columns.kernel):
        read[:, :, t, u] = canvas[:, :, rows.cells(t), columns.cells(u)]
    return read


def col2im(stamps: Array, axes: Axes) -> Array:
    """(N, C, K, L, H', W') to (N, C, H, W): the transpose of ``im2col``, which adds up overlaps."""
    rows, columns = axes
    canvas = np.zeros((*stamps.shape[:2], rows.canvas, columns.canvas), stamps.dtype)
    for t, u in np.ndindex(rows.kernel, columns.kernel):
        canvas[:, :, rows.cells(t), columns.cells(u)] += stamps[:, :, t, u]
    return canvas[:, :, rows.inside, columns.inside]


def gather(large: Array, weight: Array, axes: Axes, groups: int = 1) -> Array:
    """(N, C, H, W) to (N, O, H', W'): every small cell adds up the large ones that it reads.

    Args:
        weight: (O, C / groups, K, L).
    """
    small = _matrices(weight, groups) @ _columns(im2col(large, axes), groups)
    return small.reshape(len(large), len(weight), *(axis.small for axis in axes))


def scatter(small: Array, weight: Array, axes: Axes, groups: int = 1) -> Array:
    """(N, O, H', W') to (N, C, H, W): every small cell stamps the kernel on the large image."""
    stamps = _matrices(weight, groups).swapaxes(1, 2) @ _columns(small, groups)
    channels = weight.shape[1] * groups
    return col2im(stamps.reshape(-1, channels, *weight.shape[2:], *small.shape[2:]), axes)


def weight_gradient(small: Array, large: Array, axes: Axes, groups: int = 1) -> Array:
    """(O, C / groups, K, L): every small cell times the large ones that it meets, added up."""
    read = _columns(im2col(large, axes), groups).swapaxes(2, 3)
    products = (_columns(small, groups) @ read).sum(0)  # (groups, O / groups, C / groups · K · L)
    return products.reshape(small.shape[1], -1, *(axis.kernel for axis in axes))


def _matrices(weight: Array, groups: int) -> Array:
    """(O, C / groups, K, L) to (groups, O / groups, C / groups · K · L)."""
    return weight.reshape(groups, len(weight) // groups, -1)


def _columns(images: Array, groups: int) -> Array:
    """(N, C, …, H', W') to (N, groups, C / groups · …, H' · W')."""
    return images.reshape(len(images), groups, -1, images.shape[-2] * images.shape[-1])


class _Layer:
    """What the two layers have in common: weights, settings and gradients.

    Args:
        weight: (O, C / groups, K, L): see the layers.
        bias: one number for each channel of the output, or none.
        stride, dilation: one whole number, or one each for rows and columns.
        padding: cells, one number or two; or Keras's words ``valid`` and ``same``, the odd cell of
            which comes after the image.
        groups: into how many independent parts the channels fall.

    Attributes:
        gradients: what ``backward`` finds for ``weight`` and, if there is one, ``bias``.

    Raises:
        ValueError: an argument is of another kind, shape or range.
    """

    def __init__(
        self,
        weight: Array,
        bias: Array | None = None,
        stride: PerDimension = 1,
        padding: Padding = 0,
        dilation: PerDimension = 1,
        groups: int = 1,
    ):
        _check_array("weight", weight, 4)
        check_groups(weight, groups)
        self.weight, self.bias, self.groups = weight, bias, groups
        if bias is not None:
            _check_array("bias", bias, 1)
            if len(bias) != self.output_channels:
                raise ValueError(f"bias: expected {self.output_channels} numbers, not {len(bias)}")
        self.word = padding if isinstance(padding, str) else ""
        if self.word not in ("", "valid", "same"):
            raise ValueError(f"padding={padding!r}: expected whole numbers, 'valid' or 'same'")
        cells = 0 if isinstance(padding, str) else padding
        self.settings = per_dimension(2, stride=stride, padding=cells, dilation=dilation)
        self.gradients: dict[str, Array] = {}
        self._seen: tuple[Array, Axes] | None = None

    @property
    def output_channels(self) -> int:
        return self.weight.shape[0]

    def _check_input(self, x: Array, channels: int) -> None:
        _check_array("x", x, 4)
        if x.shape[1] != channels:
            raise ValueError(f"x: expected (N, {channels}, H, W), not {x.shape}")

    def _with_bias(self, output: Array) -> Array:
        return output if self.bias is None else output + self.bias[:, None, None]

    def _recall(self, gradient: Array, small: bool) -> tuple[Array, Axes]:
        """What the last ``forward`` saw; the gradient has to fit its output."""
        if self._seen is None:
            raise ValueError("gradient: expected a call of forward before backward")
        x, axes = self._seen
        sizes = (axis.small if small else axis.large for axis in axes)
        _check_array("gradient", gradient, 4)
        if gradient.shape != (expected := (len(x), self.output_channels, *sizes)):
            raise ValueError(f"gradient: expected {expected}, not {gradient.shape}")
        if self.bias is not None:
            self.gradients["bias"] = gradient.sum((0, 2, 3))
        return x, axes


class Conv2d(_Layer):
    """``torch.nn.Conv2d`` in NumPy. Its weight is (C_out, C_in / groups, K, L).

    >>> layer = Conv2d(np.ones((16, 1, 3, 3)), stride=2, padding="same")
    >>> layer.forward(np.zeros((8, 1, 28, 28))).shape
    (8, 16, 14, 14)
    """

    def forward(self, x: Array) -> Array:
        """(N, C_in, H, W) to (N, C_out, H', W')."""
        self._check_input(x, self.weight.shape[1] * self.groups)
        sizes = zip(x.shape[2:], self.weight.shape[2:], self.settings, strict=True)
        rows, columns = (self._axis(size, kernel, *rest) for size, kernel, rest in sizes)
        self._seen = x, (rows, columns)
        return self._with_bias(gather(x, self.weight, (rows, columns), self.groups))

    def backward(self, gradient: Array) -> Array:
        """The loss's gradient at the output, (N, C_out, H', W'), to that at the input."""
        x, axes = self._recall(gradient, small=True)
        self.gradients["weight"] = weight_gradient(gradient, x, axes, self.groups)
        return scatter(gradient, self.weight, axes, self.groups)

    def _axis(self, size: int, kernel: int, stride: int, padding: int, dilation: int) -> Axis:
        before, after = padding, padding
        if self.word == "same":
            before, after = same_padding(size, kernel, stride, dilation)
        small = conv_size(size + before + after, kernel, stride, 0, dilation)
        return Axis(size, small, kernel, stride, dilation, before)


class ConvTranspose2d(_Layer):
    """``torch.nn.ConvTranspose2d`` in NumPy. Its weight is (C_in, C_out / groups, K, L).

    Args:
        output_padding: which of the possible sizes the output has; not with a word for padding.
    """

    def __init__(
        self,
        weight: Array,
        bias: Array | None = None,
        stride: PerDimension = 1,
        padding: Padding = 0,
        output_padding: PerDimension = 0,
        dilation: PerDimension = 1,
        groups: int = 1,
    ):
        super().__init__(weight, bias, stride, padding, dilation, groups)
        self.extra = per_dimension(2, output_padding=output_padding)
        if self.word and any(map(any, self.extra)):
            raise ValueError(f"output_padding={output_padding}: expected 0 with {self.word!r}")

    @property
    def output_channels(self) -> int:
        return self.weight.shape[1] * self.groups

    def forward(self, x: Array) -> Array:
        """(N, C_in, H, W) to (N, C_out, H', W')."""
        self._check_input(x, self.weight.shape[0])
        sizes = zip(x.shape[2:], self.weight.shape[2:], self.settings, self.extra, strict=True)
        rows, columns = (self._axis(size, kernel, *s, *e) for size, kernel, s, e in sizes)
        self._seen = x, (rows, columns)
        return self._with_bias(scatter(x, self.weight, (rows, columns), self.groups))

    def backward(self, gradient: Array) -> Array:
        """The loss's gradient at the output, (N, C_out, H', W'), to that at the input."""
        x, axes = self._recall(gradient, small=False)
        self.gradients["weight"] = weight_gradient(x, gradient, axes, self.groups)
        return gather(gradient, self.weight, axes, self.groups)

    def _axis(
        self, size: int, kernel: int, stride: int, padding: int, dilation: int, extra: int
    ) -> Axis:
        large = conv_transpose_size(size, kernel, stride, padding, extra, dilation)
        if self.word == "valid":
            large = max(large, size * stride)  # Keras fills up holes at the end
        if self.word == "same":
            large = size * stride
            padding, _ = same_padding(large, kernel, stride, dilation)
        return Axis(large, size, kernel, stride, dilation, padding)


def _check_array(name: str, array: object, axes: int) -> None:
    if not isinstance(array, np.ndarray) or not np.issubdtype(array.dtype, np.floating):
        kind = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise ValueError(f"{name}: expected a NumPy array of floating-point numbers, not {kind}")
    if array.ndim != axes or 0 in array.shape:
        raise ValueError(f"{name}: expected {axes} axes, none of them empty, not {array.shape}")
