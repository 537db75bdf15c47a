"""Errors, and the baselines that they have to beat."""

from collections.abc import Mapping, Sequence
from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import (
    LogLocator,
    NullFormatter,
    StrMethodFormatter,
)
from numpy.typing import ArrayLike

from convbook.palette import BLUE, HUES, INK
from convbook.plots.style import WIDTH
from convbook.training import History


def loss_curves(
    runs: Mapping[str, Sequence[History]], baselines: Mapping[str, float], split: str = "test"
) -> None:
    """One thin line per run, one colour per kind of run, and a dashed line for each baseline.

    Args:
        runs: kind to histories, one for each seed.
        baselines: name to loss.
        split: ``train`` or ``test``.
    """
    _, axes = plt.subplots()
    for colour, (kind, histories) in zip(cycle(HUES), runs.items(), strict=False):
        for i, history in enumerate(histories):
            losses = getattr(history, f"{split}_loss")
            epochs = range(1, len(losses) + 1)
            marker = "o" if len(losses) <= 30 else None
            axes.plot(epochs, losses, color=colour, marker=marker, label=kind if i == 0 else None)
    mark_baselines(axes, baselines)
    axes.set(xlabel="epoch", ylabel=f"{split} error (mean squared)", yscale="log")
    axes.locator_params("x", integer=True)
    plain_numbers(axes.yaxis)
    if len(runs) > 1:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)


def ranking(errors: Mapping[str, float], baselines: Mapping[str, float]) -> None:
    """Horizontal bars with their numbers, and a dashed line for each baseline."""
    _, axes = plt.subplots(figsize=(WIDTH, 0.36 * len(errors) + 1.0))
    names, values = list(errors), list(errors.values())
    bars = axes.barh(names, values, color=BLUE, height=0.62)
    axes.bar_label(bars, [f"{value:.4f}" for value in values], padding=4, fontsize=9)
    axes.invert_yaxis()
    mark_baselines_across(axes, baselines)
    rightmost = max(*values, *baselines.values())
    axes.set(xlabel="test error (mean squared)", xlim=(0, 1.15 * rightmost))
    axes.tick_params(axis="y", length=0)


def histogram(groups: Mapping[str, ArrayLike], label: str, counted: str) -> None:
    """How often each value occurs, in forty bins around zero; the groups are stacked.

    Args:
        groups: name to values.
        label: of the horizontal axis.
        counted: what is counted, for the vertical axis.
    """
    _, axes = plt.subplots(figsize=(WIDTH, 2.6))
    values = [np.asarray(part) for part in groups.values()]
    edge = max(np.abs(part).max() for part in values if len(part))
    bins = np.linspace(-edge, edge, 41).tolist()  # one of the edges is zero
    axes.hist(values, bins=bins, stacked=True, color=HUES[: len(values)], label=list(groups))
    axes.set(xlabel=label, ylabel=counted)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(values))


def over_strength(
    panels: Mapping[str, Mapping[str, ArrayLike]],
    strengths: Sequence[float],
    measures: Mapping[str, str],
    baseline: str,
) -> None:
    """Errors over the strength of a disturbance: a panel for each kind, a line for each method.

    Args:
        panels: kind to method to errors, (strengths,) or (seeds, strengths): drawn as the mean,
            with a band from the best to the worst seed. No error at all has no place on the axis.
        strengths: the values on the horizontal axis.
        measures: kind to what its strength is, below that axis.
        baseline: the method that is drawn dashed.
    """
    figure, grid = plt.subplots(1, len(panels), figsize=(WIDTH, 3.3), sharey=True, squeeze=False)
    drawn = {}  # the legend's lines, by name
    for axes, (kind, lines) in zip(grid[0], panels.items(), strict=True):
        hues = cycle(HUES)
        for name, errors in lines.items():
            seeds = np.atleast_2d(np.asarray(errors, dtype=float))
            seeds = np.where(seeds > 0, seeds, np.nan)
            plain = {"color": INK, "linestyle": "--", "linewidth": 1.4}
            look = {"color": next(hues), "marker": "o", "markersize": 4, "linewidth": 1.6}
            style = plain if name == baseline else look
            (drawn[name],) = axes.plot(strengths, seeds.mean(0), **style)
            band = {"color": style["color"], "alpha": 0.25, "linewidth": 0}
            axes.fill_between(strengths, seeds.min(0), seeds.max(0), **band)
        axes.set_title(kind, fontsize=10)
        axes.set(yscale="log", xlabel=measures[kind])
        plain_numbers(axes.yaxis)
    grid[0][0].set_ylabel("test error (mean squared)")
    figure.legend(drawn.values(), drawn, loc="outside upper left", ncols=3, fontsize=9)


def mark_baselines(axes: Axes, baselines: Mapping[str, float]) -> None:
    """A dashed line for each, named in the right margin, where no curve runs."""
    for name, value in baselines.items():
        axes.axhline(value, color=INK, linestyle="--", linewidth=1.2)
        place, system = (1.01, value), axes.get_yaxis_transform()
        axes.text(*place, name, transform=system, va="center", fontsize=9)


def mark_baselines_across(axes: Axes, baselines: Mapping[str, float]) -> None:
    """The same for values on the horizontal axis, named above."""
    for name, value in baselines.items():
        axes.axvline(value, color=INK, linestyle="--", linewidth=1.2)
        place, system = (value, 1.02), axes.get_xaxis_transform()
        axes.text(*place, name, transform=system, ha="center", va="bottom", fontsize=9)


def plain_numbers(axis: Axis, subdivisions: tuple[int, ...] = (1, 2, 5)) -> None:
    """Label a logarithmic axis with ordinary numbers, at these multiples of each power of ten."""
    axis.set_major_locator(LogLocator(subs=subdivisions))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())
