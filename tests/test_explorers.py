"""Explorers without a browser: what they accept, compute, and leave where no script runs."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
import torch
import torch.nn.functional as F
import traitlets

from convbook import explorers
from convbook.explorers import Explorer, Operator, Overlap, Predict
from store_explorers import store, stored_explorers

ROOT = Path(__file__).parents[1]
FOLDER = Path(explorers.__file__).parent
CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))
EXAMPLES = [
    Operator(input=[[1, 0], [2, 5.5]], transposed=True, size=2, stride=2),
    Operator(dimensions=1, size=6, kernel=[1, -1, 2]),
    Overlap(kernel=3, stride=2),
    Predict("How large is the `output`?", 7, "Count the positions.", {8: "One too many."}),
    Predict("Is it < 3?", True, "It is 2.", {"no": "Count again."}),
    Predict("Which is 4?", (1, 0), "It is.", hint="Look again.", grid=[[1, 2], [4, 3]]),
]
every_example = pytest.mark.parametrize("explorer", EXAMPLES, ids=lambda one: type(one).__name__)


class Words(HTMLParser):
    """What a reader sees where no script runs, and the scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text, self.scripts, self._in_script = "", [], False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self._in_script = tag == "script"
        if self._in_script:
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_script = self._in_script and tag != "script"

    def handle_data(self, data: str) -> None:
        if self._in_script:
            self.scripts[-1] += data
        else:
            self.text += f" {data}"


@every_example
def test_its_html_carries_state_and_module_and_needs_nothing_else(explorer: Explorer):
    data, _ = explorer._repr_mimebundle_()
    state, host = Words(data["text/html"]).scripts
    assert json.loads(state)["state"] == explorer.state()
    assert json.loads(state)["esm"] == explorer._esm
    assert "src=" not in data["text/html"].replace(json.dumps(explorer._esm), "")
    assert "http" not in host
    assert data["text/plain"] == explorer.words()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/html"] == explorer._repr_mimebundle_()[0]["text/html"]


def test_no_text_closes_the_script():
    predict = Predict("</script><!-- <b>ü</b> & “x”", 1, "</script>")
    words = Words(predict.static())
    assert len(words.scripts) == 2
    assert json.loads(words.scripts[0])["state"]["why"] == "</script>"
    assert "<b>" not in predict.figure()


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.js")), ids=lambda path: path.name)
def test_modules_are_small_and_plain(path: Path):
    text = path.read_text("utf-8")
    assert not re.search(r"^import |https?://|innerHTML", text, re.M)
    for line in text.splitlines():
        assert len(line) <= 120


@every_example
def test_an_explorer_stays_below_60_kilobytes(explorer: Explorer):
    host = (FOLDER / "static_host.js").stat().st_size
    assert len(explorer._esm.encode()) + host < 60_000


def test_without_a_script_the_operator_is_three_tables():
    x = torch.tensor([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [0, 1, 0, 0]])
    kernel = torch.arange(1.0, 10).view(3, 3)
    figure = Operator(input=x.tolist(), kernel=kernel.tolist()).figure()
    *_, output = re.findall(r"<table.*?</table>", figure)
    expected = F.conv2d(x[None, None], kernel[None, None]).flatten().tolist()
    assert [float(cell) for cell in re.findall(r"<td.*?>(.*?)</td>", output)] == expected


def test_without_a_script_a_question_has_a_fold():
    words = Words(EXAMPLES[3].static()).text
    assert "How large is the  output ?" in words
    assert "Show the answer" in words
    assert "The answer: 7. Count the positions." in words
    assert "yes or no" in Words(EXAMPLES[4].static()).text
    cells = re.findall(r"<td.*?>(.*?)</td>", EXAMPLES[5].figure())
    assert cells == ["1", "2", "4", "3"]
    assert "The answer: row 1, column 0. It is." in EXAMPLES[5].figure()


def test_without_a_script_overlap_is_a_table():
    cells = re.findall(r"<td.*?>(.*?)</td>", Overlap(kernel=3, stride=2, size=3).figure())
    assert cells == ["1", "1", "2", "1", "2", "1", "1"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 2, "kernel_size": 3}, "kernel_size=3"),
        ({"transposed": True, "output_padding": 1}, "output_padding=1"),
        ({"transposed": True, "size": 1, "padding": 2}, "padding=2"),
        ({"dimensions": 3}, "dimensions=3"),
        ({"size": 17}, "size=17"),
        ({"view": "zeros"}, "view='zeros'"),
    ],
)
def test_the_operator_refuses_what_is_no_layer(settings: dict, message: str):
    with pytest.raises(ValueError, match=message):
        Operator(**settings)


def test_a_trait_has_its_type():
    with pytest.raises(traitlets.TraitError):
        Operator(stride="two")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"answer": "no"}, "answer='no': expected a number"),
        ({"answer": "maybe", "choices": ["yes", "no"]}, "answer='maybe': expected one of"),
        ({"answer": True}, "wrong: expected a reason for each of"),
        ({"answer": True, "wrong": {"yes": ""}}, "wrong: expected a reason for each of"),
        ({"answer": 3, "wrong": {3: "no"}}, "wrong: 3 is the answer"),
        ({"answer": (0, 2), "grid": [[1, 2]]}, "answer=(0, 2): expected a cell's row and column"),
        ({"answer": 1, "grid": [[1, 2]]}, "answer=1: expected a cell's row and column"),
        ({"answer": (0, 1), "grid": [[1, 2]]}, "wrong: expected a reason for each of"),
        (
            {"answer": (0, 1), "grid": [[1, 2]], "wrong": {(0, 1): ""}},
            "wrong: expected a reason for each of",
        ),
        (
            {"answer": (0, 1), "grid": [[1, 2]], "wrong": {(5, 0): ""}, "hint": "Look."},
            "wrong: expected a reason for each of",
        ),
    ],
)
def test_a_question_needs_its_reasons(arguments: dict, message: str):
    with pytest.raises(ValueError, match=re.escape(message)):
        Predict("?", why="", **arguments)


def test_an_answer_may_be_computed_by_torch():
    assert Predict("?", torch.tensor(12.0), "").answer == 12
    assert Predict("?", bool(torch.tensor(3) > 2), "", {"no": "."}).answer == "yes"


@pytest.mark.parametrize("name", ["kernel", "stride", "size", "dimensions"])
def test_overlap_refuses_what_it_cannot_draw(name: str):
    with pytest.raises(ValueError, match=f"{name}=0"):
        Overlap(**{name: 0})


# What is stored in the chapters


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_chapters_hold_the_present_explorers(chapter: Path):
    """If not: `python book/store_explorers.py` writes them, without running the chapter."""
    notebook = nbformat.read(chapter, 4)
    assert store(notebook) == []
    assert "widgets" not in notebook.metadata


def test_the_first_chapters_have_explorers():
    names = {
        chapter.stem: [name for name, *_ in stored_explorers(nbformat.read(chapter, 4))]
        for chapter in CHAPTERS[:2]
    }
    for found in names.values():
        assert found.count("Operator") >= 1
        assert found.count("Predict") >= 3
    assert names["01_matrices"][0] == "Operator"


def test_storing_renews_what_is_old_and_drops_a_dead_view():
    data, _ = Overlap(kernel=4)._repr_mimebundle_()
    old = data["text/html"].replace("As it is, ", "Somewhere")
    output = nbformat.v4.new_output("display_data", data={**data, "text/html": old})
    cell = nbformat.v4.new_code_cell("", outputs=[output])
    notebook = nbformat.v4.new_notebook(cells=[cell], metadata={"widgets": {}})
    assert store(notebook) == ["Overlap"]
    assert output.data == {kind: data[kind] for kind in ("text/html", "text/plain")}
    assert "widgets" not in notebook.metadata
    assert store(notebook) == []
