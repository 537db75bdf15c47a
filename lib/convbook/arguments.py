"""What an argument has to be, said in one way everywhere: its name, its value and the rule."""

import math
import operator
from collections.abc import Collection, Iterable
from typing import TypeVar

import torch
from torch import Tensor

Word = TypeVar("Word", bound=str)
LARGEST_SEED = 2**63 - 1  # that every generator of torch takes


def whole_number(name: str, value: int, smallest: int, largest: int | None = None) -> int:
    """``value`` as a plain integer from ``smallest`` on, up to ``largest`` if there is one.

    Raises:
        ValueError: it is something else.
    """
    rule = f"of at least {smallest}" if largest is None else f"from {smallest} to {largest}"
    try:
        number = smallest - 1 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = smallest - 1
    if number < smallest or (largest is not None and number > largest):
        raise ValueError(f"{name}={value!r}: expected a whole number {rule}")
    return number


def whole_numbers(
    name: str, values: Iterable[int], smallest: int, largest: int | None = None
) -> tuple[int, ...]:
    """``values`` as plain integers; a generator or an array will do.

    Raises:
        ValueError: there is nothing to go through, or one of them is something else.
    """
    try:
        listed = tuple(values)
    except TypeError:
        raise ValueError(f"{name}={values!r}: expected whole numbers") from None
    return tuple(whole_number(name, value, smallest, largest) for value in listed)


def number(name: str, value: float, smallest: float, largest: float = math.inf) -> float:
    """``value`` as a float, finite, from ``smallest`` on, up to ``largest`` if there is one.

    Raises:
        ValueError: it is something else.
    """
    if not smallest <= (found := _finite(value)) <= largest:
        rule = f"of at least {smallest}" if largest == math.inf else f"from {smallest} to {largest}"
        raise ValueError(f"{name}={value!r}: expected a number {rule}")
    return found


def positive(name: str, value: float) -> float:
    """``value`` as a float, finite and above 0.

    Raises:
        ValueError: it is something else.
    """
    if not (found := _finite(value)) > 0:
        raise ValueError(f"{name}={value!r}: expected a positive number")
    return found


def _finite(value: float) -> float:
    """``value``, of NumPy or torch if need be; nan, which fits no range, if it is no number."""
    try:
        fits = math.isfinite(value) and not isinstance(value, bool)
    except (TypeError, ValueError, RuntimeError, OverflowError):  # words, several numbers
        return math.nan
    return float(value) if fits else math.nan


def tensor(name: str, value: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """``value``, a tensor, of this kind of number if one is given.

    Raises:
        ValueError: it is something else.
    """
    if not isinstance(value, Tensor):
        raise ValueError(f"{name}: expected a tensor, not {type(value).__name__}")
    if dtype not in (None, value.dtype):
        raise ValueError(f"{name}: expected {str(dtype).partition('.')[2]}, not {value.dtype}")
    return value


def function(name: str, value: object) -> None:
    """Check that ``value`` can be called.

    Raises:
        ValueError: it cannot.
    """
    if not callable(value):
        raise ValueError(f"{name}={value!r}: expected a function")


def one_of(name: str, value: str, choices: Collection[Word]) -> Word:
    """``value``, one of the words in ``choices``.

    Raises:
        ValueError: it is something else.
    """
    for choice in choices:
        if isinstance(value, str) and value == choice:
            return choice
    *others, last = map(repr, choices)
    raise ValueError(f"{name}={value!r}: expected {', '.join(others)} or {last}")
