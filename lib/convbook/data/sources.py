"""MNIST and CIFAR-10: the official files, or else an announced stand-in."""

from collections.abc import Callable
from typing import Literal, get_args

from convbook.arguments import one_of
from convbook.data import official, stand_ins
from convbook.data.images import ImageData
from convbook.data.official import DataUnavailable

Source = Literal["auto", "official", "stand-in"]


def mnist(source: Source = "auto") -> ImageData:
    """Handwritten digits: (60000, 1, 28, 28) to train on, (10000, 1, 28, 28) to test on, in [0, 1].

    LeCun, Bottou, Bengio and Haffner 1998, doi 10.1109/5.726791. The stand-in has 1,797 of
    scikit-learn's 8×8 digits, enlarged.

    Args:
        source: ``auto`` takes the official files, or else, with a notice, the stand-in;
            ``official`` and ``stand-in`` take nothing else.

    Raises:
        DataUnavailable: ``official`` was asked for, and the files are neither on disk nor to be
            fetched.
        ValueError: ``source`` is none of the three.
    """
    return _load(source, official.mnist, stand_ins.digits)


def cifar10(source: Source = "auto") -> ImageData:
    """Small photographs of ten classes: (50000, 3, 32, 32) and (10000, 3, 32, 32), in [0, 1].

    Krizhevsky 2009, "Learning multiple layers of features from tiny images". The stand-in has
    32×32 crops of scikit-learn's two sample photographs.

    Args:
        source: as for ``mnist``.

    Raises:
        DataUnavailable: ``official`` was asked for, and the files are neither on disk nor to be
            fetched.
        ValueError: ``source`` is none of the three.
    """
    return _load(source, official.cifar10, stand_ins.crops)


def _load(
    source: Source, load_official: Callable[[], ImageData], load_stand_in: Callable[[], ImageData]
) -> ImageData:
    one_of("source", source, get_args(Source))
    if source == "stand-in":
        return load_stand_in()
    try:
        return load_official()
    except DataUnavailable as reason:
        if source == "official":
            raise
        stand_in = load_stand_in()
        print(f"NOTICE: {reason}\nUsing a stand-in instead: {stand_in}")
        return stand_in
