"""The Makefile: which chapters are run, where their outputs go, and what it takes as a command."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat import v4

ROOT = Path(__file__).parents[1]
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
TARGETS = re.findall(r"^([a-z]+):", MAKEFILE, re.M)
NAME = "a b $(touch run) `touch run` 'c\"; touch run;"  # legal, and code where a shell reads it
SAYS_PROFILE = "import os; print(os.environ.get('CONVBOOK_PROFILE'))"


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """Two small chapters, in a folder with an ill-chosen name, and this Python as their own."""
    root = tmp_path / NAME
    (root / "notebooks").mkdir(parents=True)
    (root / "book").mkdir()
    for name in ("Makefile", "book/store_explorers.py"):
        shutil.copy(ROOT / name, root / name)
    (root / ".venv").symlink_to(sys.prefix)
    for name, source in {"01_good": SAYS_PROFILE, "02_bad": f"{SAYS_PROFILE}\n1 / 0"}.items():
        stored = v4.new_output("stream", text="stored\n")
        cell = v4.new_code_cell(source, id=name, outputs=[stored], execution_count=1)
        nbformat.write(v4.new_notebook(cells=[cell]), root / f"notebooks/{name}.ipynb")
    return root


def make(root: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    outer = {"CONVBOOK_PROFILE", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"}  # of `make test` itself
    inherited = {name: value for name, value in os.environ.items() if name not in outer}
    stamps = ["-o", ".venv/book", "-o", ".venv/installed"] if (root / ".venv").exists() else []
    return subprocess.run(
        ["make", *stamps, *arguments],
        cwd=root, env=inherited | environment, capture_output=True, text=True,
    )  # fmt: skip


def printed(notebook: Path) -> str:
    return nbformat.read(notebook, 4).cells[0].outputs[0].text.strip()


@pytest.mark.parametrize(
    ("command", "environment", "result"),
    [
        (["PROFILE=full"], {"CONVBOOK_PROFILE": "quick"}, "full"),
        (["PROFILE=quick"], {}, "quick"),
        ([], {"CONVBOOK_PROFILE": "full"}, "full"),
        ([], {}, "None"),
    ],
)
def test_a_chapter_is_run_in_place(course: Path, command, environment, result):
    run = make(course, "notebooks", "CHAPTER=01", *command, **environment)
    assert run.returncode == 0, run.stderr
    assert printed(course / "notebooks/01_good.ipynb") == result
    assert not list(course.parent.rglob("run")), "the folder's name was run as a command"


def test_a_quick_run_that_was_not_asked_for_by_name_stands_apart(course: Path):
    run = make(course, "notebooks", "CHAPTER=01", CONVBOOK_PROFILE="quick")
    assert run.returncode == 0, run.stderr
    assert printed(course / "notebooks/01_good.ipynb") == "stored"
    assert printed(course / "_build/quick/01_good.ipynb") == "quick"


def test_a_chapter_that_fails_stays_as_it_was(course: Path):
    before = (course / "notebooks/02_bad.ipynb").read_bytes()
    run = make(course, "notebooks", "CHAPTER=02", "PROFILE=full")
    assert run.returncode
    assert "ZeroDivisionError" in run.stderr
    assert (course / "notebooks/02_bad.ipynb").read_bytes() == before


def test_an_unknown_chapter_is_told_which_there_are(course: Path):
    run = make(course, "notebooks", "CHAPTER=99")
    assert run.returncode
    assert "No chapter 99: there are 01_good 02_bad" in run.stderr


def test_every_target_is_phony_and_listed():
    assert set(re.search(r"^\.PHONY: (.*)", MAKEFILE, re.M)[1].split()) == set(TARGETS)
    assert set(re.findall(r"^([a-z]+)  ", make(ROOT, "help").stdout, re.M)) == set(TARGETS)


def test_the_environment_sets_no_variable(course: Path):
    """All that would be run from an empty folder on, without running it."""
    (course / ".venv").unlink()
    (course / "pyproject.toml").touch()
    own = re.findall(r"^(\w+) *[:?]?=", MAKEFILE, re.M)
    assert {"BASE", "CHAPTER", "PROFILE", "VENV"} <= set(own)
    for target in set(TARGETS) - {"runs"}:  # whose first line is another make
        plain = make(course, "--dry-run", target)
        assert "-m venv" in plain.stdout or target in ("help", "clean")
        assert make(course, "--dry-run", target, **dict.fromkeys(own, "01")).stdout == plain.stdout
