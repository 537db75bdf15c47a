"""The folder of runs, the registry and the stored chapters say the same."""

import hashlib
import json
from pathlib import Path

import pytest

import collect_runs
from convbook.training import runs
from convbook.training.recipe import canonical

ROOT = Path(__file__).parents[1]
CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))
FILES = sorted((ROOT / "runs").glob("*"))
REGISTRY = json.loads(runs.REGISTRY.read_text("utf-8"))["runs"]


ASKED = [collect_runs.asked_for(chapter) for chapter in CHAPTERS]


def test_chapters_folder_and_registry_agree():
    names = {name for each in ASKED for name in each}
    assert names == {path.name for path in FILES} == set(REGISTRY)


def test_the_chapters_that_train_ask_for_runs():
    silent = [chapter.stem for chapter, each in zip(CHAPTERS, ASKED, strict=True) if not each]
    trained_live = ["A3_pretraining_in_depth"]  # its networks are tiny, and none is stored
    assert silent == ["01_matrices", "02_sizes", "03_from_scratch", *trained_live]


def test_nothing_is_removed_while_a_chapter_has_no_outputs(tmp_path: Path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "one.safetensors").touch()
    cell = {"cell_type": "code", "source": "", "outputs": []}
    (tmp_path / "notebooks" / "01_new.ipynb").write_text(json.dumps({"cells": [cell]}))
    with pytest.raises(ValueError, match=r"01_new\.ipynb: expected the stored outputs"):
        collect_runs.collect(tmp_path)
    assert (tmp_path / "runs" / "one.safetensors").exists()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_is_what_its_name_and_the_registry_say(path: Path):
    content = path.read_bytes()
    assert REGISTRY[path.name]["sha256"] == hashlib.sha256(content).hexdigest()
    assert REGISTRY[path.name]["size"] == len(content) <= collect_runs.LARGEST
    run = runs.read(path)
    assert run is not None
    assert run.name == path.name
    assert run.checksum in [each.get(path.name) for each in ASKED]
    assert {"code", "torch", "device", "threads", "seconds", "date"} <= set(run.provenance)


def test_a_clone_can_carry_them():
    assert sum(path.stat().st_size for path in FILES) <= collect_runs.ALL_TOGETHER
    recipes = {path: runs.read(path).recipe for path in FILES}
    of_photographs = {p for p, recipe in recipes.items() if "cifar10" in canonical(recipe)}
    smaller = sum(path.stat().st_size for path in FILES if path not in of_photographs)
    assert smaller <= 14_000_000
