"""Explorers of networks without a browser: what they accept, and leave where no script runs."""

import re
from base64 import b64decode

import numpy as np
import pytest
import torch
import traitlets

from convbook.data import bezier
from convbook.explorers import Decoder, LatentMap, NoiseAndAxes, Trainer
from convbook.models import DenseAutoencoder
from test_explorers import (
    test_an_explorer_stays_below_60_kilobytes as stays_small,
)
from test_explorers import (
    test_its_html_carries_state_and_module_and_needs_nothing_else as carries_all,
)

FILTERS = torch.tensor([[[1.0, 0.5, 0.0], [0.0, 0.5, 1.0]], [[1.0, 0, 0], [0, 0, 2]]])
DECODER = {"filters": FILTERS, "bias": [0.1, 0.0], "seeds": [3, 4], "target": [0.6, 0.1, -0.4]}


CODES = torch.tensor([[-9.0, -9], [0, 0], [1, 0], [0, 4], [1, 4], [1, 4], [9, 9]])
LABELS = torch.tensor([7, 0, 0, 5, 5, 5, 7])
NETWORK = DenseAutoencoder((8, 2))
MAP = LatentMap.of(NETWORK.decoder, CODES, LABELS, CODES[1], CODES[5])
AXES = NoiseAndAxes.of(bezier().train, noise=[0.4, 0.1], angle=30)
EVERY = [Trainer(), Decoder(**DECODER), MAP, AXES]


@pytest.mark.parametrize("explorer", EVERY, ids=lambda e: e.words())
def test_it_is_an_explorer(explorer):
    carries_all(explorer)
    stays_small(explorer)


def lines(svg: str) -> list[np.ndarray]:
    """The heights of each curve, up to a common scale."""
    shapes = re.findall(r'<polyline points="([^"]*)"', svg)
    points = [np.array([pair.split(",") for pair in shape.split()], float) for shape in shapes]
    return [points[0][0, 1] - shape[:, 1] for shape in points if len(shape) > 2]


def test_the_decoder_s_figure_is_its_sum():
    *scaled, total, target = lines(Decoder(**DECODER).figure())
    # Exactly this code draws the target: 0.6 = 0.5 + bias, -0.4 = -0.5 + bias.
    assert scaled[0] / total[0] == pytest.approx(np.array([0.5, 0.25, 0]) / 0.6, abs=0.01)
    assert scaled[1] / total[0] == pytest.approx(np.array([0, -0.25, -0.5]) / 0.6, abs=0.01)
    assert total == pytest.approx(target, abs=0.2)
    *scaled, total, _ = lines(Decoder(**DECODER, seed=4, code=[0.5, 0.25]).figure())
    assert total == pytest.approx(scaled[0] + scaled[1], abs=0.2)


def test_the_decoder_rounds_what_no_picture_shows():
    explorer = Decoder(**DECODER | {"filters": FILTERS + 1e-6})
    assert explorer.filters == FILTERS.tolist()
    assert explorer.seed == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"filters": FILTERS[0]}, "filters: expected (S, K, n), not (2, 3)"),
        ({"bias": [0.1]}, "bias: expected 2 numbers, not 1"),
        ({"seeds": [1, 2, 3]}, "seeds: expected 2 numbers, not 3"),
        ({"target": [0, 1]}, "target: expected 3 numbers, not 2"),
        ({"code": [1]}, "code: expected 2 numbers, not 1"),
        ({"seed": 5}, "seed=5: expected one of [3, 4]"),
    ],
)
def test_the_decoder_refuses_what_does_not_fit(change: dict, message: str):
    with pytest.raises(ValueError, match=re.escape(message)):
        Decoder(**DECODER | change)


def test_a_map_leaves_out_the_outermost_dots_and_keeps_the_weights():
    assert MAP.labels == "00555"
    assert MAP.sizes == [2, 8, 784]
    held = np.frombuffer(b64decode(MAP.weights), "<f2")
    numbers = torch.cat([p.detach().flatten() for p in NETWORK.decoder.parameters()])
    assert held == pytest.approx(numbers.numpy(), abs=1e-3)
    assert MAP.one == [0, 0]
    heights = dict(re.findall(r'y="(\d+)">(\d)<', MAP.figure()))
    heights = {digit: int(y) for y, digit in heights.items()}
    assert heights["5"] < heights["0"], "the larger number is further up"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sizes": [2, 9, 784]}, "weights: expected 7867 numbers for [2, 9, 784], not 7080"),
        ({"labels": "01"}, "labels: expected one for each dot, not 2"),
        ({"at": [0.0]}, "at=[0.0]: expected two numbers"),
        ({"step": 2.0}, "step=2.0: expected a number from 0 to 1"),
    ],
)
def test_the_map_refuses_what_does_not_fit(change: dict, message: str):
    with pytest.raises(ValueError, match=re.escape(message)):
        LatentMap(**MAP.state() | change)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"code_noise": [0.1]}, "code_noise=[0.1]: expected three numbers"),
        ({"code_noise": [0.1, -1, 0]}, "code_noise=-1.0"),
        ({"input_noise": -0.1}, "input_noise=-0.1"),
        ({"learning_rate": 0.0}, "learning_rate=0.0: expected a positive number"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_the_trainer_refuses_what_cannot_be_trained(settings: dict, message: str):
    with pytest.raises(ValueError, match=re.escape(message)):
        Trainer(**settings)


def test_the_axes_are_those_of_the_data():
    """Two standard deviations and directions say all of the curves; NumPy's are the judge."""
    curves = bezier().train[:, 0].double().numpy()  # (16384, 15)
    _, sizes, rows = np.linalg.svd(curves - curves.mean(0), full_matrices=False)
    assert AXES.spreads == pytest.approx((sizes / np.sqrt(len(curves) - 1))[:2], abs=1e-4)
    assert np.abs((np.array(AXES.directions) * rows[:2]).sum(1)) == pytest.approx(1, abs=1e-3)
    drawn = np.array(AXES.dots) @ AXES.directions + curves.mean(0)
    assert drawn == pytest.approx(curves[: len(drawn)], abs=1e-3)


@pytest.mark.parametrize("angle", [0, 30, 90, 144.5])
def test_the_axes_draw_the_data_and_cost_what_noise_adds(angle: float):
    """The filters make the data's covariance of uncorrelated numbers, and the penalty is what
    drawn noise adds.
    """
    explorer = NoiseAndAxes(**AXES.state() | {"angle": angle})
    filters = explorer.filters() @ AXES.directions  # (2, 15)
    covariance = torch.cov(bezier().train[:, 0].double().T).numpy()
    assert filters.T @ filters == pytest.approx(covariance, abs=1e-3)
    noise = np.random.default_rng(0).normal(size=(100_000, 2)) * explorer.noise
    added = np.square(noise @ filters).sum(1).mean()
    assert explorer.penalty() == pytest.approx(added, rel=0.02)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"spreads": [1.0]}, "spreads: expected (2,), not (1,)"),
        ({"spreads": [1.0, 0.0]}, "spreads=[1.0, 0.0]: expected positive numbers"),
        ({"directions": [[1, 2, 3]]}, "directions: expected (2, n), not (1, 3)"),
        ({"dots": [1, 2]}, "dots: expected (N, 2), not (2,)"),
        ({"noise": [0.1]}, "noise=[0.1]: expected two numbers"),
        ({"noise": [0.1, -0.1]}, "noise=-0.1"),
        ({"angle": 181.0}, "angle=181.0: expected a number from 0 to 180"),
    ],
)
def test_the_axes_refuse_what_is_no_turn(change: dict, message: str):
    with pytest.raises(ValueError, match=re.escape(message)):
        NoiseAndAxes(**AXES.state() | change)


def test_a_trait_has_its_type():
    with pytest.raises(traitlets.TraitError):
        Trainer(seed="eleven")
