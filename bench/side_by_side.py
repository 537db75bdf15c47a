"""Two ways to do one thing, in the order A B A B, so that a noisy machine is noisy for both."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import mean


@dataclass(frozen=True)
class Run:
    """One timed training: seconds for the unit compared, and the test loss of each model."""

    seconds: float
    test_losses: list[float]


def compare(
    name: str,
    unit: str,
    source: Callable[[int], Run],
    ours: Callable[[int], Run],
    seeds: tuple[int, ...],
) -> None:
    """Run both for each seed, alternately, and print times, their ratio and both losses.

    A first run of each warms the machine up and is thrown away.
    """
    source(seeds[0]), ours(seeds[0])
    runs = [(source(seed), ours(seed)) for seed in seeds]
    theirs, mine = zip(*runs, strict=True)
    slow, fast = (mean(run.seconds for run in side) * 1e3 for side in (theirs, mine))
    print(f"{name}: {slow:.2f} ms a {unit} as written, {fast:.2f} ms ours, {slow / fast:.1f} times")
    for seed, (a, b) in zip(seeds, runs, strict=True):
        (loss,), same, rest = a.test_losses, b.test_losses[0], b.test_losses
        others = f", {len(rest)} seeds {min(rest):.5f} to {max(rest):.5f}" if rest[1:] else ""
        print(f"  seed {seed}: test loss {loss:.5f} as written, {same:.5f} ours{others}")
