"""Colab, played: each chapter alone, where only Colab's packages are.

The course's address on GitHub leads to a local repository that holds the working tree.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from colab import environment as colab_environment
from collect_runs import asked_for
from conftest import serving
from publish import publish

ROOT = Path(__file__).parents[1]
CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SIXTH = "06_bezier_filters.ipynb"
ADDRESS = "someone/convolution-transposed"


@pytest.fixture(scope="module")
def colab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its Python. There ``google.colab`` is loaded before the first cell runs."""
    home = tmp_path_factory.mktemp("colab")
    (home / "own" / "google" / "colab").mkdir(parents=True)
    (home / "own" / "google" / "colab" / "__init__.py").touch()
    return colab_environment(home, str(home / "own"), "import google.colab", with_pip=True)


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


def test_colab_does_not_have_convbook(colab: Path, environment: dict[str, str]):
    command = [colab, "-c", "import torch, convbook"]
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert "No module named 'convbook'" in run.stderr


def test_a_chapter_in_full_installs_convbook_alone_and_fetches_its_runs(
    colab: Path, repository: Path, environment: dict[str, str], tmp_path: Path
):
    """Chapter 6, which needs no data set, with a small server as the repository's address.

    The setup cell is the same in every chapter; what comes after it runs among Colab's packages
    whenever the chapters are tested (``colab.py``).
    """
    registry = repository / "lib/convbook/training/registry.json"
    before = site_packages(colab)
    with serving(ROOT / "runs") as address:
        text = registry.read_text("utf-8")
        registry.write_text(re.sub(r'"address": ".*?"', f'"address": "{address}"', text), "utf-8")
        git = ["git", "-c", "user.name=test", "-c", "user.email=test@example.org"]
        subprocess.run([*git, "commit", "-qam", "An address"], cwd=repository, check=True)
        asked = {"CONVBOOK_PROFILE": "full", "CONVBOOK_DATA": str(tmp_path / "data")}
        notebook = shutil.copy(repository / "notebooks" / SIXTH, tmp_path)
        outputs = execute(Path(notebook), colab, environment | asked)
    new = site_packages(colab) - before
    assert {name.split("-")[0] for name in new} == {"convbook"}
    assert "run read" in outputs
    assert "stored" not in outputs
    assert "NOTICE" not in outputs
    fetched = {path.name for path in (tmp_path / "data/runs/published").iterdir()}
    assert fetched == set(asked_for(ROOT / "notebooks" / SIXTH))


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
