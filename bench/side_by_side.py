"""Two ways to do one thing, in the order A B A B, so that a noisy machine is noisy for both."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import mean


@dataclass(frozen=True)
class Run:
    """One timed training: seconds a step, and the test loss that it ended with."""

    seconds_a_step: float
    test_loss: float


def compare(
    name: str, source: Callable[[int], Run], ours: Callable[[int], Run], seeds: tuple[int, ...]
) -> None:
    """Run both for each seed, alternately, and print times, their ratio and both losses.

    A first run of each warms the machine up and is thrown away.
    """
    source(seeds[0]), ours(seeds[0])
    runs = [(source(seed), ours(seed)) for seed in seeds]
    theirs, mine = zip(*runs, strict=True)
    slow, fast = (mean(run.seconds_a_step for run in side) * 1e3 for side in (theirs, mine))
    print(f"{name}: {slow:.2f} ms a step as written, {fast:.2f} ms ours, {slow / fast:.1f} times")
    for seed, (a, b) in zip(seeds, runs, strict=True):
        print(f"  seed {seed}: test loss {a.test_loss:.5f} as written, {b.test_loss:.5f} ours")
