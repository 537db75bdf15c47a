"""The networks of chapter 12 against brute force, autograd's closed forms and sums by hand."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F

from convbook.models import (
    OneHotAutoencoder,
    QuantisedAutoencoder,
    initialised,
    straight_through,
)
from convbook.models.discrete import COMMITMENT, MEMORY, RESTART_EVERY, Quantiser, also_lower
from convbook.training import fit


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def quantiser(**given) -> Quantiser:
    return initialised(partial(Quantiser, **({"entries": 6, "size": 3} | given)), 0)


# The straight-through trick


def test_straight_through_is_hard_forwards_and_soft_backwards():
    scores = draw(4, 5).requires_grad_()
    soft = scores.softmax(1)
    hard = F.one_hot(scores.argmax(1), 5).float()
    weights = draw(4, 5, seed=1)
    code = straight_through(soft, hard)
    torch.testing.assert_close(code, hard)
    (found,) = torch.autograd.grad((weights * code).sum(), scores, retain_graph=True)
    jacobian = torch.diag_embed(soft) - soft[:, :, None] * soft[:, None]  # the softmax's own
    torch.testing.assert_close(found, (jacobian @ weights[..., None])[..., 0])


def test_what_also_lowers_adds_its_gradient_and_changes_nothing():
    x, y = draw(3).requires_grad_(), draw(3, seed=1).requires_grad_()
    out = also_lower(x, y.square().sum())
    assert torch.equal(out, x)
    (5 * out).sum().backward()
    torch.testing.assert_close(x.grad, torch.full((3,), 5.0))
    torch.testing.assert_close(y.grad, 2 * y.detach())


def test_only_a_single_number_can_be_lowered():
    with pytest.raises(ValueError, match=r"extra: expected a single number, not \(2,\)"):
        also_lower(draw(3), draw(2))


# The quantiser


def test_the_nearest_entry_is_the_one_that_trying_all_finds():
    layer, vectors = quantiser().eval(), draw(2, 3, 4, 5)
    numbers = layer.numbers(vectors)
    assert numbers.shape == (2, 4, 5)
    for image, row, column in torch.cartesian_prod(*map(torch.arange, (2, 4, 5))).tolist():
        apart = [(vectors[image, :, row, column] - entry).norm() for entry in layer.codebook]
        assert numbers[image, row, column] == min(range(6), key=apart.__getitem__)
        chosen = layer.codebook[numbers[image, row, column]]
        torch.testing.assert_close(layer(vectors)[image, :, row, column], chosen)


def test_the_gradient_passes_and_the_loss_moves_both_sides():
    layer, vectors = quantiser(), draw(2, 3, 4, 5).requires_grad_()
    pull = draw(2, 3, 4, 5, seed=1)
    nearest = layer.look_up(layer.numbers(vectors)).detach()
    (pull * layer(vectors)).sum().backward()
    apart = vectors.detach() - nearest
    torch.testing.assert_close(vectors.grad, pull + COMMITMENT * 2 * apart / apart.numel())
    expected = torch.zeros(6, 3)
    flat = -2 * apart.movedim(1, -1).reshape(-1, 3) / apart.numel()
    for number, part in zip(layer.numbers(vectors).flatten().tolist(), flat, strict=True):
        expected[number] += part
    torch.testing.assert_close(layer.codebook.grad, expected)


def test_moving_averages_are_those_by_hand():
    layer = quantiser(learns="averages")
    counts, sums = [1.0] * 6, [entry.clone() for entry in layer.codebook]
    for step in range(3):
        vectors = draw(2, 3, 4, 5, seed=step)
        numbers = layer.numbers(vectors).flatten().tolist()
        flat = vectors.movedim(1, -1).reshape(-1, 3)
        layer(vectors)
        for k in range(6):
            mine = [v for v, number in zip(flat, numbers, strict=True) if number == k]
            counts[k] = MEMORY * counts[k] + (1 - MEMORY) * len(mine)
            total = sum(mine, torch.zeros(3))
            sums[k] = MEMORY * sums[k] + (1 - MEMORY) * total
            torch.testing.assert_close(layer.codebook[k], sums[k] / counts[k])
    assert not list(layer.parameters())


@pytest.mark.parametrize("learns", ["gradient", "averages"])
def test_what_nothing_chose_restarts_on_vectors_of_the_batch(learns):
    layer = quantiser(learns=learns, restarts=True)
    with torch.no_grad():
        layer.codebook[3:] += 1000  # so far away that nothing chooses them
    if learns == "averages":
        layer.sums.copy_(layer.codebook)
    vectors = draw(2, 3, 4, 5)
    flat = vectors.movedim(1, -1).reshape(-1, 3)
    for _ in range(RESTART_EVERY - 1):
        layer(vectors)
    assert (layer.codebook[3:] > 500).all()
    layer(vectors)
    for entry in layer.codebook[3:]:
        assert (flat == entry.detach()).all(1).any()
    assert layer.chosen.sum() == 0


def test_in_evaluation_nothing_is_learned():
    layer = quantiser(learns="averages", restarts=True).eval()
    before = {name: values.clone() for name, values in layer.state_dict().items()}
    for _ in range(RESTART_EVERY):
        layer(draw(2, 3, 4, 5))
    assert all(torch.equal(values, before[name]) for name, values in layer.state_dict().items())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"entries": 0}, "entries=0: expected a whole number of at least 1"),
        ({"size": 0}, "size=0: expected a whole number of at least 1"),
        ({"learns": "magic"}, "learns='magic': expected 'gradient' or 'averages'"),
    ],
)
def test_a_quantiser_says_what_it_expects(given, message):
    with pytest.raises(ValueError, match=message):
        quantiser(**given)


# The networks


@pytest.mark.parametrize("entries", [None, 5])
def test_images_keep_their_shape(entries):
    network, x = (
        initialised(partial(QuantisedAutoencoder, size=3, entries=entries), 0),
        draw(2, 1, 28, 28),
    )
    assert network.encoder(x).shape[2:] == (7, 7)
    assert network(x).shape == x.shape


def test_no_entries_is_not_zero_entries():
    with pytest.raises(ValueError, match="entries=0"):
        QuantisedAutoencoder(size=3, entries=0)


def test_one_hot_is_one_hot_and_decodes_to_a_row_of_the_table():
    network, x = initialised(OneHotAutoencoder, 0), draw(20, 1, 28, 28)
    code = network.encode(x)
    assert sorted(set(code.detach().round(decimals=4).flatten().tolist())) == [0, 1]
    torch.testing.assert_close(code.sum(1), torch.ones(20))
    table = network.decoder[0]
    code = network.eval().encode(x)
    expected = table.weight.T[network.encoder(x).argmax(1)] + table.bias
    torch.testing.assert_close(network(x).flatten(1), expected)


def test_the_noise_makes_a_choice_as_often_as_the_softmax_says():
    network = initialised(partial(OneHotAutoencoder, choices=3), 0)
    x = draw(1, 1, 28, 28)
    with torch.no_grad():
        network.encoder[-1].bias += torch.tensor([0.0, 1.0, 2.0])
        chances = network.encoder(x).softmax(1)[0]
        often = network.encode(x.expand(20_000, 1, 28, 28)).mean(0)
    torch.testing.assert_close(often, chances, atol=0.02, rtol=0)


def test_the_noise_is_another_at_every_step_and_the_same_from_one_seed():
    x = draw(50, 1, 28, 28)
    codes = []
    for _ in range(2):
        network = initialised(OneHotAutoencoder, 3)
        codes.append([network.encode(x).argmax(1) for _ in range(2)])
    assert torch.equal(codes[0][0], codes[1][0])
    assert not torch.equal(codes[0][0], codes[0][1])


def test_a_one_hot_autoencoder_says_what_it_expects():
    with pytest.raises(ValueError, match="choices=0: expected a whole number of at least 1"):
        OneHotAutoencoder(choices=0)


@pytest.mark.parametrize(
    "make",
    [
        OneHotAutoencoder,
        partial(QuantisedAutoencoder, size=3, entries=8, learns="averages", restarts=True),
    ],
)
def test_training_twice_gives_the_same(make):
    x = draw(64, 1, 28, 28).sigmoid()
    given = {"epochs": 2, "batch_size": 16, "learning_rate": 1e-2, "seed": 0, "progress": False}
    first, second = (fit(initialised(make, 0), x, x, **given) for _ in range(2))
    assert first.test_loss == second.test_loss
    assert first.test_loss[-1] < first.test_loss[0]
