"""The curves against the source's loop and Bernstein's formula, the patches against slices."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import BPoly

from convbook.data.curves import basis, bezier_curves, random_patches


def by_loop(count: int, seed: int) -> np.ndarray:
    """One curve after the other, each drawn densely and read off at the nearest x."""
    generator = np.random.RandomState(seed)
    t = np.linspace(0, 1, 150)
    curves = []
    for _ in range(count):
        a = generator.uniform() * 2 - 1
        b = generator.uniform() * 2 - 1
        x, y = (
            BPoly(np.array([[0], [u], [v], [w]]), [0, 1])(t)
            for u, v, w in [(0.5, 0.5, 1.0), (a, b, 0.0)]
        )
        curves.append([y[np.argmin((x - at) ** 2)] for at in np.linspace(0, 1, 15)])
    return np.array(curves)


def test_curves_are_those_of_the_loop():
    curves = bezier_curves(300, seed=22)
    assert curves.shape == (300, 1, 15)
    np.testing.assert_allclose(curves[:, 0], by_loop(300, 22), atol=1e-6)


def test_curves_have_rank_two():
    values = torch.linalg.svdvals(bezier_curves(500, seed=1)[:, 0].double())
    assert values[1] > 1
    assert values[2] < 1e-5  # what float32 leaves


@given(st.integers(2, 40))
def test_the_basis_is_mirror_symmetric(points: int):
    first, second = basis(points)
    torch.testing.assert_close(first, second.flip(0), atol=1.5 / (10 * points), rtol=0)


@given(st.integers(1, 15), st.integers(0, 5))
def test_patches_are_slices_of_their_curves(length: int, seed: int):
    curves = bezier_curves(30, seed=3)
    for curve, patch in zip(curves, random_patches(curves, length, seed), strict=True):
        slices = [curve[:, start : start + length] for start in range(16 - length)]
        assert any(torch.equal(patch, piece) for piece in slices)


def test_every_start_is_drawn_equally_often():
    """The source's own draw leaves out the last start, which its whole network needs."""
    ramps = torch.arange(15.0).expand(9000, 1, 15)
    starts = random_patches(ramps, 7, seed=22)[:, 0, 0].int()
    counts = torch.bincount(starts, minlength=9)
    assert len(counts) == 9
    assert (counts - 1000).abs().max() < 5 * 30  # five standard deviations


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bezier_curves(0, 1), "count=0"),
        (lambda: bezier_curves(5, -1), "seed=-1"),
        (lambda: bezier_curves(5, 1, points=1), "points=1"),
        (lambda: random_patches(torch.zeros(3, 15), 7, 0), r"curves: expected \(N, 1, points\)"),
        (lambda: random_patches(torch.zeros(3, 1, 15), 16, 0), "length=16: .* 15 points"),
        (lambda: random_patches(torch.zeros(3, 1, 15), 0, 0), "length=0"),
        (lambda: random_patches(torch.zeros(3, 1, 15), 7, 0.5), "seed=0.5"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
