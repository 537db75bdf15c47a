"""The figures of chapters 6 and 7 draw what they are given; the decoder's animation is light."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from convbook import plots
from convbook.explorers import explore_decoder
from convbook.explorers.decoding import FRAMES, draw_decoder

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


def test_filters_over_seeds_match_signs_but_not_order():
    one = torch.tensor([[3.0, 4.0], [0.0, 1.0]])
    plots.filters_over_seeds({"row": torch.stack([one, -2 * one])}, reference=-one)
    shown = drawn_lines()
    assert shown.count([0.6, 0.8]) == 3  # both seeds, and the reference
    assert shown.count([0, 1]) >= 3


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


def points(svg: str) -> list[list[float]]:
    """The heights of each polyline's first shape, from -1 to 1."""
    shapes = re.findall(r'<polyline points="([^"]*)"', svg)
    heights = [[float(point.split(",")[1]) for point in shape.split()] for shape in shapes]
    return [[round((116 - height) / 82, 2) for height in shape] for shape in heights]


def test_the_decoder_picture_adds_up():
    svg = draw_decoder(FILTERS, 0.1, [(0.5, -0.5)], reach=1.0, scale=1.0)
    first, second, total = points(svg)
    assert first == pytest.approx([0.5, 0.25, 0], abs=0.01)
    assert second == pytest.approx([0, -0.25, -0.5], abs=0.01)
    assert total == pytest.approx([0.6, 0.1, -0.4], abs=0.01)
    assert "animate" not in svg


def shown_bundle(monkeypatch, **arguments) -> dict:
    shown = []
    monkeypatch.setattr(
        "convbook.explorers.static_twin.display", lambda bundle, raw: shown.append(bundle)
    )
    explore_decoder(
        **{"filters": FILTERS, "bias": 0.0, "code": (0, 0), "sweep": (1, 1)} | arguments
    )
    (bundle,) = shown
    return bundle


def test_the_static_twin_moves_and_is_light(monkeypatch):
    bundle = shown_bundle(monkeypatch, filters=np.ones((3, 7)), code=(0, 0, 0), sweep=(1, 1, 1))
    page = bundle["text/html"]
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"]
    moving = re.findall(r'<animate attributeName="points"[^>]* values="([^"]*)"', page)
    assert [len(values.split(";")) for values in moving] == [FRAMES + 1] * 4  # three and their sum
    assert len(page) < 400_000 / 10
    assert "every number moving" in page


def test_what_does_not_move_is_not_animated(monkeypatch):
    page = shown_bundle(monkeypatch, sweep=(1, 0))["text/html"]
    assert page.count('attributeName="points"') == 2  # the first term, and the sum
    assert "<animate" not in shown_bundle(monkeypatch, sweep=(0, 0))["text/html"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"filters": np.ones(3)}, r"filters: expected \(K, n\)"),
        ({"code": (0, 0, 0)}, "code: expected 2 numbers, not 3"),
        ({"sweep": (1,)}, "sweep: expected 2 numbers, not 1"),
    ],
)
def test_bad_input_is_named(monkeypatch, change, message):
    with pytest.raises(ValueError, match=message):
        shown_bundle(monkeypatch, **change)
