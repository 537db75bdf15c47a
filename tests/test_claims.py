"""Claims: what is compared, how it is judged and shown, and what the chapters have stored."""

import json
import re
import statistics
from pathlib import Path

import nbformat
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import compare_claims
from convbook import claims
from convbook.claims import above, below, between, claim, within
from convbook.data import ImageData

ROOT = Path(__file__).parents[1]
CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))
NUMBERS = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=8)


def images(official: bool) -> ImageData:
    none = torch.zeros(0)
    return ImageData("digits", official, none, none, none, none, ())


# Comparisons


@given(NUMBERS, NUMBERS)
def test_below_is_of_every_run_or_of_the_means(left, right):
    assert below(left, right).holds == all(a < b for a in left for b in right)
    means = statistics.fmean(left), statistics.fmean(right)
    assert below(left, right, on_average=True).holds == (means[0] < means[1])
    assert above(right, left).holds == below(left, right).holds
    assert above(right, left).margin == below(left, right).margin


@given(NUMBERS, st.floats(-1e3, 1e3), st.floats(0.1, 10))
def test_between_and_within_are_their_definitions(measured, middle, tolerance):
    low, high = middle - tolerance, middle + tolerance
    assert between(low, measured, high).holds == all(low < value < high for value in measured)
    near = all(abs(value - middle) < tolerance for value in measured)
    assert within(measured, middle, tolerance).holds == near


def test_a_margin_is_counted_in_spreads_or_as_a_share():
    of_runs = below([1.0, 2.0, 3.0], 6.0)
    assert (of_runs.margin, of_runs.unit, of_runs.runs) == (4.0, "spreads", 3)
    of_two = below([1.0, 2.0, 3.0], torch.tensor([10.0, 14.0]))
    assert of_two.margin == pytest.approx(10 / statistics.stdev([10, 14]))
    single = above(2.0, 1.5, runs=7)
    assert (single.margin, single.unit, single.runs) == (0.25, "share", 7)
    assert between(0.0, 9.0, 10.0).margin == pytest.approx(0.1)


def test_a_side_of_nothing_is_refused():
    with pytest.raises(ValueError, match=r"left=\[\]: expected a number, or one for each run"):
        below([], 1.0)


# Judgement


@pytest.mark.parametrize(
    ("profile", "official", "verdict"),
    [
        ("full", True, "held"),
        ("full", False, "not judged: stand-in data"),
        ("quick", True, "not judged: quick profile"),
    ],
)
def test_a_measured_claim_is_judged_in_full_on_official_data(
    monkeypatch, profile, official, verdict
):
    shown = []
    monkeypatch.setattr(claims, "display", shown.append)
    monkeypatch.setenv("CONVBOOK_PROFILE", profile)
    claim("It works.", below(1.0, 2.0), images(official))
    assert shown == [claims.Claim("It works.", verdict, below(1.0, 2.0))]
    if verdict == "held":
        with pytest.raises(claims.ClaimFailed, match=r"It works\. 3 is below 2"):
            claim("It works.", below(3.0, 2.0), images(official))
    else:
        claim("It works.", below(3.0, 2.0), images(official))
        assert shown[-1].verdict == verdict


def test_a_claim_of_mathematics_is_judged_always(monkeypatch):
    monkeypatch.setenv("CONVBOOK_PROFILE", "quick")
    with pytest.raises(claims.ClaimFailed, match="1 is 2"):
        claim("1 is 2", False)


@pytest.mark.parametrize("condition", [torch.tensor(True), torch.ones(2) > 0, "yes", 1, None])
def test_what_merely_is_true_or_false_is_refused(condition):
    with pytest.raises(TypeError, match=r"condition: expected a comparison, or a bool"):
        claim("It works.", condition)


def test_a_measurement_is_compared():
    with pytest.raises(TypeError, match=r"expected a comparison, since data was measured"):
        claim("It works.", True, images(official=True))


# What is shown


def test_a_claim_shows_one_line_and_opened_both_sides():
    compared = below([1.0, 2.0, 3.0], 6.0)
    bundle = claims.Claim("1 < 2 & 3", "held", compared)._repr_mimebundle_()
    sides = "2 ± 1 is below 6 (3 runs, margin: 4 spreads)"
    assert bundle["text/plain"] == f"✓ 1 < 2 & 3\n  {sides}"
    assert bundle["text/html"] == (
        f'<details class="claim held"><summary>✓ 1 &lt; 2 &amp; 3</summary>{sides}</details>'
    )
    record = json.loads(json.dumps(bundle[claims.MIME]))
    assert record["left"] == {"mean": 2.0, "spread": 1.0}
    assert (record["margin"], record["enough"], record["runs"]) == (4.0, 2.0, 3)


def test_glue_leaves_myst_nbs_record(monkeypatch):
    shown = []
    monkeypatch.setattr(claims, "display", lambda *args, **more: shown.append((args, more)))
    claims.glue(error="0.0150")
    ((bundle,), more) = shown[0]
    assert bundle == {"application/papermill.record/text/plain": "'0.0150'"}
    assert more["metadata"]["scrapbook"]["name"] == "error"


# What the chapters have stored


def stored(chapter: Path) -> list[dict]:
    outputs = [out for cell in nbformat.read(chapter, 4).cells for out in cell.get("outputs", [])]
    return [out["data"][claims.MIME] for out in outputs if claims.MIME in out.get("data", {})]


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_no_stored_claim_is_thin(chapter: Path):
    measured = [record for record in stored(chapter) if "margin" in record]
    thin = [record for record in measured if not record["margin"] >= record["enough"]]
    assert not thin


# A decimal number in the prose that is neither mathematics, code, a citation, nor quoted from a
# cell was typed by hand. Settings are known beforehand, and may be.
SETTING = re.compile(r"\b(learning rate|rate|Adam|step size|probability|deviation|version|torch)\b")


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_no_measured_number_is_typed_by_hand(chapter: Path):
    typed = []
    for cell in nbformat.read(chapter, 4).cells:
        if cell.cell_type != "markdown":
            continue
        prose = re.sub(
            r"```.*?```|\$\$.*?\$\$|`[^`]*`|\$[^$]*\$|\{[^}]*\}", "", cell.source, flags=re.S
        )
        for sentence in re.split(r"(?<=[.?!:])\s", prose):
            if re.search(r"\d\.\d", sentence) and not SETTING.search(sentence):
                typed.append(sentence)
    assert not typed


# The same claims on other runs


def notebook(tmp_path: Path, name: str, *shown: claims.Claim, failed: str = "") -> Path:
    outputs = [nbformat.v4.new_output("display_data", each._repr_mimebundle_()) for each in shown]
    if failed:
        outputs.append(nbformat.v4.new_output("error", ename="ClaimFailed", evalue=failed))
    path = tmp_path / f"{name}.ipynb"
    nbformat.write(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(outputs=outputs)]), path
    )
    return path


def test_a_claim_on_other_runs_says_how_far_its_sides_have_moved(tmp_path):
    first = claims.Claim("It is small.", "held", below([1.0, 2.0, 3.0], 6.0))
    again = claims.Claim("It is small.", "held", below([3.0, 4.0, 5.0], 6.0))
    before, _ = compare_claims.recorded(notebook(tmp_path, "a", first))
    after, failed = compare_claims.recorded(notebook(tmp_path, "b", again, failed="It is large."))
    assert failed == ["It is large."]
    [(far, line)] = compare_claims.compared(before, after)
    assert far == pytest.approx(2.0)
    assert "2.00 spreads, margin 4, then 2: It is small." in line
    [(far, line)] = compare_claims.compared(before, {})
    assert line == "not made: It is small."
