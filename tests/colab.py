"""Colab, played: a Python that has Colab's packages and no others, borrowed from ours.

As a program it makes one in the folder given, with this working tree's ``convbook`` beside them,
and a Jupyter kernel ``colab`` of it: in that kernel ``make test`` runs the chapters.
"""

import json
import shutil
import sys
import venv
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
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


def environment(home: Path, *on_path: str, with_pip: bool = False) -> Path:
    """Make the environment in ``home``, which has these lines in a .pth file; its Python."""
    (home / "packages").mkdir(parents=True)
    for one in closure(IN_COLAB).values():
        for name in {file.parts[0] for file in one.files or []} - {"..", "__pycache__"}:
            if not (home / "packages" / name).exists():
                (home / "packages" / name).symlink_to(one.locate_file(name))
    venv.create(home / "venv", with_pip=with_pip)
    [site] = (home / "venv").glob("lib/python*/site-packages")
    (site / "colab.pth").write_text("\n".join([str(home / "packages"), *on_path]))
    return home / "venv" / "bin" / "python"


def main() -> None:
    home = Path(sys.argv[1]).resolve()
    if home.exists():  # with what was installed then
        shutil.rmtree(home)
    python = environment(home, str(ROOT / "lib"))
    start = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": start, "display_name": "Colab, played", "language": "python"}
    (home / "kernels" / "colab").mkdir(parents=True)
    (home / "kernels" / "colab" / "kernel.json").write_text(json.dumps(spec))


if __name__ == "__main__":
    main()
