"""The figures of chapters 6 and 7 draw what they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from convbook import plots

pytestmark = pytest.mark.usefixtures("closed_figures")

FILTERS = np.array([[1.0, 0.5, 0.0], [0.0, 0.5, 1.0]])


def drawn_lines() -> list[list[float]]:
    lines = [line for axes in plt.gcf().axes for line in axes.get_lines()]
    return [np.asarray(line.get_ydata(), dtype=float).round(5).tolist() for line in lines]


def legend() -> list[str]:
    return [text.get_text() for found in plt.gcf().legends for text in found.get_texts()]


def test_curves_share_a_scale_and_a_legend():
    panels = {"a": {"output": [0.0, 1], "target": [0.0, 2]}, "b": {"output": [3.0, 0]}}
    plots.curves(panels, columns=3)
    assert [0, 1] in drawn_lines()
    assert [3, 0] in drawn_lines()
    assert legend() == ["output", "target"]
    first, second, empty = plt.gcf().axes
    assert first.get_ylim() == second.get_ylim()
    assert not empty.get_visible()


def test_means_over_seeds_are_geometric():
    plots.over_epochs({"net": torch.tensor([[0.1, 1.0], [10.0, 1.0]])}, {"floor": 0.5})
    assert drawn_lines()[0] == pytest.approx([1, 1])
    assert drawn_lines()[1] == [0.5, 0.5]
    band = plt.gca().collections[0].get_paths()[0].vertices[:, 1]
    assert band.max() == pytest.approx(np.exp(np.log([0.1, 10]).std(ddof=1)), rel=1e-5)
    plots.over_epochs({"net": torch.ones(2, 3)}, {}, epochs=[1, 10, 100])
    assert plt.gca().lines[0].get_xdata().tolist() == [1, 10, 100]


def test_dots_show_every_seed_and_the_mean():
    plots.dots({"a": {"x": [1.0, 3.0], "y": [5.0]}, "b": {"x": [2.0]}}, "size", {"mark": 4.0})
    shown = [np.asarray(line.get_xdata()).tolist() for line in plt.gca().lines]
    assert shown == [[1, 3], [2], [5], [5], [2], [2], [4, 4]]
    assert [label.get_text() for label in plt.gca().get_yticklabels()] == ["a", "b"]


def test_values_by_place():
    plots.by_place(
        {"a": [0.1, 0.2], "b": torch.tensor([0.3, 0.4])},
        "point",
        "error",
        first=1,
        logarithmic=True,
    )
    assert drawn_lines() == [[0.1, 0.2], [0.3, 0.4]]
    assert plt.gca().lines[0].get_xdata().tolist() == [1, 2]
    assert plt.gca().get_yscale() == "log"


def test_the_encoder_picture_ends_in_the_code():
    patch, filters, bias = (
        np.array([0.5, -0.5]),
        np.array([[1.0, 1], [1, -1]]),
        np.array([0.0, 0.1]),
    )
    plots.encoder_stages(patch, filters, bias)
    bars = [bar.get_height() for axes in plt.gcf().axes for bar in axes.patches]
    assert bars == pytest.approx(np.tanh([0.0, 1.1]).tolist())
    assert [0.5, 0.5] in drawn_lines()  # the second filter's products


def test_the_sliding_picture_counts_the_stamps():
    plots.sliding(points=15, kernel_size=7, stride=4, channels=3)
    numbers = [text.get_text() for text in plt.gca().texts if text.get_text().isdigit()]
    counts = np.convolve(np.bincount([0, 4, 8]), np.ones(7)).astype(int)
    assert numbers == [str(i) for i in range(15)] + [str(count) for count in counts]
