"""Data: the official files where they are, announced stand-ins where not, never half a file.

A tiny set stands behind torchvision's MNIST here: the code under test is ours.
"""

import gzip
import hashlib
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision

from convbook import data, settings
from convbook.data import official

OFFICIAL = {"mnist": (60_000, 10_000), "cifar10": (50_000, 10_000)}
SHAPE = {"mnist": (1, 28, 28), "cifar10": (3, 32, 32)}


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_stand_ins_have_the_official_shapes_and_range(name):
    images = getattr(data, name)("stand-in")
    assert not images.official
    assert "stand-in" in repr(images)
    for part, labels in [(images.train, images.train_labels), (images.test, images.test_labels)]:
        assert part.shape[1:] == SHAPE[name]
        assert part.dtype == torch.float32
        assert part.min() >= 0
        assert part.max() <= 1
        assert labels.shape == part.shape[:1]
        assert labels.unique().tolist() == list(range(10))
    first = images.first_of_each_class()
    assert images.test_labels[list(first)].tolist() == list(range(10))
    assert all((images.test_labels[:i] != label).all() for label, i in enumerate(first))
    assert torch.equal(images.train, getattr(data, name)("stand-in").train)


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_official_files_where_they_are(name):
    folder = "MNIST/raw" if name == "mnist" else "cifar-10-batches-py"
    if not (settings.data_folder() / folder).is_dir():
        pytest.skip("the official files are not on this machine: set CONVBOOK_DATA to their folder")
    images = getattr(data, name)("official")
    assert (len(images.train), len(images.test)) == OFFICIAL[name]
    assert images.train.shape[1:] == SHAPE[name]
    assert images.train.is_contiguous()
    assert images.train.max() == 1
    if name == "mnist":
        judge = torchvision.datasets.MNIST(settings.data_folder(), train=False)
    else:
        judge = torchvision.datasets.CIFAR10(settings.data_folder(), train=False)
    picture, label = judge[17]
    pixels = torch.from_numpy(np.array(picture)).reshape(32, 32, 3) if name == "cifar10" else None
    pixels = (
        torch.from_numpy(np.array(picture))[None] if pixels is None else pixels.permute(2, 0, 1)
    )
    assert torch.equal((images.test[17] * 255).round().byte(), pixels)
    assert images.test_labels[17] == label


def test_an_unknown_source_is_refused():
    with pytest.raises(ValueError, match="source='oficial'"):
        data.mnist("oficial")


class TinyMnist:
    """A host with the four MNIST files, of a few images each, and the ways it can fail."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch):
        self.folder, self.downloads, self.reachable = folder, 0, True
        self.files = {name: self._file(name) for name in official.MNIST_FILES}
        sums = {name: hashlib.md5(body).hexdigest() for name, body in self.files.items()}
        monkeypatch.setattr(official, "MNIST_FILES", sums)
        monkeypatch.setenv("CONVBOOK_DATA", str(folder))
        monkeypatch.setattr(torchvision.datasets.MNIST, "download", lambda _: self.download())

    @staticmethod
    def _file(name: str) -> bytes:
        count = 5 if "train" in name else 3
        if "labels" in name:
            return struct.pack(">ii", 0x801, count) + bytes(range(count))
        return struct.pack(">iiii", 0x803, count, 28, 28) + bytes([7]) * (count * 784)

    def download(self) -> None:
        self.downloads += 1
        if not self.reachable:
            raise RuntimeError("Error downloading train-images-idx3-ubyte.gz")
        for name, body in self.files.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_bytes(body)


@pytest.fixture
def host(tmp_path, monkeypatch) -> TinyMnist:
    return TinyMnist(tmp_path, monkeypatch)


def test_fetched_once_and_then_read_from_disk(host, capsys):
    first, again = data.mnist(), data.mnist("official")
    assert first.official
    assert torch.equal(first.train, torch.full((5, 1, 28, 28), 7 / 255))
    assert torch.equal(first.train, again.train)
    assert host.downloads == 1
    assert capsys.readouterr().out.count("fetching MNIST") == 1


@pytest.mark.parametrize("damage", ["cut off", "changed"])
def test_a_damaged_file_is_noticed_and_fetched_again(host, damage, capsys):
    data.mnist()
    file = host.folder / "MNIST/raw/train-images-idx3-ubyte"
    body = file.read_bytes()
    file.write_bytes(body[:1000] if damage == "cut off" else body[:-1] + b"\0")
    capsys.readouterr()
    assert len(data.mnist().train) == 5
    assert host.downloads == 2
    assert "train-images-idx3-ubyte is damaged: fetching MNIST" in capsys.readouterr().out


def test_without_a_host_auto_announces_its_stand_in(host, capsys):
    host.reachable = False
    assert not data.mnist().official
    notice = capsys.readouterr().out
    assert "NOTICE: MNIST is not on disk yet, and fetching it failed" in notice
    assert "Using a stand-in instead" in notice


def test_without_a_host_official_says_why(host):
    host.reachable = False
    with pytest.raises(data.DataUnavailable, match=r"MNIST is not on disk yet.*Error downloading"):
        data.mnist("official")


@pytest.mark.parametrize("name", official.MNIST_FILES)
def test_a_host_that_sends_rubbish_is_not_believed(host, name):
    host.files[name] = gzip.compress(b"not found")
    with pytest.raises(data.DataUnavailable, match=r"damaged again|fetching it failed"):
        data.mnist("official")


def test_a_complete_folder_need_not_be_writable(host, monkeypatch):
    data.mnist()

    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(official, "FileLock", refuse)
    assert data.mnist("official").official


START = """
import sys
from pathlib import Path
import pytest
sys.path.insert(0, sys.argv[1])
from test_data import TinyMnist, data
with pytest.MonkeyPatch.context() as patch:
    host = TinyMnist(Path(sys.argv[2]), patch)
    print(len(data.mnist("official").train), host.downloads)
"""


def test_two_chapters_starting_at_once_share_one_download(tmp_path):
    command = [sys.executable, "-c", START, str(Path(__file__).parent), str(tmp_path)]
    runs = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ)
        for _ in range(3)
    ]
    last_lines = [run.communicate()[0].splitlines()[-1].split() for run in runs]
    assert [images for images, _ in last_lines] == ["5"] * 3
    assert sorted(downloads for _, downloads in last_lines) == ["0", "0", "1"]
