"""Learning-rate schedules: the share of the training done, from 0 to 1, to a factor."""

import math

WARM_UP = 0.05  # of the training


def constant(done: float) -> float:
    """One throughout."""
    return 1.0


def warm_up_then_cosine(done: float) -> float:
    """Linearly up from 0, then down to 0 along half a cosine (Loshchilov and Hutter 2016,
    arXiv 1608.03983).
    """
    if done < WARM_UP:
        return done / WARM_UP
    return 0.5 * (1 + math.cos(math.pi * (done - WARM_UP) / (1 - WARM_UP)))
