"""The official files, through torchvision: fetched once, verified at every load, never half there.

torchvision checks what it downloads, but of MNIST's unpacked files it checks the names alone. So a
load first compares every file's MD5 with the published one, and a file that was cut off is fetched
again. A lock on the data folder lets several chapters start at once.
"""

import contextlib
import hashlib
import io
import socket
from collections.abc import Iterator
from pathlib import Path

import torch
import torchvision
from filelock import FileLock
from torch import Tensor

from convbook import settings
from convbook.data.images import ImageData

MNIST_FILES = {
    "MNIST/raw/train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "MNIST/raw/train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "MNIST/raw/t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "MNIST/raw/t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
CIFAR10_FILES = {
    "cifar-10-batches-py/data_batch_1": "c99cafc152244af753f735de768cd75f",
    "cifar-10-batches-py/data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "cifar-10-batches-py/data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "cifar-10-batches-py/data_batch_4": "634d18415352ddfa80567beed471001a",
    "cifar-10-batches-py/data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "cifar-10-batches-py/test_batch": "40351d587109b95175f43aff81a1287e",
    "cifar-10-batches-py/batches.meta": "5ff9c542aee3614f3951f8cda6e48888",
}
SECONDS_WITHOUT_AN_ANSWER = 15.0


class DataUnavailable(RuntimeError):
    """The official files are neither in the data folder nor to be fetched."""


def mnist() -> ImageData:
    """MNIST as torchvision reads it, channels first and in [0, 1]."""
    make = torchvision.datasets.MNIST
    train, test = _verified("MNIST", make, MNIST_FILES)
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
    train, test = _verified("CIFAR-10", torchvision.datasets.CIFAR10, CIFAR10_FILES)
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


def _verified(name: str, make: type, checksums: dict[str, str]) -> tuple:
    """The training and the test part, fetched first if a file is missing or damaged."""
    folder = settings.data_folder()
    if _wrong_files(folder, checksums):  # a complete folder may be one that we cannot write to
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(folder / f"{name}.lock"):
                if wrong := _wrong_files(folder, checksums):  # nobody fetched them meanwhile
                    _fetch(name, make, folder, wrong, checksums)
        except OSError as reason:
            raise DataUnavailable(f"{name} could not be had: {reason}.") from reason
    return make(folder, train=True), make(folder, train=False)


def _wrong_files(folder: Path, checksums: dict[str, str]) -> list[Path]:
    return [folder / file for file, md5 in checksums.items() if _md5(folder / file) != md5]


def _md5(path: Path) -> str | None:
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def _fetch(
    name: str, make: type, folder: Path, wrong: list[Path], checksums: dict[str, str]
) -> None:
    """Have torchvision fetch the files; what is damaged goes first, or torchvision would trust
    it.
    """
    damaged = [path for path in wrong if path.exists()]
    for path in damaged:
        path.unlink()
    state = f"{damaged[0].name} is damaged" if damaged else f"{name} is not on disk yet"
    print(f"{state}: fetching {name} …")
    try:
        with _quiet(), _impatient():
            make(folder, download=True)
    except (OSError, RuntimeError, ValueError, AssertionError) as reason:  # as torchvision fails
        why = " ".join(str(reason).split())
        raise DataUnavailable(f"{state}, and fetching it failed. {why}") from reason
    if wrong := _wrong_files(folder, checksums):
        raise DataUnavailable(f"{wrong[0].name} is damaged again after fetching {name}.")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Swallow torchvision's progress bars, which would stay in a notebook as debris."""
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        yield


@contextlib.contextmanager
def _impatient() -> Iterator[None]:
    """Give up on a host that does not answer; torchvision would wait for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SECONDS_WITHOUT_AN_ANSWER)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
