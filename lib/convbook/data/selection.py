"""Which images a run works on, in a few words that another process can load them by."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, get_args

from convbook.arguments import one_of, whole_number
from convbook.data.images import ImageData
from convbook.data.sources import Source, cifar10, mnist

LOAD = {"mnist": mnist, "cifar10": cifar10}


@dataclass(frozen=True)
class Selection:
    """A data set, and what part of it is trained on.

    Args:
        name: ``mnist`` or ``cifar10``.
        train: train on the first so many images only; None takes all.
        test: the same for the test images.
        signed: pixels in [-1, 1] rather than in [0, 1].
        without: the label of a class that is left out of the training images.
        source: as for ``data.mnist``.

    Raises:
        ValueError: ``name`` is neither of the two, ``train`` or ``test`` is below 1, or ``without``
            is no label from 0 to 9, or ``source`` is none of the three.
    """

    name: Literal["mnist", "cifar10"]
    train: int | None = None
    test: int | None = None
    signed: bool = False
    without: int | None = None
    source: Source = "auto"

    def __post_init__(self) -> None:
        one_of("name", self.name, LOAD)
        one_of("source", self.source, get_args(Source))
        for name in ("train", "test"):
            if getattr(self, name) is not None:
                whole_number(name, getattr(self, name), 1)
        if self.without is not None:
            whole_number("without", self.without, 0, 9)

    def load(self) -> ImageData:
        """The images; the last two selections of a process are kept in memory."""
        return _load(self)


@lru_cache(maxsize=2)
def _load(selection: Selection) -> ImageData:
    whole = LOAD[selection.name](selection.source)
    images, labels = whole.train[: selection.train], whole.train_labels[: selection.train]
    if selection.without is not None:
        kept = labels != selection.without
        images, labels = images[kept], labels[kept]
    test, test_labels = whole.test[: selection.test], whole.test_labels[: selection.test]
    if selection.signed:
        images, test = 2 * images - 1, 2 * test - 1
    return replace(whole, train=images, train_labels=labels, test=test, test_labels=test_labels)
