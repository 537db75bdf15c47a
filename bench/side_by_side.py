"""Two ways to do one thing, in the order A B A B, so that a noisy machine is noisy for both."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import mean

import torch
from torch.utils.data import Sampler

from bench.limit import Limit

LINE = "{:<8} {:<16} {:>12} {:>10} {:>7} {:>10}  {}"


@dataclass(frozen=True)
class Run:
    """One timed training: seconds for the unit compared, and the test loss of each model."""

    seconds: float
    test_losses: list[float]
    note: str = ""


class SameOrder(Sampler):
    """The order in which ``fit`` takes the examples, from the same seed, for a ``DataLoader``."""

    def __init__(self, count: int, seed: int):
        self.count, self.generator = count, torch.Generator().manual_seed(seed)

    def __iter__(self) -> Iterator[int]:
        yield from torch.randperm(self.count, generator=self.generator).tolist()

    def __len__(self) -> int:
        return self.count


def print_head() -> None:
    print(LINE.format("", "ms a", "as written", "ours", "times", "at least", "bound by"))


def compare(
    name: str,
    unit: str,
    source: Callable[[int], Run],
    ours: Callable[[int], Run],
    limit: Limit,
    seeds: tuple[int, ...],
) -> dict[str, str]:
    """Run both for each seed, alternately, and print times, their ratio, the limit and the losses.

    A first run of each warms the machine up; only its note is kept.

    Returns:
        The row of the book's table: milliseconds a unit, their ratio, the test losses of one seed.
    """
    source(seeds[0])
    note = ours(seeds[0]).note
    runs = [(source(seed), ours(seed)) for seed in seeds]
    slow, fast = (mean(run.seconds for run in side) * 1e3 for side in zip(*runs, strict=True))
    least = f"{limit.seconds * 1e3:.3f}"
    times = f"{slow / fast:.1f}"
    bound = f"{limit.bound_by} {note}".rstrip()
    print(LINE.format(name, unit, f"{slow:.2f}", f"{fast:.2f}", times, least, bound))
    for seed, (theirs, mine) in zip(seeds, runs, strict=True):
        (loss,), same, rest = theirs.test_losses, mine.test_losses[0], mine.test_losses
        others = f", {len(rest)} seeds {min(rest):.6f} to {max(rest):.6f}" if rest[1:] else ""
        print(f"  seed {seed}: test loss {loss:.6f} as written, {same:.6f} ours{others}")
    return {
        "training": name,
        "time of one": unit,
        "source's loop, ms": f"{slow:.2f}",
        "ours, ms": f"{fast:.2f}",
        "times as fast": times,
        "source's test loss": f"{runs[0][0].test_losses[0]:.6f}",
        "our test loss": f"{runs[0][1].test_losses[0]:.6f}",
    }
