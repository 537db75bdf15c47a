"""What an argument has to be, said in one way everywhere: its name, its value and the rule."""

import math
import operator
from collections.abc import Collection

LARGEST_SEED = 2**63 - 1  # that every generator of torch takes


def whole_number(name: str, value: int, smallest: int, largest: int | None = None) -> int:
    """``value`` as a plain integer from ``smallest`` on, up to ``largest`` if there is one.

    Raises:
        ValueError: it is something else.
    """
    rule = f"of at least {smallest}" if largest is None else f"from {smallest} to {largest}"
    try:
        number = operator.index(value)
    except TypeError:
        raise ValueError(f"{name}={value!r}: expected a whole number {rule}") from None
    if isinstance(value, bool) or number < smallest or (largest is not None and number > largest):
        raise ValueError(f"{name}={value!r}: expected a whole number {rule}")
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
