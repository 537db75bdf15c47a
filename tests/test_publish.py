"""One command writes the repository's address everywhere; before it, there are no dead buttons."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import publish as module
from conftest import build_book
from publish import publish

ROOT = Path(__file__).parents[1]
FIRST = min((ROOT / "notebooks").glob("*.ipynb")).stem
REGISTRY = "lib/convbook/training/registry.json"
COLAB = (
    f"https://colab.research.google.com/github/someone/a-course/blob/main/notebooks/{FIRST}.ipynb"
)


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A copy of the course with no address yet, whatever this repository's own state."""
    for name in ("_config.yml", "README.md"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("book", "notebooks"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / REGISTRY).parent.mkdir(parents=True)
    shutil.copy(ROOT / REGISTRY, tmp_path / REGISTRY)
    publish("nobody/nothing", tmp_path)
    config = tmp_path / "_config.yml"
    config.write_text(re.sub(r'((?:colab_|base)?url: )".*"', r'\1""', config.read_text()))
    (tmp_path / "_toc.yml").write_text(
        yaml.safe_dump(
            {
                "format": "jb-book",
                "root": "book/references",
                "chapters": [{"file": f"notebooks/{FIRST}"}],
            }
        )
    )
    return tmp_path


def snapshot(course: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in course.rglob("*") if path.is_file()}


def test_it_is_idempotent(course: Path):
    assert publish("someone/a-course", course)
    once = snapshot(course)
    assert publish("someone/a-course", course) == []
    assert snapshot(course) == once


def test_the_last_name_wins(course: Path):
    publish("someone/a-course", course)
    once = snapshot(course)
    publish("somebody-else/another.course", course)
    publish("someone/a-course", course)
    assert snapshot(course) == once


def test_every_place_has_the_address(course: Path):
    publish("someone/a-course", course)
    config = yaml.safe_load((course / "_config.yml").read_text())
    assert config["repository"]["url"] == "https://github.com/someone/a-course"
    assert config["launch_buttons"]["colab_url"] == "https://colab.research.google.com"
    assert f"({COLAB})" in (course / "README.md").read_text("utf-8")
    runs = "https://raw.githubusercontent.com/someone/a-course/main/runs/"
    assert json.loads((course / REGISTRY).read_text("utf-8"))["address"] == runs
    for chapter in course.glob("notebooks/*.ipynb"):
        cells = json.loads(chapter.read_text("utf-8"))["cells"]
        setup = next("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
        assert 'REPOSITORY = "someone/a-course"' in setup


def test_only_lines_with_the_address_change(course: Path):
    before = {path: text.splitlines() for path, text in snapshot(course).items()}
    for path in publish("someone/a-course", course):
        new = set(path.read_bytes().splitlines()) - set(before[path])
        assert all(re.search(rb"someone/a-course|someone\.github|colab_url", line) for line in new)


def test_it_needs_no_package(course: Path):
    command = [sys.executable, "-I", "-S", "book/publish.py", "someone/a-course"]
    subprocess.run(command, cwd=course, check=True, capture_output=True)


def test_buttons_are_hidden_until_then(course: Path):
    build_book(course, course / "out")
    page = (course / f"out/_build/html/notebooks/{FIRST}.html").read_text("utf-8")
    assert "colab.research.google.com/github" not in page
    assert "launch-buttons" not in page


def test_from_then_on_buttons_live_and_search_finds_the_book(course: Path):
    publish("someone/a-course", course)
    build_book(course, course / "out")
    site = "https://someone.github.io/a-course/"
    html = course / "out" / "_build" / "html"
    page = (html / f"notebooks/{FIRST}.html").read_text("utf-8")
    assert f'href="{COLAB}"' in page
    own = f"{site}notebooks/{FIRST}.html"
    assert f'<link rel="canonical" href="{own}" />' in page
    told = dict(re.findall(r'<meta (?:name|property)="(.+?)" content="(.+?)" />', page))
    assert told["og:url"] == own
    assert told["og:title"] in page
    assert len(told["description"]) > 50
    assert told["og:image"].startswith(site)
    assert (html / told["og:image"].removeprefix(site)).is_file()
    listed = (html / "sitemap.txt").read_text("utf-8").split()
    assert own in listed
    assert all((html / address.removeprefix(site)).is_file() for address in listed)


@pytest.mark.parametrize(
    ("address", "site"),
    [
        ("Someone/A-Course", "https://someone.github.io/A-Course/"),
        ("Someone/someone.github.io", "https://someone.github.io/"),
    ],
)
def test_the_downloads_stand_beside_the_published_book(course: Path, address: str, site: str):
    publish(address, course)
    assert yaml.safe_load((course / "_config.yml").read_text())["html"]["baseurl"] == site
    assert f"({site})" in (course / "README.md").read_text("utf-8")
    landing = (course / "book" / "intro.md").read_text("utf-8")
    assert f"]({site}convolution-transposed.zip)" in landing
    assert f"]({site}convolution-transposed.pdf)" in landing


@pytest.mark.parametrize(
    "address",
    [
        *("", "course", "a/b/c", "https://github.com/a/b", "a b/c", "a/", "/b", "a/b\n", 'a/"b'),
        *("a-/b", "-a/b", "a--b/c", "a_b/c", "a.b/c", "a" * 40 + "/b"),
        *("a/.", "a/..", "a/b.git", "a/b.GIT", "a/b.wiki", "a/.git", "a/" + "b" * 101, "a/é"),
    ],
)
def test_what_is_no_address_is_refused(course: Path, address: str):
    before = snapshot(course)
    with pytest.raises(ValueError, match="expected OWNER/NAME"):
        publish(address, course)
    assert snapshot(course) == before


@pytest.mark.parametrize("address", ["a/b", "a-b-1/...", "a" * 39 + "/" + "b" * 100, "0/-_.gitx"])
def test_what_github_allows_is_taken(course: Path, address: str):
    assert publish(address, course)


def test_a_missing_file_is_named_and_nothing_written(course: Path):
    (course / REGISTRY).unlink()
    before = snapshot(course)
    with pytest.raises(ValueError, match=r"registry\.json"):
        publish("someone/a-course", course)
    assert snapshot(course) == before


def test_a_file_is_replaced_whole(course: Path, monkeypatch: pytest.MonkeyPatch):
    def cut_off(path: Path, text: str, encoding: str) -> None:
        path.write_bytes(text.encode(encoding)[:100])
        raise OSError("no space left")

    before = snapshot(course)
    monkeypatch.setattr(Path, "write_text", cut_off)
    with pytest.raises(OSError, match="no space left"):
        publish("someone/a-course", course)
    after = snapshot(course)
    assert {path: after[path] for path in before} == before


def test_a_missing_place_is_named_and_nothing_written(course: Path):
    (course / "README.md").write_text("# no badges here\n")
    before = snapshot(course)
    with pytest.raises(ValueError, match=r"README\.md"):
        publish("someone/a-course", course)
    assert snapshot(course) == before


def test_the_command(course: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture):
    monkeypatch.chdir(course)
    monkeypatch.setattr(sys, "argv", ["publish", "someone/a-course"])
    module.main()
    assert "wrote _config.yml" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["publish", "someone"])
    with pytest.raises(SystemExit, match="2"):
        module.main()
    assert "expected OWNER/NAME" in capsys.readouterr().err
