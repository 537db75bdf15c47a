"""Profile, device and folders: the only module that reads the environment.

=====================  ==========================================================================
``CONVBOOK_PROFILE``   ``full`` shows the page's numbers, ``quick`` takes seconds a chapter
``CONVBOOK_DATA``      the folder for MNIST, CIFAR-10 and runs trained here, for all chapters
``CONVBOOK_RUNS``      ``train`` trains everything anew, even where a run is stored
=====================  ==========================================================================
"""

import os
from pathlib import Path
from typing import Literal, TypeVar

import torch

from convbook.arguments import one_of

Profile = Literal["full", "quick"]
Value = TypeVar("Value")
# Where torchvision puts the official files, within the data folder
OFFICIAL = {"MNIST": "MNIST/raw", "CIFAR-10": "cifar-10-batches-py"}


def profile() -> Profile:
    """The profile asked for; full if none is.

    Raises:
        ValueError: ``CONVBOOK_PROFILE`` is neither ``full`` nor ``quick``.
    """
    asked = os.environ.get("CONVBOOK_PROFILE") or "full"
    return one_of("CONVBOOK_PROFILE", asked, ("full", "quick"))


def by_profile(*, full: Value, quick: Value) -> Value:
    """The value for the profile in force: ``EPOCHS = by_profile(full=10, quick=1)``."""
    return full if profile() == "full" else quick


def device() -> torch.device:
    """The fastest device there is: CUDA, else Apple's MPS, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def data_folder() -> Path:
    """The folder shared by all chapters: ``CONVBOOK_DATA``, or ``~/.cache/convbook``."""
    return Path(os.environ.get("CONVBOOK_DATA") or "~/.cache/convbook").expanduser()


def runs_folder() -> Path:
    """The folder of the runs trained here, beside the data."""
    return data_folder() / "runs"


def published_runs_folder() -> Path | None:
    """The repository's folder of runs, where this package lies in its repository; else None."""
    repository = Path(__file__).resolve().parents[2]
    return repository / "runs" if (repository / "pyproject.toml").is_file() else None


def train_anew() -> bool:
    """Whether stored runs are left alone, and everything is trained.

    Raises:
        ValueError: ``CONVBOOK_RUNS`` is set to something else than ``train``.
    """
    return one_of("CONVBOOK_RUNS", os.environ.get("CONVBOOK_RUNS", ""), ("train", "")) == "train"


def describe() -> None:
    """Print the banner of the setup cell: profile, device, versions, and the data on disk."""
    here = device()
    threads = f"{here.type.upper()}, threads: {torch.get_num_threads()}"
    name = torch.cuda.get_device_name(here) if here.type == "cuda" else threads
    version = torch.__version__.partition("+")[0]
    print(f"{profile()} profile · {name} · torch {version} · {_data_on_disk()}")


def _data_on_disk() -> str:
    found = [name for name, folder in OFFICIAL.items() if any((data_folder() / folder).glob("*"))]
    return f"official {', '.join(found)} on disk" if found else "no data on disk yet"
