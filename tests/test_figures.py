"""Figures say what they are given: colours, numbers, and a picture for every setting."""

import base64
import io
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from PIL import Image

from convbook import plots
from convbook.matrices import conv_matrix
from convbook.palette import PAPER
from convbook.training import History

pytestmark = pytest.mark.usefixtures("closed_figures")

KERNEL = np.arange(1.0, 10).reshape(3, 3)


def texts() -> list[str]:
    return [text.get_text() for axes in plt.gcf().axes for text in axes.texts]


def test_every_weight_keeps_its_own_colour():
    colours = plots.kernel_colours(3, 3).reshape(-1, 3)
    assert len(np.unique(colours.round(6), axis=0)) == 9
    matrix = conv_matrix(torch.from_numpy(KERNEL)[None, None], 4)
    painted = plots.weight_colours(matrix, KERNEL)
    for value in range(1, 10):
        assert np.allclose(painted[matrix == value], colours[value - 1])
    assert np.allclose(painted[matrix == 0], to_rgb(PAPER))


@pytest.mark.parametrize(
    ("matrix", "kernel", "message"),
    [([[1]], [[1, 1]], "kernel"), ([[1]], [[0, 1]], "kernel"), ([[3]], [[1, 2]], "matrix")],
)
def test_weight_colours_names_bad_input(matrix, kernel, message):
    with pytest.raises(ValueError, match=f"{message}: expected"):
        plots.weight_colours(matrix, kernel)


def test_a_product_shows_every_number():
    matrix = np.array([[1.0, 2, 0], [0, 1, 2]])
    plots.product([5, 8], matrix, [1, 2, 3], np.array([[1.0, 2]]), ("y", "C", "x"))
    assert sorted(texts()) == sorted(
        ["1", "2", "3", "1", "2", "0", "0", "1", "2", "5", "8", "y", "C", "x", "="]
    )


def test_gather_and_scatter_and_stamps_draw_their_values():
    x = np.eye(4)
    y = np.array([[15.0, 8], [12, 15]])
    plots.gather_and_scatter(x, y, KERNEL)
    assert {"135", "15", "9"} <= set(texts())
    matrix = conv_matrix(torch.from_numpy(KERNEL)[None, None], 4)
    maps = (matrix * torch.from_numpy(y).flatten()[:, None]).view(4, 4, 4)
    plots.stamps(maps, matrix, KERNEL)
    assert {"15 · kernel", "8 · kernel", f"{maps.sum(0)[1, 1]:g}"} <= set(texts())


def test_a_sliding_kernel_adds_up_what_it_meets():
    grid = np.zeros((5, 5))
    grid[1:4:2, 1:4:2] = [[15, 12], [16, 13]]
    kernels = {"as it is": KERNEL, "flipped": KERNEL[::-1, ::-1]}
    plots.sliding_kernel(grid, kernels, KERNEL, at=(0, 1))
    assert {"15·4 + 12·6 = 132", "15·6 + 12·4 = 138"} <= set(texts())


def test_a_kronecker_product_is_drawn_with_its_factors():
    plots.kronecker(np.eye(2), np.array([[0, 1]]))
    assert texts().count("1") == 2 + 1 + 2


def test_matrices_beside_one_another_are_coloured_by_weight():
    matrix = conv_matrix(torch.from_numpy(KERNEL)[None, None], 4)
    plots.structures({"C": matrix, "its transpose": matrix.T}, KERNEL)
    wide, tall = plt.gcf().axes
    titles = [axes.get_title(loc="left") for axes in (wide, tall)]
    assert titles == ["C: 4×16", "its transpose: 16×4"]
    assert np.allclose(wide.images[0].get_array(), plots.weight_colours(matrix, KERNEL))
    assert tall.get_position().height > 3 * wide.get_position().height


def test_an_alignment_colours_what_lies_under_the_kernels_middle():
    plots.alignments(6, kernel_size=3, stride=2, paddings={"after": (0, 1), "before": (1, 0)})
    assert texts() == [*"012345", "after", *"012345", "before"]
    squares = plt.gca().patches
    dashed = [square.get_linestyle() == "--" for square in squares]
    assert dashed == [False] * 6 + [True, True] + [False] * 6
    coloured = [square.get_facecolor()[:3] != to_rgb(PAPER) for square in squares]
    assert np.flatnonzero(coloured[:7]).tolist() == [1, 3, 5]  # 1, 3 and 5
    assert np.flatnonzero(coloured[7:]).tolist() == [1, 3, 5]  # 0, 2 and 4, one to the right


def test_image_rows_shows_grey_and_colour_and_rows_of_any_length():
    plots.image_rows({"grey": torch.rand(3, 1, 5, 5), "colour": torch.rand(2, 3, 5, 5)}, "abc")
    visible = [axes for axes in plt.gcf().axes if axes.get_visible()]
    assert len(visible) == 5
    assert visible[-1].images[0].get_array().shape == (5, 5, 3)


@pytest.mark.parametrize("channels", [1, 3])
def test_images_are_shown_within_their_limits(channels):
    image = torch.linspace(-1.5, 1.5, 16 * channels).view(channels, 4, 4)
    plots.image_rows({"a": [image], "b": [image]}, limits=(-1, 1))
    shown = np.asarray(plt.gcf().axes[0].images[0].get_array())
    expected = ((image + 1) / 2).clamp(0, 1)
    assert np.allclose(shown, expected[0] if channels == 1 else expected.permute(1, 2, 0))


def test_a_grid_of_photographs_is_images_with_names_notes_and_titles(monkeypatch):
    shown = []
    monkeypatch.setattr("convbook.plots.photos.display", shown.append)
    grey, colour = torch.tensor([[[0.0, 0.5, 2.0]]]), torch.rand(3, 1, 3)
    plots.photo_grid({"a & b": [grey, colour]}, {"a & b": "error"}, "two", titles=["x", "y"])
    html = shown[0]._repr_mimebundle_()["text/html"]
    words = re.findall(r"<span[^>]*>(.*?)</span>", html)
    assert words == ["", "x", "y", "<b>a &amp; b</b><br>error"]
    first, _ = (base64.b64decode(png) for png in re.findall(r'base64,(.*?)"', html))
    pixels = np.asarray(Image.open(io.BytesIO(first)))
    assert pixels.tolist() == [[[0, 0, 0], [128, 128, 128], [255, 255, 255]]]


def test_results_are_plotted_as_given():
    runs = {"a": [History([0.2], [0.1]), History([0.3], [0.2])]}
    plots.loss_curves(runs, {"PCA": 0.05})
    lines = plt.gca().lines
    assert [line.get_ydata()[0] for line in lines] == [0.1, 0.2, 0.05]
    plots.ranking({"one": 0.5, "two": 0.25}, {"mean": 0.3})
    assert [bar.get_width() for bar in plt.gca().patches] == [0.5, 0.25]
    plots.ranking({"one": 0.5}, {"mean": 0.9})
    assert plt.gca().get_xlim()[1] > 0.9


def test_errors_over_strength_are_means_with_a_band():
    seeds = np.array([[1.0, 4.0], [3.0, 8.0]])
    panels = {"salt": {"net": seeds, "as it is": [0.0, 6.0]}}
    plots.over_strength(panels, (0.1, 0.2), {"salt": "probability"}, baseline="as it is")
    (axes,) = plt.gcf().axes
    assert [line.get_ydata().tolist() for line in axes.lines] == [[2, 6], [0, 6]]
    assert axes.lines[0].get_xdata().tolist() == [0.1, 0.2]
    assert [line.get_linestyle() for line in axes.lines] == ["-", "--"]
    band = axes.collections[0].get_paths()[0].vertices[:, 1]
    assert {band.min(), band.max()} == {1, 8}


def test_each_line_is_named_at_its_end_and_no_two_names_touch():
    panels = {"salt": {"b": torch.tensor([[0.0, 5.0]]), "a": [0.0, 5.1], "as it is": [0.0, 50.0]}}
    plots.over_strength(panels, (0.1, 0.2), {"salt": "probability"}, baseline="as it is")
    (axes,) = plt.gcf().axes
    heights = {text.get_text(): text.get_position()[1] for text in axes.texts}
    assert list(heights) == ["b", "a", "as it is"]  # from below
    low, high, top = heights.values()
    assert high - low >= 0.085 - 1e-9
    assert top == 1  # the baseline leaves the axis
    assert [text.get_color() for text in axes.texts[:2]] == [
        line.get_color() for line in axes.lines[:2]
    ]
