"""Explorer "LatentMap": codes of two numbers as a map, and the decoder at each place of it."""

from base64 import b64decode, b64encode
from html import escape
from typing import Self

import numpy as np
import torch
import traitlets
from torch import Tensor, nn

from convbook.arguments import number
from convbook.explorers.explorer import Explorer, module

LEVELS = 255  # a dot's place is kept as a byte along each axis
EDGE = 0.02  # the share of dots that lies beyond each edge of the map


class LatentMap(Explorer):
    """A map of digits that a decoder of dense layers fills, and a walk between two of its places.

    ``LatentMap.of(decoder, codes, labels)`` makes one of a network; the constructor takes its
    traits. The map's edges leave out the outermost dots.

    Args:
        sizes: the numbers before the first layer, which are two, and after each.
        weights: of all layers in PyTorch's order, in half precision, as base64.
        dots: the places of the dots, two bytes each, as base64.
        labels: a digit for each dot.
        low, high: the codes at the map's corners.
        at: the code whose image is shown.
        one, other: the codes at the ends of the walk.
        step: how far the walk has come, from 0 to 1.

    Raises:
        ValueError: the weights do not fill the layers, or the dots differ in number from the
            labels, or a code has not two numbers.
    """

    _esm = module("curves.js", "latent.js")
    kept = ("at", "one", "other", "step")

    sizes = traitlets.List(traitlets.Int()).tag(sync=True)
    weights = traitlets.Unicode().tag(sync=True)
    dots = traitlets.Unicode().tag(sync=True)
    labels = traitlets.Unicode().tag(sync=True)
    low = traitlets.List(traitlets.Float()).tag(sync=True)
    high = traitlets.List(traitlets.Float()).tag(sync=True)
    at = traitlets.List(traitlets.Float()).tag(sync=True)
    one = traitlets.List(traitlets.Float()).tag(sync=True)
    other = traitlets.List(traitlets.Float()).tag(sync=True)
    step = traitlets.Float(0.5).tag(sync=True)

    def __init__(self, **settings: object) -> None:
        super().__init__(**settings)
        layers = zip(self.sizes, self.sizes[1:], strict=False)
        count = sum((before + 1) * after for before, after in layers)
        found = len(b64decode(self.weights)) // 2
        if found != count or self.sizes[:1] != [2]:
            raise ValueError(f"weights: expected {count} numbers for {self.sizes}, not {found}")
        if len(b64decode(self.dots)) != 2 * len(self.labels):
            raise ValueError(f"labels: expected one for each dot, not {len(self.labels)}")
        for name in ("low", "high", "at", "one", "other"):
            if len(code := getattr(self, name)) != 2:
                raise ValueError(f"{name}={code}: expected two numbers")
        number("step", self.step, 0, 1)

    @classmethod
    def of(
        cls, decoder: nn.Sequential, codes: Tensor, labels: Tensor, one: Tensor, other: Tensor
    ) -> Self:
        """The map of a network.

        Args:
            decoder: dense layers from two numbers to 28×28, a GELU between any two.
            codes: (N, 2), the dots.
            labels: (N,), digits.
            one, other: (2,), the codes at the ends of the walk.
        """
        layers = [layer for layer in decoder if isinstance(layer, nn.Linear)]
        numbers = torch.cat([p.detach().flatten() for layer in layers for p in layer.parameters()])
        low, high = (torch.quantile(codes, q, dim=0) for q in (EDGE, 1 - EDGE))
        shares = (codes - low) / (high - low)  # (N, 2), from 0 to 1 on the map
        on_map = ((shares >= 0) & (shares <= 1)).all(1)
        places = (shares[on_map] * LEVELS).round().byte().numpy()

        def code(place: Tensor) -> list[float]:
            return [round(value, 3) for value in place.tolist()]

        return cls(
            sizes=[layers[0].in_features, *(layer.out_features for layer in layers)],
            weights=_base64(numbers.numpy().astype("<f2")),
            dots=_base64(places),
            labels="".join(map(str, labels[on_map].tolist())),
            low=code(low),
            high=code(high),
            at=code((low + high) / 2),
            one=code(one),
            other=code(other),
        )

    def words(self) -> str:
        return (
            f"Explorer: a map of {len(self.labels)} digits by codes of two numbers, and what the "
            "decoder draws at each place of it."
        )

    def figure(self) -> str:
        places = np.frombuffer(b64decode(self.dots), np.uint8).reshape(-1, 2)
        labels = np.array(list(self.labels))
        parts = []
        for digit in sorted(set(self.labels)):
            x, y = np.median(places[labels == digit], axis=0)
            parts.append(f'<text x="{x:.0f}" y="{LEVELS - y:.0f}">{digit}</text>')
        return (
            f"<p>{escape(self.words())} Where the middle of each digit lies:</p>"
            f'<svg viewBox="0 0 {LEVELS} {LEVELS}" role="img" fill="currentColor" '
            'style="width: 100%; max-width: 20em; border: 1px solid">'
            f"<title>the middle of each digit on the map</title>{''.join(parts)}</svg>"
        )


def _base64(numbers: np.ndarray) -> str:
    return b64encode(numbers.tobytes()).decode()
