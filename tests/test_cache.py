"""A run is read back where nothing that decides it has changed, and trained again where it has."""

import multiprocessing
import os
from functools import partial
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from convbook import models, settings
from convbook.data.curves import bezier_curves
from convbook.models import CurveAutoencoder, PatchAutoencoder
from convbook.training import Ensemble, cache, cached, fit_ensemble
from convbook.training.cache import _without_comments

CURVES = bezier_curves(50, seed=1)
RECIPE = {"seeds": (1, 2), "epochs": 2, "batch_size": 20, "learning_rate": 1e-3, "progress": False}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("CONVBOOK_DATA", str(tmp_path))
    return tmp_path / "runs"


def run(make=PatchAutoencoder, data=CURVES, **change) -> Ensemble:
    return cached(fit_ensemble)(make, data, data, **RECIPE | change)


def stored(folder) -> list:
    return sorted(folder.glob("*.run"))


def test_a_run_is_trained_once(folder, capsys):
    first = run(snapshots_at=(0, 1))
    assert capsys.readouterr().out == ""
    again = run(snapshots_at=(0, 1), progress=True)  # which does not matter to the numbers
    assert capsys.readouterr().out.startswith("trained before, in ")
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
def test_whatever_changes_the_numbers_is_trained_anew(folder, change):
    run()
    run(**change)
    assert len(stored(folder)) == 2


def test_another_version_of_torch_trains_anew(folder, monkeypatch):
    run()
    monkeypatch.setattr(torch, "__version__", "99.0")
    run()
    assert len(stored(folder)) == 2


def test_another_device_and_other_code_train_anew(monkeypatch):
    decisive = {"make": PatchAutoencoder, "epochs": 2, "device": "cpu"}
    key = cache.run_key("a", cache.ENSEMBLE_CODE, decisive)
    assert key == cache.run_key("a", cache.ENSEMBLE_CODE, decisive)
    assert key != cache.run_key("b", cache.ENSEMBLE_CODE, decisive)
    assert key != cache.run_key("a", cache.ENSEMBLE_CODE, decisive | {"device": "cuda"})
    assert key != cache.run_key("a", cache.ENSEMBLE_CODE[1:], decisive)
    for changed in ("convbook.training.ensemble", "convbook.models.curves"):
        with monkeypatch.context() as patch:
            patch.setitem(cache.SOURCES, changed, "pass")
            assert key != cache.run_key("a", cache.ENSEMBLE_CODE, decisive)
    monkeypatch.setitem(cache.SOURCES, "convbook.models.digits", "pass")  # another network's module
    assert key == cache.run_key("a", cache.ENSEMBLE_CODE, decisive)


def test_every_module_whose_names_decide_is_known():
    modules = Path(models.__file__).parent.glob("[a-z]*.py")
    assert {f"convbook.models.{path.stem}" for path in modules} <= set(cache.SOURCES)


def test_names_and_keywords_tell_networks_apart():
    makers = [
        partial(nn.Conv1d, 1, 1, kernel_size=1, padding=3),
        partial(nn.Conv1d, 1, 1, kernel_size=3, padding=1),
        partial(nn.ConvTranspose1d, 1, 1, kernel_size=3, padding=1),
        partial(PatchAutoencoder, activation="relu"),
        partial(PatchAutoencoder, activation="none"),
        PatchAutoencoder,
    ]
    assert len({cache._identity("make", make) for make in makers}) == len(makers)
    swapped = partial(nn.Conv1d, 1, 1, padding=1, kernel_size=3)
    assert cache._identity("make", swapped) == cache._identity("make", makers[1])


def test_comments_and_docstrings_do_not_matter():
    plain = "def f(x):\n    return x + 1\n"
    commented = 'def f(x):\n    """One more."""\n\n    return x + 1  # really\n'
    assert _without_comments(commented) == _without_comments(
        'def f(x):\n    "Else."\n    return x + 1'
    )
    assert _without_comments(plain) == _without_comments("def f(x): # what?\n\n    return (x + 1)")
    assert _without_comments(plain) != _without_comments("def f(x):\n    return x + 2\n")


@pytest.mark.parametrize("keep", [0, 10, 64, 65, 1000, -1])
def test_a_cut_off_file_is_announced_and_replaced(folder, capsys, keep):
    first = run()
    (path,) = stored(folder)
    whole = path.read_bytes()
    path.write_bytes(whole[:keep])
    again = run()
    assert f"{path.name} is damaged; training it again" in capsys.readouterr().out
    assert torch.equal(first.train_loss, again.train_loss)
    run()
    assert capsys.readouterr().out.startswith("trained before, in ")


def test_a_changed_byte_is_noticed(folder, capsys):
    run()
    (path,) = stored(folder)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    run()
    assert "is damaged" in capsys.readouterr().out


def test_an_interrupted_run_is_not_kept(folder, monkeypatch):
    def interrupted(make, train, test, **recipe):
        return fit_ensemble(make, train, test, **recipe | {"epochs": 1})

    interrupted.__wrapped__ = fit_ensemble  # its signature
    cached(interrupted)(PatchAutoencoder, CURVES, CURVES, **RECIPE)
    assert stored(folder) == []


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


class Elsewhere(PatchAutoencoder):
    """Its code is not in the key, so that its name says nothing."""


@pytest.mark.parametrize(
    "change",
    [
        {"make": object()},
        {"make": lambda: PatchAutoencoder()},
        {"make": Elsewhere},
        {"loss": lambda a, b: (a - b).sum()},
        {"loss": nn.HuberLoss(delta=2.0)},
        {"loss": nn.HuberLoss(delta=2.0).forward},
    ],
)
def test_what_cannot_be_told_apart_is_named(change):
    (name,) = change
    with pytest.raises(ValueError, match=f"{name}: a stored run cannot be told by"):
        run(**change)
