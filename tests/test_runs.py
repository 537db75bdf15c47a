"""A stored run is known by its recipe, proves itself by its first steps, and travels."""

import _thread
import json
import multiprocessing
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from errno import ENOSPC
from functools import partial
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import convbook
from conftest import read_only, serving
from convbook import settings
from convbook.corruptions import uniform_impulses
from convbook.data import Selection
from convbook.data.curves import bezier_curves
from convbook.models import CurveAutoencoder, PatchAutoencoder, PhotoAutoencoder, PoolUnpool
from convbook.training import (
    Configuration,
    Ensemble,
    cached,
    ensemble,
    fit_ensemble,
    gathering,
    run_sweep,
    runs,
    sweep,
)
from convbook.training.recipe import NETWORKS, _without_comments, canonical, described

CURVES = bezier_curves(50, seed=1)
RECIPE = {"seeds": (1, 2), "epochs": 2, "batch_size": 20, "learning_rate": 1e-3, "progress": False}
DIGITS = Selection("mnist", train=200, test=50, source="stand-in")
ONE = Configuration(
    make=PoolUnpool, images=DIGITS, seed=1, epochs=2, batch_size=64, learning_rate=1e-2
)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("CONVBOOK_DATA", str(tmp_path))
    return tmp_path / "runs"


def run(make=PatchAutoencoder, data=CURVES, **change) -> Ensemble:
    return cached(fit_ensemble)(make, data, data, **RECIPE | change)


def stored(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.safetensors"))


# Known by what was asked


def test_a_run_is_trained_once(folder, capsys):
    first = run(snapshots_at=(0, 1))
    assert capsys.readouterr().out.startswith("1 run stored, trained on ")
    again = run(snapshots_at=(0, 1), progress=True)  # which does not matter to the numbers
    assert capsys.readouterr().out.startswith("1 run read, trained on ")
    assert len(stored(folder)) == 1
    assert torch.equal(first.train_loss, again.train_loss)
    assert torch.equal(first.test_loss, again.test_loss)
    assert again.seeds == first.seeds
    for epoch in (None, 0, 1):
        assert torch.equal(first.model(1, epoch)(CURVES), again.model(1, epoch)(CURVES))


@pytest.mark.parametrize(
    "change",
    [
        {"seeds": (1, 3)},
        {"epochs": 3},
        {"learning_rate": 2e-3},
        {"code_noise": (0.1, 0.0, 0.0)},
        {"loss": F.l1_loss},
        {"data": bezier_curves(50, seed=2)},
        {"make": CurveAutoencoder},
        {"make": partial(nn.Linear, 15, 15)},
        {"make": partial(PatchAutoencoder, activation="relu")},
        {"snapshots_at": (1,)},
    ],
)
def test_whatever_changes_the_numbers_changes_the_name(folder, change):
    run()
    run(**change)
    assert len(stored(folder)) == 2


def test_the_file_says_in_words_what_it_holds(folder):
    run_sweep([replace(ONE, corrupt=partial(uniform_impulses, probability=0.1))], progress=False)
    (path,) = stored(folder)
    stored_run = runs.read(path)
    assert path.name.startswith("PoolUnpool-")
    sha256 = stored_run.recipe["images"].pop("sha256")
    assert len(sha256) == 64
    assert stored_run.recipe == {
        "make": {"PoolUnpool": {}},
        "images": {"name": "mnist", "train": 200, "test": 50},
        "corrupt": {"uniform_impulses": {"probability": 0.1}},
        "seed": 1, "epochs": 2, "batch_size": 64, "learning_rate": 0.01,
    }  # fmt: skip
    assert set(stored_run.provenance) == {
        "code", "torch", "device", "threads", "seconds", "date",
    }  # fmt: skip
    assert {"first_losses", "first_losses_without_noise"} <= set(stored_run.tensors)


def test_names_and_keywords_tell_networks_apart():
    makers = [
        partial(nn.Conv1d, 1, 1, kernel_size=1, padding=3),
        partial(nn.Conv1d, 1, 1, kernel_size=3, padding=1),
        partial(nn.ConvTranspose1d, 1, 1, kernel_size=3, padding=1),
        partial(PatchAutoencoder, activation="relu"),
        partial(PatchAutoencoder, activation="none"),
        PatchAutoencoder,
    ]
    assert len({canonical(described("make", make)) for make in makers}) == len(makers)
    swapped = partial(nn.Conv1d, 1, 1, padding=1, kernel_size=3)
    assert described("make", swapped) == described("make", makers[1])


def test_a_default_may_be_said_or_left_out():
    said = partial(PatchAutoencoder, activation="tanh")
    assert described("make", said) == described("make", PatchAutoencoder)
    assert ONE.recipe == replace(ONE, precision="float32").recipe


@pytest.mark.parametrize(
    "change",
    [
        {"make": object()},
        {"make": lambda: PatchAutoencoder()},
        {"loss": lambda a, b: (a - b).sum()},
        {"loss": nn.HuberLoss(delta=2.0)},
        {"loss": nn.HuberLoss(delta=2.0).forward},
    ],
)
def test_what_cannot_be_told_apart_is_named(change):
    (name,) = change
    with pytest.raises(ValueError, match=f"{name}=.*expected what a recipe can name"):
        run(**change)


def test_a_renamed_file_is_not_taken_for_another_run(folder, capsys):
    first = run()
    run(epochs=3)
    one, other = stored(folder)
    if len(runs.read(one).tensors["train_loss"][0]) == 3:
        one, other = other, one
    shutil.copy(other, one)
    assert torch.equal(run().train_loss, first.train_loss)
    assert "holds another recipe's run; it is left aside" in capsys.readouterr().out


# Proved by its first steps


def test_comments_and_docstrings_do_not_matter():
    plain = "def f(x):\n    return x + 1\n"
    commented = 'def f(x):\n    """One more."""\n\n    return x + 1  # really\n'
    assert _without_comments(commented) == _without_comments(
        'def f(x):\n    "Else."\n    return x + 1'
    )
    assert _without_comments(plain) == _without_comments("def f(x): # what?\n\n    return (x + 1)")
    assert _without_comments(plain) != _without_comments("def f(x):\n    return x + 2\n")


def test_the_code_of_every_network_counts():
    modules = Path(convbook.__file__).parent.glob("models/[a-z]*.py")
    assert {path.stem for path in modules} == set(NETWORKS)


EDITED = """
import torch
from torch import nn
from convbook.data import Selection
from convbook.models import PhotoAutoencoder
from convbook.training import Configuration, run_sweep

class InANotebook(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        return torch.tanh(self.layer(x))

torch.set_num_threads(1)
images = Selection("cifar10", train=100, test=10, source="stand-in")
recipe = {"images": images, "seed": 1, "epochs": 1, "batch_size": 10, "learning_rate": 1e-3}
both = [Configuration(make=make, **recipe) for make in (PhotoAutoencoder, InANotebook)]
run_sweep(both, progress=False)
"""


@pytest.fixture(scope="module")
def trained_before(tmp_path_factory) -> Path:
    """The data folder in which the script, with the library as it is, has stored its two runs."""
    folder = tmp_path_factory.mktemp("before")
    assert "2 runs stored" in executed(EDITED, Path(convbook.__file__).parents[1], folder)
    return folder


@pytest.mark.parametrize(
    ("file", "old", "new", "refused"),
    [
        ("models/photographs.py", '("bias"), 0.01', '("bias"), 0.02', ["PhotoAutoencoder"]),
        ("training/solo.py", "optimizer.zero_grad()", "", ["PhotoAutoencoder", "InANotebook"]),
        ("notebook", "torch.tanh(self.layer(x))", "torch.tanh(2 * self.layer(x))", ["InANotebook"]),
        ("training/solo.py", "def other_seed", "def weights_of", []),
    ],
    ids=["a number in a network", "a line of the step", "a network in a notebook", "a move"],
)
def test_other_code_is_tried_before_its_run_is_used(
    folder, tmp_path, trained_before, file, old, new, refused
):
    shutil.copytree(trained_before, tmp_path, dirs_exist_ok=True)
    shutil.copytree(Path(convbook.__file__).parent, tmp_path / "lib" / "convbook")
    script, path = EDITED, tmp_path / "lib" / "convbook" / file
    if file == "notebook":
        script = EDITED.replace(old, new)
    elif refused:
        source = path.read_text("utf-8")
        assert old in source
        path.write_text(source.replace(old, new), "utf-8")
    else:
        moved(path, old, new)
    said = executed(script, tmp_path / "lib", tmp_path)
    assert said.count("is not what this code trains") == len(refused)
    for network in refused:
        assert f"NOTICE: the stored run {network}-" in said
    assert ("2 runs read" in said) == (refused == [])


def moved(path: Path, function: str, behind: str) -> None:
    """Move a function of this module behind another."""
    parts = path.read_text("utf-8").split("\n\n\n")
    (moving,) = (part for part in parts if part.startswith(function))
    parts.remove(moving)
    place = next(i for i, part in enumerate(parts) if part.startswith(behind))
    parts.insert(place + 1, moving)
    assert "\n\n\n".join(parts) != path.read_text("utf-8")
    path.write_text("\n\n\n".join(parts), "utf-8")


def executed(script: str, library: Path, data: Path) -> str:
    own = {"PYTHONPATH": str(library), "PYTHONWARNINGS": "error", "CONVBOOK_DATA": str(data)}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=os.environ | own, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_noise_of_another_device_is_left_out_of_the_proof(monkeypatch):
    """What a GPU drew, a processor cannot draw: the steps without noise are compared."""
    trained, asked = fit_ensemble, []
    first = run(code_noise=0.1)

    def counted(*args, **kwargs):
        asked.append(kwargs.get("code_noise"))
        return trained(*args, **kwargs)

    counted.__wrapped__ = fit_ensemble  # its signature
    here = gathering._circumstances()
    monkeypatch.setattr(gathering, "_circumstances", lambda: here | {"device": "NVIDIA H100"})
    again = cached(counted)(PatchAutoencoder, CURVES, CURVES, **RECIPE, code_noise=0.1)
    assert asked == [0.0]
    assert torch.equal(again.train_loss, first.train_loss)


def test_everything_is_trained_anew_if_asked(folder, monkeypatch, capsys):
    run()
    monkeypatch.setenv("CONVBOOK_RUNS", "train")
    run()
    assert "read" not in capsys.readouterr().out


# Damaged, malicious, unstorable


@pytest.mark.parametrize("keep", [0, 10, 64, 65, 1000, -1])
def test_a_cut_off_file_is_announced_and_replaced(folder, capsys, keep):
    first = run()
    (path,) = stored(folder)
    whole = path.read_bytes()
    path.write_bytes(whole[:keep])
    again = run()
    assert f"{path} is damaged, or no stored run, and is left aside" in capsys.readouterr().out
    assert torch.equal(first.train_loss, again.train_loss)
    run()
    assert capsys.readouterr().out.startswith("1 run read")


def test_a_changed_bit_is_noticed_wherever_it_is(folder, capsys):
    run()
    (path,) = stored(folder)
    whole = path.read_bytes()
    for place in range(0, len(whole), 97):
        content = bytearray(whole)
        content[place] ^= 1
        path.write_bytes(content)
        assert runs.read(path) is None, f"byte {place}"
    path.write_bytes(whole)
    assert runs.read(path) is not None


def test_nothing_is_unpickled(folder, tmp_path, capsys):
    class Malicious:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "hacked"),)

    run()
    (path,) = stored(folder)
    torch.save(Malicious(), tmp_path / "saved")
    for content in ((tmp_path / "saved").read_bytes(), pickle.dumps(Malicious())):
        path.write_bytes(content)
        run()
        assert "or no stored run, and is left aside" in capsys.readouterr().out
    assert not (tmp_path / "hacked").exists()


def test_what_cannot_be_stored_is_kept_in_memory(folder, monkeypatch, capsys):
    def full(path: Path, content: bytes) -> int:
        path.touch()
        raise OSError(ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    first = run()
    out = capsys.readouterr().out
    assert "is kept in memory only, since it could not be stored" in out
    assert "No space left on device" in out
    assert "1 run kept in memory, trained on" in out
    assert "1 run stored" not in out
    assert {path.suffix for path in folder.iterdir()} == {".lock"}  # nothing half-written
    monkeypatch.setattr(ensemble, "one_thread", None)  # it could not train now
    assert torch.equal(run().train_loss, first.train_loss)
    runs.unstored.clear()


def test_a_folder_that_cannot_be_made_stops_nothing(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").touch()
    monkeypatch.setenv("CONVBOOK_DATA", str(tmp_path / "file"))
    assert run().train_loss.shape == (2, 2)
    assert "is kept in memory only" in capsys.readouterr().out
    runs.unstored.clear()


def test_what_cannot_be_written_can_be_read(monkeypatch, capsys):
    with read_only() as (root, closed):
        monkeypatch.setenv("CONVBOOK_DATA", str(root))
        first, (swept,) = run(), run_sweep([ONE], progress=False)
        capsys.readouterr()
        with closed():
            again, (swept_again,) = run(), run_sweep([ONE], progress=False)
            assert capsys.readouterr().out.count("1 run read, trained on") == 2
            run(epochs=3)
            assert "Permission denied" in (out := capsys.readouterr().out)
            assert "1 run kept in memory, trained on" in out
            run(epochs=3)
            assert capsys.readouterr().out.startswith("1 run read, trained on")
        runs.unstored.clear()
        stored(root / "runs")[0].chmod(0)
        with closed():
            assert runs.read(stored(root / "runs")[0]) is None
            assert "Permission denied" in capsys.readouterr().out
    assert torch.equal(again.train_loss, first.train_loss)
    assert swept_again.history.train_loss == swept.history.train_loss


def test_interrupted_in_its_first_epoch(folder, monkeypatch, capsys):
    """What was reached is handed over, is no stored run, and nothing more is trained."""
    calls = []

    def drawn_noise(*arguments):
        calls.append(1)
        _thread.interrupt_main()
        return drawn(*arguments)

    drawn = ensemble.drawn_noise
    monkeypatch.setattr(ensemble, "drawn_noise", drawn_noise)
    partly = run(code_noise=0.1, snapshots_at=(0, 1))
    assert partly.train_loss.shape == partly.test_loss.shape == (2, 0)
    assert list(partly.snapshots) == [0]
    assert partly.model(1)(CURVES).isfinite().all()
    assert stored(folder) == []
    out = capsys.readouterr().out
    assert "Interrupted after 0 of 2 epochs." in out
    assert "1 run" not in out
    assert len(calls) == 1


def test_an_interrupted_proof_trains_nothing(monkeypatch, capsys):
    """A stopped kernel stops the first steps, too, and does not tell against the run."""
    run()
    here = gathering._circumstances()
    monkeypatch.setattr(gathering, "_circumstances", lambda: here | {"torch": "2.7.0"})
    monkeypatch.setattr(ensemble, "drawn_noise", lambda *_: _thread.interrupt_main())
    capsys.readouterr()
    with pytest.raises(KeyboardInterrupt):
        run()
    assert capsys.readouterr().out == ""


def test_a_failure_is_raised_as_it_is(folder):
    message = r"model 0, of seed 1: the loss is .* in batch 2 of epoch 1, with learning_rate=1e\+30"
    with pytest.raises(FloatingPointError, match=message):
        run(learning_rate=1e30)
    assert stored(folder) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": CURVES.numpy()}, "train: expected a tensor, not ndarray"),
        ({"data": CURVES.half()}, "train: expected float32, not torch.float16"),
        ({"data": None}, "train: expected a tensor, not NoneType"),
        ({"make": None}, "make=None: expected a class, a function, or a partial of one"),
        ({"make": "PatchAutoencoder"}, "make='PatchAutoencoder': expected a class"),
        ({"seeds": 5}, "seeds=5: expected whole numbers"),
        ({"seeds": (2**64,)}, "seeds=18446744073709551616: expected a whole number"),
        ({"loss": None}, "loss=None: expected a function"),
        ({"code_noise": -0.1}, "code_noise=-0.1: expected standard deviations"),
    ],
)
def test_bad_input_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        run(**change)


def test_arrays_and_generators_are_the_numbers_in_them(folder):
    first = run(code_noise=(0.5, 0.0, 0.25), snapshots_at=(0, 1))
    again = run(
        seeds=(seed for seed in np.array([1, 2])),
        epochs=torch.tensor(2),
        learning_rate=np.float64(1e-3),
        code_noise=np.array([0.5, 0.0, 0.25], np.float16),
        snapshots_at=iter([0, 1]),
    )
    assert len(stored(folder)) == 1
    assert again.seeds == first.seeds == (1, 2)
    assert list(again.snapshots) == [0, 1]


def test_an_interrupted_run_is_not_kept(folder):
    def interrupted(make, train, test, **recipe):
        whole = fit_ensemble(make, train, test, **recipe)
        return replace(whole, train_loss=whole.train_loss[:, :1])

    interrupted.__wrapped__ = fit_ensemble  # its signature
    cached(interrupted)(PatchAutoencoder, CURVES, CURVES, **RECIPE)
    assert stored(folder) == []


def test_an_interrupted_sweep_keeps_what_was_finished(folder, monkeypatch):
    fit = sweep.fit

    def interrupted(*args, seed, **kwargs):
        history = fit(*args, seed=seed, **kwargs)
        if seed == 2:
            history.train_loss.pop()
        return history

    monkeypatch.setattr(sweep, "fit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_sweep([replace(ONE, seed=seed) for seed in (1, 2, 3)], progress=False)
    assert len(stored(folder)) == 1


def _timed_run(folder: str, together: Barrier, results: Queue) -> None:
    os.environ["CONVBOOK_DATA"] = folder
    together.wait()
    results.put(run(epochs=20).seconds)


def test_two_processes_at_once_train_once(tmp_path):
    spawning = multiprocessing.get_context("spawn")
    shared = (str(tmp_path), spawning.Barrier(2), results := spawning.Queue())
    both = [spawning.Process(target=_timed_run, args=shared) for _ in range(2)]
    for process in both:
        process.start()
    seconds = [results.get(timeout=300) for _ in both]
    for process in both:
        process.join()
    assert seconds[0] == seconds[1]  # one of them read what the other had stored
    assert len(stored(settings.runs_folder())) == 1


def test_large_networks_are_kept_in_half_precision(folder):
    photos = Selection("cifar10", train=50, test=10, source="stand-in")
    large = replace(ONE, make=PhotoAutoencoder, images=photos, epochs=1)
    (first,) = run_sweep([large], progress=False)
    (again,) = run_sweep([large], progress=False)
    assert {values.dtype for values in first.model().state_dict().values()} == {torch.float32}
    images = photos.load().test
    assert torch.equal(first.model()(images), again.model()(images))  # trained or read, the same
    size = sum(p.numel() for p in first.model().parameters())
    (path,) = stored(folder)
    assert path.stat().st_size < 2.01 * size
    run_sweep([replace(large, weights=False)], progress=False)
    assert min(path.stat().st_size for path in stored(folder)) < 4000


# They travel


@pytest.fixture
def server(tmp_path) -> Iterator[tuple[str, Path]]:
    """The repository's address, played: its URL, and the folder that it serves."""
    served = tmp_path / "repository" / "runs"
    served.mkdir(parents=True)
    with serving(served) as address:
        yield address, served


@pytest.fixture
def alone(folder, server, tmp_path, monkeypatch) -> Path:
    """The package without its repository, but with its registry; the served file of one run."""
    run()
    address, served = server
    (path,) = stored(folder)
    shutil.move(path, served)
    content = (served / path.name).read_bytes()
    entry = {"size": len(content), "sha256": runs.hashlib.sha256(content).hexdigest()}
    registry = tmp_path / "registry.json"
    registry.write_text(json.dumps({"address": address, "runs": {path.name: entry}}))
    monkeypatch.setattr(runs, "REGISTRY", registry)
    runs._reachable.cache_clear()
    monkeypatch.setattr(settings, "published_runs_folder", lambda: None)
    return served / path.name


def test_a_run_is_fetched_once_where_the_package_stands_alone(alone, capfd):
    capfd.readouterr()
    run()
    alone.unlink()
    run()
    out, err = capfd.readouterr()
    assert out.count("1 run read") == 2
    assert err == ""


def test_a_corrupted_download_is_refused_and_fetched_again(alone, folder, capsys):
    whole = alone.read_bytes()
    alone.write_bytes(whole[:-1] + b"!")
    capsys.readouterr()
    run()
    out = capsys.readouterr().out
    assert "could not be fetched: SHA256 hash of downloaded file" in out
    assert "1 run stored" in out  # so it was trained
    assert list((folder / "published").iterdir()) == []
    alone.write_bytes(whole)
    shutil.rmtree(folder)
    run()
    assert "1 run read" in capsys.readouterr().out
    (kept,) = stored(folder / "published")
    kept.write_bytes(whole[:-1] + b"!")
    run()
    assert "1 run read" in capsys.readouterr().out
    assert kept.read_bytes() == whole


def test_what_is_not_there_is_announced_and_trained(alone, capsys):
    alone.unlink()
    capsys.readouterr()
    run()
    out = capsys.readouterr().out
    assert f"{alone.name} could not be fetched: 404" in out
    assert "1 run stored" in out


@pytest.mark.parametrize("address", ["", "http://127.0.0.1:9/"])
def test_without_address_or_network_it_says_so_once_and_trains(alone, address, capsys):
    registry = json.loads(runs.REGISTRY.read_text())
    twice = registry["runs"] | {"another": {"size": 1, "sha256": "0"}}
    runs.REGISTRY.write_text(json.dumps({"address": address, "runs": twice}))
    capsys.readouterr()
    assert runs.fetched("another") is None
    run()
    out = capsys.readouterr().out
    assert out.count("NOTICE: no runs are fetched, since ") == 1
    assert (address or "this copy has no address") in out
    assert "1 run stored" in out


class Slow:
    steps = 4000

    def train(self, stop_after: int) -> None:
        pass


def test_long_trainings_are_foretold(monkeypatch, capsys):
    clock = iter((0, 3))  # seconds, for the first twenty steps
    monkeypatch.setattr(gathering.time, "perf_counter", lambda: next(clock))
    gathering._foretell([Slow(), Slow()])
    notice = "NOTICE: 2 runs are not stored. Training here takes about 20 min; with "
    assert capsys.readouterr().out.startswith(notice)
