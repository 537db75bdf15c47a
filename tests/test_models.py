"""The networks, and a shape's walk through them, against torch's own layers."""

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from convbook.models import PoolUnpool, initialised
from convbook.shapes import walk


def test_pool_unpool_is_the_four_layers():
    network = initialised(PoolUnpool, 0)
    x = torch.rand(5, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        values, switches = nn.MaxPool2d(2, return_indices=True)(network.conv(x))
        expected = network.deconv(nn.MaxUnpool2d(2)(values, switches))
        assert torch.equal(network(x), expected)
    assert values.shape == (5, 1, 13, 13)
    assert sum(parameter.numel() for parameter in network.parameters()) == 20


def test_tied_shares_one_kernel_and_trains_it():
    network = initialised(lambda: PoolUnpool(tied=True), 0)
    assert network.conv.weight is network.deconv.weight
    assert sum(parameter.numel() for parameter in network.parameters()) == 11


def test_repeat_ignores_the_switches():
    network = initialised(lambda: PoolUnpool(unpool="repeat"), 0)
    values = torch.rand(2, 1, 13, 13, generator=torch.Generator().manual_seed(0))
    spread = values.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    with torch.no_grad():
        assert torch.equal(network.decode(values, None), network.deconv(spread))


def test_an_unknown_unpooling_is_refused():
    with pytest.raises(ValueError, match="unpool='bilinear': expected 'switches' or 'repeat'"):
        PoolUnpool(unpool="bilinear")


def test_initialised_depends_on_its_seed_alone():
    def first(seed: int) -> torch.Tensor:
        return initialised(PoolUnpool, seed).conv.weight

    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    assert torch.equal(first(1), first(1))
    assert not torch.equal(first(1), first(2))
    assert torch.equal(torch.rand(1), expected)


@st.composite
def layers(draw) -> nn.Module:
    k, s, p = draw(st.integers(1, 4)), draw(st.integers(1, 3)), draw(st.integers(0, 2))
    d = draw(st.integers(1, 2))
    kind = draw(st.sampled_from(["conv", "transposed", "pool", "unpool", "relu"]))
    if kind == "conv":
        return nn.Conv2d(2, 2, k, s, p, d)
    if kind == "transposed":
        return nn.ConvTranspose2d(2, 2, k, s, p, draw(st.integers(0, max(s, d) - 1)), dilation=d)
    if kind == "pool":
        return nn.MaxPool2d(k, s, min(p, k // 2))
    return nn.MaxUnpool2d(k, s) if kind == "unpool" else nn.ReLU()


@settings(max_examples=200)
@given(st.lists(layers(), min_size=1, max_size=4), st.integers(4, 12))
def test_walk_makes_the_shapes_that_running_makes(stack, size):
    try:
        table = walk(stack, (2, size, size + 1))
    except ValueError:
        assume(False)
    x = torch.zeros(1, 2, size, size + 1)
    for layer, step in zip(stack, table, strict=True):
        if isinstance(layer, nn.MaxUnpool2d):
            places = torch.zeros(x.shape, dtype=torch.int64)
            x = layer(x, places)
        else:
            x = layer(x)
        assert tuple(x.shape[1:]) == step.output_shape


def test_walk_counts_parameters_and_prints_a_total():
    code = nn.Sequential(
        nn.Conv2d(3, 4, 3),
        nn.Flatten(),
        nn.Linear(144, 5),
        nn.Linear(5, 144),
        nn.Unflatten(1, (4, 6, 6)),
    )
    table = walk([code], (3, 8, 8))
    assert sum(step.parameters for step in table) == sum(p.numel() for p in code.parameters())
    assert repr(walk([], (3, 8, 8))) == "no layers"
    assert str(table).splitlines()[-1].split() == ["in", "all", "3×8×8", "4×6×6", "1,701"]


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (nn.Conv2d(3, 4, 3), (1, 8, 8), r"shape=\(1, 8, 8\): expected \(3, height, width\)"),
        (nn.Linear(10, 2), (9,), r"shape=\(9,\): expected \(10,\)"),
        (nn.Unflatten(1, (2, 3)), (7,), r"expected \(6,\)"),
        (nn.Conv2d(1, 1, 9), (1, 8, 8), "kernel_size=9"),
        (nn.MaxPool2d(2, ceil_mode=True), (1, 8, 8), "no size rule"),
        (nn.MaxPool2d(2), (8, 8), r"expected \(channels, height, width\)"),
        (nn.Flatten(2), (3, 8, 8), "no size rule"),
        (nn.Conv2d(1, 1, 3, padding="same"), (1, 8, 8), "no size rule for padding='same'"),
        (nn.LSTM(3, 4), (3, 8), "no size rule"),
    ],
)
def test_walk_names_what_does_not_fit(layer, shape, message):
    with pytest.raises(ValueError, match=message):
        walk([layer], shape)
