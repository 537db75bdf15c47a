"""Explorers that train, decode and draw in the page: their numbers against PyTorch's, and their
controls.
"""

import re
from base64 import b64decode
from itertools import combinations, pairwise, product
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from playwright.sync_api import Browser, Locator, Page, expect
from scipy.linalg import expm
from scipy.optimize import lsq_linear
from scipy.stats import ks_2samp
from torch import Tensor
from torch.func import functional_call

import test_explorers_browser as other
from convbook.baselines import PCA
from convbook.data import bezier
from convbook.data.curves import basis
from convbook.explorers import Decoder, Explorer, LatentMap, NoiseAndAxes, Trainer
from convbook.models import DenseAutoencoder, PatchAutoencoder, initialised
from convbook.training import fit_ensemble
from store_explorers import stored_explorers

pytestmark = other.pytestmark
shown, press, number = other.shown, other.press, other.number
FOUR = torch.randn(4, 3, 7, generator=torch.Generator().manual_seed(0)) * 0.5
DECODER = Decoder(
    filters=FOUR,
    bias=[0.1, 0, 0, 0],
    seeds=[11, 22, 33, 44],
    target=[0, 0.1, 0.2, 0.3, 0.2, 0, -0.1],
)
DENSE = initialised(lambda: DenseAutoencoder((64, 32, 2)), 0)
CODES = torch.randn(300, 2, generator=torch.Generator().manual_seed(0))
MAP = LatentMap.of(DENSE.decoder, CODES, torch.arange(300) % 10, CODES[0], CODES[1])
AXES = NoiseAndAxes.of(bezier().train, noise=[0.4, 0.1], angle=30)
EVERY = [Trainer(), DECODER, MAP, AXES]
every_explorer = pytest.mark.parametrize("explorer", EVERY, ids=lambda one: type(one).__name__)


def by_module(browser: Browser, explorer: type[Explorer], function: str, argument: object = None):
    """What ``function`` of the explorer's module makes of an argument, or JavaScript that uses it:
    `module` is what the explorer exports.
    """
    page = browser.new_page()
    run = f"""async ([source, argument]) => {{
        const url = URL.createObjectURL(new Blob([source], {{ type: "text/javascript" }}));
        const module = await import(url);
        return (({function}))(module, argument);
    }}"""
    result = page.evaluate(run, [explorer._esm, argument])
    page.close()
    return result


def slider(place: Locator | Page, name: str) -> Locator:
    return place.get_by_role("slider", name=re.compile(f"^{name}"))


# Trainer: numbers

UNEQUAL = {"code_noise": [0.1, 0.01, 0.001], "input_noise": 0.0, "learning_rate": 0.001}


def as_torch(weights: list[float]) -> dict[str, Tensor]:
    """The 46 numbers under their names, in double precision."""
    names = {name: p.shape for name, p in PatchAutoencoder().named_parameters()}
    parts = torch.tensor(weights, dtype=torch.float64).split([s.numel() for s in names.values()])
    return {n: part.view(s) for part, (n, s) in zip(parts, names.items(), strict=True)}


def loss(weights: dict[str, Tensor], x: Tensor, input_noise: Tensor, code_noise: Tensor) -> Tensor:
    network = PatchAutoencoder()

    def noisy(x: Tensor) -> Tensor:
        return network.decode(network.encode(x + input_noise) + code_noise)

    network.forward = noisy  # what functional_call calls
    return F.mse_loss(functional_call(network, weights, (x,)), x)


def test_the_trainer_s_gradient_is_pytorch_s(browser: Browser):
    draw = torch.Generator().manual_seed(0)

    def normal(*shape: int, scale: float = 1.0) -> Tensor:
        return scale * torch.randn(shape, generator=draw, dtype=torch.float64)

    cases = [
        [normal(46), normal(128, 1, 7), normal(128, 1, 7, scale=0.1), normal(128, 3, 1, scale=0.1)]
        for _ in range(20)
    ]
    run = """({ gradient }, cases) => cases.map((flat) => {
        const [weights, ...rest] = flat.map((values) => Float64Array.from(values));
        const slope = new Float64Array(46);
        return [gradient(weights, ...rest, slope), [...slope]];
    })"""
    flat = [[part.flatten().tolist() for part in case] for case in cases]
    for (weights, *batch), (error, slope) in zip(
        cases, by_module(browser, Trainer, run, flat), strict=True
    ):
        named = {name: w.requires_grad_() for name, w in as_torch(weights.tolist()).items()}
        value = loss(named, *batch)
        value.backward()
        expected = torch.cat([w.grad.flatten() for w in named.values()])
        assert error == pytest.approx(value.item(), rel=1e-12)
        assert slope == pytest.approx(expected.tolist(), rel=1e-9, abs=1e-12)


def test_the_trainer_steps_as_pytorch_s_adam_does(browser: Browser):
    settings = UNEQUAL | {"input_noise": 0.05, "learning_rate": 0.01}
    run = """({ begin, step }, settings) => {
        const net = begin(5);
        const names = ["batch", "inputNoise", "codeNoise"];
        const now = () => [[...net.weights], names.map((name) => [...net[name]])];
        const after = () => (step(net, settings), now());
        return [now(), ...Array.from({ length: 50 }, after)];
    }"""
    (first, _), *steps = by_module(browser, Trainer, run, settings)
    named = {name: w.requires_grad_() for name, w in as_torch(first).items()}
    assert max(map(abs, first)) <= 7**-0.5
    adam = torch.optim.Adam(named.values(), lr=0.01)
    for weights, (x, on_input, on_code) in steps:
        shapes = ((128, 1, 7), (128, 1, 7), (128, 3, 1))
        parts = [
            torch.tensor(values, dtype=torch.float64).view(shape)
            for values, shape in zip((x, on_input, on_code), shapes, strict=True)
        ]
        adam.zero_grad()
        loss(named, *parts).backward()
        adam.step()
        expected = torch.cat([w.detach().flatten() for w in named.values()])
        assert weights == pytest.approx(expected.tolist(), rel=1e-9, abs=1e-12)
    code = torch.tensor([on_code for _, (*_, on_code) in steps]).view(-1, 3)  # (6400, 3)
    assert code.std(0).tolist() == pytest.approx(settings["code_noise"], rel=0.05)
    assert torch.tensor([n for _, (_, n, _) in steps]).std().item() == pytest.approx(0.05, rel=0.05)


def test_the_trainer_has_the_library_s_curves_and_their_pca(browser: Browser):
    run = "({ basis, principal }) => [basis(), principal()]"
    own_basis, own = by_module(browser, Trainer, run)
    assert torch.tensor(own_basis).double().allclose(basis(), atol=1e-9)
    patches = bezier().patches(7)
    pca = PCA(patches.train)
    cosines = (torch.tensor(own["directions"]) * pca.components[:3]).sum(1).abs()
    assert cosines.min() > 0.9999
    assert own["floors"] == pytest.approx(pca.errors(patches.train)[:4].tolist(), rel=0.03)


def test_ten_runs_end_where_the_library_s_end(browser: Browser):
    patches, epochs = bezier().patches(7), 20
    torch_s = fit_ensemble(
        PatchAutoencoder,
        patches.train,
        patches.test,
        seeds=range(10),
        epochs=epochs,
        batch_size=128,
        learning_rate=UNEQUAL["learning_rate"],
        code_noise=UNEQUAL["code_noise"],
        progress=False,
    ).test_loss
    run = """({ begin, step, errorOn }, { settings, epochs, patches }) =>
        Array.from({ length: 10 }, (_, seed) => {
            const net = begin(seed);
            return Array.from({ length: epochs }, () => {
                for (let batch = 0; batch < 128; batch++) step(net, settings);
                return errorOn(Float64Array.from(patches), net.weights);
            });
        })"""
    given = {"settings": UNEQUAL, "epochs": epochs, "patches": patches.test.flatten().tolist()}
    page_s = torch.tensor(by_module(browser, Trainer, run, given))  # (10, 20)
    for epoch in (1, 5, 10, 20):
        ours, theirs = page_s[:, epoch - 1].log(), torch_s[:, epoch - 1].log()
        error = ((ours.var() + theirs.var()) / 10).sqrt()
        assert abs(ours.mean() - theirs.mean()) < 3 * error, epoch
        assert ks_2samp(ours, theirs).pvalue > 0.05, epoch


def test_unequal_noise_sorts_the_filters_and_equal_noise_does_not(browser: Browser, capsys):
    run = """({ begin, principal, settled, step }, settings) => {
        const [net, began] = [begin(11), performance.now()];
        for (let i = 0; i < 25000; i++) step(net, settings);
        const seconds = (performance.now() - began) / 1000;
        return [25000 / seconds, settled(net.weights, principal().directions)];
    }"""
    speed, filters = by_module(browser, Trainer, run, UNEQUAL)
    with capsys.disabled():
        print(f"\nTrainer: {speed:,.0f} steps a second on one core, as busy as it is")
    assert [one["nearest"] for one in filters] == [2, 1, 0]
    assert min(one["cosine"] for one in filters) > 0.98
    assert [one["length"] for one in filters] == sorted(one["length"] for one in filters)
    equal = UNEQUAL | {"code_noise": [0.1, 0.1, 0.1]}
    _, filters = by_module(browser, Trainer, run, equal)
    assert sorted(one["nearest"] for one in filters) == [0, 0, 1]


# Trainer: controls


def steps(page: Page) -> int:
    return int(page.locator(".told").inner_text().split(" ")[0].replace(",", ""))


def curve(page: Page) -> str:
    return page.locator(".filter").first.get_attribute("d")


def test_the_trainer_starts_pauses_and_is_reset(shown):
    with shown(Trainer()) as page:
        first = curve(page)
        assert steps(page) == 0
        press(page, "start").click()
        page.wait_for_function("""() => {
            const root = document.querySelector('[data-explorer] div').shadowRoot;
            const told = root.querySelector('.told').textContent;
            return parseInt(told.replace(',', '')) > 500 && told.includes('steps a second');
        }""")
        press(page, "pause").press("Enter")
        reached = steps(page)
        assert reached > 500
        page.wait_for_timeout(200)
        assert steps(page) == reached
        assert curve(page) != first
        label = page.get_by_role("img", name="the error without noise").get_attribute("aria-label")
        assert f"after {reached} steps" in label
        press(page, "go on").click()
        expect(page.locator(".told")).not_to_contain_text(f"{reached:,} steps")
        press(page, "reset").click()
        assert (steps(page), curve(page)) == (0, first)
        press(page, "start").wait_for()
        number(page, "seed").fill("12")
        assert curve(page) != first
        press(page, "seed: one less").click()
        assert curve(page) == first, "a seed is a beginning"


def test_the_trainer_s_sliders(shown):
    with shown(Trainer()) as page:
        first = slider(page, "noise on number 1")
        assert first.get_attribute("aria-valuetext") == "0.1"
        first.press("ArrowRight")
        assert first.get_attribute("aria-valuetext") == "0.3"
        for name in ("none", "equal", "unequal"):
            assert press(page, name).get_attribute("aria-pressed") == "false"
        press(page, "equal").click()
        for which in (1, 2, 3):
            value = slider(page, f"noise on number {which}").get_attribute("aria-valuetext")
            assert value == "0.1"
        slider(page, "noise on the input").press("End")
        slider(page, "learning rate").press("Home")
        page.wait_for_function("location.hash.includes('learning_rate')")
        address = page.url
        page.goto("about:blank")
        page.goto(address)
        slider(page, "learning rate").wait_for()
        assert slider(page, "learning rate").get_attribute("aria-valuetext") == "0.0001"
        assert slider(page, "noise on the input").get_attribute("aria-valuetext") == "0.3"
        assert press(page, "equal").get_attribute("aria-pressed") == "true"


def test_swapped_noise_makes_filters_change_places(browser: Browser):
    """Chapter 7 asks whether filters that have settled do."""
    run = """({ begin, principal, settled, step }, settings) => {
        const net = begin(11);
        return [settings.code_noise, [...settings.code_noise].reverse()].map((code_noise) => {
            for (let i = 0; i < 25000; i++) step(net, { ...settings, code_noise });
            return settled(net.weights, principal().directions);
        });
    }"""
    before, after = by_module(browser, Trainer, run, UNEQUAL | {"learning_rate": 0.003})
    assert [one["nearest"] for one in before] == [2, 1, 0]
    assert [one["nearest"] for one in after] == [0, 1, 2]
    assert after[0]["length"] > 10 * before[0]["length"]


def test_the_trainer_swaps_noise_and_shows_lengths(shown):
    with shown(Trainer()) as page:
        press(page, "swap noise 1 and 3").click()
        values = [slider(page, f"noise on number {k}") for k in (1, 2, 3)]
        assert [v.get_attribute("aria-valuetext") for v in values] == ["0.001", "0.01", "0.1"]
        labels = [
            page.get_by_role("img", name=f"filter {k},").get_attribute("aria-label")
            for k in (1, 2, 3)
        ]
        lengths = [float(label.split("length ")[1]) for label in labels]
        bars = page.locator(".length").evaluate_all("all => all.map(one => one.clientWidth)")
        assert max(bars) > 100
        expected = [length / max(lengths) for length in lengths]
        assert [bar / max(bars) for bar in bars] == pytest.approx(expected, abs=0.02)


def test_noise_between_two_stops_is_kept(shown):
    with shown(Trainer(code_noise=[0.1, 0.02, 0.000001])) as page:
        values = [slider(page, f"noise on number {k}") for k in (1, 2, 3)]
        assert [v.get_attribute("aria-valuetext") for v in values] == ["0.1", "0.02", "0.000001"]


def test_with_less_motion_the_trainer_draws_once_a_second(shown):
    with shown(Trainer(), reduced_motion="reduce") as page:
        count = """new Promise((done) => {
            const root = document.querySelector('[data-explorer] div').shadowRoot;
            let drawn = 0;
            new MutationObserver(() => drawn++).observe(root.querySelector('.filter'),
                { attributes: true });
            setTimeout(() => done(drawn), 2500);
        })"""
        press(page, "start").click()
        assert 1 <= page.evaluate(count) <= 4


# Decoder


def test_the_decoder_computes_what_pytorch_does_and_fits_as_scipy_does(browser: Browser):
    draw = torch.Generator().manual_seed(0)
    bounded, cases = 0, []
    for i in range(200):
        scale = (0.3, 3.0)[i % 2]  # with small filters the box of codes holds
        filters = scale * torch.randn(2, 3, 7, generator=draw, dtype=torch.float64)
        code = torch.rand(3, generator=draw).tolist() if i % 4 < 2 else []
        cases.append(
            {
                "filters": filters.tolist(),
                "bias": torch.rand(2, generator=draw).tolist(),
                "seeds": [5, 6],
                "seed": 6,
                "target": torch.randn(7, generator=draw).tolist(),
                "code": code,
            }
        )
    run = "({ decode }, cases) => cases.map(decode)"
    for case, made in zip(cases, by_module(browser, Decoder, run, cases), strict=True):
        filters = torch.tensor(case["filters"][1], dtype=torch.float64)
        target = torch.tensor(case["target"], dtype=torch.float64)
        if case["code"]:
            assert made["code"] == case["code"]
        else:
            best = lsq_linear(filters.T.numpy(), target - case["bias"][1], (-1, 1), tol=1e-14).x
            bounded += max(abs(best)) > 1 - 1e-6
            assert made["code"] == pytest.approx(best, abs=1e-5)
        code = torch.tensor(made["code"], dtype=torch.float64)
        bias = torch.tensor(case["bias"][1:], dtype=torch.float64)
        output = F.conv_transpose1d(code[None, :, None], filters[:, None], bias, stride=4)[0, 0]
        assert made["output"] == pytest.approx(output.tolist(), abs=1e-12)
        assert made["error"] == pytest.approx(F.mse_loss(output, target).item(), abs=1e-12)
    assert 10 < bounded < 90


def codes(page: Page) -> list[str]:
    return [slider(page, f"code {k}").get_attribute("aria-valuetext") for k in (1, 2, 3)]


def line(page: Page) -> str:
    return page.locator(".ink").get_attribute("d")


def test_the_decoder_s_controls(shown):
    with shown(DECODER) as page:
        first, told = (codes(page), line(page)), page.locator("[aria-live]")
        assert "The best code" in told.inner_text()
        slider(page, "code 2").press("End")
        assert codes(page) == [first[0][0], "0.25", first[0][2]]
        assert "This code" in told.inner_text()
        assert line(page) != first[1]
        press(page, "seed 33").click()
        assert codes(page)[1] == "0.25", "a code of one's own is kept"
        assert press(page, "best code").get_attribute("aria-disabled") == "false"
        press(page, "best code").click()
        assert press(page, "best code").get_attribute("aria-disabled") == "true"
        assert "The best code" in told.inner_text()
        other_seed = codes(page)
        point = slider(page, "target at point 3")
        assert point.get_attribute("aria-valuenow") == "0.3"
        point.press("ArrowUp")
        assert point.get_attribute("aria-valuenow") == "0.35"
        assert codes(page) != other_seed
        point.press("Home")
        assert point.get_attribute("aria-valuenow") == "-0.8"
        page.wait_for_function("location.hash.includes('Decoder1.target')")
        address, now = page.url, codes(page)
        page.goto("about:blank")
        page.goto(address)
        slider(page, "code 1").wait_for()
        assert codes(page) == now
        assert press(page, "seed 33").get_attribute("aria-pressed") == "true"
        press(page, "reset").click()
        assert (codes(page), line(page)) == first


def reach(explorer: Decoder) -> float:
    """The height at the top of the sum's picture: what sliders at ±0.25 reach in any network."""
    filters, bias = np.array(explorer.filters), np.array(explorer.bias)  # (S, K, n), (S,)
    return max(0.8, (0.25 * np.abs(filters).sum(1) + np.abs(bias)[:, None]).max())


def heights(page: Page, name: str) -> list[float]:
    """Of the points of a path in the sum's picture, in its units from the top."""
    drawn = page.locator(f".sum {name}").get_attribute("d")
    return [float(point.split()[1]) for point in drawn[1:].split("L")]


def test_no_slider_takes_the_curve_out_of_its_frame(shown):
    with shown(DECODER) as page:
        frame = float(page.locator(".sum svg").get_attribute("viewBox").split()[3])
        for seed in DECODER.seeds:
            press(page, f"seed {seed}").click()
            for ends in product(("Home", "End"), repeat=3):
                for k, end in enumerate(ends, start=1):
                    slider(page, f"code {k}").press(end)
                assert 0 <= min(heights(page, ".ink")) <= max(heights(page, ".ink")) <= frame
        assert (
            page.locator(".beyond").evaluate_all("all => all.map(one => one.getAttribute('d'))")
            == [""] * 4
        )


def test_what_leaves_its_frame_is_marked(shown):
    with shown(Decoder(**DECODER.state() | {"code": [1.0, 0.0, 0.0]})) as page:
        marks = page.locator(".three .beyond").evaluate_all(
            "all => all.map(one => one.getAttribute('d'))"
        )
        beyond = np.abs(DECODER.filters[0][0]) > 0.25 * np.abs(DECODER.filters).max()
        assert [mark.count("M") for mark in marks] == [beyond.sum(), 0, 0]


def test_the_seed_before_stays_as_a_pale_band(shown):
    with shown(DECODER) as page:
        band = page.locator(".sum .band")
        assert band.get_attribute("d") == ""
        before = line(page)
        press(page, "seed 33").click()
        assert band.get_attribute("d") == before
        assert "Beside seed 11 with the same target" in page.locator("[aria-live]").inner_text()
        slider(page, "target at point 3").press("ArrowUp")
        assert band.get_attribute("d") != before, "it is of the same target, wherever that is"
        slider(page, "code 1").press("End")
        assert "Beside seed 11 with the same code" in page.locator("[aria-live]").inner_text()
        press(page, "reset").click()
        assert band.get_attribute("d") == ""
        assert "Beside" not in page.locator("[aria-live]").inner_text()


def test_a_circle_is_dragged(shown):
    with shown(DECODER, viewport=other.PHONE) as page:
        before, point = codes(page), slider(page, "target at point 5")
        box = point.bounding_box()
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(*middle)
        page.mouse.down()
        page.mouse.move(middle[0], middle[1] - 30, steps=3)
        page.mouse.up()
        page.mouse.move(middle[0], middle[1] + 30)
        height = page.locator(".sum svg").bounding_box()["height"]
        moved = float(point.get_attribute("aria-valuenow"))
        assert moved == pytest.approx(30 / height * 2 * reach(DECODER), abs=0.02)
        assert codes(page) != before


def test_networks_with_one_span_draw_one_curve(shown):
    """As chapter 6 finds it: the same space, mixed otherwise."""
    mixed = torch.tensor([[1.0, 0.5, 0], [0, 1, 0.5], [-0.5, 0, 1]]) @ FOUR[0]
    explorer = Decoder(
        filters=torch.stack([FOUR[0], mixed]), bias=[0, 0], seeds=[1, 2], target=DECODER.target
    )
    with shown(explorer) as page:
        before = page.locator("[aria-live]").inner_text(), codes(page)
        press(page, "seed 2").click()
        after = page.locator("[aria-live]").inner_text(), codes(page)
        assert after[1] != before[1]
        assert before[0].split("misses")[1] in after[0]
        assert heights(page, ".band") == pytest.approx(heights(page, ".ink"), abs=0.15)


# LatentMap


def decoded(explorer: LatentMap, codes: Tensor) -> list[list[float]]:
    """By the numbers that stand in the explorer's state, in PyTorch."""
    numbers = torch.from_numpy(np.frombuffer(b64decode(explorer.weights), "<f2").astype("float32"))
    values, start = codes, 0
    for layer, (before, after) in enumerate(pairwise(explorer.sizes)):
        weight, bias = numbers[start : (start := start + before * after)], numbers[start:][:after]
        start += after
        values = F.linear(values if layer == 0 else F.gelu(values), weight.view(after, -1), bias)
    return values.tolist()


def stored_map() -> LatentMap:
    """Chapter 5's, with the weights of its stored run."""
    notebook = nbformat.read(Path(__file__).parents[1] / "notebooks" / "05_autoencoders.ipynb", 4)
    [state] = [state for name, state, _ in stored_explorers(notebook) if name == "LatentMap"]
    return LatentMap(**state)


@pytest.mark.parametrize("make", [lambda: MAP, stored_map], ids=["random", "chapter 5's"])
def test_the_map_s_decoder_is_pytorch_s(browser: Browser, make):
    explorer = make()
    low, high = torch.tensor(explorer.low), torch.tensor(explorer.high)
    codes = low + (high - low) * torch.rand(100, 2, generator=torch.Generator().manual_seed(1))
    run = """({ decoder }, { sizes, weights, codes }) => {
        const decode = decoder(sizes, weights);
        return codes.map((code) => [...decode(code)]);
    }"""
    given = {"sizes": explorer.sizes, "weights": explorer.weights, "codes": codes.tolist()}
    images = torch.tensor(by_module(browser, LatentMap, run, given))
    assert (images - torch.tensor(decoded(explorer, codes))).abs().max() < 1e-5
    if explorer is MAP:  # and half precision takes little
        with torch.no_grad():
            assert (images - DENSE.decode(codes).flatten(1)).abs().max() < 1e-3


def pixels(page: Page, name: str) -> Tensor:
    """(784,) of a picture, from 0 to 255; (N, 784) of N pictures in a strip."""
    canvas = page.get_by_role("img", name=re.compile(f"^{name}:"))
    copied = """one => {
        const canvas = new OffscreenCanvas(one.width, 28);
        const copy = canvas.getContext("2d", { willReadFrequently: true });
        copy.drawImage(one, 0, 0);
        return [...copy.getImageData(0, 0, one.width, 28).data];
    }"""
    red = torch.tensor(canvas.evaluate(copied)).view(28, -1, 28, 4)[..., 0]  # (28, N, 28)
    return red.transpose(0, 1).flatten(1).squeeze(0).float()


def expected_pixels(explorer: LatentMap, code: list[float]) -> Tensor:
    return 255 * torch.tensor(decoded(explorer, torch.tensor([code]))[0]).clamp(0, 1)


def code_of(page: Page, name: str) -> list[float]:
    text = page.get_by_role("slider", name=name, exact=True).get_attribute("aria-valuetext")
    return [float(value) for value in text.replace("−", "-").split(", ")]


def test_the_map_under_the_pointer(shown):
    with shown(MAP) as page:
        box = page.locator("svg.map").bounding_box()

        def at(across: float, up: float) -> list[float]:
            on_map = [(share * 334 - 17) / 300 for share in (across, up)]  # without its rim
            shares = zip(on_map, MAP.low, MAP.high, strict=True)
            return [low + share * (high - low) for share, low, high in shares]

        page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 0.1 * box["height"])
        assert code_of(page, "cross") == pytest.approx(at(0.25, 0.9), abs=0.02)
        expected = expected_pixels(MAP, code_of(page, "cross"))
        assert (pixels(page, "at the cross") - expected).abs().max() <= 1
        page.mouse.move(box["x"] - 5, box["y"] - 5)
        before = code_of(page, "cross")
        page.get_by_role("slider", name="cross", exact=True).press("ArrowRight")
        step = (MAP.high[0] - MAP.low[0]) / 50
        assert code_of(page, "cross") == pytest.approx([before[0] + step, before[1]], abs=0.002)


def test_a_walk_on_the_map(shown):
    with shown(MAP) as page:
        end = page.get_by_role("slider", name="end A")
        box = end.bounding_box()
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(*middle)
        page.mouse.down()
        page.mouse.move(middle[0] - 40, middle[1] - 20, steps=3)
        page.mouse.up()
        one, two = code_of(page, "end A"), code_of(page, "end B")
        assert one[0] < MAP.one[0]
        assert two == pytest.approx(MAP.other, abs=1e-6)
        walk = slider(page, "from A to B")
        walk.press("Home")
        for name in ("images mixed", "codes mixed"):
            assert (pixels(page, name) - expected_pixels(MAP, one)).abs().max() <= 1
        for _ in range(30):
            walk.press("ArrowRight")
        assert walk.get_attribute("aria-valuetext") == "30 %"
        between = [0.7 * a + 0.3 * b for a, b in zip(one, two, strict=True)]
        expected = expected_pixels(MAP, between)
        assert (pixels(page, "codes mixed") - expected).abs().max() <= 1
        ends = (torch.tensor(decoded(MAP, torch.tensor([code]))[0]) for code in (one, two))
        faded = sum(255 * w * image for w, image in zip((0.7, 0.3), ends, strict=True)).clamp(
            0, 255
        )
        assert (pixels(page, "images mixed") - faded).abs().max() <= 1
        page.wait_for_function("location.hash.includes('LatentMap1.step')")


def test_the_whole_walk_stands_in_two_strips(shown):
    with shown(MAP) as page:
        page.get_by_role("slider", name="end B").press("ArrowLeft")
        one, two = (torch.tensor(code_of(page, f"end {name}")) for name in "AB")
        shares = torch.linspace(0, 1, 11)[:, None]
        by_codes = torch.tensor(decoded(MAP, torch.lerp(one, two, shares)))  # (11, 784)
        ends = torch.tensor(decoded(MAP, torch.stack([one, two])))
        for name, images in {"codes": by_codes, "images": torch.lerp(*ends, shares)}.items():
            strip = pixels(page, f"{name} mixed, from A to B")
            assert (strip - 255 * images.clamp(0, 1)).abs().max() <= 1.5
        at_80 = pixels(page, "codes mixed, from A to B")[8]
        slider(page, "from A to B").press("End")
        for _ in range(20):
            slider(page, "from A to B").press("ArrowLeft")
        assert (pixels(page, "codes mixed") - at_80).abs().max() <= 1


def test_no_two_digits_of_the_map_cover_each_other(shown):
    """In chapter 5 the middles of 4 and 9, and of 5 and 8, lie nearly in one place."""
    with shown(stored_map()) as page:
        bare = "all => all.map(one => one.getBBox()).map(({ x, y, width, height }) => "
        bare += "({ x, y, width, height }))"  # without the halo around each
        boxes = page.locator(".digit").evaluate_all(bare)
        assert len(boxes) == 10
        for one, two in combinations(boxes, 2):
            apart = (
                abs(one[side] - two[side]) >= two[size]
                for side, size in (("x", "width"), ("y", "height"))
            )
            assert any(apart)


def test_an_end_at_the_map_s_edge_is_whole(shown):
    with shown(MAP) as page:
        end, frame = (
            page.get_by_role("slider", name="end A"),
            page.locator("svg.map").bounding_box(),
        )
        for keys in (["ArrowUp", "ArrowLeft"], ["ArrowDown", "ArrowRight"]):
            for key in keys * 51:
                end.press(key)
            box = end.bounding_box()
            for side, size in (("x", "width"), ("y", "height")):
                assert frame[side] < box[side]
                assert box[side] + box[size] < frame[side] + frame[size]


def test_the_map_is_touched(shown):
    options = {"viewport": other.PHONE, "has_touch": True, "is_mobile": True}
    with shown(MAP, **options) as page:
        before = code_of(page, "cross")
        box = page.locator("svg.map").bounding_box()
        page.touchscreen.tap(box["x"] + 20, box["y"] + 20)
        after = code_of(page, "cross")
        assert after[0] < before[0]
        assert after[1] > before[1]


# NoiseAndAxes


def test_the_axes_compute_what_numpy_does(browser: Browser):
    draw = np.random.default_rng(0)
    cases = [
        {
            "spreads": draw.uniform(0.1, 3, 2).tolist(),
            "noise": draw.uniform(0, 1, 2).tolist(),
            "angle": draw.uniform(0, 180),
        }
        for _ in range(1000)
    ]
    run = "({ costs, filtersOf }, cases) => cases.map((one) => [filtersOf(one), costs(one)])"
    for case, (filters, added) in zip(
        cases, by_module(browser, NoiseAndAxes, run, cases), strict=True
    ):
        spreads, filters = np.array(case["spreads"]), np.array(filters)
        turn = expm(np.radians(case["angle"]) * np.array([[0, 1], [-1, 0]]))
        assert filters == pytest.approx(turn @ np.diag(spreads), abs=1e-9)
        for k, scale in enumerate(case["noise"]):
            only = np.zeros((2, 2))
            only[k, k] = scale**2  # the covariance of noise on this number alone
            assert added[k] == pytest.approx(np.trace(filters.T @ only @ filters), abs=1e-9)
        python = NoiseAndAxes(**AXES.state() | case)
        assert sum(added) == pytest.approx(python.penalty(), rel=1e-3), "spreads are rounded there"


def turned(page: Page) -> int:
    return int(slider(page, "turned by").input_value())


def test_the_axes_controls(shown):
    with shown(AXES) as page:
        told = page.locator("[aria-live]")
        assert turned(page) == 30
        curve = page.locator(".columns .filter").first
        first = curve.get_attribute("d")
        slider(page, "filter 1").press("ArrowRight")
        assert turned(page) == 35
        assert curve.get_attribute("d") != first
        slider(page, "filter 2").press("PageDown")
        assert turned(page) == 20
        slider(page, "filter 2").press("End")
        assert turned(page) == 180
        assert "No angle costs less" not in told.inner_text()
        slider(page, "turned by").press("Home")
        slider(page, "filter 1").press("PageUp")
        for _ in range(5):
            slider(page, "filter 1").press("PageUp")
        assert turned(page) == 90
        assert "No angle costs less" in told.inner_text()
        assert f"Together {penalty(90):.3}" in told.inner_text()
        page.wait_for_function("location.hash.includes('NoiseAndAxes1.angle=90')")
        slider(page, "noise on number 2").press("End")
        assert "Every angle costs as much" in told.inner_text()
        slider(page, "noise on number 1").press("Home")
        slider(page, "turned by").press("End")
        assert "No angle costs less" in told.inner_text()
        label = page.get_by_role("img", name="over the angle").get_attribute("aria-label")
        assert "at 45°" in label


def penalty(angle: float) -> float:
    return NoiseAndAxes(**AXES.state() | {"angle": angle}).penalty()


def test_the_curve_of_costs_is_the_library_s(shown):
    with shown(AXES) as page:
        drawn = page.locator(".pictures .ink").last.get_attribute("d")
        heights = np.array([float(point.split()[1]) for point in drawn[1:].split("L")])
        expected = np.array([penalty(angle) for angle in np.linspace(0, 180, len(heights))])
        assert (130 - heights) / 115 == pytest.approx(expected / expected.max(), abs=0.002)


@pytest.mark.parametrize("which", [1, 2])
def test_an_axis_is_dragged(shown, which: int):
    options = {"viewport": other.PHONE}
    with shown(AXES, **options) as page:
        end = slider(page, f"filter {which}")
        frame = page.locator(".pictures svg").first.bounding_box()
        centre = frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2
        box = end.bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        to = (0, -100) if which == 1 else (-100, 0)  # up, or to the left: both at 90 degrees
        page.mouse.move(centre[0] + to[0], centre[1] + to[1], steps=4)
        assert turned(page) == 90
        page.mouse.move(centre[0] + 90, centre[1] + (20 if which == 1 else -20))
        page.mouse.up()
        assert turned(page) == 0, "no further than its range"
        middle = end.bounding_box()
        assert middle["y"] + middle["height"] / 2 == pytest.approx(
            centre[1]
            - (0 if which == 1 else AXES.spreads[1] / AXES.spreads[0] * reach_right(page)),
            abs=2,
        )


def reach_right(page: Page) -> float:
    """How far filter 1's end lies from the middle at 0 degrees, in pixels."""
    frame = page.locator(".pictures svg").first.bounding_box()
    box = slider(page, "filter 1").bounding_box()
    return box["x"] + box["width"] / 2 - frame["x"] - frame["width"] / 2


# All of them


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1280])
def test_axe_finds_nothing(shown, theme: str, width: int):
    with shown(*EVERY, theme=theme, viewport={"width": width, "height": 900}) as page:
        assert other.violations(page) == []


@every_explorer
def test_it_fits_a_phone(shown, explorer: Explorer):
    options = {"viewport": other.PHONE, "has_touch": True, "is_mobile": True}
    with shown(explorer, **options) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        for role in ("button", "slider"):
            for control in page.get_by_role(role).all():
                assert control.bounding_box()["height"] >= 24, "WCAG's target size"


@every_explorer
def test_without_a_script_a_figure_stands(browser, tmp_path: Path, explorer: Explorer):
    path = tmp_path / "plain.html"
    path.write_text(other.PAGE.format(theme="light", body=explorer.static()), "utf-8")
    page = browser.new_page(java_script_enabled=False)
    page.goto(path.as_uri())
    assert page.locator("[data-explorer] > :is(p, svg, figure)").last.is_visible()
    assert page.locator("[data-explorer]").bounding_box()["height"] > 60
    page.close()


@every_explorer
def test_a_broken_trait_is_a_sentence(browser, tmp_path, explorer: Explorer):
    other.says_what_it_expects(browser, tmp_path / "broken.html", explorer)
