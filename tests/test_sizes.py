"""``sizes`` against torch, which counts by running the layers, and against Keras for SAME."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from convbook import sizes

SIZE = st.integers(1, 40)
KERNEL = st.integers(1, 7)
STRIDE = st.integers(1, 5)
PADDING = st.integers(0, 6)
DILATION = st.integers(1, 4)


@settings(max_examples=1000)
@given(SIZE, KERNEL, STRIDE, PADDING, DILATION)
def test_conv_size_is_what_torch_makes(size, kernel_size, stride, padding, dilation):
    x, weight = torch.zeros(1, 1, size), torch.zeros(1, 1, kernel_size)
    if sizes.span(kernel_size, dilation) > size + 2 * padding:
        with pytest.raises(ValueError, match="kernel_size"):
            sizes.conv_size(size, kernel_size, stride, padding, dilation)
        with pytest.raises(RuntimeError):
            F.conv1d(x, weight, None, stride, padding, dilation)
    else:
        made = F.conv1d(x, weight, None, stride, padding, dilation).shape[2]
        assert sizes.conv_size(size, kernel_size, stride, padding, dilation) == made


@settings(max_examples=1000)
@given(SIZE, KERNEL, STRIDE, PADDING, DILATION, st.data())
def test_conv_transpose_size_is_what_torch_makes(
    size, kernel_size, stride, padding, dilation, data
):
    output_padding = data.draw(st.integers(0, max(stride, dilation) - 1))
    arguments = (size, kernel_size, stride, padding, output_padding, dilation)
    x, weight = torch.zeros(1, 1, size), torch.zeros(1, 1, kernel_size)

    def run() -> torch.Tensor:
        return F.conv_transpose1d(x, weight, None, stride, padding, output_padding, 1, dilation)

    if (size - 1) * stride + sizes.span(kernel_size, dilation) + output_padding <= 2 * padding:
        with pytest.raises(ValueError, match="padding"):
            sizes.conv_transpose_size(*arguments)
        with pytest.raises(RuntimeError):
            run()
    else:
        assert sizes.conv_transpose_size(*arguments) == run().shape[2]


@given(SIZE, KERNEL, STRIDE, PADDING, DILATION)
def test_sizes_with_output_are_all_and_only_those_that_lead_there(
    size, kernel_size, stride, padding, dilation
):
    assume(sizes.span(kernel_size, dilation) <= size + 2 * padding)
    output = sizes.conv_size(size, kernel_size, stride, padding, dilation)
    found = sizes.sizes_with_output(output, kernel_size, stride, padding, dilation)
    around = range(1, found.stop + 2 * stride)
    leads_there = [
        n
        for n in around
        if sizes.span(kernel_size, dilation) <= n + 2 * padding
        and sizes.conv_size(n, kernel_size, stride, padding, dilation) == output
    ]
    assert size in found
    assert list(found) == leads_there


@given(SIZE, KERNEL, STRIDE, DILATION, st.data())
def test_output_padding_for_is_the_inverse_of_conv_transpose_size(
    size, kernel_size, stride, dilation, data
):
    output_padding = data.draw(st.integers(0, max(stride, dilation) - 1))
    target = sizes.conv_transpose_size(size, kernel_size, stride, 0, output_padding, dilation)
    assert (
        sizes.output_padding_for(size, target, kernel_size, stride, 0, dilation) == output_padding
    )


@pytest.mark.parametrize("target", [14, 17])
def test_output_padding_for_refuses_a_size_out_of_reach(target):
    with pytest.raises(ValueError, match=f"target={target}: expected a whole number from 15 to 16"):
        sizes.output_padding_for(8, target, kernel_size=3, stride=2, padding=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 0, "kernel_size": 3}, "size=0: expected a whole number of at least 1"),
        ({"size": 4.0, "kernel_size": 3}, "size=4.0: expected a whole number"),
        ({"size": 4, "kernel_size": -1}, "kernel_size=-1"),
        ({"size": 4, "kernel_size": True}, "kernel_size=True"),
        ({"size": 4, "kernel_size": 3, "stride": 0}, "stride=0"),
        ({"size": 4, "kernel_size": 3, "stride": "2"}, "stride='2'"),
        ({"size": 4, "kernel_size": 3, "padding": -1}, "padding=-1"),
        ({"size": 4, "kernel_size": 3, "dilation": 0}, "dilation=0"),
    ],
)
@pytest.mark.parametrize("rule", [sizes.conv_size, sizes.conv_transpose_size])
def test_bad_input_is_named(rule, arguments, message):
    with pytest.raises(ValueError, match=message):
        rule(**arguments)


def test_output_padding_must_stay_below_stride_and_dilation():
    with pytest.raises(ValueError, match=r"output_padding=2: expected less than .* = 2"):
        sizes.conv_transpose_size(8, 3, stride=2, padding=1, output_padding=2)
    assert sizes.conv_transpose_size(8, 3, stride=2, dilation=3, output_padding=2) == 23
