"""Errors and other measures, and the baselines that they have to beat."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter
from numpy.typing import ArrayLike
from torch import Tensor

from convbook.palette import BLUE, INK
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
    for number, (kind, histories) in enumerate(runs.items()):
        for i, history in enumerate(histories):
            losses = getattr(history, f"{split}_loss")
            epochs = range(1, len(losses) + 1)
            marker = "o" if len(losses) <= 30 else None
            colour, label = f"C{number}", kind if i == 0 else None
            axes.plot(epochs, losses, color=colour, marker=marker, label=label)
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


def over_strength(
    panels: Mapping[str, Mapping[str, ArrayLike]],
    strengths: Sequence[float],
    measures: Mapping[str, str],
    baseline: str,
) -> None:
    """Errors over the strength of a disturbance: a panel for each kind, a line for each method,
    named at its end. The axis ends above the other methods; the baseline may leave it.

    Args:
        panels: kind to method to errors, (strengths,) or (seeds, strengths): drawn as the mean,
            with a band from the best to the worst seed.
        strengths: the values on the horizontal axis.
        measures: kind to what its strength is, below that axis.
        baseline: the method that is drawn dashed.
    """
    size = (WIDTH, 2.4 * len(panels) + 0.2)
    _, grid = plt.subplots(len(panels), figsize=size, sharey=True, squeeze=False)
    methods = [each for lines in panels.values() for each in lines.items()]
    top = 1.05 * max(np.asarray(errors).max() for name, errors in methods if name != baseline)
    for axes, (kind, lines) in zip(grid[:, 0], panels.items(), strict=True):
        ends: dict[str, tuple[float, str]] = {}
        for number, (name, errors) in enumerate(lines.items()):
            seeds = np.atleast_2d(np.asarray(errors, dtype=float))
            plain = {"color": INK, "linestyle": "--", "linewidth": 1.4}
            look = {"color": f"C{number}", "marker": "o", "markersize": 4, "linewidth": 1.6}
            style = plain if name == baseline else look
            axes.plot(strengths, seeds.mean(0), **style)
            band = {"color": style["color"], "alpha": 0.25, "linewidth": 0}
            axes.fill_between(strengths, seeds.min(0), seeds.max(0), **band)
            ends[name] = (min(float(seeds.mean(0)[-1]), top), str(style["color"]))
        axes.set_title(kind, fontsize=10)
        axes.set(xlabel=measures[kind], ylabel="error (mean squared)", ylim=(0, top))
        _name_ends(axes, ends)


def _name_ends(axes: Axes, ends: Mapping[str, tuple[float, str]], gap: float = 0.085) -> None:
    """Write each line's name right of the axes, at its end's height and in its colour.

    Args:
        ends: name to the height of the line's end, and its colour.
        gap: between two names at least, as a share of the axis: where lines end closer together,
            the names are pushed apart.
    """
    low, high = axes.get_ylim()
    names = sorted(ends, key=lambda name: ends[name][0])
    heights = [(ends[name][0] - low) / (high - low) for name in names]
    for i in range(1, len(names)):
        heights[i] = max(heights[i], heights[i - 1] + gap)
    ceiling = 1.0
    for i in reversed(range(len(names))):
        heights[i] = min(heights[i], ceiling)
        ceiling = heights[i] - gap
    for name, height in zip(names, heights, strict=True):
        text = axes.text(1.02, height, name, transform=axes.transAxes, fontsize=9, va="center")
        text.set_color(ends[name][1])


def over_epochs(
    runs: Mapping[str, Tensor],
    baselines: Mapping[str, float],
    label: str = "test error (mean squared)",
    epochs: Sequence[int] | None = None,
) -> None:
    """The mean over seeds of each kind of run, with a band of one standard deviation.

    Both are taken of the values' logarithms, as the axes are logarithmic.

    Args:
        runs: kind to values, (at least two seeds, epochs), all positive.
        baselines: name to value.
        label: of the vertical axis.
        epochs: at which the values were taken, from 1 up if not given.
    """
    _, axes = plt.subplots()
    for kind, values in runs.items():
        mean, deviation = values.log().mean(0), values.log().std(0)
        at = np.arange(1, values.shape[1] + 1) if epochs is None else epochs
        marker = None if epochs is None else "o"
        (line,) = axes.plot(at, mean.exp(), label=kind, marker=marker)
        band = (mean - deviation).exp(), (mean + deviation).exp()
        axes.fill_between(at, *band, color=line.get_color(), alpha=0.25, linewidth=0)
    mark_baselines(axes, baselines)
    axes.set(xlabel="epoch", ylabel=label, xscale="log", yscale="log")
    plain_numbers(axes.xaxis, subdivisions=(1,))
    if len(runs) > 1:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3)


def dots(
    groups: Mapping[str, Mapping[str, ArrayLike]],
    label: str,
    baselines: Mapping[str, float] | None = None,
    logarithmic: bool = False,
) -> None:
    """A row of dots for each group, one dot a seed, and a stroke at their mean.

    Args:
        groups: row name to the values of each kind, one colour a kind.
        label: of the horizontal axis.
        baselines: name to value, as vertical dashed lines.
    """
    kinds = list(dict.fromkeys(kind for row in groups.values() for kind in row))
    _, axes = plt.subplots(figsize=(WIDTH, 0.34 * len(groups) * max(1, len(kinds) / 2) + 1.1))
    named = set()
    for y, row in enumerate(groups.values()):
        for which, kind in enumerate(kinds):
            if kind not in row:
                continue
            values = np.asarray(row[kind], dtype=float)
            at = y + (which - (len(kinds) - 1) / 2) * 0.26
            look: dict[str, Any] = {"color": f"C{which}", "linestyle": "", "zorder": 3}
            name = None if kind in named else kind
            named.add(kind)
            axes.plot(
                values, np.full(len(values), at), marker="o", markersize=4.5, alpha=0.55,
                markeredgewidth=0, label=name, **look,
            )  # fmt: skip
            axes.plot(values.mean(), at, marker="|", markersize=13, markeredgewidth=2.4, **look)
    mark_baselines_across(axes, baselines or {})
    axes.set_yticks(range(len(groups)), groups)
    axes.set(xlabel=label, ylim=(len(groups) - 0.4, -0.6))
    axes.tick_params(axis="y", length=0)
    if logarithmic:
        axes.set_xscale("log")
        plain_numbers(axes.xaxis)
    if len(kinds) > 1:
        above = 1.13 if baselines else 1.02  # whose names stand there
        axes.legend(loc="lower left", bbox_to_anchor=(0, above), ncols=len(kinds), fontsize=9)


def by_place(
    lines: Mapping[str, ArrayLike],
    xlabel: str,
    ylabel: str,
    first: int = 0,
    logarithmic: bool = False,
) -> None:
    """One value for each place, counted from ``first``, and a marked line for each name."""
    _, axes = plt.subplots()
    for name, line in lines.items():
        values = np.asarray(line)
        axes.plot(first + np.arange(len(values)), values, marker="o", label=name)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.locator_params("x", integer=True)
    if logarithmic:
        axes.set_yscale("log")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, fontsize=9)


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
