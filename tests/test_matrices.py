"""C and Cᵀ against torch's layers, and the five implementations against one another."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.signal import correlate

from convbook.matrices import conv_matrix, conv_transpose_matrix
from convbook.sizes import conv_transpose_size, span
from convbook.transposed import FIVE_WAYS

CONV = {1: F.conv1d, 2: F.conv2d}
CONV_TRANSPOSE = {1: F.conv_transpose1d, 2: F.conv_transpose2d}


@dataclass
class Case:
    """One random setting, in 1-D or 2-D, in float64."""

    x: torch.Tensor
    weight: torch.Tensor
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int
    output_padding: tuple[int, ...] = ()


@st.composite
def cases(draw, dimensions=st.sampled_from([1, 2]), transposed=False) -> Case:
    d = draw(dimensions)

    def each(smallest: int, largest: int) -> tuple[int, ...]:
        return tuple(draw(st.integers(smallest, largest)) for _ in range(d))

    groups = draw(st.integers(1, 3))
    channels_in, channels_out = (groups * draw(st.integers(1, 2)) for _ in range(2))
    size, kernel = each(1, 6), each(1, 4)
    stride, padding, dilation = each(1, 3), each(0, 3), each(1, 3)
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    batch = draw(st.integers(1, 2))
    layout = (channels_in, channels_out // groups)
    if not transposed:
        layout = (channels_out, channels_in // groups)
    x = torch.randn(batch, channels_in, *size, generator=generator, dtype=torch.float64)
    weight = torch.randn(*layout, *kernel, generator=generator, dtype=torch.float64)
    extra = tuple(
        draw(st.integers(0, max(s, e) - 1)) for s, e in zip(stride, dilation, strict=True)
    )
    return Case(x, weight, stride, padding, dilation, groups, extra if transposed else ())


def fits(case: Case) -> bool:
    sizes = zip(case.x.shape[2:], case.weight.shape[2:], case.padding, case.dilation, strict=True)
    return all(span(k, d) <= n + 2 * p for n, k, p, d in sizes)


def leaves_something(case: Case) -> bool:
    try:
        for n, k, *rest in zip(
            case.x.shape[2:],
            case.weight.shape[2:],
            case.stride,
            case.padding,
            case.output_padding,
            case.dilation,
            strict=True,
        ):
            conv_transpose_size(n, k, *rest)
    except ValueError:
        return False
    return True


@settings(max_examples=700)
@given(cases())
def test_conv_matrix_is_torchs_convolution(case):
    assume(fits(case))
    geometry = (case.stride, case.padding, case.dilation, case.groups)
    expected = CONV[case.x.dim() - 2](case.x, case.weight, None, *geometry)
    matrix = conv_matrix(case.weight, case.x.shape[2:], *geometry)
    torch.testing.assert_close(case.x.flatten(1) @ matrix.T, expected.flatten(1))


@settings(max_examples=700)
@given(cases(transposed=True))
def test_conv_transpose_matrix_is_torchs_transposed_convolution(case):
    assume(leaves_something(case))
    before, after = (case.stride, case.padding, case.output_padding), (case.groups, case.dilation)
    expected = CONV_TRANSPOSE[case.x.dim() - 2](case.x, case.weight, None, *before, *after)
    matrix = conv_transpose_matrix(
        case.weight, case.x.shape[2:], *before, case.dilation, case.groups
    )
    torch.testing.assert_close(case.x.flatten(1) @ matrix.T, expected.flatten(1))


@settings(max_examples=400)
@given(cases(dimensions=st.just(2), transposed=True))
def test_five_implementations_agree_with_torch(case):
    assume(leaves_something(case))
    before = (case.stride, case.padding, case.output_padding)
    expected = F.conv_transpose2d(case.x, case.weight, None, *before, case.groups, case.dilation)
    for way in FIVE_WAYS:
        made = way(case.x, case.weight, *before, case.dilation, case.groups)
        torch.testing.assert_close(made, expected, msg=lambda text, way=way: f"{way}: {text}")


@settings(max_examples=400)
@given(cases(), st.integers(0, 2**31))
def test_adjoint_identity(case, seed):
    """⟨Cx, y⟩ = ⟨x, Cᵀy⟩, with torch's own layers on both sides."""
    assume(fits(case))
    d = case.x.dim() - 2
    geometry = (case.stride, case.padding, case.dilation, case.groups)
    forward = CONV[d](case.x, case.weight, None, *geometry)
    generator = torch.Generator().manual_seed(seed)
    y = torch.randn(forward.shape, generator=generator, dtype=torch.float64)
    smallest = [
        conv_transpose_size(n, k, s, 0, 0, e)
        for n, k, s, e in zip(
            y.shape[2:], case.weight.shape[2:], case.stride, case.dilation, strict=True
        )
    ]
    # the cells that no kernel position reads, at the end
    extra = [
        n + 2 * p - small
        for n, p, small in zip(case.x.shape[2:], case.padding, smallest, strict=True)
    ]
    there = conv_matrix(case.weight, case.x.shape[2:], *geometry)
    back = conv_transpose_matrix(
        case.weight, y.shape[2:], case.stride, case.padding, extra, case.dilation, case.groups
    )
    assert torch.equal(back, there.T)
    backward = CONV_TRANSPOSE[d](
        y, case.weight, None, case.stride, case.padding, extra, case.groups, case.dilation
    )
    torch.testing.assert_close((forward * y).sum(), (case.x * backward).sum())


def test_conv_matrix_is_scipys_correlation():
    generator = torch.Generator().manual_seed(0)
    x, kernel = torch.randn(5, 6, generator=generator), torch.randn(3, 2, generator=generator)
    made = conv_matrix(kernel[None, None], (5, 6)) @ x.flatten()
    expected = correlate(x.numpy(), kernel.numpy(), mode="valid").flatten()
    np.testing.assert_allclose(made, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": (3, 3, 3)}, "size=.*expected one number or 2"),
        ({"size": 2}, "kernel_size=3"),
        ({"stride": 0}, "stride=0"),
        ({"groups": 3}, "groups=3: expected a divisor"),
        ({"groups": 0}, "groups=0"),
        ({"padding": -1}, "padding=-1"),
        ({"dilation": 1.5}, "dilation=1.5"),
        ({"weight": torch.zeros(3, 3)}, "weight: expected"),
        ({"weight": np.zeros((2, 1, 3, 3))}, "weight: expected a tensor, not ndarray"),
        ({"size": np.array([4, 4])}, "size=.*: expected a whole number"),
    ],
)
def test_conv_matrix_names_bad_input(change, message):
    arguments = {"weight": torch.zeros(2, 1, 3, 3), "size": 4} | change
    with pytest.raises(ValueError, match=message):
        conv_matrix(**arguments)


@pytest.mark.parametrize("way", FIVE_WAYS)
def test_every_way_names_bad_input(way):
    y, weight = torch.zeros(1, 2, 3, 3), torch.zeros(2, 1, 3, 3)
    with pytest.raises(ValueError, match="output_padding=2"):
        way(y, weight, stride=2, output_padding=2)
    with pytest.raises(ValueError, match="y: it has 2 channels; expected 4"):
        way(y, torch.zeros(4, 1, 3, 3))
    with pytest.raises(ValueError, match="groups=3"):
        way(y, weight, groups=3)
    with pytest.raises(ValueError, match="four axes"):
        way(y[0], weight)
    with pytest.raises(ValueError, match="y: expected a tensor, not ndarray"):
        way(y.numpy(), weight)
    with pytest.raises(ValueError, match="y: expected floating-point numbers"):
        way(y.long(), weight)
    with pytest.raises(ValueError, match="weight: expected float32, not "):
        way(y, weight.double())
