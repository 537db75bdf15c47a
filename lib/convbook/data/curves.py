"""Bezier curves that two numbers describe, and the patches that are cut out of them."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from convbook.arguments import tensor, whole_number

POINTS = 15
DENSITY = 10  # points drawn along the curve for each one kept
LARGEST = 2**32 - 1  # seed that NumPy's legacy generator takes


@dataclass(frozen=True, eq=False)
class CurveData:
    """Curves, (N, 1, points), or patches of them; drawn here, so that they are always at hand."""

    train: Tensor
    test: Tensor
    official: bool = True

    def __repr__(self) -> str:
        points = self.train.shape[2]
        return f"{len(self.train):,} to train on, {len(self.test):,} to test on, {points} points"

    def patches(self, length: int) -> "CurveData":
        """A patch from each curve; starts are drawn with seed 22 to train, and 23 to test.

        Raises:
            ValueError: ``length`` is below 1 or longer than a curve.
        """
        train, test = random_patches(self.train, length, 22), random_patches(self.test, length, 23)
        return CurveData(train, test)


def bezier() -> CurveData:
    """The source's 16,384 curves (seed 22), and 2,048 more (seed 23) to test on, of 15 points."""
    return CurveData(bezier_curves(16 * 1024, seed=22), bezier_curves(2 * 1024, seed=23))


def basis(points: int = POINTS) -> Tensor:
    """The two curves that all others are sums of: (2, points), float64.

    A cubic Bezier curve through the control points (0, 0), (½, a), (½, b), (1, 0) has the heights
    3(1 - t)²t a + 3(1 - t)t² b. Its x does not depend on a and b, so the values of t that lie
    nearest to evenly spaced x are the same for every curve, and each curve is a times one row plus
    b times the other.

    Raises:
        ValueError: ``points`` is no whole number of at least 2.
    """
    points = whole_number("points", points, 2)
    t = np.linspace(0, 1, points * DENSITY)
    x = 1.5 * (1 - t) ** 2 * t + 1.5 * (1 - t) * t**2 + t**3
    nearest = np.abs(x - np.linspace(0, 1, points)[:, None]).argmin(axis=1)
    t = t[nearest]
    return torch.from_numpy(np.stack([3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2]))


def bezier_curves(count: int, seed: int, points: int = POINTS) -> Tensor:
    """Curves whose two heights are uniform in [-1, 1]: (count, 1, points), float32.

    The draws are those of the source text: NumPy's legacy generator, both heights of a curve in
    turn.

    Raises:
        ValueError: an argument is no whole number, ``count`` is below 1, ``points`` below 2, or
            ``seed`` negative or above 2³² - 1.
    """
    count, seed = whole_number("count", count, 1), whole_number("seed", seed, 0, LARGEST)
    heights = np.random.RandomState(seed).uniform(size=(count, 2)) * 2 - 1
    return (torch.from_numpy(heights) @ basis(points)).float().unsqueeze(1)


def random_patches(curves: Tensor, length: int, seed: int) -> Tensor:
    """One patch from each curve, (N, 1, points) to (N, 1, length), every start equally likely.

    Raises:
        ValueError: ``curves`` is no tensor or has another shape, ``length`` is below 1 or longer
            than a curve, or ``seed`` is no whole number from 0 to 2³² - 1.
    """
    if tensor("curves", curves).dim() != 3 or curves.shape[1] != 1:
        raise ValueError(f"curves: expected (N, 1, points), not {tuple(curves.shape)}")
    length, seed = whole_number("length", length, 1), whole_number("seed", seed, 0, LARGEST)
    if length > curves.shape[2]:
        raise ValueError(f"length={length}: expected at most a curve's {curves.shape[2]} points")
    windows = curves.unfold(2, length, 1)  # (N, 1, starts, length)
    starts = np.random.RandomState(seed).randint(0, windows.shape[2], len(curves))
    return windows[torch.arange(len(curves)), :, torch.from_numpy(starts)].contiguous()
