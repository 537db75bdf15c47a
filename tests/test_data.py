"""Data: the official files where they are, announced stand-ins where not, never half a file.

A tiny set stands behind torchvision's MNIST here: the code under test is ours.
"""

import gzip
import hashlib
import json
import os
import signal
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import read_only, serving
from convbook import data, locks, settings
from convbook.data import Selection, official
from convbook.data.curves import bezier_curves, random_patches

DOWNLOAD = official.DOWNLOAD
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
    from torchvision import datasets

    judge = getattr(datasets, name.upper())(settings.data_folder(), train=False)
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


COPY = """
import shutil, sys
with open("{log}", "a") as log:
    log.write("!")
try:
    shutil.copytree("{host}", sys.argv[2], dirs_exist_ok=True)
except OSError:
    sys.exit("Error downloading train-images-idx3-ubyte.gz")
"""


class TinyMnist:
    """A host with the four MNIST files, of a few images each, and the ways it can fail."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch):
        self.folder, self.log, self.served = root / "data", root / "log", root / "host"
        self.files = {name: self.file(name) for name in official.MNIST_FILES}
        sums = {name: hashlib.md5(body).hexdigest() for name, body in self.files.items()}
        monkeypatch.setattr(official, "MNIST_FILES", sums)
        monkeypatch.setenv("CONVBOOK_DATA", str(self.folder))
        monkeypatch.setattr(official, "DOWNLOAD", COPY.format(log=self.log, host=self.served))
        if not self.served.exists():
            self.serve()

    @staticmethod
    def file(name: str) -> bytes:
        count = 5 if "train" in name else 3
        if "labels" in name:
            return struct.pack(">ii", 0x801, count) + bytes(range(count))
        return struct.pack(">iiii", 0x803, count, 28, 28) + bytes([7]) * (count * 784)

    def serve(self) -> None:
        for name, body in self.files.items():
            (self.served / "MNIST/raw").mkdir(parents=True, exist_ok=True)
            (self.served / "MNIST/raw" / name).write_bytes(body)

    def stop(self) -> None:
        self.served.rename(self.served.with_name("gone"))

    @property
    def downloads(self) -> int:
        return len(self.log.read_text()) if self.log.exists() else 0


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
    host.stop()
    assert not data.mnist().official
    notice = capsys.readouterr().out
    assert "NOTICE: MNIST is not on disk yet, and fetching it failed" in notice
    assert "Using a stand-in instead" in notice


def test_without_a_host_official_says_why(host):
    host.stop()
    with pytest.raises(data.DataUnavailable, match=r"MNIST is not on disk yet.*Error downloading"):
        data.mnist("official")


@pytest.mark.parametrize("name", official.MNIST_FILES)
def test_a_host_that_sends_rubbish_is_not_believed(host, name):
    host.files[name] = gzip.compress(b"not found")
    host.serve()
    with pytest.raises(data.DataUnavailable, match=f"{name} is damaged again"):
        data.mnist("official")
    assert list(host.folder.iterdir()) == [host.folder / "MNIST.lock"]  # nothing of it stays


def test_torchvision_fetches_from_its_mirrors(host, monkeypatch):
    """Over HTTP: the first mirror has nothing, the second has the files."""
    packed = {f"{name}.gz": gzip.compress(body) for name, body in host.files.items()}
    for name, body in packed.items():
        (host.served / name).write_bytes(body)
    resources = [(name, hashlib.md5(body).hexdigest()) for name, body in packed.items()]
    with serving(host.served) as address:
        mirrors = [f"{address}none/", address]
        played = f"from torchvision.datasets import MNIST\nMNIST.mirrors = {mirrors}\n"
        played += f"MNIST.resources = {resources}\n"
        monkeypatch.setattr(official, "DOWNLOAD", played + DOWNLOAD)
        images = data.mnist("official")
    assert torch.equal(images.train, torch.full((5, 1, 28, 28), 7 / 255))
    assert host.downloads == 0
    assert {path.name for path in host.folder.iterdir()} == {"MNIST", "MNIST.lock"}


def test_a_slow_host_is_given_up(host, tmp_path, monkeypatch):
    slow = f"import os, time; open('{tmp_path}/pid', 'w').write(str(os.getpid())); time.sleep(600)"
    monkeypatch.setattr(official, "DOWNLOAD", slow)
    monkeypatch.setitem(official.SECONDS_TO_FETCH, "MNIST", 5)
    message = rf"MNIST is not on disk yet.*took over 5 seconds.*copy the files to {host.folder}\.$"
    with pytest.raises(data.DataUnavailable, match=message):
        data.mnist("official")
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGCONT)
    assert list(host.folder.iterdir()) == [host.folder / "MNIST.lock"]


def test_a_complete_folder_need_not_be_writable(monkeypatch):
    with read_only() as (root, closed):
        host = TinyMnist(root, monkeypatch)
        data.mnist()
        with closed():
            assert data.mnist("official").official
            with pytest.raises(PermissionError):
                (host.folder / "other").touch()


def test_an_unreadable_file_is_named(monkeypatch):
    with read_only() as (root, closed):
        host = TinyMnist(root, monkeypatch)
        data.mnist()
        file = host.folder / "MNIST/raw/t10k-labels-idx1-ubyte"
        file.chmod(0)
        with closed(), pytest.raises(data.DataUnavailable) as raised:
            data.mnist("official")
    assert str(raised.value) == (
        f"MNIST cannot be had because of {file} (Permission denied): "
        "mend that, or set CONVBOOK_DATA to another folder."
    )


@pytest.mark.parametrize("place", [".", "MNIST", "MNIST/raw"])
def test_a_file_in_a_folders_place_is_named(host, place, capsys):
    (host.folder / place).parent.mkdir(parents=True, exist_ok=True)
    (host.folder / place).touch()
    assert not data.mnist().official
    notice = capsys.readouterr().out
    assert f"NOTICE: MNIST cannot be had because of {host.folder / place}" in notice
    assert "(a file where a folder has to be): mend that, or set CONVBOOK_DATA" in notice


@pytest.mark.parametrize(
    "content", [b"", b"not found", TinyMnist.file("train-labels") + b"more"], ids=len
)
def test_a_right_checksum_of_wrong_content_is_named(host, content):
    labels = "train-labels-idx1-ubyte"
    host.files[labels] = content
    host.serve()
    official.MNIST_FILES[labels] = hashlib.md5(content).hexdigest()
    message = rf"{host.folder}/MNIST/raw has the right checksums, but .*: remove it to have it f"
    for _ in ("fetched", "on disk"):
        with pytest.raises(data.DataUnavailable, match=message):
            data.mnist("official")


def test_every_image_needs_a_label(host):
    labels = "train-labels-idx1-ubyte"
    host.files[labels] = TinyMnist.file("t10k-labels")
    host.serve()
    official.MNIST_FILES[labels] = hashlib.md5(host.files[labels]).hexdigest()
    with pytest.raises(data.DataUnavailable, match="3 labels for 5 images"):
        data.mnist("official")


HOLD = """
import sys
from pathlib import Path
from convbook.locks import locked
with locked(Path(sys.argv[1]), "holding it"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_who_waits_for_a_lock_is_told_for_whom(host, monkeypatch, capsys):
    lock, acquire, waited = host.folder / "MNIST.lock", locks.FileLock.acquire, []
    host.folder.mkdir()
    command = [sys.executable, "-c", HOLD, str(lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"

        def acquired(lock: locks.FileLock, timeout: float | None = None):
            waited.append(timeout)
            if timeout is None:  # the line was printed, and it waits on
                other.stdin.close()
            return acquire(lock, timeout=timeout)

        monkeypatch.setattr(locks.FileLock, "acquire", acquired)
        assert data.mnist("official").official
    line = f"Waiting for process {other.pid} on {locks.platform.node()}, which is fetching MNIST …"
    assert line in capsys.readouterr().out
    assert waited == [2.0, None]
    assert not lock.with_suffix(".holder").exists()


START = """
import json, sys
from convbook import data
from convbook.data import official
official.MNIST_FILES, official.DOWNLOAD = json.loads(sys.argv[1])
print(len(data.mnist("official").train))
"""


def test_two_chapters_starting_at_once_share_one_download(host):
    played = json.dumps([official.MNIST_FILES, official.DOWNLOAD])
    command = [sys.executable, "-c", START, played]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [run.communicate()[0].splitlines()[-1] for run in runs] == ["5", "5"]
    assert host.downloads == 1


def test_what_is_no_curve_and_no_seed_is_named():
    curves = bezier_curves(5, seed=1)
    for wrong in (curves.numpy(), curves.tolist()):
        with pytest.raises(ValueError, match=r"curves: expected a tensor, not (ndarray|list)"):
            random_patches(wrong, 7, 1)
    for seed in (2**32, 2**64, -1, 1.5):
        with pytest.raises(ValueError, match=rf"seed={seed}: expected a whole number from 0 to"):
            bezier_curves(5, seed)
        with pytest.raises(ValueError, match=rf"seed={seed}: expected a whole number from 0 to"):
            random_patches(curves, 7, seed)


def test_a_selection_names_what_it_does_not_know():
    with pytest.raises(ValueError, match="source='offical': expected 'auto', 'official' or 'stand"):
        Selection("mnist", source="offical")
    with pytest.raises(ValueError, match=r"name=\['mnist'\]: expected 'mnist' or 'cifar10'"):
        Selection(["mnist"])
