"""The rules of the house that no tool enforces by itself."""

import ast
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import convbook

ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / "lib" / "convbook"
CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
WORKFLOW_JOBS = [yaml.safe_load(path.read_text())["jobs"] for path in WORKFLOWS]
MODULES = [path for path in sorted(LIBRARY.rglob("*.py")) if path != LIBRARY / "__init__.py"]

every_chapter = pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)


# One list of dependencies


def test_conda_installs_from_pyproject():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    *conda, by_pip = environment["dependencies"]
    assert conda == [f"python{project['requires-python']}", "pip"]
    assert by_pip == {"pip": ["-e .[book,test]"]}


def test_everything_else_installs_from_pyproject():
    scripts = [ROOT / "Makefile", ROOT / ".ci" / "run", *WORKFLOWS]
    for script in scripts:
        text = re.sub(r"^PIP +:= .*\n", "", script.read_text(), flags=re.M)
        for install in re.findall(r"(?:(?:pip|conda|uv)\s+install|\$\(PIP\))\s.*", text):
            listed = r" (-e '?\.\[[a-z,]+\]'?|\$\$\(\$\(PYTHON\) -c '\$\(LISTED\)'\))$"
            assert re.search(listed, install), f"{script.name}: {install}"
    rivals = ["requirements*.txt", "setup.py", "setup.cfg", "Pipfile", "poetry.lock", "uv.lock"]
    assert not [path.name for pattern in rivals for path in ROOT.glob(pattern)]


def test_actions_are_pinned_to_commits():
    for workflow in WORKFLOWS:
        for action in re.findall(r"uses: (.*)", workflow.read_text()):
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v[\d.]+", action), workflow.name


def test_no_checkout_leaves_a_token_behind():
    steps = [step for jobs in WORKFLOW_JOBS for job in jobs.values() for step in job["steps"]]
    checkouts = [step for step in steps if "actions/checkout@" in step.get("uses", "")]
    assert len(checkouts) >= len(WORKFLOWS)
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_a_workflow_may_only_read():
    for workflow in WORKFLOWS:
        assert yaml.safe_load(workflow.read_text())["permissions"] == {"contents": "read"}
    writing = {name for jobs in WORKFLOW_JOBS for name, job in jobs.items() if "permissions" in job}
    assert writing == {"publish", "release"}


def test_the_book_is_published_after_its_tests():
    (jobs,) = [jobs for jobs in WORKFLOW_JOBS if "actions/deploy-pages@" in str(jobs)]
    (publishing,) = [job for job in jobs.values() if "actions/deploy-pages@" in str(job)]
    before = [jobs[name]["steps"] for name in publishing["needs"]]
    assert any(step.get("run") == "make test" for steps in before for step in steps)


# The library's floors


def floors() -> dict[str, int]:
    """Each module's floor, as the package's docstring lists them: "2. ``sizes``, ``data``: …"."""
    found = {}
    for number, names in re.findall(r"^(\d)\. (``.*?``):", convbook.__doc__, re.M | re.S):
        found |= dict.fromkeys(re.findall(r"``(\w+)``", names), int(number))
    return found


def imported_modules(source: Path) -> Iterator[str]:
    """The modules of convbook that ``source`` imports, as `from convbook.x import y` does."""
    for node in ast.walk(ast.parse(source.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{source.name}: write `from convbook.… import` in full"
            if node.module == "convbook":
                yield from (alias.name for alias in node.names)
            elif node.module.startswith("convbook."):
                yield node.module.split(".")[1]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
            yield from (name.split(".")[1] for name in names if name.startswith("convbook."))


def module_name(source: Path) -> str:
    return source.relative_to(LIBRARY).parts[0].removesuffix(".py")


def test_the_docstring_lists_every_module():
    assert set(floors()) == {module_name(source) for source in MODULES}


@pytest.mark.parametrize("source", MODULES, ids=lambda path: str(path.relative_to(LIBRARY)))
def test_a_module_imports_only_from_floors_below(source: Path):
    own = module_name(source)
    for other in imported_modules(source):
        assert other == own or floors()[other] < floors()[own], f"{own} imports {other}"


@pytest.mark.parametrize("source", MODULES, ids=lambda path: str(path.relative_to(LIBRARY)))
def test_only_settings_reads_the_environment(source: Path):
    if source.name != "settings.py":
        assert not re.search(r"os\.(environ|getenv)|import (environ|getenv)", source.read_text())


def test_no_module_is_named_for_nothing():
    assert not {module_name(source) for source in MODULES} & {"utils", "helpers", "misc", "common"}


# The chapters as stored


def code_cells(chapter: Path) -> list[dict]:
    cells = json.loads(chapter.read_text("utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def test_there_are_chapters():
    assert CHAPTERS


def test_every_chapter_is_in_the_book():
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text())
    listed = [chapter["file"] for part in contents["parts"] for chapter in part["chapters"]]
    stored = [f"notebooks/{chapter.stem}" for chapter in CHAPTERS]
    assert sorted(file for file in listed if file.startswith("notebooks/")) == stored


@every_chapter
def test_the_name_is_a_number_and_a_word(chapter: Path):
    assert re.fullmatch(r"(\d\d|A\d)_[a-z0-9_]+\.ipynb", chapter.name)


def test_the_setup_cell_is_the_same_in_every_chapter():
    first = {"".join(code_cells(chapter)[0]["source"]) for chapter in CHAPTERS}
    assert len(first) == 1
    assert 'if "google.colab" in sys.modules' in first.pop()


@every_chapter
def test_it_ran_once_from_top_to_bottom(chapter: Path):
    cells = code_cells(chapter)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert any(cell["outputs"] for cell in cells)


@every_chapter
def test_outputs_are_fit_to_store(chapter: Path):
    notebook = json.loads(chapter.read_text("utf-8"))
    assert "widgets" not in notebook["metadata"], "GitHub shows no notebook that has widget state"
    assert chapter.stat().st_size < 1_500_000
    for cell in code_cells(chapter):
        assert "execution" not in cell["metadata"], "timings would differ in every run"
        for output in cell["outputs"]:
            assert output["output_type"] != "error"
            assert output.get("name") != "stderr", output["text"]


@every_chapter
def test_the_stored_run_is_full_on_official_data_with_every_claim_held(chapter: Path):
    outputs = [output for cell in code_cells(chapter) for output in cell["outputs"]]
    assert "".join(outputs[0]["text"]).startswith("full profile")
    texts = ["".join(output.get("text", "")) for output in outputs]
    texts += ["".join(output.get("data", {}).get("text/plain", "")) for output in outputs]
    assert not [text for text in texts if "stand-in" in text]
    verdicts = [
        output["data"]["application/vnd.convbook.claim+json"]["verdict"]
        for output in outputs
        if "application/vnd.convbook.claim+json" in output.get("data", {})
    ]
    assert set(verdicts) == {"held"}


def test_the_readme_points_to_files_that_are_there():
    links = re.findall(r"\]\(([^)#]+)\)", (ROOT / "README.md").read_text("utf-8"))
    here = [link for link in links if "://" not in link]
    assert here
    assert [link for link in here if not (ROOT / link).exists()] == []


def test_the_readme_s_errors_are_those_of_the_chapter():
    chapter = (ROOT / "notebooks" / "10_cifar_bottleneck.ipynb").read_text("utf-8")
    errors = re.findall(r"0\.\d+", (ROOT / "README.md").read_text("utf-8"))
    assert len(errors) == 2
    assert [error for error in errors if f"error {error}" not in chapter] == []


def test_no_letter_of_the_notation_means_two_things():
    rows = re.findall(r"^\| (\$.*?) \|", (ROOT / "book" / "notation.md").read_text(), re.M)
    symbols = [symbol for row in rows for symbol in re.split(r",\\ ", row.strip("$"))]
    assert len(symbols) > 20
    assert len(set(symbols)) == len(symbols)
