"""The networks, and a shape's walk through them, against torch's own layers."""

import math
from functools import partial

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from convbook.baselines import PCA
from convbook.models import (
    DenseAutoencoder,
    DigitAutoencoder,
    PairedAutoencoder,
    PhotoAutoencoder,
    PoolUnpool,
    TwoPathAutoencoder,
    initialised,
)
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
    assert repr(walk([], (3, 8, 8))) == "layer  in  out  parameters"
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


def images(*shape: int) -> torch.Tensor:
    return 2 * torch.rand(*shape, generator=torch.Generator().manual_seed(0)) - 1


def parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("last", "low", "high"),
    [("none", -math.inf, math.inf), ("relu", 0, math.inf), ("tanh", -1, 1), ("sigmoid", 0, 1)],
)
def test_digits_pass_through_32_numbers(last, low, high):
    model = initialised(partial(DigitAutoencoder, last=last), 1)
    x = 100 * images(5, 1, 28, 28)
    code = model.encode(x)
    assert code.shape == (5, 8, 2, 2)
    assert code.min() >= 0
    output = model(x)
    assert output.shape == x.shape
    assert torch.equal(model.decode(code), output)
    assert output.min() >= low
    assert output.max() <= high


@pytest.mark.parametrize("widths", [(30,), (128, 64, 30)])
def test_a_dense_networks_widths_lead_to_the_code_and_back(widths):
    model = initialised(partial(DenseAutoencoder, widths), 1)
    x = images(5, 1, 28, 28)
    sizes = [layer.weight.shape for layer in model.modules() if isinstance(layer, nn.Linear)]
    inwards = list(zip(widths, (784, *widths), strict=False))
    assert sizes == inwards + [(before, after) for after, before in reversed(inwards)]
    code = model.encode(x)
    assert code.shape == (5, widths[-1])
    assert code.min() < 0 < code.max()
    output = model(x)
    assert output.shape == x.shape
    assert output.min() < 0  # neither code nor output is cut off
    assert torch.equal(model.decode(code), output)


def test_a_dense_network_of_one_width_can_be_pca():
    x = images(60, 1, 28, 28)
    pca, model = PCA(x), DenseAutoencoder((7,))
    components = pca.components[:7]  # (7, 784)
    with torch.no_grad():
        model.encoder[1].weight.copy_(components)
        model.encoder[1].bias.copy_(-components @ pca.mean)
        model.decoder[0].weight.copy_(components.T)
        model.decoder[0].bias.copy_(pca.mean)
        torch.testing.assert_close(model(x), pca.reconstruct(x, 7), atol=1e-5, rtol=1e-4)


def test_a_deeper_dense_network_is_not_linear():
    model, x = initialised(partial(DenseAutoencoder, (9, 2)), 0), images(3, 1, 28, 28)
    with torch.no_grad():
        middle = model((x[0] + x[1])[None] / 2)
        assert not torch.allclose(middle, (model(x[:1]) + model(x[1:2])) / 2, atol=1e-4)


def test_the_network_for_photographs_has_the_sources_size():
    # Counted by hand: linear layers 2·4096·n + n + 4096, convolutions 143,699.
    for code_size, total in ((200, 1_786_795), (1000, 8_341_195)):
        model = PhotoAutoencoder(code_size)
        assert parameters(model) == total
        code = model.encode(images(3, 3, 32, 32))
        assert code.shape == (3, code_size)
        assert code.min() >= 0
        assert model.decode(code).shape == (3, 3, 32, 32)


def test_a_code_of_1000_in_a_small_network():
    thin = PhotoAutoencoder(1000, maps=16)
    assert parameters(thin) < 1.3 * parameters(PhotoAutoencoder(200))
    assert thin(images(2, 3, 32, 32)).shape == (2, 3, 32, 32)


def test_the_code_may_have_either_sign():
    assert PhotoAutoencoder(code_activation="none").encode(images(3, 3, 32, 32)).min() < 0


@pytest.mark.parametrize("initialise", ["source", "all"])
def test_which_layers_are_xaviers(initialise):
    model = initialised(partial(PhotoAutoencoder, initialise=initialise), 0)
    for layer in model.modules():
        if not isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            continue
        drawn = initialise == "all" or not isinstance(layer, nn.ConvTranspose2d)
        assert (layer.bias == 0.01).all() == drawn
        area = layer.weight[0, 0].numel()
        bound = (6 / (area * (layer.weight.shape[0] + layer.weight.shape[1]))) ** 0.5
        if drawn:  # uniform up to Xavier's bound
            assert 0.9 * bound < layer.weight.abs().max() <= bound


def test_two_paths_start_as_an_orthogonal_projection():
    model, x = initialised(TwoPathAutoencoder, 0), images(4, 3, 32, 32)
    with torch.no_grad():
        once = model(x)
        torch.testing.assert_close(model(once), once, atol=1e-4, rtol=1e-4)  # P² = P
        torch.testing.assert_close(model(2 * x), 2 * once, atol=1e-4, rtol=1e-4)  # linear
        difference, output = (x - once).flatten(), once.flatten()
        assert abs(difference @ output) < 1e-3 * output @ output  # at a right angle
    assert model.encode(x).shape == (4, 200)
    assert parameters(model) < 2 * parameters(PhotoAutoencoder())


def test_a_pair_exchanges_identities_and_keeps_styles():
    model, pairs = initialised(partial(PairedAutoencoder, 3, 2), 0), images(4, 2, 28, 28)
    with torch.no_grad():
        one, other = (model.encode(pairs[:, [i]]) for i in (0, 1))  # each by itself
        mixed = [torch.cat([a[:, :3], b[:, 3:]], 1) for a, b in ((other, one), (one, other))]
        expected = torch.cat([model.decode(code) for code in mixed], 1)
        torch.testing.assert_close(model(pairs), expected)
    assert model.encode(pairs).shape == (4, 5, 2)
    assert model.encode(50 * pairs)[:, 3:].abs().max() <= 1 < model.encode(50 * pairs).abs().max()


def test_without_exchange_a_pair_is_two_images():
    model, pairs = initialised(partial(PairedAutoencoder, exchange=False), 0), images(4, 2, 28, 28)
    with torch.no_grad():
        alone = torch.cat([model(pairs[:, [i]]) for i in (0, 1)], 1)
        torch.testing.assert_close(model(pairs), alone)


def test_an_image_by_itself_exchanges_with_none():
    cut, exchanging = (
        initialised(partial(PairedAutoencoder, exchange=chosen), 0) for chosen in (False, True)
    )
    with torch.no_grad():
        assert torch.equal(cut(images(4, 1, 28, 28)), exchanging(images(4, 1, 28, 28)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (partial(PairedAutoencoder, style=0), "style=0: expected"),
        (partial(DigitAutoencoder, last="softmax"), "last='softmax': expected"),
        (partial(DenseAutoencoder, widths=()), r"widths=\(\): expected at least one"),
        (partial(DenseAutoencoder, widths=(9, 0)), "widths=0: expected"),
        (partial(PhotoAutoencoder, code_activation="tanh"), "code_activation='tanh': expected"),
        (partial(PhotoAutoencoder, initialise="none"), "initialise='none': expected"),
    ],
)
def test_unknown_choices_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
