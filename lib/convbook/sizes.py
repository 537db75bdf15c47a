"""How big is the output? The arithmetic of convolutions and transposed convolutions.

Every function here speaks of one spatial dimension; an image needs it twice. The formulas are
those of Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (arXiv
1603.07285), with dilation and ``output_padding`` as PyTorch defines them. Chapter 2 derives each
of them.
"""

from convbook.arguments import whole_number


def conv_size(
    size: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1
) -> int:
    """The number of positions a kernel can take: floor((n + 2p - d(k - 1) - 1) / s) + 1.

    All arguments and the result are in cells. Source: arXiv 1603.07285, relationships 6 and 15.

    >>> conv_size(28, kernel_size=3, stride=2, padding=1)
    14

    Raises:
        ValueError: an argument is no whole number or too small, or the dilated kernel does not fit
            in the padded input.
    """
    size, kernel_size, stride, padding, dilation = check_geometry(
        size, kernel_size, stride, padding, dilation
    )
    padded, kernel_span = size + 2 * padding, span(kernel_size, dilation)
    if kernel_span > padded:
        raise ValueError(
            f"kernel_size={kernel_size}: with dilation={dilation} it spans {kernel_span} cells; "
            f"expected at most the padded input's {padded}"
        )
    return (padded - kernel_span) // stride + 1


def conv_transpose_size(
    size: int,
    kernel_size: int,
    stride: int = 1,
    padding: int = 0,
    output_padding: int = 0,
    dilation: int = 1,
) -> int:
    """The number of cells that the stamps of a transposed convolution cover, less the crop.

    (n - 1)s + d(k - 1) + 1 - 2p + output_padding, all in cells. Source: arXiv 1603.07285,
    relationship 14, and the documentation of ``torch.nn.ConvTranspose2d``.

    >>> conv_transpose_size(14, kernel_size=3, stride=2, padding=1)
    27

    Raises:
        ValueError: an argument is no whole number or too small, ``output_padding`` is not below
            ``max(stride, dilation)``, or cropping leaves nothing.
    """
    size, kernel_size, stride, padding, dilation = check_geometry(
        size, kernel_size, stride, padding, dilation
    )
    output_padding = check_output_padding(output_padding, stride, dilation)
    stamped = (size - 1) * stride + span(kernel_size, dilation)
    output = stamped - 2 * padding + output_padding
    if output < 1:
        raise ValueError(
            f"padding={padding}: it crops {2 * padding} of {stamped} cells; "
            "expected to leave at least one"
        )
    return output


def span(kernel_size: int, dilation: int = 1) -> int:
    """The number of cells from the kernel's first weight to its last, both included."""
    return dilation * (kernel_size - 1) + 1


def taps(
    position: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1
) -> range:
    """The input cells that a convolution reads at one output position, one for each weight.

    In a transposed convolution they are the cells that the stamp of one input cell covers. Cells
    below 0 lie in the padding.

    >>> list(taps(2, kernel_size=3, stride=2, padding=1))
    [3, 4, 5]
    """
    first = position * stride - padding
    return range(first, first + span(kernel_size, dilation), dilation)


def sizes_with_output(
    output: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1
) -> range:
    """Every input size that a convolution brings to ``output`` cells, at most ``stride`` of them.

    A transposed convolution cannot know which of them it should return to; ``output_padding`` says
    it.

    >>> list(sizes_with_output(14, kernel_size=3, stride=2, padding=1))
    [27, 28]

    Raises:
        ValueError: an argument is no whole number or too small.
    """
    whole_number("output", output, 1)
    smallest = conv_transpose_size(output, kernel_size, stride, 0, 0, dilation) - 2 * padding
    return range(max(1, smallest), max(1, smallest + stride))


def output_padding_for(
    size: int, target: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1
) -> int:
    """The ``output_padding`` that takes a transposed convolution from ``size`` to ``target``.

    >>> output_padding_for(14, target=28, kernel_size=3, stride=2, padding=1)
    1

    Raises:
        ValueError: no ``output_padding`` below ``max(stride, dilation)`` leads to ``target``.
    """
    smallest = conv_transpose_size(size, kernel_size, stride, padding, 0, dilation)
    largest = smallest + max(stride, dilation) - 1
    return whole_number("target", target, smallest, largest) - smallest


def same_padding(
    size: int, kernel_size: int, stride: int = 1, dilation: int = 1
) -> tuple[int, int]:
    """The cells that SAME adds before and after, so that the output has ceil(n / s) of them.

    The odd cell goes after the input, as in Keras and in ONNX's SAME_UPPER (SAME_LOWER swaps the
    two).

    >>> same_padding(28, kernel_size=3, stride=2)
    (0, 1)

    Raises:
        ValueError: an argument is no whole number or too small.
    """
    size, kernel_size, stride, _, dilation = check_geometry(size, kernel_size, stride, 0, dilation)
    output = -(-size // stride)
    total = max((output - 1) * stride + span(kernel_size, dilation) - size, 0)
    return total // 2, total - total // 2


def check_geometry(
    size: int, kernel_size: int, stride: int, padding: int, dilation: int
) -> tuple[int, int, int, int, int]:
    """The five arguments as plain integers, each checked against its smallest value."""
    return (
        whole_number("size", size, 1),
        whole_number("kernel_size", kernel_size, 1),
        whole_number("stride", stride, 1),
        whole_number("padding", padding, 0),
        whole_number("dilation", dilation, 1),
    )


def check_output_padding(output_padding: int, stride: int, dilation: int) -> int:
    """``output_padding`` as a plain integer, checked against PyTorch's rule."""
    output_padding = whole_number("output_padding", output_padding, 0)
    if output_padding >= max(stride, dilation):
        raise ValueError(
            f"output_padding={output_padding}: expected less than max(stride, dilation) = "
            f"{max(stride, dilation)}"
        )
    return output_padding
