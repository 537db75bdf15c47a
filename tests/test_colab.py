"""Colab, played: each chapter alone, where only Colab's packages are.

The course's address on GitHub leads to a local repository that holds the working tree.
"""

import os
import re
import shutil
import subprocess
import venv
from importlib.metadata import Distribution, distribution
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from packaging.requirements import Requirement

from collect_runs import asked_for
from conftest import serving
from publish import publish

ROOT = Path(__file__).parents[1]
CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))
ADDRESS = "someone/convolution-transposed"
IN_COLAB = ["torch", "torchvision", "numpy", "matplotlib", "scikit-learn", "scipy"]
IN_COLAB += ["ipywidgets", "tqdm", "anywidget", "pooch", "safetensors", "ipykernel"]


def closure(names: list[str]) -> dict[str, Distribution]:
    """The installed distributions of these names and of all that they require."""
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()
    wanted = [(name, "") for name in names]
    while wanted:
        name, extra = wanted.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        found[name] = distribution(name)
        for line in found[name].requires or []:
            required = Requirement(line)
            if not required.marker or required.marker.evaluate({"extra": extra}):
                wanted += [(required.name, one) for one in ("", *required.extras)]
    return found


@pytest.fixture(scope="module")
def colab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a fresh environment that borrows Colab's packages, and no others, from ours."""
    home = tmp_path_factory.mktemp("colab")
    packages = home / "packages"
    (packages / "google" / "colab").mkdir(parents=True)
    (packages / "google" / "colab" / "__init__.py").touch()
    for one in closure(IN_COLAB).values():
        for name in {file.parts[0] for file in one.files} - {"..", "__pycache__"}:
            if not (packages / name).exists():
                (packages / name).symlink_to(one.locate_file(name))

    venv.create(home / "venv", with_pip=True)
    [site] = (home / "venv").glob("lib/python*/site-packages")
    # In Colab google.colab is loaded before the first cell runs.
    (site / "colab.pth").write_text(f"{packages}\nimport google.colab\n")
    return home / "venv" / "bin" / "python"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working tree, published and committed."""
    repository = tmp_path_factory.mktemp("github") / "repository"
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    files = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in files.rstrip("\0").split("\0"):
        if (ROOT / name).exists():  # a file may be deleted and not yet committed
            (repository / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, repository / name)
    publish(ADDRESS, repository)
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@example.org"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "The course"]):
        subprocess.run([*git, *command], cwd=repository, check=True)
    return repository


@pytest.fixture
def environment(repository: Path) -> dict[str, str]:
    """Environment variables by which git finds the course's GitHub address in ``repository``."""
    ours = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
    return {name: value for name, value in os.environ.items() if name not in ours} | {
        "CONVBOOK_PROFILE": "quick",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{repository.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": f"https://github.com/{ADDRESS}",
    }


def execute(notebook: Path, python: Path, environment: dict[str, str]) -> str:
    """Run ``notebook`` in its own folder, with a kernel of ``python``; what its cells print."""
    kernel = AsyncKernelManager(kernel_name="python3")
    kernel.kernel_spec.argv[0] = str(python)
    where = {"metadata": {"path": str(notebook.parent)}}
    content = nbformat.read(notebook, as_version=4)
    NotebookClient(content, km=kernel, resources=where).execute(env=environment)
    outputs = [output for cell in content.cells for output in cell.get("outputs", [])]
    texts = (output.get("text") or output.get("data", {}).get("text/plain") for output in outputs)
    return "\n".join(filter(None, texts))


def site_packages(python: Path) -> set[str]:
    [folder] = python.parents[1].glob("lib/python*/site-packages")
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_runs_alone(
    chapter: Path, colab: Path, repository: Path, environment: dict[str, str], tmp_path: Path
):
    notebook = shutil.copy(repository / "notebooks" / chapter.name, tmp_path)
    before = site_packages(colab)
    try:
        execute(Path(notebook), colab, environment)
        new = site_packages(colab) - before
        assert {name.split("-")[0] for name in new} == {"convbook"}, "it installs convbook alone"
    finally:
        command = [colab, "-m", "pip", "uninstall", "-q", "-y", "convbook"]
        subprocess.run(command, check=True)


def test_a_chapter_in_full_fetches_its_runs(
    colab: Path, repository: Path, environment: dict[str, str], tmp_path: Path
):
    """Chapter 6, which needs no data set, with a small server as the repository's address."""
    own = shutil.copytree(repository, tmp_path / "repository")
    registry = own / "lib/convbook/training/registry.json"
    with serving(ROOT / "runs") as address:
        text = registry.read_text("utf-8")
        registry.write_text(re.sub(r'"address": ".*?"', f'"address": "{address}"', text), "utf-8")
        git = ["git", "-c", "user.name=test", "-c", "user.email=test@example.org"]
        subprocess.run([*git, "commit", "-qam", "Another address"], cwd=own, check=True)
        asked = {
            "CONVBOOK_PROFILE": "full",
            "CONVBOOK_DATA": str(tmp_path / "data"),
            "GIT_CONFIG_KEY_0": f"url.{own.as_uri()}.insteadOf",
        }
        notebook = shutil.copy(repository / "notebooks/06_bezier_filters.ipynb", tmp_path)
        try:
            outputs = execute(Path(notebook), colab, environment | asked)
        finally:
            command = [colab, "-m", "pip", "uninstall", "-q", "-y", "convbook"]
            subprocess.run(command, check=True)
    assert "run read" in outputs
    assert "stored" not in outputs
    assert "NOTICE" not in outputs
    fetched = {path.name for path in (tmp_path / "data/runs/published").iterdir()}
    assert fetched == set(asked_for(ROOT / "notebooks/06_bezier_filters.ipynb"))


def test_colab_does_not_have_convbook(colab: Path, environment: dict[str, str]):
    command = [colab, "-c", "import torch, convbook"]
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert "No module named 'convbook'" in run.stderr


def test_without_an_address_the_setup_cell_says_what_to_do(
    colab: Path, environment: dict[str, str], tmp_path: Path
):
    setup = first_code_cell(CHAPTERS[0])
    setup = re.sub('REPOSITORY = ".*?"', 'REPOSITORY = ""', setup)
    cell = nbformat.v4.new_code_cell(setup)
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "setup.ipynb")
    with pytest.raises(CellExecutionError, match="Set REPOSITORY to the course's OWNER/NAME"):
        execute(tmp_path / "setup.ipynb", colab, environment)


def first_code_cell(chapter: Path) -> str:
    cells = nbformat.read(chapter, as_version=4).cells
    return next(cell.source for cell in cells if cell.cell_type == "code")
