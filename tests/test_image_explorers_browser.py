"""Explorers of images in a browser: their numbers against PyTorch's, and their controls."""

import re
from base64 import b64decode, b64encode
from io import BytesIO
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect
from torch import Tensor, nn
from torch.nn.utils import vector_to_parameters

import test_explorers_browser as other
import test_network_explorers_browser as networks
from convbook.explorers import Codebook, DrawDigit
from convbook.models import DigitAutoencoder, PoolUnpool, QuantisedAutoencoder
from store_explorers import stored_explorers
from test_image_explorers import (
    BOOK,
    DENOISED,
    DENOISERS,
    DISCRETE,
    EVERY,
    FAR,
    NEAR,
    PHOTOGRAPHS,
    PHOTOS,
    POOLED,
    POOLING,
    layers_of,
)

pytestmark = other.pytestmark
shown, press = other.shown, other.press
by_module, slider = networks.by_module, networks.slider
every_explorer = pytest.mark.parametrize("name", EVERY)
NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
PASSED = """({ passed }, states) => states.map((state) => {
    const { clean, shown, results } = passed(state);
    const maps = results.map((one) => one.maps.map((map) => [...map.values]));
    return { clean: [...clean], shown: [...shown.values], maps,
        errors: results.map((one) => one.error) };
})"""


def as_image(values: list[float]) -> Tensor:
    return torch.tensor(values).view(1, 1, 28, 28)


def held(image: str) -> Tensor:
    """(1, 1, 28, 28) of an explorer's base64."""
    pixels = np.frombuffer(b64decode(image), np.uint8)
    return torch.from_numpy(pixels.copy()).view(1, 1, 28, 28) / 255


def image_of(pixels: Tensor) -> str:
    return b64encode((255 * pixels).round().byte().numpy().tobytes()).decode()


def strokes(count: int) -> list[str]:
    """Drawings of thick lines on empty paper."""
    draw = torch.Generator().manual_seed(7)
    rows, columns = torch.meshgrid(torch.arange(28.0), torch.arange(28.0), indexing="ij")
    images = []
    for _ in range(count):
        ends = 4 + 20 * torch.rand(2, 2, generator=draw)
        steps = torch.linspace(0, 1, 60)[:, None]
        line = ends[0] + steps * (ends[1] - ends[0])  # (60, 2)
        off = torch.hypot(rows[..., None] - line[:, 0], columns[..., None] - line[:, 1]).amin(-1)
        images.append(image_of((1.9 - off).clamp(0, 1)))
    return images


def stored(chapter: str, kind: str) -> list[dict]:
    """The states of a chapter's explorers, with the weights of its stored runs."""
    notebook = nbformat.read(next(NOTEBOOKS.glob(f"{chapter}*.ipynb")), 4)
    return [state for name, state, _ in stored_explorers(notebook) if name == kind]


def filled(network: nn.Module, weights: str) -> nn.Module:
    """The network, with these weights in place of its own."""
    numbers = torch.from_numpy(np.frombuffer(b64decode(weights), "<f4").copy())
    vector_to_parameters(numbers, network.parameters())
    return network


# DrawDigit: numbers


def resized(images: Tensor, side: int) -> Tensor:
    """Chapter 8's baseline."""
    shrink = torch.eye(28).repeat_interleave(side, 0).view(side, 28, 28).mean(1)
    return F.interpolate(shrink @ images @ shrink.T, size=28, mode="bicubic")


def pooling_states() -> list[tuple[dict, list[PoolUnpool]]]:
    [state] = stored("08", "DrawDigit")
    of_chapter = [filled(PoolUnpool(), way["weights"]) for way in state["ways"][:-1]]
    images = [*POOLED.digits[:3], *state["digits"], *strokes(10)]
    return [(POOLED.state() | {"image": image}, POOLING) for image in images] + [
        (state | {"image": image}, of_chapter) for image in images
    ]


@torch.no_grad()
def test_pooling_and_the_resize_are_pytorch_s(browser: Browser):
    states = pooling_states()
    results = by_module(browser, DrawDigit, PASSED, [state for state, _ in states])
    for (state, pair), result in zip(states, results, strict=True):
        clean = held(state["image"])
        *ours, resize = result["maps"]
        for maps, network in zip(ours, pair, strict=True):
            map_, switches = clean, None
            for values, layer in zip(maps, layers_of(network), strict=True):
                map_ = layer(map_, switches) if switches is not None else layer(map_)
                switches = None
                if isinstance(map_, tuple):
                    map_, switches = map_
                assert (map_.flatten() - torch.tensor(values)).abs().max() < 1e-4
            assert torch.equal(map_, network(clean))
        expected = resized(clean, 13)
        assert (expected.flatten() - torch.tensor(resize[-1])).abs().max() < 1e-5
        assert result["errors"][-1] == pytest.approx(F.mse_loss(expected, clean).item(), abs=1e-6)


def denoising_states() -> list[tuple[dict, list[DigitAutoencoder]]]:
    [state] = stored("09", "DrawDigit")
    twins = [filled(DigitAutoencoder(last="tanh"), way["weights"]) for way in state["ways"]]
    images = [*state["digits"], *strokes(5)]
    return [
        (one | {"image": image, "noise": 0.05 * place, "seed": place}, pair)
        for one, pair in ((DENOISED.state(), DENOISERS), (state, twins))
        for place, image in enumerate(images[:10])
    ]


@torch.no_grad()
def test_the_denoisers_are_pytorch_s(browser: Browser):
    states = denoising_states()
    results = by_module(browser, DrawDigit, PASSED, [state for state, _ in states])
    for (state, pair), result in zip(states, results, strict=True):
        noisy = as_image(result["shown"])
        for maps, error, network in zip(result["maps"], result["errors"], pair, strict=True):
            expected = network(noisy)
            assert (expected.flatten() - torch.tensor(maps[-1])).abs().max() < 1e-4
            own = F.mse_loss(expected, held(state["image"])).item()
            assert error == pytest.approx(own, abs=1e-5)


def test_the_noise_replaces_its_share_by_uniform_greys(browser: Browser):
    run = """({ noisy }, { shares, seeds }) => shares.map((share) => seeds.map((seed) =>
        [...noisy(new Float64Array(784).fill(2), share, seed)]))"""
    given = {"shares": [0, 0.1, 0.5], "seeds": list(range(40))}
    none, weak, strong = torch.tensor(by_module(browser, DrawDigit, run, given))  # (40, 784) each
    assert (none == 2).all()
    for share, images in ((0.1, weak), (0.5, strong)):
        hit = images != 2
        assert hit.float().mean().item() == pytest.approx(share, abs=0.01)
        counts = (images[hit] * 5).floor().long().bincount(minlength=5) / hit.sum()
        assert counts.tolist() == pytest.approx([0.2] * 5, abs=0.02)
        assert not torch.equal(images[0], images[1])
    assert torch.equal(strong[weak != 2], weak[weak != 2]), "more noise adds to less"


def test_strokes_of_the_pens(browser: Browser):
    run = """({ stroke }, cases) => cases.map(([from, to, tool, full]) =>
        [...stroke(new Uint8Array(784).fill(full), from, to, tool)])"""
    cases = [
        [[5, 9], [5, 9], "thin", 0],
        [[3, 14], [20, 14], "thin", 0],
        [[3, 14], [20, 14], "thick", 0],
        [[14, 14], [14, 14], "eraser", 255],
    ]
    found = by_module(browser, DrawDigit, run, cases)
    dot, thin, thick, erased = (torch.tensor(one).view(28, 28) for one in found)
    assert dot.nonzero().tolist() == [[9, 5]]
    assert thin.nonzero().tolist() == [[14, column] for column in range(3, 21)]
    assert (thick[14, 3:21] == 255).all()
    assert (thick[13, 3:21] - 255 * 0.9).abs().max() < 1
    assert (thick[12:17].sum(), thick[:12].sum()) == (thick.sum(), 0)
    assert 5 <= (erased == 0).sum() <= 13
    assert erased[14, 14] == 0


# DrawDigit: controls


def pixels(place: Locator | Page, name: str) -> Tensor:
    """(side, side, 3) of a picture, from 0 to 255."""
    node = place.get_by_role("img", name=re.compile(f"^{re.escape(name)}"))
    copied = """one => {
        const copy = new OffscreenCanvas(one.width, one.height);
        const context = copy.getContext("2d", { willReadFrequently: true });
        context.drawImage(one, 0, 0);
        return [...context.getImageData(0, 0, one.width, one.height).data];
    }"""
    flat = torch.tensor(node.evaluate(copied)).view(-1, 4)[:, :3].float()
    side = round(len(flat) ** 0.5)
    return flat.view(side, side, 3)


def drawing(page: Page) -> Tensor:
    """(28, 28), from 0 to 1, of an explorer in greys."""
    return pixels(page, "the drawing")[..., 0] / 255


def told(page: Page) -> str:
    return page.locator("[aria-live]").inner_text()


def at(page: Page, column: float, row: float) -> tuple[float, float]:
    box = page.get_by_role("application").locator("canvas").bounding_box()
    return box["x"] + (column + 0.5) / 28 * box["width"], box["y"] + (row + 0.5) / 28 * box["width"]


def test_a_digit_is_chosen_and_its_errors_told(shown):
    with shown(POOLED) as page:
        for digit in (1, 4):
            press(page, f"the digit {digit}").click()
            clean = held(POOLED.digits[digit])
            with torch.no_grad():
                outputs = [network(clean) for network in POOLING] + [resized(clean, 13)]
            errors = [f"{F.mse_loss(one, clean):.4f}" for one in outputs]
            words = f"seed 0 {errors[0]}; seed 1 {errors[1]}; resize to 13×13 {errors[2]}"
            assert words in told(page)
            assert told(page).endswith("Closest to the drawing: resize to 13×13.")
            assert f"seed 1: error {errors[1]}" in page.locator(".ways").inner_text()


def test_a_network_s_maps_are_red_below_zero_and_blue_above(shown):
    with shown(POOLED) as page:
        press(page, "the digit 1").click()
        with torch.no_grad():
            values = POOLING[0].encode(held(POOLED.digits[1]))[0][0, 0]  # (13, 13)
        colours = pixels(page, "seed 0: values")
        assert colours.shape == (13, 13, 3)
        redder = colours[..., 0] > colours[..., 2]
        clear = values.abs() > 0.02
        assert torch.equal(redder[clear], values[clear] < 0)
        assert {len(pixels(page, f"seed 0: {name}")) for name in ("convolved", "put back")} == {26}


def test_paper_is_drawn_on(shown):
    with shown(DENOISED) as page:
        press(page, "clear").click()
        assert drawing(page).sum() == 0
        press(page, "thin pen").click()
        page.mouse.move(*at(page, 5, 9))
        page.mouse.down()
        page.mouse.move(*at(page, 15, 9), steps=4)
        page.mouse.up()
        page.mouse.move(*at(page, 15, 20), steps=2)
        assert drawing(page).nonzero().tolist() == [[9, column] for column in range(5, 16)]
        press(page, "eraser").click()
        page.mouse.move(*at(page, 5, 9))
        page.mouse.down()
        page.mouse.up()
        assert drawing(page)[9].nonzero().flatten().tolist() == list(range(7, 16))
        press(page, "thick pen").click()
        page.mouse.move(*at(page, 20, 20))
        page.mouse.down()
        page.mouse.up()
        assert drawing(page)[19:22, 19:22].min() > 0.4


def test_paper_is_drawn_on_by_keys(shown):
    with shown(DENOISED) as page:
        press(page, "clear").click()
        press(page, "thin pen").click()
        paper = page.get_by_role("application", name="paper")
        said = page.get_by_role("status").last
        paper.press("ArrowRight")
        expect(said).to_have_text("row 14, column 15: empty")
        assert drawing(page).sum() == 0
        paper.press("Space")
        expect(said).to_have_text("row 14, column 15: ink 1")
        paper.press("ArrowUp")
        paper.press("ArrowUp")
        for key in ("Shift+ArrowLeft", "Shift+ArrowLeft", "Shift+ArrowDown"):
            paper.press(key)
        expected = [[12, 13], [12, 14], [12, 15], [13, 13], [14, 15]]
        assert drawing(page).nonzero().tolist() == expected
        for _ in range(40):
            paper.press("ArrowLeft")
        expect(said).to_have_text("row 13, column 0: empty")


def test_paper_is_touched(shown):
    options = {"viewport": other.PHONE, "has_touch": True, "is_mobile": True}
    with shown(DENOISED, **options) as page:
        press(page, "clear").tap()
        page.touchscreen.tap(*at(page, 3, 22))
        assert drawing(page)[22, 3] == 1


def test_noise_is_moved_and_drawn_anew(shown):
    with shown(DENOISED) as page:
        press(page, "the digit 1").click()
        noise = slider(page, "noise")
        noise.press("Home")
        assert "do nothing 0.0000" in told(page)
        assert torch.equal(pixels(page, "with noise on 0 %")[..., 0] / 255, drawing(page))
        noise.press("End")
        assert noise.get_attribute("aria-valuetext") == "50 %"
        first = pixels(page, "with noise on 50 %")[..., 0] / 255
        error = (first - drawing(page)).pow(2).mean().item()
        [said] = re.findall(r"do nothing (\S+);", told(page))
        assert float(said) == pytest.approx(error, abs=1e-3)
        with torch.no_grad():
            expected = DENOISERS[1](first[None, None])[0, 0].clamp(0, 1)
        output = pixels(page, "twin 1: output")[..., 0] / 255
        assert (output - expected).abs().max() < 0.02, "but for the greys' rounding"
        press(page, "other noise").click()
        assert not torch.equal(pixels(page, "with noise on 50 %")[..., 0] / 255, first)
        page.wait_for_function("location.hash.includes('DrawDigit1.noise=0.5')")


# Codebook


def drawn_by(network: QuantisedAutoencoder, grid: list[int]) -> Tensor:
    with torch.no_grad():
        numbers = torch.tensor(grid).view(1, 7, 7)
        return network.decoder(network.quantiser.look_up(numbers))[0, 0]


def revived(state: dict) -> QuantisedAutoencoder:
    """Of a chapter's explorer, the part that draws."""
    entries = len(state["counts"])
    network = QuantisedAutoencoder(state["size"], entries)
    filled(network.decoder, state["weights"])
    filled(network.quantiser, state["entries"])
    return network


@pytest.mark.parametrize("which", ["random", "mended", "collapsed"])
def test_the_codebook_s_decoder_is_pytorch_s(browser: Browser, which: str):
    mended, collapsed = stored("12", "Codebook")
    state = {"random": BOOK.state(), "mended": mended, "collapsed": collapsed}[which]
    network = DISCRETE if which == "random" else revived(state)
    draw = torch.Generator().manual_seed(2)
    grids = torch.randint(len(state["counts"]), (30, 49), generator=draw).tolist()
    grids += state["grids"]
    run = "({ decode }, { state, grids }) => grids.map((grid) => [...decode(state, grid).values])"
    images = by_module(browser, Codebook, run, {"state": state, "grids": grids})
    for image, grid in zip(images, grids, strict=True):
        assert (torch.tensor(image) - drawn_by(network, grid).flatten()).abs().max() < 1e-4


def grid_of(page: Page) -> list[int]:
    board = page.get_by_role("radiogroup", name="the digit's 49 places")
    return [int(text) for text in board.get_by_role("radio").all_inner_texts()]


def output_of(page: Page) -> Tensor:
    return pixels(page, "what is drawn")[..., 0] / 255


def place(page: Page, row: int, column: int) -> Locator:
    return page.get_by_role("radio", name=re.compile(f"^row {row}, column {column}:"))


def entry(page: Page, number: int) -> Locator:
    return page.get_by_role("radio", name=re.compile(f"^entry {number},"))


def test_an_entry_is_stamped_into_a_digit(shown):
    with shown(BOOK) as page:
        press(page, "4").click()
        grid = grid_of(page)
        assert grid == BOOK.grids[4]
        assert (output_of(page) - drawn_by(DISCRETE, grid).clamp(0, 1)).abs().max() < 0.01
        place(page, 2, 5).click()
        assert f"row 2, column 5 stands entry {grid[19]}, as the encoder chose" in told(page)
        new = (grid[19] + 5) % 16
        entry(page, new).click()
        before, grid[19] = grid[19], new
        assert grid_of(page) == grid
        drawn = drawn_by(DISCRETE, grid)
        assert (output_of(page) - drawn.clamp(0, 1)).abs().max() < 0.01
        off = (drawn - drawn_by(DISCRETE, BOOK.grids[4])).abs() > 1 / 255
        rows, columns = (off.any(axis).nonzero().flatten() for axis in (1, 0))
        reach = [int(one[-1] - one[0]) + 1 for one in (rows, columns)]
        assert f"entry {new}, where the encoder chose {before}" in told(page)
        assert f"changes pixels in {reach[0]} rows and {reach[1]} columns" in told(page)
        assert max(reach) <= 18, "a 3×3 convolution and two layers k4 s2 reach no further"
        errors = [
            f"{F.mse_loss(drawn_by(DISCRETE, one), held(BOOK.digits[4])[0, 0]):.4f}"
            for one in (grid, BOOK.grids[4])
        ]
        assert f"error is {errors[0]}; as encoded it is {errors[1]}." in told(page)
        press(page, "as encoded").click()
        assert grid_of(page) == BOOK.grids[4]


def test_empty_paper_is_the_entry_chosen_most_often(shown):
    with shown(BOOK) as page:
        press(page, "empty paper").click()
        most = BOOK.counts.index(max(BOOK.counts))
        assert grid_of(page) == [most] * 49
        assert "as on empty paper" in told(page)
        assert "error" not in told(page)
        unused = BOOK.counts.index(0)
        assert entry(page, unused).get_attribute("aria-label") == f"entry {unused}, never chosen"
        page.locator(f".unused[aria-label^='entry {unused},'] canvas").wait_for()
        assert page.locator(".unused").count() == BOOK.counts.count(0)
        stamp = (
            entry(page, unused)
            .locator("canvas")
            .evaluate("one => [...one.getContext('2d').getImageData(0, 0, 12, 12).data]")
        )
        grid = [most] * 49
        grid[24] = unused
        expected = drawn_by(DISCRETE, grid)[8:20, 8:20].clamp(0, 1)
        found = torch.tensor(stamp).view(12, 12, 4)[..., 0] / 255
        assert (found - expected).abs().max() < 0.01


def test_places_and_entries_are_chosen_by_keys(shown):
    with shown(BOOK) as page:
        middle = place(page, 3, 3)
        assert middle.get_attribute("aria-checked") == "true"
        middle.press("ArrowUp")
        expect(place(page, 2, 3)).to_be_focused()
        place(page, 2, 3).press("ArrowRight")
        expect(place(page, 2, 4)).to_be_focused()
        number = grid_of(page)[18]
        below = number + (4 if number < 12 else -4)
        entry(page, number).press("ArrowDown" if number < 12 else "ArrowUp")
        expect(entry(page, below)).to_be_focused()
        assert grid_of(page)[18] == below
        page.wait_for_function("location.hash.includes('Codebook1.place=18')")


# Reconstructions


def view_of(page: Page) -> Tensor:
    """(3, 32, 32): the photograph as it stands on the screen, from -1 to 1."""
    page.wait_for_timeout(100)
    shot = Image.open(BytesIO(page.locator(".view").screenshot())).convert("RGB")
    pixels = torch.from_numpy(np.array(shot)).permute(2, 0, 1) / 127.5 - 1
    _, height, width = pixels.shape
    rows, columns = (((torch.arange(32) + 0.5) * length / 32).long() for length in (height, width))
    return pixels[:, rows][:, :, columns]


def test_two_codes_stand_on_either_side_of_the_line(shown):
    with shown(PHOTOGRAPHS) as page:
        page.mouse.move(1, 1)
        view = view_of(page)
        assert (view[..., :14] - PHOTOS[0, ..., :14]).abs().max() < 0.02
        assert (view[..., 18:] - FAR[0, ..., 18:]).abs().max() < 0.02
        press(page, "photograph 4").click()
        image = "one => getComputedStyle(one).backgroundImage"
        assert "data:image/png" in press(page, "photograph 4").evaluate(image)
        slider(page, "left of the line").press("Home")
        slider(page, "right of the line").press("ArrowRight")
        page.mouse.move(1, 1)
        view = view_of(page)
        assert (view[..., :14] - FAR[3, ..., :14].clamp(-1, 1)).abs().max() < 0.02
        assert (view[..., 18:] - NEAR[3, ..., 18:].clamp(-1, 1)).abs().max() < 0.02
        assert slider(page, "right of the line").get_attribute("aria-valuetext") == "near"
        assert "Right: near, error 0.0100 here, 0.0100 over all test photographs." in told(page)
        error = f"{F.mse_loss(FAR[3], PHOTOS[3]):.4f}"
        assert f"Left: far, error {error} here, 0.1000 over all" in told(page)


def test_the_line_is_moved(shown):
    with shown(PHOTOGRAPHS) as page:
        line = page.get_by_role("slider", name="the line", exact=True)
        line.press("Home")
        assert line.get_attribute("aria-valuenow") == "0"
        for _ in range(5):
            line.press("ArrowRight")
        assert line.get_attribute("aria-valuetext") == "10 % from the left"
        box = page.locator(".view").bounding_box()
        page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 20)
        assert line.get_attribute("aria-valuenow") == "75"
        view = view_of(page)
        assert (view[..., :22] - PHOTOS[0, ..., :22]).abs().max() < 0.02
        page.wait_for_function("location.hash.includes('Reconstructions1.line=0.75')")


def test_the_line_is_touched(shown):
    options = {"viewport": other.PHONE, "has_touch": True, "is_mobile": True}
    with shown(PHOTOGRAPHS, **options) as page:
        box = page.locator(".view").bounding_box()
        page.touchscreen.tap(box["x"] + 0.25 * box["width"], box["y"] + 50)
        line = page.get_by_role("slider", name="the line", exact=True)
        assert line.get_attribute("aria-valuenow") == "25"


# All of them


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1280])
def test_axe_finds_nothing(shown, theme: str, width: int):
    with shown(*EVERY.values(), theme=theme, viewport={"width": width, "height": 900}) as page:
        assert other.violations(page) == []


@every_explorer
def test_it_fits_a_phone(shown, name: str):
    networks.test_it_fits_a_phone(shown, EVERY[name])


@every_explorer
def test_without_a_script_a_figure_stands(browser, tmp_path: Path, name: str):
    networks.test_without_a_script_a_figure_stands(browser, tmp_path, EVERY[name])


@pytest.mark.parametrize("name", ["denoised", "book", "photographs"])
def test_a_broken_trait_is_a_sentence(browser, tmp_path, name: str):
    other.says_what_it_expects(browser, tmp_path / "broken.html", EVERY[name])
