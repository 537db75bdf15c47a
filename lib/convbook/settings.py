"""Profile, device and data folder: the only module that reads the environment.

==================  ==========================================================
``CONVBOOK_PROFILE``  ``full`` trains as the source texts do, ``quick`` takes seconds
``CONVBOOK_DATA``     the folder that holds MNIST and CIFAR-10, shared by all chapters
==================  ==========================================================
"""

import os
from pathlib import Path
from typing import Literal, TypeVar

import torch

from convbook.arguments import one_of

Profile = Literal["full", "quick"]
Value = TypeVar("Value")


def profile() -> Profile:
    """The profile asked for, or else full with CUDA and quick without.

    Raises:
        ValueError: ``CONVBOOK_PROFILE`` is neither ``full`` nor ``quick``.
    """
    asked = os.environ.get("CONVBOOK_PROFILE") or ("full" if torch.cuda.is_available() else "quick")
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
    """The folder of trained runs, beside the data."""
    return data_folder() / "runs"


def describe() -> None:
    """Print the banner of the setup cell: profile, device, versions, and the data on disk."""
    here = device()
    threads = f"{here.type.upper()}, threads: {torch.get_num_threads()}"
    name = torch.cuda.get_device_name(here) if here.type == "cuda" else threads
    version = torch.__version__.partition("+")[0]
    print(f"{profile()} profile · {name} · torch {version} · {_data_on_disk()}")


def _data_on_disk() -> str:
    """Which official data sets lie in the data folder, by the names torchvision gives them."""
    files = {
        "MNIST": "MNIST/raw/train-images-idx3-ubyte",
        "CIFAR-10": "cifar-10-batches-py/data_batch_1",
    }
    found = [name for name, file in files.items() if (data_folder() / file).is_file()]
    return f"official {', '.join(found)} on disk" if found else "no data on disk yet"
