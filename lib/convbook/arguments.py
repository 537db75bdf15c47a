"""What an argument has to be, said in one way everywhere: its name, its value and the rule."""

import math
import operator
from collections.abc import Collection


def whole_number(name: str, value: int, smallest: int) -> int:
    """``value`` as a plain integer of at least ``smallest``.

    Raises:
        ValueError: it is something else.
    """
    try:
        number = operator.index(value)
    except TypeError:
        raise ValueError(f"{name}={value!r}: expected a whole number") from None
    if isinstance(value, bool) or number < smallest:
        raise ValueError(f"{name}={value!r}: expected a whole number of at least {smallest}")
    return number


def positive(name: str, value: float) -> float:
    """``value``, a finite number above 0.

    Raises:
        ValueError: it is something else.
    """
    if not isinstance(value, int | float) or not 0 < value < math.inf:
        raise ValueError(f"{name}={value!r}: expected a positive number")
    return value


def one_of(name: str, value: str, choices: Collection[str]) -> str:
    """``value``, one of the words in ``choices``.

    Raises:
        ValueError: it is something else.
    """
    if value not in choices:
        *others, last = map(repr, choices)
        raise ValueError(f"{name}={value!r}: expected {', '.join(others)} or {last}")
    return value
