"""Explorers in a browser that reaches no network: every control, and the numbers behind them."""

import json
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import torch
import torch.nn.functional as F
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, expect

from conftest import needs_chromium, serving, violations
from convbook.explorers import Explorer, Operator, Overlap, Predict
from convbook.explorers.overlap import REMEDIES
from convbook.matrices import conv_matrix
from convbook.sizes import conv_size, conv_transpose_size

pytestmark = needs_chromium
LARGEST_DRAWN = 24  # cells a side
PHONE = {"width": 400, "height": 800}

PAGE = """<!doctype html><html lang="en" data-theme="{theme}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Explorers</title>
<style>html[data-theme=light] {{ --pst-color-primary: #176de8; --pst-color-background: #fff;
--pst-color-text-base: #323232 }} html[data-theme=dark] {{ --pst-color-primary: #528fe4;
--pst-color-background: #121212; --pst-color-text-base: #ced6dd }}
body {{ background: var(--pst-color-background); margin: 0.5rem;
color: var(--pst-color-text-base) }}</style></head>
<body><main><h1>Explorers</h1>{body}</main></body></html>"""

RUN = """async ([source, cases, name]) => {
    const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    const compute = (await import(url))[name];
    return cases.map((one) => {
        const { problem, output, values, map, inner, strengths } = compute(one);
        return { problem, output, values, map, inner, strengths };
    });
}"""


class Visit:
    """A page, whose every request but those to ``home`` is a trouble, as is every error."""

    def __init__(self, browser: Browser, address: str, **options: object) -> None:
        self.troubles: list[str] = []
        self.home = urlsplit(address)
        self.context: BrowserContext = browser.new_context(**options)
        self.context.route("**/*", self.answer)
        self.context.set_default_timeout(60_000)
        self.page: Page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("console", self.hear)
        self.page.goto(address)
        self.page.locator("[data-explorer] >> .root").first.wait_for()

    def answer(self, route: Route) -> None:
        asked = urlsplit(route.request.url)
        if asked.scheme in ("blob", "data") or asked[:2] == self.home[:2]:
            route.continue_()
        else:
            self.troubles.append(route.request.url)
            route.abort()

    def hear(self, message: object) -> None:
        if message.type not in ("error", "warning"):
            return
        # From disk a browser refuses the theme's symbol fonts, with or without explorers.
        if self.home.scheme != "file" or not re.search("fontawesome|ERR_FAILED", message.text):
            self.troubles.append(message.text)

    def __enter__(self) -> Page:
        return self.page

    def __exit__(self, kind: type | None, *_: object) -> None:
        self.context.close()
        if kind is None:
            assert self.troubles == []


@pytest.fixture
def shown(browser: Browser, tmp_path: Path) -> Callable[..., Visit]:
    """Show explorers alone on a page from disk."""

    def show(*explorers: Explorer, theme: str = "light", **options: object) -> Visit:
        body = "".join(explorer.static() for explorer in explorers)
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.html"
        path.write_text(PAGE.format(theme=theme, body=body), "utf-8")
        return Visit(browser, path.as_uri(), **options)

    return show


# Numbers: JavaScript's against the library's


def random_settings(draw: random.Random) -> dict:
    """Settings of a layer; some of them are impossible."""
    settings = {
        "transposed": draw.random() < 0.5,
        "dimensions": draw.choice([1, 2]),
        "size": draw.randint(1, 9),
        "kernel_size": draw.randint(1, 5),
        "stride": draw.randint(1, 4),
        "padding": draw.randint(0, 4),
        "dilation": draw.randint(1, 3),
        "output_padding": draw.choice([0, 0, 1, 2]),
    }
    shapes = {"input": settings["size"], "kernel": settings["kernel_size"]}
    for name, cells in shapes.items():
        rows = [[draw.randint(-40, 40) / 8 for _ in range(cells)] for _ in range(cells)]
        settings[name] = rows if settings["dimensions"] == 2 else rows[0]
    return settings | {"view": "scatter", "position": 0}


def by_library(settings: dict) -> tuple[int, list] | None:
    """The output's size and values, or nothing where the library refuses."""
    geometry = [settings[name] for name in ("size", "kernel_size", "stride", "padding")]
    try:
        if settings["transposed"]:
            size = conv_transpose_size(*geometry, settings["output_padding"], settings["dilation"])
        else:
            size = conv_size(*geometry, settings["dilation"])
    except ValueError:
        return None
    options = {name: settings[name] for name in ("stride", "padding", "dilation")}
    if settings["transposed"]:
        options["output_padding"] = settings["output_padding"]
    shapes = ("input", "kernel")
    layer = f"conv{'_transpose' if settings['transposed'] else ''}{settings['dimensions']}d"
    x, weight = (torch.tensor(settings[name], dtype=torch.float64) for name in shapes)
    values = getattr(F, layer)(x[None, None], weight[None, None], **options)[0, 0]
    return size, values.reshape(-1, size).tolist()


def test_the_operator_computes_what_the_library_does(browser: Browser):
    draw = random.Random(0)
    cases = [random_settings(draw) for _ in range(1000)]
    page = browser.new_page()
    results = page.evaluate(RUN, [Operator._esm, cases, "operate"])
    page.close()
    computed = 0
    for case, result in zip(cases, results, strict=True):
        expected = by_library(case)
        if expected is None:
            assert result["problem"], case
            continue
        if expected[0] > LARGEST_DRAWN:
            assert "to draw" in result["problem"], case
            assert result["output"] == expected[0], case
            continue
        computed += 1
        assert result["problem"] == "", case
        assert result["output"] == expected[0], case
        assert result["values"] == [pytest.approx(row) for row in expected[1]], case
    assert 500 < computed < 1000


def test_overlap_computes_what_the_library_does(browser: Browser):
    draw = random.Random(0)
    cases = [
        {
            "kernel": draw.randint(1, 9),
            "stride": draw.randint(1, 6),
            "size": draw.randint(1, 8),
            "dimensions": draw.choice([1, 2]),
            "remedy": draw.choice(REMEDIES),
        }
        for _ in range(1000)
    ]
    page = browser.new_page()
    results = page.evaluate(RUN, [Overlap._esm, cases, "overlap"])
    page.close()
    for case, result in zip(cases, results, strict=True):
        assert result["map"] == pytest.approx(Overlap(**case).map().tolist()), case
        # The inner pattern is what many stamps show in their middle.
        many = Overlap(**case)
        many.size = 30
        middle = 9 * case["stride"]
        period = many.map()[middle : middle + case["stride"]]
        assert result["inner"] == pytest.approx(period.tolist()), case
        waves = torch.fft.rfft(period.double()).abs()
        for cycles, share in result["strengths"]:
            assert share == pytest.approx((waves[cycles] / waves[0]).item(), abs=1e-6), case


# The operator's controls


def number(place: Locator | Page, name: str) -> Locator:
    return place.get_by_role("spinbutton", name=name, exact=True)


def press(place: Locator | Page, name: str) -> Locator:
    return place.get_by_role("button", name=name, exact=True)


def cells(place: Locator | Page, which: str) -> list[float]:
    """The numbers of a grid, without those outside."""
    texts = place.locator(f"[role=grid][aria-label^='{which}'] [role=gridcell]:not(.outside)")
    read = "all => all.map(one => one.querySelector('input')?.value ?? one.querySelector('span')"
    read += ".textContent)"
    return [float(text.replace("−", "-")) for text in texts.evaluate_all(read)]


def said(place: Locator | Page) -> str:
    return place.locator(".say").inner_text()


def lit(place: Locator | Page, which: str) -> int:
    return place.locator(f"[role=grid][aria-label^='{which}'] .lit").count()


def expected_output(place: Locator | Page, **settings: object) -> list[float]:
    """What the library makes of the numbers that the page shows."""
    operator = Operator(**settings)
    for name, k in {"input": operator.size, "kernel": operator.kernel_size}.items():
        flat = cells(place, name)
        rows = [flat[i * k : (i + 1) * k] for i in range(k)] if operator.dimensions == 2 else flat
        setattr(operator, name, rows)
    return operator.numbers()[2].flatten().tolist()


def test_every_number_field_changes_the_layer(shown):
    with shown(Operator(transposed=True, dimensions=1, size=3, stride=2)) as page:
        settings = {"transposed": True, "dimensions": 1, "size": 3, "stride": 2}
        for name, word, value in [
            ("size", "input m", 5),
            ("kernel_size", "kernel k", 4),
            ("stride", "stride s", 3),
            ("padding", "padding p", 2),
            ("dilation", "dilation d", 2),
            ("output_padding", "output padding", 1),
        ]:
            settings[name] = value
            number(page, word).fill(str(value))
            assert cells(page, "output") == pytest.approx(expected_output(page, **settings)), name
            line = f"{name}={value}" if name != "size" else "nn.ConvTranspose1d(1, 1"
            assert line in page.locator("code").inner_text()
        assert (
            "(5 − 1) · 3 + 2 · (4 − 1) + 1 − 2 · 2 + 1 = 16" in page.locator(".root").inner_text()
        )
        press(page, "stride s: one less").click()
        assert cells(page, "output") == pytest.approx(
            expected_output(page, **(settings | {"stride": 2}))
        )
        number(page, "stride s").press("ArrowUp")
        assert number(page, "stride s").input_value() == "3"
        press(page, "padding p: one more").click()
        assert number(page, "padding p").input_value() == "3"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("kernel k", "5"), "spans 5 cells, and the padded input has 4: it fits nowhere"),
        (("stride s", "0"), "stride: expected a whole number of at least 1, not 0"),
        (("padding p", "1.5"), "padding: expected a whole number of at least 0, not 1.5"),
        (("input n", ""), "size: expected a whole number of at least 1, not nothing"),
        (("input n", "40"), "size 40 is possible, but too much to draw"),
    ],
)
def test_an_impossible_setting_is_explained_and_can_be_mended(shown, change, words):
    with shown(Operator()) as page:
        field = number(page, change[0])
        before = field.input_value()
        field.fill(change[1])
        assert words in page.get_by_role("status").inner_text()
        assert page.locator(".stage").evaluate("stage => stage.inert"), "the last figure, faint"
        assert field.input_value() == change[1], "what was typed is not clamped"
        field.fill(before)
        assert not page.locator("[inert]").count()
        assert not page.get_by_role("status").is_visible()


@pytest.mark.parametrize("viewport", [{"width": 1280, "height": 900}, PHONE])
def test_the_page_stays_in_place_while_a_setting_is_refused(shown, viewport: dict):
    with shown(Operator(transposed=True, size=3, stride=2), viewport=viewport) as page:
        places = [page.locator(name) for name in (".stage", ".formula", ".line >> nth=1")]
        before = [place.bounding_box() for place in places]
        values, formula = cells(page, "output"), places[1].inner_text()
        number(page, "output padding").fill("2")
        assert page.get_by_role("status").is_visible()
        assert [place.bounding_box() for place in places] == before
        assert cells(page, "output") == values
        assert places[1].inner_text() == formula
        assert violations(page) == []


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"stride": 1}, "With stride 1, only the size 5 leads to 3, so output padding is 0."),
        ({"stride": 2}, "sizes 7 and 8 both lead to 3, so output padding is 0 or 1."),
        ({"stride": 4}, "sizes 11 to 14 all lead to 3, so output padding is at most 3."),
        ({"dilation": 3}, "It has to stay below the larger of stride and dilation, 3."),
    ],
)
def test_output_padding_stops_at_its_rule_and_says_it(shown, settings: dict, words: str):
    with shown(Operator(transposed=True, size=3, **settings)) as page:
        most = max(settings.values()) - 1
        more, field = press(page, "output padding: one more"), number(page, "output padding")
        for _ in range(most):
            more.click()
        assert more.is_disabled()
        field.press("ArrowUp")
        assert field.input_value() == str(most)
        assert not page.get_by_role("status").is_visible()
        field.fill(str(most + 1))
        assert words in page.get_by_role("status").inner_text()
        for n in re.findall("sizes (\\d+) (?:and|to) (\\d+)", words):
            for size in range(int(n[0]), int(n[1]) + 1):
                assert conv_size(size, 3, settings["stride"]) == 3


@pytest.mark.parametrize("dimensions", [1, 2])
def test_it_says_what_output_padding_adds(shown, dimensions: int):
    settings = {"transposed": True, "dimensions": dimensions, "size": 3, "stride": 3}
    more = ["one more cell", "two more cells"]
    if dimensions == 2:
        more = ["one more row and column", "two more rows and columns"]
    with shown(Operator(**settings)) as page:
        note = page.locator(".note")
        assert note.inner_text() == ""
        number(page, "output padding").fill("2")
        zero = f"adds {more[1]} at the end that no stamp reaches: they are zero."
        assert note.inner_text() == f"Output padding {zero}"
        assert cells(page, "output")[-2:] == [0, 0]
        number(page, "padding p").fill("1")
        assert f"keeps {more[0]} at the end that padding would crop, and adds" in note.inner_text()
        number(page, "padding p").fill("2")
        kept = f"Output padding keeps {more[1]} at the end that padding would crop."
        assert note.inner_text() == kept


def test_what_a_transposed_layer_refuses_is_explained(shown):
    with shown(Operator(transposed=True, size=1, kernel_size=2)) as page:
        number(page, "output padding").fill("1")
        assert "only the size 2 leads to 1" in page.get_by_role("status").inner_text()
        number(page, "output padding").fill("0")
        number(page, "padding p").fill("1")
        assert "nothing is left" in page.get_by_role("status").inner_text()
        number(page, "padding p").fill("0")
        number(page, "stride s").fill("4")
        number(page, "input m").fill("9")
        assert "too many to draw" in page.get_by_role("status").inner_text()


def test_a_size_too_large_to_draw_is_still_computed(shown):
    with shown(Operator(stride=2)) as page:
        number(page, "input n").fill("224")
        assert "= 111" in page.locator(".formula").inner_text()
        assert "⌊221 / 2⌋" in page.locator(".formula").inner_text()
        assert not page.locator(".formula[inert]").count()
        assert page.locator(".stage").evaluate("stage => stage.inert")


def test_numbers_can_be_typed_over(shown):
    with shown(Operator(size=3, kernel_size=2)) as page:
        page.get_by_label("input, row 1, column 2").click()
        page.keyboard.type("-7.5")
        page.get_by_label("kernel, row 0, column 1").fill("−2,25")
        page.keyboard.press("ArrowLeft")  # which leaves the cell
        assert cells(page, "input")[5] == -7.5
        assert cells(page, "kernel")[1] == -2.25
        assert cells(page, "output") == pytest.approx(expected_output(page, size=3, kernel_size=2))
        assert "-7.5" not in page.locator(".say").inner_text()  # a true minus sign
        field = page.get_by_label("input, row 0, column 0")
        before = cells(page, "output")
        field.fill("x")
        assert "“x” is no number" in page.locator(".say").inner_text()
        assert cells(page, "output") == before
        field.blur()
        assert field.input_value() == "1"


def test_pointing_at_a_cell_shows_its_partners(shown):
    with shown(Operator(size=4, padding=1)) as page:
        page.get_by_label("output, row 1, column 2").hover()
        assert lit(page, "input") == 9
        assert "Output (1, 2) gathers nine input cells" in page.locator(".say").inner_text()
        page.get_by_label("output, row 0, column 0").hover()
        assert lit(page, "input") == 9, "five of them in the padding"
        assert "gathers four input cells" in page.locator(".say").inner_text()
        page.get_by_label("input, row 0, column 0").hover()
        assert lit(page, "output") == 4
        assert "goes into four outputs" in page.locator(".say").inner_text()
        assert press(page, "gather").get_attribute("aria-pressed") == "true"
        page.get_by_label("input, row 0, column 0").focus()
        assert press(page, "scatter").get_attribute("aria-pressed") == "true"
        page.get_by_label("output, row 3, column 3").focus()
        assert press(page, "gather").get_attribute("aria-pressed") == "true"
        page.keyboard.press("ArrowLeft")
        assert "Output (3, 2)" in page.locator(".say").inner_text()
        page.keyboard.press("ArrowUp")
        assert "Output (2, 2)" in page.locator(".say").inner_text()


def test_a_look_leaves_no_trace_and_a_click_stays(shown):
    with shown(Operator(transposed=True, size=3, stride=2, padding=1)) as page:
        before, first = said(page), page.get_by_role("slider").input_value()
        matrix = page.get_by_role("img", name="The matrix")
        for place in (page.get_by_label("output, row 2, column 2:"), matrix):
            place.hover()
            assert said(page) != before
            page.mouse.move(0, 0)
            assert said(page) == before
        page.wait_for_timeout(400)  # longer than the address waits
        assert "#" not in page.url
        assert page.get_by_role("slider").input_value() == first
        page.get_by_label("output, row 2, column 2:").click()
        page.mouse.move(0, 0)
        assert "Output (2, 2)" in said(page)
        page.wait_for_function("location.hash.includes('view')")
        matrix.click(position={"x": 60, "y": 20})
        page.mouse.move(0, 0)
        assert "Output (0, 1)" in said(page)


def test_another_view_begins_where_the_last_was(shown):
    with shown(Operator(transposed=True, size=3, stride=2, padding=1)) as page:
        page.get_by_label("output, row 3, column 2:").click()
        page.mouse.move(0, 0)
        press(page, "zero insertion").click()
        assert "output (3, 2)" in said(page)
        press(page, "gather").click()
        assert "Output (3, 2)" in said(page)
        page.get_by_label("input, row 1, column 2").click()
        press(page, "gather").click()
        assert "Output (2, 4)" in said(page), "where the middle of the stamp falls"
        press(page, "scatter").click()
        assert "Input (1, 2)" in said(page)


@pytest.mark.parametrize("transposed", [True, False])
def test_scatter_adds_up_step_by_step(shown, transposed: bool):
    settings = {"transposed": transposed, "size": 4, "kernel_size": 3, "view": "scatter"}
    kernel = [[1, -2, 3], [4, -5, 6], [-7, 8, 9]]
    with shown(Operator(**settings, kernel=kernel)) as page:
        final, inputs = cells(page, "output"), cells(page, "input")
        read = "all => all.map(one => Number(one.textContent.replace('−', '-')))"
        output = page.locator("[role=grid][aria-label^='output'] [role=gridcell] span")
        caption = page.locator(".name", has_text="output")
        side = 6 if transposed else 2
        assert caption.inner_text() == f"output {side} × {side}"
        before, sums = [0] * side**2, 0
        for i in range(16):
            page.get_by_role("slider").fill("15")
            page.get_by_role("slider").fill(str(i))
            known = [inputs[j] if j <= i else 0 for j in range(16)]
            rows = [known[4 * r : 4 * r + 4] for r in range(4)]
            expected = Operator(**settings, kernel=kernel, input=rows).numbers()[2].flatten()
            now = output.evaluate_all(read)
            assert now == expected.tolist()
            for r, c, sum_, value in re.findall(
                r"On output \((\d), (\d)\): (.+) = (.+)\.", said(page).replace("−", "-")
            ):
                sums += 1
                place = int(r) * side + int(c)
                assert eval(sum_) == float(value) == now[place]
                assert float(re.match("-?[^ ]+", sum_)[0]) == before[place]
            before = now
            assert caption.inner_text().endswith(", so far") == (i < 15)
        assert sums > 5
        assert now == final
        press(page, "one step on").click()
        assert output.nth(side**2 - 1).inner_text() == "", "nothing has fallen there yet"
        press(page, "gather").click()
        assert cells(page, "output") == final


def test_play_shows_what_has_been_added_so_far(shown):
    with shown(Operator(transposed=True, size=3, dimensions=1)) as page:
        assert "" not in page.locator("[aria-label^='output'] span").all_inner_texts()
        press(page, "play").click()
        page.get_by_label("output 4: nothing yet").wait_for()
        page.locator(".say", has_text="Input 1").wait_for()
        press(page, "pause").click()


def test_the_sum_that_is_told_is_the_output(shown):
    with shown(Operator(transposed=True, size=3, stride=2)) as page:
        values = cells(page, "output")
        for i, value in enumerate(values):
            page.get_by_label(f"output, row {i // 7}, column {i % 7}:").hover()
            said = page.locator(".say").inner_text()
            assert said.endswith(f"{value:g}.")
            if " = " in said:
                terms = said.split(": ")[1].split(" = ")[0]
                assert eval(terms.replace("·", "*").replace("−", "-")) == value


def test_three_views_show_one_output(shown):
    with shown(Operator(transposed=True, size=3, stride=2, padding=1)) as page:
        first = cells(page, "output")
        press(page, "gather").click()
        assert cells(page, "output") == first
        press(page, "zero insertion").click()
        assert cells(page, "output") == first
        assert cells(page, "kernel") == [9, 8, 7, 6, 5, 4, 3, 2, 1]
        spread = page.get_by_role("grid", name="input, spread of 7 by 7 cells")
        assert spread.locator(".between").count() == 16
        page.get_by_label("output, row 1, column 1:").hover()
        assert lit(page, "input, spread") == 9
        assert "Under the flipped kernel" in page.locator(".say").inner_text()
        assert said(page).endswith(f"= {first[6]:g}, the same output.")
        page.get_by_label("input, row 0, column 0", exact=True).hover()
        assert lit(page, "output") == 9, "five of them cropped"
        press(page, "convolution").click()
        assert not press(page, "zero insertion").is_visible()


def test_play_step_and_scrub(shown):
    with shown(Operator(transposed=True, size=3)) as page:
        scrub = page.get_by_role("slider", name="position")
        press(page, "one step on").click()
        assert scrub.input_value() == "1"
        press(page, "one step back").click()
        press(page, "one step back").click()
        assert scrub.input_value() == "8", "it goes round"
        scrub.press("ArrowLeft")
        assert "Input (2, 1)" in page.locator(".say").inner_text()
        scrub.fill("4")
        assert "Input (1, 1)" in page.locator(".say").inner_text()
        press(page, "play").press("Enter")
        page.locator(".say", has_text="Input (1, 2)").wait_for()
        press(page, "pause").press("Space")
        page.wait_for_timeout(900)
        assert "Input (1, 2)" in page.locator(".say").inner_text()


def test_the_matrix_is_the_library_s(shown):
    with shown(Operator(size=3, kernel_size=2, kernel=[[1, 2], [3, 4]])) as page:
        matrix = page.get_by_role("img", name="The matrix C: 4 rows")
        expected = conv_matrix(torch.tensor([[[[1.0, 2], [3, 4]]]]), 3)  # (4, 9)
        found = torch.zeros(4, 9)
        read = "all => all.map(e => [+e.getAttribute('x'), +e.getAttribute('y'), +e.textContent])"
        for x, y, weight in matrix.locator("text").evaluate_all(read):
            found[int(y // 26), int(x // 26)] = weight
        assert torch.equal(found, expected)
        page.get_by_label("output, row 1, column 0").hover()
        band = matrix.locator(".band")
        assert band.get_attribute("y") == "52"
        box = matrix.bounding_box()
        page.mouse.move(box["x"] + 10, box["y"] + 2 + 3.5 * 26)
        assert "Output (1, 1)" in page.locator(".say").inner_text()


def test_the_band_on_a_large_matrix_hides_no_neighbour(shown):
    with shown(Operator(size=16)) as page:
        assert float(page.locator(".band").get_attribute("stroke-width")) < 1


def test_no_number_spills_out_of_its_cell(shown):
    kernel = [[-123.125, 12.5], [0.125, 1000]]
    wide = "all => all.filter(e => e.getBoundingClientRect().width > 38).map(e => e.textContent)"
    with shown(Operator(size=3, kernel_size=2, kernel=kernel)) as page:
        spans = page.locator("[role=gridcell] :is(span, small)")
        assert any(len(text) > 7 for text in spans.all_inner_texts())
        assert spans.evaluate_all(wide) == []
        matrix = page.locator(".matrix text").evaluate_all(
            "all => all.map(text => text.getBBox().width)"
        )
        assert max(matrix) <= 26
        held = "all => all.every(field => field.scrollWidth <= field.clientWidth)"
        assert page.locator("[role=gridcell] input").evaluate_all(held)


def test_reset_brings_back_the_first_setting(shown):
    with shown(Operator(transposed=True, size=3, stride=2)) as page:
        text, values = page.locator(".root").inner_text(), cells(page, "output")
        number(page, "stride s").fill("3")
        page.get_by_label("input, row 0, column 0").fill("8")
        press(page, "convolution").click()
        page.wait_for_function("location.hash.includes('transposed')")
        page.reload()
        page.locator(".root").wait_for()
        number(page, "padding p").fill("")
        press(page, "reset").click()
        assert cells(page, "output") == values
        assert number(page, "padding p").input_value() == "0"
        assert page.locator(".root").inner_text() == text
        page.wait_for_function("!location.hash")


def test_going_back_transposes_the_matrix(shown):
    with shown(Operator(size=8, dimensions=1, stride=2)) as page:
        text = page.locator(".root").inner_text()
        assert "From 3 back to 8: the transposed convolution, with output padding 1" in text
        assert "⌊5 / 2⌋ + 1 = 3" in text
        assert "The floor turns 2.5 into 2: the last cell is read by no position." in text
        made = cells(page, "output")
        press(page, "go back").click()
        assert cells(page, "input") == made
        assert len(cells(page, "output")) == 8
        assert page.get_by_role("img", name="The matrix Cᵀ: 8 rows").is_visible()
        press(page, "go back").click()
        assert len(cells(page, "output")) == 3


def test_cells_that_are_cropped_or_added_are_marked(shown):
    settings = {"transposed": True, "dimensions": 1, "size": 4, "stride": 2, "padding": 1}
    with shown(Operator(**settings)) as page:
        cropped = page.locator("[role=grid][aria-label^=output] .outside")
        assert cropped.count() == 2
        number(page, "output padding").fill("1")
        assert cropped.count() == 1
        assert page.locator("[role=grid][aria-label^=output] .extra").count() == 1


def test_the_copy_button_copies_the_layer(shown):
    allowed = {"permissions": ["clipboard-read", "clipboard-write"]}
    with shown(Operator(transposed=True, size=3, stride=2), **allowed) as page:
        press(page, "copy").click()
        press(page, "copied").wait_for()
        line = page.evaluate("navigator.clipboard.readText()")
        assert line == "nn.ConvTranspose2d(1, 1, kernel_size=3, stride=2)"
        assert eval(line, {"nn": torch.nn})(torch.zeros(1, 3, 3)).shape[1:] == (7, 7)


def test_the_address_keeps_the_setting(shown):
    with shown(Operator(), Operator(transposed=True, size=3, stride=2)) as page:
        second = page.locator("[data-explorer]").nth(1)
        number(second, "stride s").fill("3")
        second.get_by_label("input, row 0, column 0").fill("8")
        page.wait_for_function("location.hash.includes('Operator2.input')")
        address = page.url
        assert "Operator1" not in address
        page.goto("about:blank")
        page.goto(address)
        page.locator(".root").nth(1).wait_for()
        assert number(second, "stride s").input_value() == "3"
        assert cells(second, "input")[0] == 8
        assert len(cells(second, "output")) == 81
        page.goto(address.split("#")[0] + "#Operator1.stride=2&Operator2.stride=oops")
        words = 'stride: expected a whole number of at least 1, not "oops"'
        second.get_by_text(words).wait_for()
        assert number(page.locator("[data-explorer]").nth(0), "stride s").input_value() == "2"


FOCUSED = """() => {
    const one = document.activeElement.shadowRoot?.activeElement;
    return one && (one.ariaLabel || one.labels?.[0]?.innerText || one.innerText).trim();
}"""


def test_the_key_tab_reaches_every_control_once(shown):
    with shown(Operator(transposed=True, size=3, stride=2)) as page:
        met = []
        for _ in range(60):
            page.keyboard.press("Tab")
            if (name := page.evaluate(FOCUSED)) is None:
                break
            met.append(name)
        fields = ["input m", "kernel k", "stride s", "padding p", "dilation d", "output padding"]
        steps = ["one step back", "play", "one step on", "position"]
        grids = ["input, row 0, column 0", "kernel, row 0, column 0", "output, row 0, column 0: 1"]
        expected = ["convolution", "transposed", "1-D", "2-D", "reset", *fields]
        expected += ["scatter", "gather", "zero insertion", *steps, *grids, "go back", "copy"]
        assert [
            name for name in met if "one less" not in name and "one more" not in name
        ] == expected
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Enter")  # go back
        assert press(page, "convolution").get_attribute("aria-pressed") == "true"


def test_every_control_answers_to_touch(shown):
    allowed = {"permissions": ["clipboard-read", "clipboard-write"]}
    options = {"viewport": PHONE, "has_touch": True, "is_mobile": True, **allowed}
    with shown(Operator(transposed=True, size=3, stride=2), **options) as page:
        said, scrub = page.locator(".say"), page.get_by_role("slider", name="position")
        for name in ("gather", "zero insertion", "scatter", "1-D", "2-D"):
            press(page, name).tap()
            assert press(page, name).get_attribute("aria-pressed") == "true"
        for name in ("kernel k", "stride s", "padding p", "dilation d", "output padding"):
            before = int(number(page, name).input_value())
            press(page, f"{name}: one more").tap()
            assert number(page, name).input_value() == str(before + 1)
            press(page, f"{name}: one less").tap()
        press(page, "one step on").tap()
        assert "Input (0, 1)" in said.inner_text()
        press(page, "one step back").tap()
        box = scrub.bounding_box()
        scrub.tap(position={"x": box["width"] - 4, "y": box["height"] / 2})
        assert "Input (2, 2)" in said.inner_text()
        press(page, "play").tap()
        page.locator(".say", has_text="Input (0, 0)").wait_for()
        press(page, "pause").tap()
        page.get_by_label("output, row 2, column 2:").tap()
        assert "Output (2, 2)" in said.inner_text()
        page.get_by_label("input, row 1, column 1", exact=True).tap()
        page.keyboard.type("9")
        assert cells(page, "input")[4] == 9
        press(page, "copy").tap()
        press(page, "copied").wait_for()
        press(page, "go back").tap()
        assert len(cells(page, "output")) == 9
        press(page, "transposed").tap()
        assert press(page, "scatter").get_attribute("aria-pressed") == "true"


# Predict


@pytest.mark.parametrize("device", ["mouse", "keyboard"])
def test_a_number_is_judged_before_it_is_shown(shown, device: str):
    predict = Predict(
        "How many?", 12.0, "Three times four.", {7: "That is the sum."}, hint="Count the rows."
    )
    with shown(predict) as page:
        field, status = page.get_by_role("textbox", name="How many?"), page.get_by_role("status")
        assert "12" not in page.locator(".root").inner_text()

        def answer(text: str) -> str:
            field.fill(text)
            field.press("Enter") if device == "keyboard" else press(page, "Check").click()
            return status.inner_text()

        assert "A number belongs here" in answer("many")
        assert answer("7") == "✗\n\nWrong: 7. That is the sum."
        assert answer("20") == "✗\n\nWrong: 20. That is too large. Count the rows."
        assert answer("−3,5") == "✗\n\nWrong: −3.5. That is too small. Count the rows."
        assert answer("12") == "✓\n\nRight: 12. Three times four."


def test_a_choice_is_judged(shown):
    with shown(Predict("Is it zero?", False, "It is 2.", {"yes": "It was cropped."})) as page:
        press(page, "Check").click()
        assert page.get_by_role("status").inner_text() == "Choose one first."
        page.get_by_role("radio", name="yes").focus()
        page.keyboard.press("Space")
        page.keyboard.press("Enter")
        assert "Wrong: yes. It was cropped." in page.get_by_role("status").inner_text()
        page.get_by_role("radio", name="no").click()
        press(page, "Check").click()
        assert "Right: no. It is 2." in page.get_by_role("status").inner_text()


def test_right_and_wrong_differ_in_shape_colour_and_word(shown):
    with shown(Predict("How many?", 12, "Three times four.")) as page:
        looks = []
        for answer in ("12", "7"):
            page.get_by_role("textbox").fill(answer)
            press(page, "Check").click()
            verdict, mark = page.locator(".verdict"), page.locator(".mark")
            style = "(e, name) => getComputedStyle(e)[name]"
            looks.append(
                [
                    verdict.locator("strong").inner_text().split(":")[0],
                    mark.inner_text(),
                    *(mark.evaluate(style, name) for name in ("backgroundColor", "borderRadius")),
                    *(verdict.evaluate(style, f"border{name}") for name in ("Color", "Style")),
                ]
            )
        assert all(one != other for one, other in zip(*looks, strict=True))


def focused(page: Page) -> str:
    """The text of what has the focus, within the explorer."""
    within = "document.querySelector('[data-explorer] > div').shadowRoot.activeElement"
    return page.evaluate(f"{within}?.textContent ?? ''")


def test_the_answer_is_shown_and_hidden_and_the_focus_stays(shown):
    with shown(Predict("Is it zero?", False, "It is 2.", {"yes": "No."})) as page:
        press(page, "Show the answer").focus()
        page.keyboard.press("Enter")
        assert page.get_by_role("status").inner_text() == "→\n\nThe answer: no. It is 2."
        assert focused(page) == "Hide the answer"
        page.keyboard.press("Enter")
        assert page.get_by_role("status").inner_text() == ""
        assert focused(page) == "Show the answer"


GRID = Predict(
    "Which cell is the largest?",
    (1, 2),
    "It holds 9.",
    {(0, 0): "It holds 1."},
    grid=[[1, 2, 3], [4, 5, 9]],
    hint="Compare it with its neighbours.",
)


@pytest.mark.parametrize("device", ["mouse", "keyboard"])
def test_a_cell_on_a_grid_is_an_answer(shown, device: str):
    with shown(GRID) as page:
        grid, status = page.get_by_role("grid", name=GRID.question), page.get_by_role("status")
        assert grid.get_by_role("gridcell").all_inner_texts() == ["1", "2", "3", "4", "5", "9"]

        def answer(*keys: str, cell: str) -> str:
            if device == "mouse":
                grid.get_by_role("gridcell", name=cell).click()
            else:
                for key in keys:
                    page.keyboard.press(key)
            chosen = grid.locator("[aria-selected=true]")
            assert chosen.get_attribute("aria-label").startswith(cell)
            assert focused(page) == chosen.inner_text()
            return status.inner_text()

        page.keyboard.press("Tab")
        first = answer("Enter", cell="row 0, column 0")
        assert first == "✗\n\nWrong: row 0, column 0. It holds 1."
        assert grid.locator("td.no").count() == 1
        other = answer("ArrowRight", "ArrowRight", "ArrowRight", " ", cell="row 0, column 2")
        assert other == "✗\n\nWrong: row 0, column 2. Compare it with its neighbours."
        right = answer("ArrowDown", "Enter", cell="row 1, column 2")
        assert right == "✓\n\nRight: row 1, column 2. It holds 9."
        assert (grid.locator("td.no").count(), grid.locator("td.yes").count()) == (0, 1)


def test_the_key_tab_stops_once_on_a_grid(shown):
    with shown(GRID) as page:
        page.keyboard.press("Tab")
        page.keyboard.press("ArrowDown")
        assert focused(page) == "4"
        page.keyboard.press("Tab")
        assert focused(page) == "Show the answer"
        page.keyboard.press("Enter")
        assert page.locator("td.answer").inner_text() == "9"
        page.keyboard.press("Shift+Tab")
        assert focused(page) == "4"


# Overlap


def test_overlap_s_controls(shown):
    with shown(Overlap(kernel=3, stride=2)) as page:
        said = page.locator(".pattern")
        assert "repeats every 2 cells: 2, 1" in said.inner_text()
        assert "A wave of 1 in 2 cells: 33 % of the mean" in page.locator(".waves").inner_text()
        press(page, "try kernel 4").click()
        assert "every cell has 2" in said.inner_text()
        press(page, "kernel: one more").click()
        number(page, "stride").fill("3")
        assert "repeats every 3 cells: 2, 2, 1" in said.inner_text()
        number(page, "input cells").fill("4")
        label = page.get_by_role("img").get_attribute("aria-label")
        expected = Overlap(kernel=5, stride=3, size=4).map().tolist()
        assert label.endswith(", ".join(f"{value:g}" for value in expected))
        for name in ("divide by the counts", "resize, then convolve", "average neighbours after"):
            press(page, name).click()
            assert "With the remedy every cell has" in said.inner_text()
        press(page, "as it is").press("Enter")
        press(page, "2-D").click()
        assert "repeats every 3 by 3 cells: 4 4 2 / 4 4 2 / 2 2 1" in said.inner_text()
        assert page.locator("svg rect").count() == 14**2
        number(page, "kernel").fill("10")
        assert "kernel 10: possible" in page.get_by_role("status").inner_text()


@pytest.mark.parametrize("dimensions", [1, 2])
def test_overlap_before_and_after_stand_together(shown, dimensions: int):
    with shown(Overlap(kernel=3, stride=2, size=4, dimensions=dimensions)) as page:
        assert page.get_by_role("img").count() == 1
        for remedy, name in zip(REMEDIES[1:], ("divide", "resize", "average"), strict=True):
            press(page, re.compile(name)).click()
            pictures = page.get_by_role("img").all()
            maps = [Overlap(size=4).map(), Overlap(size=4, remedy=remedy).map()]
            for picture, cells in zip(pictures, maps, strict=True):
                told = picture.get_attribute("aria-label")
                assert told.endswith(f" {', '.join(f'{v:g}' for v in cells.tolist())}")
            widths = {
                picture.locator("rect.cell").first.bounding_box()["width"] for picture in pictures
            }
            assert max(widths) - min(widths) < 0.5, "one scale"
            said = page.locator(".pattern").inner_text()
            assert "As it is, away from the edges the map repeats" in said


@pytest.mark.parametrize("viewport", [{"width": 760, "height": 900}, PHONE])
def test_overlap_keeps_its_height(shown, viewport: dict):
    with shown(Overlap(), viewport=viewport) as page:
        heights = set()
        for dimensions in ("1-D", "2-D"):
            press(page, dimensions).click()
            for remedy in ("as it is", "resize", "average"):
                press(page, re.compile(remedy)).click()
                for kernel, stride, size in [
                    (3, 2, 6),
                    (5, 6, 1),
                    (9, 6, 8),
                    (1, 1, 1),
                    (99, 2, 6),
                ]:
                    for name, value in zip(
                        ("kernel", "stride", "input cells"), (kernel, stride, size), strict=True
                    ):
                        number(page, name).fill(str(value))
                    heights.add(page.locator(".root").bounding_box()["height"])
        assert len(heights) == 1


# All of them


EVERY = [
    Operator(),
    Operator(transposed=True, size=3, stride=2, view="zeros"),
    Operator(dimensions=1, size=6, padding=1, stride=2),
    Predict("How many `cells`?", 3, "Three.", {4: "One too many."}),
    Predict("Is it zero?", False, "It is 2.", {"yes": "No."}),
    GRID,
    Overlap(),
    Overlap(kernel=5, stride=3, dimensions=2),
]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1280])
def test_axe_finds_nothing(shown, theme: str, width: int):
    with shown(*EVERY, theme=theme, viewport={"width": width, "height": 900}) as page:
        press(page, "Check").first.click()
        page.get_by_role("textbox", name="How many").fill("3")
        page.keyboard.press("Enter")
        page.get_by_role("radio", name="yes").check()
        press(page, "Check").nth(1).click()
        page.get_by_role("grid", name=GRID.question).get_by_role("gridcell").first.click()
        assert page.locator(".verdict").count() == 3
        assert violations(page) == []
        press(page, "Show the answer").last.click()
        assert violations(page, "[data-explorer=Predict]") == []


@pytest.mark.parametrize("explorer", EVERY, ids=lambda one: type(one).__name__)
def test_it_fits_a_phone_and_is_operated_by_touch(shown, explorer: Explorer):
    with shown(explorer, viewport=PHONE, has_touch=True, is_mobile=True) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        for control in page.get_by_role("button").all():
            if control.is_visible():
                assert control.bounding_box()["height"] >= 24, "WCAG's target size"
        if isinstance(explorer, Operator):
            page.get_by_role("gridcell", name="output").nth(1).tap()
            assert "utput (0, 1)" in page.locator(".say").inner_text().replace(" 1 ", " (0, 1) ")
            number(page, "kernel k").tap()
            press(page, "kernel k: one less").tap()
            assert number(page, "kernel k").input_value() == "2"
        elif isinstance(explorer, Overlap):
            press(page, "stride: one more").tap()
            assert number(page, "stride").input_value() == str(explorer.stride + 1)
        else:
            press(page, "Show the answer").tap()
            assert explorer.why in page.get_by_role("status").inner_text()


def with_state(explorer: Explorer, changes: dict) -> str:
    """The explorer's HTML with a state that Python would refuse: None leaves a trait out."""
    html = explorer.static()
    start = html.index("application/json") + len('application/json">')
    end = html.index("</script>", start)
    data = json.loads(html[start:end])
    state = data["state"] | changes
    data["state"] = {name: value for name, value in state.items() if value is not None}
    return html[:start] + json.dumps(data).replace("<", "\\u003c") + html[end:]


STRANGE = {"strange": True}


def says_what_it_expects(browser: Browser, path: Path, explorer: Explorer, *free: str) -> None:
    """In place of a trait that is missing, and of one that is strange, stands a sentence; traits
    that are ``free`` are left out.
    """
    names = [name for name in explorer.state() if name not in free]
    wrong = [{name: value} for name in names for value in (None, STRANGE)]
    if isinstance(explorer, Predict):
        wrong.remove({"wrong": STRANGE})  # that is what reasons look like
    body = "".join(with_state(explorer, each) for each in wrong)
    path.write_text(PAGE.format(theme="light", body=body), "utf-8")
    with Visit(browser, path.as_uri()) as page:
        said = page.locator("[data-explorer] .problem")
        expect(said).to_have_count(len(wrong))
        for (name,), sentence in zip(wrong, said.all_inner_texts(), strict=True):
            words = name.removesuffix("_size").replace("_", " ")
            assert f"{words}: expected" in sentence.replace("input cells", "size")


@pytest.mark.parametrize("explorer", [Operator(), EVERY[3], Overlap()])
def test_a_broken_trait_is_a_sentence(browser, tmp_path, explorer: Explorer):
    says_what_it_expects(browser, tmp_path / "broken.html", explorer, "position", "given")


@pytest.mark.parametrize("explorer", EVERY, ids=lambda one: type(one).__name__)
def test_without_a_script_the_words_stand(browser, tmp_path, explorer: Explorer):
    path = tmp_path / "plain.html"
    path.write_text(PAGE.format(theme="light", body=explorer.static()), "utf-8")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(path.as_uri())
    assert page.locator("[data-explorer]").locator("table, details").first.is_visible()
    context.close()


def test_where_the_module_fails_the_words_stand(browser, tmp_path):
    path = tmp_path / "failing.html"
    html = Operator().static().replace("function render(", "function broken(")
    path.write_text(PAGE.format(theme="light", body=html), "utf-8")
    page = browser.new_page()
    with page.expect_event("pageerror"):
        page.goto(path.as_uri())
    assert page.locator("[data-explorer] table").first.is_visible()
    assert page.get_by_text("Explorer: a convolution in 2-D").is_visible()
    page.close()


@pytest.mark.parametrize(
    "settings",
    [{"size": 16}, {"size": 16, "padding": 8}, {"transposed": True, "size": 5, "stride": 4}],
)
@pytest.mark.parametrize("dimensions", [1, 2])
def test_what_is_wide_scrolls_within_itself(shown, settings: dict, dimensions: int):
    with shown(Operator(**settings, dimensions=dimensions), viewport=PHONE) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        for view in page.locator(".bar").nth(1).get_by_role("button").all()[:3]:
            if view.is_visible():
                view.click()
                assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_motion_is_slow_where_the_reader_asked_for_less(shown):
    explorer = Operator(transposed=True, size=3, dimensions=1)
    with shown(explorer, reduced_motion="reduce") as page:
        row = page.get_by_role("grid", name="kernel").locator(".row")
        assert row.evaluate("row => getComputedStyle(row).transitionDuration") == "0s"
        press(page, "play").click()
        page.wait_for_timeout(1000)
        assert page.get_by_role("slider").input_value() == "0"
        page.locator(".say", has_text="Input 1").wait_for()


# In the built book, served and from disk


@pytest.fixture(scope="module", params=["http", "file"])
def address(request: pytest.FixtureRequest, book: Path) -> Iterator[str]:
    if request.param == "file":
        yield book.as_uri()
        return
    with serving(book) as address:
        yield address.rstrip("/")


PLACES = ["book/intro", "notebooks/01_matrices", "notebooks/02_sizes"]


@pytest.mark.parametrize("place", PLACES)
def test_the_book_s_operators_work(browser: Browser, address: str, place: str):
    with Visit(browser, f"{address}/{place}.html") as page:
        for explorer in page.locator("[data-explorer=Operator]").all():
            before = cells(explorer, "output")
            press(explorer, "kernel k: one less").click()
            stride, padding = (
                int(number(explorer, name).input_value()) for name in ("stride s", "padding p")
            )
            two = press(explorer, "2-D").get_attribute("aria-pressed") == "true"
            transposed = press(explorer, "transposed").get_attribute("aria-pressed") == "true"
            name = f"input {'m' if transposed else 'n'}"
            settings = {"transposed": transposed, "dimensions": 1 + two, "stride": stride}
            settings |= {"padding": padding, "size": int(number(explorer, name).input_value())}
            settings["kernel_size"] = int(number(explorer, "kernel k").input_value())
            settings["output_padding"] = int(number(explorer, "output padding").input_value())
            after = cells(explorer, "output")
            assert after != before
            assert after == pytest.approx(expected_output(explorer, **settings))


@pytest.mark.parametrize("place", PLACES)
def test_a_setting_can_be_sent_to_a_friend(browser: Browser, address: str, place: str):
    hash = "#Operator1.kernel_size=2&Operator1.stride=3&Operator1.output_padding=0"
    with Visit(browser, f"{address}/{place}.html{hash}") as page:
        explorer = page.locator("[data-explorer=Operator]").first
        assert number(explorer, "stride s").input_value() == "3"
        assert "kernel_size=2, stride=3" in explorer.locator("code").inner_text()
        number(explorer, "stride s").fill("2")
        page.wait_for_function(
            "location.hash.includes('Operator1.stride=2') || !location.hash.includes('stride')"
        )


def test_it_follows_the_theme_s_switch(browser: Browser, address: str):
    with Visit(browser, f"{address}/book/intro.html", color_scheme="light") as page:
        root = page.locator("[data-explorer] .root").first
        colour = "root => getComputedStyle(root).color"
        first = root.evaluate(colour)
        page.evaluate("document.documentElement.dataset.theme = 'dark'")
        assert root.evaluate(colour) != first


@pytest.mark.parametrize("place", ["notebooks/01_matrices", "notebooks/02_sizes"])
def test_the_book_s_questions_take_answers(browser: Browser, address: str, place: str):
    with Visit(browser, f"{address}/{place}.html") as page:
        questions = page.locator("[data-explorer=Predict]").all()
        assert len(questions) >= 3
        for question in questions:
            status = question.get_by_role("status")
            right = 0
            for radio in question.get_by_role("radio").all():
                radio.check()
                press(question, "Check").click()
                right += "Right: " in status.inner_text()
            for cell in question.get_by_role("gridcell").all():
                cell.click()
                right += "Right: " in status.inner_text()
            if field := question.get_by_role("textbox").all():
                field[0].fill("-1")
                press(question, "Check").click()
                assert "Wrong: −1" in status.inner_text()
                press(question, "Show the answer").click()
                field[0].fill(re.search(r"The answer: (\S+)\. ", status.inner_text())[1])
                field[0].press("Enter")
                right += "Right: " in status.inner_text()
            assert right == 1


@pytest.mark.parametrize("place", PLACES)
def test_axe_finds_nothing_in_the_book_s_explorers(browser: Browser, address: str, place: str):
    with Visit(browser, f"{address}/{place}.html") as page:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.locator(f"html[data-theme={scheme}]").wait_for()
            for width in (400, 1280) if address.startswith("http") else (400,):
                page.set_viewport_size({"width": width, "height": 900})
                assert violations(page, "[data-explorer]") == []


def test_the_landing_page_opens_with_the_operator(browser: Browser, address: str):
    with Visit(browser, f"{address}/book/intro.html") as page:
        place = page.locator("[data-explorer]").first
        assert place.get_attribute("data-explorer") == "Operator"
        assert place.bounding_box()["y"] < 720
        assert page.locator("img").count() == 0 or place.evaluate(
            "e => !!(e.compareDocumentPosition(document.querySelector('article img')) & 4)"
        )
