"""Alignment against every order and sign, angles against known ones."""

from itertools import permutations, product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from convbook.filters import agreement, align, principal_angles, roughness


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def unit(filters: torch.Tensor) -> torch.Tensor:
    return filters / filters.norm(dim=-1, keepdim=True)


@given(st.integers(0, 200))
def test_no_order_and_sign_fits_better(seed: int):
    filters, reference = drawn(3, 7, seed=seed), drawn(3, 7, seed=seed + 1000)
    fit = (unit(align(filters, reference)) * unit(reference)).sum()
    for order in permutations(range(3)):
        for signs in product((-1, 1), repeat=3):
            other = unit(filters[list(order)]) * torch.tensor(signs)[:, None]
            assert (other * unit(reference)).sum() <= fit + 1e-5


def test_align_undoes_a_change_of_order_and_sign():
    filters = drawn(3, 7)
    changed = filters[[2, 0, 1]] * torch.tensor([-1.0, 1, -1])[:, None]
    torch.testing.assert_close(align(changed, filters), filters)


def test_agreement_is_one_for_the_same_filters_and_less_for_others():
    filters = drawn(3, 7)
    same = torch.stack([filters, -2 * filters[[1, 2, 0]]])
    assert agreement(same) == pytest.approx(1)
    assert agreement(same, aligned=False) < 0.9
    assert agreement(drawn(5, 3, 7)) < 0.9


def test_agreement_of_orthogonal_filters_that_keep_their_places():
    pair = torch.stack([torch.eye(4)[:2], torch.eye(4)[2:]])
    assert agreement(pair) == agreement(pair, aligned=False) == 0


def test_angles_between_spans():
    across = torch.tensor([[1.0, 0, 0], [0, 1, 0]])
    tilted = torch.tensor([[1.0, 0, 0], [0, 1, 1]])
    torch.testing.assert_close(
        principal_angles(across, tilted), torch.tensor([45.0, 0.0], dtype=torch.float64)
    )
    turned = torch.tensor([[1.0, 1], [1, -1]]) @ across
    assert principal_angles(across, turned).max() < 1e-4


def test_roughness_of_known_filters():
    line, comb = torch.arange(1.0, 8), torch.tensor([1.0, -1] * 3 + [1])
    assert roughness(line) == 0
    assert roughness(comb).item() == pytest.approx(5 * 16 / 7)
    assert roughness(drawn(20_000, 7)).mean().item() == pytest.approx(6 * 5 / 7, rel=0.02)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: align(drawn(3, 7), drawn(3, 6)), r"filters: .*\(3, 7\) and \(3, 6\)"),
        (lambda: align(torch.zeros(3, 7), drawn(3, 7)), "filters: expected none to be zero"),
        (lambda: agreement(drawn(1, 3, 7)), "filters: expected .at least 2"),
        (lambda: principal_angles(drawn(3, 7), drawn(3, 6)), "filters: expected two matrices"),
        (lambda: roughness(torch.zeros(2, 5)), "filters: expected none to be zero"),
        (lambda: roughness(drawn(3, 2)), "filters: expected at least 3 weights, not 2"),
        (
            lambda: align(drawn(3, 7).numpy(), drawn(3, 7)),
            "filters: expected a tensor, not ndarray",
        ),
        (
            lambda: align(drawn(3, 7), drawn(3, 7).tolist()),
            "reference: expected a tensor, not list",
        ),
        (lambda: agreement(drawn(2, 3, 7).numpy()), "filters: expected a tensor, not ndarray"),
        (lambda: principal_angles(drawn(3, 7), None), "others: expected a tensor, not NoneType"),
        (lambda: roughness(drawn(3, 7).tolist()), "filters: expected a tensor, not list"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_filters_may_be_parameters_and_in_float64():
    a, b = drawn(3, 7), drawn(3, 7).flip(1)
    for kind in (lambda f: f.double(), lambda f: f.clone().requires_grad_()):
        torch.testing.assert_close(principal_angles(kind(a), kind(b)), principal_angles(a, b))
        torch.testing.assert_close(align(kind(a), kind(b)).float(), align(a, b))
