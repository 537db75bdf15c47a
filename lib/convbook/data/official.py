"""The official files, through torchvision: fetched once, verified at every load, never half there.

torchvision checks what it downloads, but of MNIST's unpacked files it checks the names alone. So a
load first compares every file's MD5 with the published one, and a file that was cut off is fetched
again. A lock on the data folder lets several chapters start at once. torchvision would wait for a
slow host for ever, so it fetches in a process of its own, which has a deadline.
"""

import hashlib
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from convbook import settings
from convbook.data.images import ImageData
from convbook.locks import locked

MNIST_FILES = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
CIFAR10_FILES = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
    "batches.meta": "5ff9c542aee3614f3951f8cda6e48888",
}
SECONDS_TO_FETCH = {"MNIST": 5 * 60, "CIFAR-10": 30 * 60}  # 11 and 170 MB over a slow line
DOWNLOAD = """
import socket, sys
import torchvision

socket.setdefaulttimeout(15)  # seconds without a byte, after which the next mirror is tried
try:
    getattr(torchvision.datasets, sys.argv[1])(sys.argv[2], download=True)
except (OSError, RuntimeError, ValueError, AssertionError) as reason:  # as torchvision fails
    sys.exit("\\n" + " ".join(str(reason).split()))
"""


class DataUnavailable(RuntimeError):
    """The official files can neither be read from the data folder nor be fetched."""


def mnist() -> ImageData:
    """MNIST as torchvision reads it, channels first and in [0, 1]."""
    train, test = _verified("MNIST", MNIST_FILES)
    return ImageData(
        name="MNIST",
        official=True,
        train=_unit_interval(train.data[:, None]),
        train_labels=train.targets,
        test=_unit_interval(test.data[:, None]),
        test_labels=test.targets,
        classes=tuple(map(str, range(10))),
    )


def cifar10() -> ImageData:
    """CIFAR-10 as torchvision reads it, channels first and in [0, 1]."""
    train, test = _verified("CIFAR-10", CIFAR10_FILES)
    return ImageData(
        name="CIFAR-10",
        official=True,
        train=_unit_interval(torch.from_numpy(train.data).permute(0, 3, 1, 2)),
        train_labels=torch.tensor(train.targets),
        test=_unit_interval(torch.from_numpy(test.data).permute(0, 3, 1, 2)),
        test_labels=torch.tensor(test.targets),
        classes=tuple(train.classes),
    )


def _unit_interval(pixels: Tensor) -> Tensor:
    return pixels.contiguous().float().div_(255)


def _verified(name: str, checksums: dict[str, str]) -> tuple[Any, Any]:
    """The training and the test part, fetched first if a file is missing or damaged."""
    root = settings.data_folder()
    folder = root / settings.OFFICIAL[name]
    try:
        if _wrong_files(folder, checksums):  # a complete folder may be one that we cannot write to
            root.mkdir(parents=True, exist_ok=True)
            with locked(root / f"{name}.lock", f"fetching {name}"):
                if wrong := _wrong_files(folder, checksums):  # nobody fetched them meanwhile
                    _fetch(name, root, wrong, checksums)
    except OSError as reason:
        in_the_way = isinstance(reason, FileExistsError | NotADirectoryError)
        why = "a file where a folder has to be" if in_the_way else reason.strerror
        raise DataUnavailable(
            f"{name} cannot be had because of {reason.filename or root} ({why}): "
            "mend that, or set CONVBOOK_DATA to another folder."
        ) from reason
    try:
        return _parsed(name, root)
    except Exception as reason:  # as many kinds as there are parsers
        raise DataUnavailable(
            f"{folder} has the right checksums, but torchvision cannot read it ({reason}): "
            "remove it to have it fetched anew, or install another version of torchvision."
        ) from reason


def _parsed(name: str, root: Path) -> tuple[Any, Any]:
    from torchvision import datasets  # takes as long as torch itself: not where nothing is read

    make = getattr(datasets, _class_name(name))
    parts = make(root, train=True), make(root, train=False)
    for part in parts:
        if len(part.data) != len(part.targets):
            raise ValueError(f"{len(part.targets)} labels for {len(part.data)} images")
    return parts


def _class_name(name: str) -> str:
    """What torchvision calls it."""
    return name.replace("-", "")


def _wrong_files(folder: Path, checksums: dict[str, str]) -> list[Path]:
    return [folder / file for file, md5 in checksums.items() if _md5(folder / file) != md5]


def _md5(path: Path) -> str | None:
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def _fetch(name: str, root: Path, wrong: list[Path], checksums: dict[str, str]) -> None:
    """Have torchvision fetch the files into a folder of their own, and move them when they are
    right.
    """
    damaged = [path for path in wrong if path.exists()]
    state = f"{damaged[0].name} is damaged" if damaged else f"{name} is not on disk yet"
    print(f"{state}: fetching {name} …")
    with TemporaryDirectory(prefix=f"{name}-", dir=root) as stage:
        fetched, folder = Path(stage, settings.OFFICIAL[name]), root / settings.OFFICIAL[name]
        why = _download(_class_name(name), stage, SECONDS_TO_FETCH[name])
        if not why and (wrong := _wrong_files(fetched, checksums)):
            why = f"{wrong[0].name} is damaged again"
        if why:
            advice = f"try again later, or copy the files to {root}"
            raise DataUnavailable(f"{state}, and fetching it failed ({why}): {advice}.")
        folder.mkdir(parents=True, exist_ok=True)
        for file in checksums:
            (fetched / file).replace(folder / file)


def _download(kind: str, folder: str, seconds: float) -> str | None:
    """Have a process of its own, which can be stopped, download into this folder: why it failed."""
    command = [sys.executable, "-c", DOWNLOAD, kind, folder]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return f"it took over {seconds:.0f} seconds"
    return done.stderr.splitlines()[-1] if done.returncode else None
