"""Explorer "DrawDigit": a digit of one's own on its way through small networks."""

from base64 import b64decode
from collections.abc import Iterable, Mapping
from typing import Self

import traitlets
from torch import Tensor, nn

from convbook.arguments import number, whole_number
from convbook.explorers.explorer import Explorer, module
from convbook.explorers.networks import SIDE, as_bytes, block_figure, check_digits, count, described


class DrawDigit(Explorer):
    """Paper of 28×28 pixels, and what each of several ways makes of the drawing.

    ``DrawDigit.of(networks, digits)`` makes one of networks; the constructor takes its traits.
    Where a network unpools, the maps after each of its layers are shown, all on one scale, red
    below zero and blue above. Else its output is, in greys.

    Args:
        ways: for each the ``name``, and ``layers`` and ``weights`` as ``described`` gives them.
        digits: test digits, the digit ``i`` at place ``i``, a byte a pixel, in base64.
        image: the drawing, likewise; the first digit that is given, if not given itself.
        most: the largest share of pixels that noise can replace; with 0 there is no noise.
        noise: the share of pixels that it replaces.
        seed: decides the noise.

    Raises:
        ValueError: weights do not fill the layers, or an image has not 28×28 pixels, or one of the
            numbers lies outside its range.
    """

    _esm = module("curves.js", "networks.js", "digit.js")
    kept = ("noise", "seed")

    ways = traitlets.List(traitlets.Dict()).tag(sync=True)
    digits = traitlets.List(traitlets.Unicode()).tag(sync=True)
    image = traitlets.Unicode().tag(sync=True)
    most = traitlets.Float(0.0).tag(sync=True)
    noise = traitlets.Float(0.0).tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)

    def __init__(self, **settings: object) -> None:
        super().__init__(**settings)
        if not self.image and self.digits:
            self.image = self.digits[0]
        for way in self.ways:
            expected, found = count(way["layers"]), len(b64decode(way["weights"])) // 4
            if found != expected:
                raise ValueError(f"ways: expected {expected} weights, not {found}")
        check_digits("digits", self.digits)
        check_digits("image", [self.image])
        number("most", self.most, 0, 1)
        number("noise", self.noise, 0, self.most)
        whole_number("seed", self.seed, 0)

    @classmethod
    def of(
        cls,
        networks: Mapping[str, Iterable[nn.Module]],
        digits: Tensor,
        digit: int = 0,
        *,
        resize: int | None = None,
        noise: float = 0.0,
        most: float = 0.0,
    ) -> Self:
        """Paper for these networks.

        Args:
            networks: name to layers, from one map of 28×28 to another.
            digits: (N, 1, 28, 28), the digit ``i`` at place ``i``, from 0 to 1.
            digit: the one that stands on the paper at first.
            resize: pixels along a side; if given, a plain resize stands beside the networks: means
                over areas, and a bicubic way back.
            noise, most: as for the constructor.

        Raises:
            ValueError: a layer is of a kind, or has an option, that the page does not compute.
        """
        ways = [{"name": name, **described(layers)} for name, layers in networks.items()]
        if resize is not None:
            layers = [["area", whole_number("resize", resize, 1)], ["bicubic", SIDE]]
            name = f"resize to {resize}×{resize}"
            ways.append({"name": name, "layers": layers, "weights": ""})
        images = as_bytes(digits)
        return cls(ways=ways, digits=images, image=images[digit], noise=noise, most=most)

    def words(self) -> str:
        names = ", ".join(way["name"] for way in self.ways)
        return f"Explorer: draw a digit, and see what becomes of it: {names}."

    def figure(self) -> str:
        return f"<p>{self.words()}</p>{block_figure(self.image, 'a digit')}"
