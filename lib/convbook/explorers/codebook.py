"""Explorer "Codebook": the entries of a discrete code as stamps, put one by one into a digit."""

from base64 import b64decode
from typing import Self

import torch
import traitlets
from torch import Tensor

from convbook.arguments import whole_number
from convbook.explorers.explorer import Explorer, module, number_cells
from convbook.explorers.networks import as_bytes, base64, check_digits, count, described
from convbook.models import QuantisedAutoencoder
from convbook.models.discrete import Quantiser

PLACES = 7  # of a digit, along each side
EMPTY = 10  # stands for empty paper, where a digit is chosen


class Codebook(Explorer):
    """A codebook, and digits of 7×7 entries, each of which can be replaced.

    ``Codebook.of(network, digits, images)`` makes one of a network; the constructor takes its
    traits.

    Args:
        layers, weights: of the decoder, as ``described`` gives them.
        entries: the codebook, four bytes a number, in base64.
        size: numbers in an entry.
        counts: how often each entry was chosen; the entry chosen most often is empty paper.
        digits: test digits, the digit ``i`` at place ``i``, a byte a pixel, in base64.
        grids: for each its 49 entries.
        digit: the one that is shown, or 10 for empty paper.
        grid: the 49 entries that are shown; the digit's own, if not given.
        place: the one of them that is changed, counted row by row.

    Raises:
        ValueError: weights or entries are too many or too few, or a number lies outside its range.
    """

    _esm = module("networks.js", "codebook.js")
    kept = ("digit", "grid", "place")

    layers = traitlets.List(traitlets.List()).tag(sync=True)
    weights = traitlets.Unicode().tag(sync=True)
    entries = traitlets.Unicode().tag(sync=True)
    size = traitlets.Int().tag(sync=True)
    counts = traitlets.List(traitlets.Int()).tag(sync=True)
    digits = traitlets.List(traitlets.Unicode()).tag(sync=True)
    grids = traitlets.List(traitlets.List(traitlets.Int())).tag(sync=True)
    digit = traitlets.Int(0).tag(sync=True)
    grid = traitlets.List(traitlets.Int()).tag(sync=True)
    place = traitlets.Int(PLACES**2 // 2).tag(sync=True)

    def __init__(self, **settings: object) -> None:
        super().__init__(**settings)
        whole_number("digit", self.digit, 0, EMPTY)
        whole_number("place", self.place, 0, PLACES**2 - 1)
        if not self.grid and self.digit < len(self.grids):
            self.grid = self.grids[self.digit]
        expected = {"weights": count(self.layers), "entries": self.size * len(self.counts)}
        for name, numbers in expected.items():
            if (found := len(b64decode(getattr(self, name))) // 4) != numbers:
                raise ValueError(f"{name}: expected {numbers} numbers, not {found}")
        for name, grids in {"grids": self.grids, "grid": [self.grid]}.items():
            for grid in grids:
                if len(grid) != PLACES**2:
                    raise ValueError(f"{name}: expected 49 entries, not {len(grid)}")
                whole_number(name, max(grid), 0, len(self.counts) - 1)
        if len(self.digits) != len(self.grids):
            raise ValueError(f"digits: expected {len(self.grids)}, not {len(self.digits)}")
        check_digits("digits", self.digits)

    @classmethod
    @torch.no_grad()
    def of(
        cls, network: QuantisedAutoencoder, digits: Tensor, images: Tensor, digit: int = 0
    ) -> Self:
        """The codebook of a network.

        Args:
            digits: (10, 1, 28, 28), the digit ``i`` at place ``i``, from 0 to 1.
            images: (N, 1, 28, 28), over which it is counted how often each entry is chosen.
            digit: as for the constructor.

        Raises:
            ValueError: the network has no codebook.
        """
        quantiser = network.quantiser
        if not isinstance(quantiser, Quantiser):
            raise ValueError(f"network: expected one with a codebook, not {quantiser}")
        book = quantiser.codebook.detach().cpu()  # (entries, size)
        grids, chosen = (quantiser.numbers(network.encoder(x)).flatten(1) for x in (digits, images))
        return cls(
            **described(network.decoder),
            entries=base64(book.numpy(), "<f4"),
            size=book.shape[1],
            counts=chosen.flatten().bincount(minlength=len(book)).tolist(),
            digits=as_bytes(digits),
            grids=grids.tolist(),
            digit=digit,
        )

    def words(self) -> str:
        used = sum(count > 0 for count in self.counts)
        return (
            f"Explorer: a codebook of {len(self.counts)} entries, {used} of them in use, and a "
            "digit of 7×7 entries, each of which can be replaced."
        )

    def figure(self) -> str:
        rows = (self.grid[at : at + PLACES] for at in range(0, PLACES**2, PLACES))
        cells = "".join(f"<tr>{number_cells(row)}</tr>" for row in rows)
        return f"<p>{self.words()} Its entries:</p><figure><table>{cells}</table></figure>"
