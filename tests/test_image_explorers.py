"""Explorers of images without a browser: what they accept, and leave where no script runs."""

import re
from base64 import b64decode
from io import BytesIO
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from convbook.explorers import Codebook, DrawDigit, Reconstructions
from convbook.explorers.networks import as_bytes, block_figure, described
from convbook.models import DigitAutoencoder, PoolUnpool, QuantisedAutoencoder, initialised
from store_explorers import stored_explorers
from test_explorers import test_an_explorer_stays_below_60_kilobytes as stays_small
from test_explorers import test_its_html_carries_state_and_module_and_needs_nothing_else as carries

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


def layers_of(network: PoolUnpool) -> list[nn.Module]:
    """As chapter 8 has them."""
    pool, unpool = nn.MaxPool2d(2, return_indices=True), nn.MaxUnpool2d(2)
    return [network.conv, pool, unpool, network.deconv]


draw = torch.Generator().manual_seed(0)
DIGITS = torch.rand(10, 1, 28, 28, generator=draw)
DIGITS[1] = 0
DIGITS[1, 0, 4:24, 13:15] = 1
PHOTOS = 2 * torch.rand(8, 3, 32, 32, generator=draw) - 1
NEAR, FAR = PHOTOS + 0.1, PHOTOS * 0.5
POOLING = [initialised(PoolUnpool, seed) for seed in (0, 1)]
DENOISERS = [initialised(lambda: DigitAutoencoder(last="tanh"), seed) for seed in (0, 1)]
DISCRETE = initialised(lambda: QuantisedAutoencoder(4, entries=16), 0)
POOLED = DrawDigit.of(
    {f"seed {i}": layers_of(network) for i, network in enumerate(POOLING)}, DIGITS, resize=13
)
DENOISED = DrawDigit.of(
    {f"twin {i}": [*one.encoder, *one.decoder] for i, one in enumerate(DENOISERS)},
    DIGITS,
    noise=0.1,
    most=0.5,
)
BOOK = Codebook.of(DISCRETE, DIGITS, DIGITS)
PHOTOGRAPHS = Reconstructions.of(PHOTOS, {"near": (NEAR, 0.01), "far": (FAR, 0.1)}, limits=(-1, 1))
EVERY = {"pooled": POOLED, "denoised": DENOISED, "book": BOOK, "photographs": PHOTOGRAPHS}


@pytest.mark.parametrize("name", EVERY)
def test_it_is_an_explorer(name: str):
    carries(EVERY[name])
    stays_small(EVERY[name])


@pytest.mark.parametrize(
    "layer",
    [
        nn.GELU(),
        nn.Conv2d(1, 1, 3, dilation=2),
        nn.Conv2d(1, 1, 3, bias=False),
        nn.ConvTranspose2d(1, 1, 3, stride=2, output_padding=1),
        nn.MaxPool2d(3, stride=2),
    ],
)
def test_a_layer_that_the_page_does_not_compute_is_refused(layer: nn.Module):
    with pytest.raises(ValueError, match="layers: expected one that the page computes, not"):
        described([layer])


def test_a_network_is_its_layers_and_its_weights_in_full():
    way = described(layers_of(POOLING[0]))
    assert way["layers"] == [
        ["Conv2d", 1, 1, 3, 1, 0],
        ["MaxPool2d", 2],
        ["MaxUnpool2d", 2],
        ["ConvTranspose2d", 1, 1, 3, 1, 0],
    ]
    held = np.frombuffer(b64decode(way["weights"]), "<f4")
    expected = torch.cat([p.detach().flatten() for p in POOLING[0].parameters()])
    assert held.tolist() == expected.tolist()


def test_a_digit_is_a_byte_a_pixel():
    held = np.frombuffer(b64decode(as_bytes(DIGITS)[0]), np.uint8)
    assert held / 255 == pytest.approx(DIGITS[0].flatten().numpy(), abs=0.5 / 255 + 1e-6)
    [rows] = re.findall(r">([^<]+)</div>", block_figure(as_bytes(DIGITS)[1], "a one"))
    assert rows == "\n".join([" " * 13 + "██"] * 10)


def test_a_chosen_digit_stands_on_the_paper():
    assert POOLED.image == POOLED.digits[0]
    chosen = DrawDigit.of({"seed 0": layers_of(POOLING[0])}, DIGITS, 7)
    assert chosen.image == POOLED.digits[7]
    assert Codebook.of(DISCRETE, DIGITS, DIGITS, digit=7).grid == BOOK.grids[7]


def test_a_digit_s_entries_are_those_that_its_network_chooses():
    with torch.no_grad():
        numbers = DISCRETE.quantiser.numbers(DISCRETE.encoder(DIGITS)).flatten(1)
    assert BOOK.grids == numbers.tolist()
    assert BOOK.grid == BOOK.grids[0]
    assert BOOK.counts == numbers.flatten().bincount(minlength=16).tolist()
    cells = re.findall(r"<td.*?>(.*?)</td>", BOOK.figure())
    assert cells == [str(entry) for entry in BOOK.grid]
    used = sum(count > 0 for count in BOOK.counts)
    assert 0 < used < 16
    assert f"16 entries, {used} of them in use" in BOOK.words()


def tiles(explorer: Reconstructions) -> torch.Tensor:
    """(names, photographs, 3, 32, 32): what stands in the sheet, from -1 to 1."""
    sheet = Image.open(BytesIO(b64decode(explorer.sheet.partition(",")[2])))
    pixels = torch.from_numpy(np.array(sheet)) / 127.5 - 1  # (names·32, photographs·32, 3)
    return pixels.unflatten(1, (-1, 32)).unflatten(0, (-1, 32)).permute(0, 2, 4, 1, 3)


def test_photographs_stand_in_the_order_of_their_errors():
    assert PHOTOGRAPHS.names == ["far", "near", "the photograph"]
    assert PHOTOGRAPHS.overall == [0.1, 0.01, 0.0]
    assert PHOTOGRAPHS.errors[1] == pytest.approx([0.01] * 8)
    expected = (FAR - PHOTOS).pow(2).mean((1, 2, 3)).tolist()
    assert PHOTOGRAPHS.errors[0] == pytest.approx(expected, abs=1e-4)
    for drawn, images in zip(tiles(PHOTOGRAPHS), (FAR, NEAR, PHOTOS), strict=True):
        assert (drawn - images.clamp(-1, 1)).abs().max() <= 0.5 / 127.5 + 1e-6


def test_chapter_10_s_photographs_have_the_errors_that_are_told():
    notebook = nbformat.read(next(NOTEBOOKS.glob("10*.ipynb")), 4)
    [state] = [s for name, s, _ in stored_explorers(notebook) if name == "Reconstructions"]
    drawn = tiles(Reconstructions(**state))
    off = (drawn - drawn[-1]).pow(2).mean((2, 3, 4))  # (names, photographs)
    assert torch.tensor(state["errors"]) == pytest.approx(off, rel=0.05, abs=5e-4)
    assert state["overall"] == sorted(state["overall"], reverse=True)


@pytest.mark.parametrize(
    ("explorer", "change", "message"),
    [
        ("pooled", {"image": "AAAA"}, "image: expected 784 pixels, not 3"),
        ("pooled", {"digits": ["AAAA"]}, "digits: expected 784 pixels, not 3"),
        ("denoised", {"noise": 0.6}, "noise=0.6: expected a number from 0 to 0.5"),
        ("denoised", {"seed": -1}, "seed=-1"),
        ("book", {"digit": 11}, "digit=11"),
        ("book", {"place": 49}, "place=49"),
        ("book", {"grid": [0]}, "grid: expected 49 entries, not 1"),
        ("book", {"grid": [16] * 49}, "grid=16"),
        ("book", {"size": 5}, "entries: expected 80 numbers, not 64"),
        ("book", {"digits": BOOK.digits[:9]}, "digits: expected 10, not 9"),
        ("photographs", {"overall": [0.1]}, "overall: expected 3, not 1"),
        ("photographs", {"photo": 8}, "photo=8"),
        ("photographs", {"left": 3}, "left=3"),
        ("photographs", {"line": 1.5}, "line=1.5"),
    ],
)
def test_it_refuses_what_does_not_fit(explorer: str, change: dict, message: str):
    settings = EVERY[explorer].state() | change
    with pytest.raises(ValueError, match=re.escape(message)):
        type(EVERY[explorer])(**settings)


def test_a_way_needs_all_its_weights():
    ways = [POOLED.ways[0] | {"weights": POOLED.ways[0]["weights"][:-8]}]
    with pytest.raises(ValueError, match="ways: expected 20 weights, not"):
        DrawDigit(**POOLED.state() | {"ways": ways})


def test_a_codebook_is_needed():
    with pytest.raises(ValueError, match="network: expected one with a codebook"):
        Codebook.of(QuantisedAutoencoder(4, entries=None), DIGITS, DIGITS)


def test_a_code_keeps_the_photographs_shape():
    with pytest.raises(ValueError, match=re.escape("codes['near']: expected (8, 3, 32, 32)")):
        Reconstructions.of(PHOTOS, {"near": (NEAR[:4], 0.01)})


def test_two_codes_are_compared_first():
    codes = {"near": (NEAR, 0.01), "far": (FAR, 0.1)}
    shown = Reconstructions.of(PHOTOS, codes, sides=("near", "far"))
    assert [shown.names[k] for k in (shown.left, shown.right)] == ["near", "far"]
    with pytest.raises(ValueError, match="sides='afar': expected 'far' or 'near'"):
        Reconstructions.of(PHOTOS, codes, sides=("near", "afar"))
