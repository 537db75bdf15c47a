"""SAME as Keras and ONNX do it: sizes and values, for the convolution and its transpose."""

import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import onnx_layer
from convbook.sizes import same_padding


def channels_last(x: torch.Tensor) -> torch.Tensor:
    return x.movedim(1, -1)


@settings(max_examples=300)
@given(
    st.integers(1, 12), st.integers(1, 6), st.integers(1, 4), st.integers(1, 3), st.integers(0, 9)
)
def test_same_convolution_has_kerass_size_and_values(
    keras, size, kernel_size, stride, dilation, seed
):
    stride = 1 if dilation > 1 else stride  # Keras takes one of the two
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(1, 2, size, generator=generator)
    weight = torch.randn(3, 2, kernel_size, generator=generator)
    expected = keras.ops.conv(
        channels_last(x), weight.permute(2, 1, 0), stride, "same", "channels_last", dilation
    )
    padded = F.pad(x, same_padding(size, kernel_size, stride, dilation))
    ours = F.conv1d(padded, weight, stride=stride, dilation=dilation)
    assert ours.shape[2] == -(-size // stride)
    np.testing.assert_allclose(channels_last(ours), expected.detach().cpu(), atol=1e-5)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 12), st.integers(1, 6), st.integers(1, 4), st.integers(0, 9))
def test_same_upper_puts_the_odd_cell_after_and_same_lower_before(size, kernel_size, stride, seed):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(1, 2, size, generator=generator)
    weight = torch.randn(3, 2, kernel_size, generator=generator)
    upper = same_padding(size, kernel_size, stride)
    for name, padding in {"SAME_UPPER": upper, "SAME_LOWER": upper[::-1]}.items():
        ours = F.conv1d(F.pad(x, padding), weight, stride=stride)
        expected = onnx_layer("Conv", x.numpy(), weight.numpy(), auto_pad=name, strides=[stride])
        np.testing.assert_allclose(ours, expected, atol=1e-5)


@settings(max_examples=300)
@given(st.integers(1, 8), st.integers(1, 6), st.integers(1, 4), st.integers(0, 9))
def test_same_transposed_is_the_transpose_of_same(keras, size, kernel_size, stride, seed):
    """Chapter 2's reading: crop what SAME would pad on the way back from size * stride cells."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.randn(1, 1, size, generator=generator)
    weight = torch.randn(1, 1, kernel_size, generator=generator)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where its older versions gave shifted values
        expected = keras.ops.conv_transpose(
            channels_last(y), weight.permute(2, 1, 0), stride, "same", None, "channels_last"
        )
    output = size * stride
    before, _ = same_padding(output, kernel_size, stride)
    stamped = F.pad(F.conv_transpose1d(y, weight, stride=stride), (0, stride))
    ours = stamped[:, :, before : before + output]
    np.testing.assert_allclose(channels_last(ours), expected.detach().cpu(), atol=1e-5)


@given(st.integers(1, 8), st.integers(1, 6), st.integers(1, 4))
def test_valid_transposed_reaches_at_least_size_times_stride(keras, size, kernel_size, stride):
    y, weight = torch.ones(1, size, 1), torch.ones(kernel_size, 1, 1)
    made = keras.ops.conv_transpose(y, weight, stride, "valid", None, "channels_last")
    assert made.shape[1] == (size - 1) * stride + max(kernel_size, stride)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("kernel_size", range(1, 7))
def test_torchs_same_is_ours_at_stride_1(kernel_size):
    x, weight = torch.arange(8.0)[None, None], torch.arange(1.0, kernel_size + 1)[None, None]
    ours = F.conv1d(F.pad(x, same_padding(8, kernel_size)), weight)
    assert torch.equal(F.conv1d(x, weight, padding="same"), ours)


def test_same_padding_of_the_sources_example():
    assert same_padding(6, kernel_size=3, stride=2) == (0, 1)
