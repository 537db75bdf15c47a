"""Explorer "NoiseAndAxes": a code of two numbers that is turned, and what noise on it costs."""

from html import escape
from typing import Any, Self

import numpy as np
import traitlets
from torch import Tensor

from convbook.arguments import number
from convbook.baselines import PCA
from convbook.explorers.explorer import Explorer, module
from convbook.explorers.lines import line_panels
from convbook.palette import HUES

DOTS = 150  # examples that are drawn
PLACES = 4  # decimals of what is drawn


class NoiseAndAxes(Explorer):
    """The two filters of a linear decoder, which end on the data's ellipse however they are turned.

    The data vary along two directions. The two numbers of their code are uncorrelated, each with
    standard deviation 1, and may be turned by any angle. ``NoiseAndAxes.of(data)`` makes one of
    data; the constructor takes its traits.

    Args:
        spreads: (2,), the standard deviations along the principal directions, the larger first.
        directions: (2, n), the principal directions.
        dots: (N, 2), examples as coordinates along them.
        noise: (2,), the standard deviation of the noise on each number.
        angle: in degrees, from 0 to 180.

    Raises:
        ValueError: an argument has another shape, a spread is not positive, a noise is negative,
            or the angle lies outside.
    """

    _esm = module("curves.js", "axes.js")
    kept = ("noise", "angle")

    spreads = traitlets.List(traitlets.Float()).tag(sync=True)
    directions = traitlets.List(traitlets.Any()).tag(sync=True)
    dots = traitlets.List(traitlets.Any()).tag(sync=True)
    noise = traitlets.List(traitlets.Float(), default_value=[0.4, 0.1]).tag(sync=True)
    angle = traitlets.Float(30.0).tag(sync=True)

    def __init__(self, **settings: Any) -> None:
        for name in ("spreads", "directions", "dots"):
            if name in settings:
                numbers = np.asarray(settings[name], dtype=float)
                settings[name] = numbers.round(PLACES).tolist()
        super().__init__(**settings)
        given = {name: np.shape(getattr(self, name)) for name in ("spreads", "directions", "dots")}
        for name, expected, fits in (
            ("spreads", "(2,)", given["spreads"] == (2,)),
            ("directions", "(2, n)", len(given["directions"]) == 2 == given["directions"][0]),
            ("dots", "(N, 2)", len(given["dots"]) == 2 == given["dots"][1]),
        ):
            if not fits:
                raise ValueError(f"{name}: expected {expected}, not {given[name]}")
        if not all(spread > 0 for spread in self.spreads):
            raise ValueError(f"spreads={self.spreads}: expected positive numbers")
        if len(self.noise) != 2:
            raise ValueError(f"noise={self.noise}: expected two numbers")
        for scale in self.noise:
            number("noise", scale, 0)
        number("angle", self.angle, 0, 180)

    @classmethod
    def of(cls, data: Tensor, **settings: Any) -> Self:
        """That of data (N, …), which two principal components describe; ``noise`` and ``angle``
        may be given.
        """
        pca = PCA(data)
        directions = pca.components[:2]
        coordinates = (data[:DOTS].flatten(1) - pca.mean) @ directions.T  # (DOTS, 2)
        spreads = pca.variances[:2].sqrt()
        return cls(spreads=spreads, directions=directions, dots=coordinates, **settings)

    def filters(self) -> np.ndarray:
        """(2, 2): each filter in coordinates along the principal directions."""
        turn = np.radians(self.angle)
        rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        return rotation * self.spreads

    def penalty(self) -> float:
        """What the noise adds to the squared error, on average."""
        return float((np.square(self.noise) * np.square(self.filters()).sum(1)).sum())

    def words(self) -> str:
        noise = " and ".join(f"{scale:g}" for scale in self.noise)
        return (
            f"Explorer: the two filters of a decoder, turned by {self.angle:g}°. Noise of {noise} "
            f"on their numbers adds {self.penalty():.3g} to the squared error."
        )

    def figure(self) -> str:
        curves = self.filters() @ np.array(self.directions)  # (2, n)
        panels = {
            f"filter {i + 1}": [(hue, curve.tolist())]
            for i, (hue, curve) in enumerate(zip(HUES, curves, strict=False))
        }
        return f"<p>{escape(self.words())}</p>{line_panels(panels, 'the two filters, as curves')}"
