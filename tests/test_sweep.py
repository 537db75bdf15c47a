"""A sweep: kept run by run, the same here and in other processes, and not lost with a worker."""

import os
import signal
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import torch

from convbook import data, settings
from convbook.corruptions import uniform_impulses
from convbook.data import Selection
from convbook.models import DigitAutoencoder, PoolUnpool, initialised
from convbook.training import (
    Configuration,
    evaluate,
    fit,
    gathering,
    run_sweep,
    sweep,
    warm_up_then_cosine,
)
from convbook.training.history import FIRST_STEPS
from convbook.training.runs import name_of

DIGITS = Selection("mnist", train=200, test=50, source="stand-in")
ONE = Configuration(
    make=PoolUnpool,
    images=DIGITS,
    seed=1,
    epochs=2,
    batch_size=64,
    learning_rate=1e-2,
    precision="float32",
)
THREE = [replace(ONE, seed=seed) for seed in (1, 2, 3)]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("CONVBOOK_DATA", str(tmp_path))
    return tmp_path / "runs"


def losses(results) -> list[list[float]]:
    return [trained.history.train_loss for trained in results]


def stored(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.safetensors"))


def test_a_run_is_fit(folder):
    (trained,) = run_sweep([replace(ONE, watch=(3, 5), pictures_at=(1,), snapshots_at=(1,))])
    images, model = DIGITS.load(), initialised(PoolUnpool, 1)
    recipe = {"epochs": 2, "batch_size": 64, "learning_rate": 1e-2, "seed": 1}
    watch = images.test[[3, 5]]
    keep = {"watch": watch, "pictures_at": (1,), "snapshots_at": (1,)}
    history = fit(model, images.train, images.test, **recipe, **keep)
    assert trained.history.train_loss == history.train_loss
    assert trained.history.test_loss == history.test_loss
    assert trained.history.first_losses == history.first_losses
    assert torch.equal(trained.history.pictures[1], history.pictures[1].half().float())
    for name, values in trained.model(epoch=1).state_dict().items():
        assert torch.equal(values, history.snapshots[1][name])
    ours, its = trained.model().state_dict(), model.cpu().state_dict()
    assert all(torch.equal(ours[name], its[name]) for name in its)


def test_what_another_process_trains_meanwhile_is_read(folder, monkeypatch):
    """Two sweeps of the same runs share the work: neither trains what the other has stored."""
    fit, trained = sweep.fit, []

    def fit_while_another_sweep_goes_ahead(*args, seed, **kwargs):
        trained.append(seed)
        if seed == 1:
            run_sweep(THREE[1:], progress=False)
        return fit(*args, seed=seed, **kwargs)

    monkeypatch.setattr(sweep, "fit", fit_while_another_sweep_goes_ahead)
    monkeypatch.setattr(sweep, "ALONE", nullcontext())  # the other one is no process here
    run_sweep(THREE, progress=False)
    assert trained == [1, 2, 3]


def test_what_was_trained_is_read(folder, monkeypatch, capsys):
    first = run_sweep([*THREE, THREE[0]], progress=False)
    assert len(stored(folder)) == 3
    monkeypatch.setattr(sweep, "fit", None)  # it could not train now
    again = run_sweep(THREE[::-1], progress=False)
    assert losses(again) == losses(first[:3])[::-1]
    assert "3 runs read, trained on" in capsys.readouterr().out
    assert losses(first)[3] == losses(first)[0]


@pytest.mark.parametrize(
    "change",
    [
        {"make": DigitAutoencoder},
        {"make": partial(PoolUnpool, tied=True)},
        {"images": replace(DIGITS, train=100)},
        {"images": replace(DIGITS, signed=True)},
        {"images": replace(DIGITS, without=3)},
        {"seed": 2},
        {"epochs": 1},
        {"shuffle": False},
        {"loss": torch.nn.functional.l1_loss},
        {"corrupt": partial(uniform_impulses, probability=0.1)},
        {"corrupt": partial(uniform_impulses, probability=0.2)},
        {"schedule": warm_up_then_cosine},
        {"precision": "bfloat16"},
        {"watch": (1,)},
        {"weights": False},
    ],
)
def test_whatever_decides_the_numbers_decides_the_name(change):
    assert name_of(ONE.recipe) != name_of(replace(ONE, **change).recipe)


def test_the_data_are_known_by_their_content(monkeypatch):
    every = data.mnist("stand-in")
    monkeypatch.setitem(data.selection.LOAD, "mnist", lambda _: every)
    anyhow = replace(ONE, images=replace(DIGITS, source="auto"))
    assert name_of(anyhow.recipe) == name_of(ONE.recipe)
    brighter = replace(every, test=every.test.sqrt())
    monkeypatch.setitem(data.selection.LOAD, "mnist", lambda _: brighter)
    other = replace(DIGITS, source="official")  # the last that was not loaded yet
    assert name_of(replace(ONE, images=other).recipe) != name_of(ONE.recipe)


def test_a_cut_off_run_is_announced_and_trained_again(folder, capsys):
    first = run_sweep(THREE, progress=False)
    path = stored(folder)[1]
    path.write_bytes(path.read_bytes()[:1000])
    again = run_sweep(THREE, progress=False)
    assert f"{path} is damaged, or no stored run, and is left aside" in capsys.readouterr().out
    assert losses(again) == losses(first)


def test_a_failure_stops_no_other_run(folder):
    fails = replace(ONE, learning_rate=1e30)
    with pytest.raises(ExceptionGroup, match="1 of 4 runs failed") as raised:
        run_sweep([fails, *THREE], progress=False)
    (reason,) = raised.value.exceptions
    assert isinstance(reason, FloatingPointError)
    assert str(reason).endswith("of epoch 1, with learning_rate=1e+30")
    assert "learning_rate=1e+30" in reason.__notes__[0]
    assert len(stored(folder)) == 3


def test_an_interrupted_sweep_goes_on_where_it_stopped(folder, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(sweep, "fit", interrupted_at_the_third(calls := []))
        with pytest.raises(KeyboardInterrupt):
            run_sweep(THREE, progress=False)
    assert len(stored(folder)) == 2
    monkeypatch.setattr(sweep, "fit", interrupted_at_the_third(calls))
    run_sweep(THREE, progress=False)
    assert calls == [1, 2, 3, 3]


def interrupted_at_the_third(calls: list[int]):
    def fit_until(*args, seed, **kwargs):
        calls.append(seed)
        if calls == [1, 2, 3]:
            raise KeyboardInterrupt
        return fit(*args, seed=seed, **kwargs)

    return fit_until


# Other processes


def two_processes() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(2, mp_context=get_context("spawn"))


def test_processes_find_what_one_finds(folder):
    here = run_sweep(THREE, progress=False)
    for path in stored(folder):
        path.unlink()
    with two_processes() as executor:
        there = run_sweep(THREE, executor, progress=False)
    for one, other in zip(here, there, strict=True):
        assert other.history.train_loss == pytest.approx(one.history.train_loss, rel=1e-5)
    assert len(stored(folder)) == 3


def test_what_cannot_be_sent_stops_no_other_run(folder):
    nameless = replace(ONE, make=lambda: PoolUnpool())
    with ThreadPoolExecutor(1) as executor, pytest.raises(ExceptionGroup) as raised:
        run_sweep([nameless, *THREE], executor, progress=False)
    (reason,) = raised.value.exceptions
    assert "expected what a recipe can name" in str(reason)
    assert len(stored(folder)) == 3


def test_threads_find_what_one_finds(folder):
    here = run_sweep(THREE, progress=False)
    for path in stored(folder):
        path.unlink()
    with ThreadPoolExecutor(3) as executor:
        there = run_sweep(THREE, executor, progress=False)
    assert losses(there) == losses(here)


class DyingExecutor(Executor):
    """A pool of processes that kills one of them when the first run is back."""

    def __init__(self, pool: ProcessPoolExecutor):
        self.pool = pool

    def submit(self, function, /, *args) -> Future:
        future = self.pool.submit(function, *args)
        future.add_done_callback(self._kill)
        return future

    def _kill(self, future: Future) -> None:
        if self.pool._processes and not future.exception():
            os.kill(next(iter(self.pool._processes)), signal.SIGKILL)


def test_a_killed_worker_loses_nothing_that_was_finished(folder, capsys):
    many = [replace(ONE, seed=seed) for seed in range(6)]
    with two_processes() as pool:
        results = run_sweep(many, DyingExecutor(pool), progress=False)
    assert "NOTICE: the executor broke; " in capsys.readouterr().out
    assert [trained.configuration for trained in results] == many
    assert len(stored(folder)) == 6


def worker_dies_once(marker: str) -> None:
    """Run on a Dask worker: the first one to get here kills itself."""
    if not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_stopped_kernel_stops_the_workers(folder, monkeypatch):
    """It is stopped when the first run is back; the others would take hours."""
    store = gathering.store

    def interrupted(trained):
        monkeypatch.setattr(gathering, "store", store)
        raise KeyboardInterrupt

    monkeypatch.setattr(gathering, "store", interrupted)
    endless = [replace(ONE, seed=seed, epochs=100_000) for seed in range(2, 8)]
    with two_processes() as pool:
        with pytest.raises(KeyboardInterrupt):
            run_sweep([ONE, *endless], pool, progress=False)
        workers = list(pool._processes.values())
    assert [worker.exitcode for worker in workers] == [-signal.SIGTERM] * 2
    assert len(stored(folder)) == 1


def test_what_was_finished_when_the_kernel_stopped_is_kept(folder, tmp_path, monkeypatch):
    store = gathering.store

    def interrupted(trained):
        monkeypatch.setattr(gathering, "store", store)
        raise KeyboardInterrupt

    monkeypatch.setattr(gathering, "store", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_sweep(THREE, Elsewhere(tmp_path / "far", monkeypatch), progress=False)
    assert len(stored(settings.runs_folder())) == 3


@pytest.mark.filterwarnings("ignore")  # of distributed, about the worker that was killed
def test_a_dask_cluster_trains_and_outlives_a_worker(folder, tmp_path):
    from distributed import Client, LocalCluster

    cluster = LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, local_directory=tmp_path
    )
    many = [replace(ONE, seed=seed) for seed in range(4)]
    with cluster, Client(cluster) as client:
        executor = client.get_executor()
        doomed = executor.submit(worker_dies_once, str(tmp_path / "died"))
        results = run_sweep(many, executor, progress=False)
        doomed.result(timeout=60)  # Dask gave it to another worker
    assert [trained.configuration for trained in results] == many
    assert len(stored(folder)) == 4
    here = DIGITS.load().test
    assert results[3].history.test_loss[-1] == pytest.approx(
        evaluate(results[3].model(), here), rel=1e-4
    )


class Elsewhere(Executor):
    """A machine with a folder of its own, and another version of torch."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch):
        self.folder, self.monkeypatch = folder, monkeypatch

    def submit(self, function, configuration) -> Future:
        assert configuration.images.source == "stand-in"  # told, rather than left to fall back
        future = Future()
        with self.monkeypatch.context() as patch:
            patch.setenv("CONVBOOK_DATA", str(self.folder))
            patch.setattr(torch, "__version__", "2.7.0")
            future.set_result(function(configuration))
        return future


def test_what_another_machine_trained_is_kept_here(folder, tmp_path, monkeypatch, capsys):
    any_source = [replace(each, images=replace(DIGITS, source="auto")) for each in THREE]
    with monkeypatch.context() as patch:  # without the official files, as in CI without a network
        patch.setitem(data.selection.LOAD, "mnist", lambda _: data.mnist("stand-in"))
        run_sweep(any_source, Elsewhere(tmp_path / "far", monkeypatch), progress=False)
    assert len(stored(settings.runs_folder())) == 3
    asked = []

    def counted(*args, **kwargs):
        asked.append(kwargs["stop_after"])
        return fit(*args, **kwargs)

    monkeypatch.setattr(sweep, "fit", counted)
    run_sweep(THREE, progress=False)  # of another version of torch: their first steps prove them
    assert asked == [FIRST_STEPS] * 3
    assert "with torch 2.7.0" in capsys.readouterr().out
    run_sweep(THREE, progress=False)  # which is remembered
    assert len(asked) == 3


def test_a_generator_of_configurations_will_do():
    results = run_sweep((each for each in THREE), progress=False)
    assert [trained.configuration for trained in results] == THREE
    numpys = replace(
        ONE, seed=np.int64(1), epochs=np.int32(2), batch_size=torch.tensor(64),
        learning_rate=np.float64(1e-2),
    )  # fmt: skip
    assert numpys == ONE
    assert numpys.recipe == ONE.recipe


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"make": None}, "make=None: expected a function"),
        ({"images": "mnist"}, "images='mnist': expected a Selection"),
        ({"seed": 2**64}, "seed=18446744073709551616: expected a whole number"),
        ({"seed": 1.5}, "seed=1.5"),
        ({"epochs": "2"}, "epochs='2'"),
        ({"learning_rate": 0.0}, "learning_rate=0.0: expected a positive number"),
        ({"loss": None}, "loss=None: expected a function"),
        ({"corrupt": 0.1}, "corrupt=0.1: expected a function"),
        ({"schedule": 1.0}, "schedule=1.0: expected a function"),
        ({"watch": 3}, "watch=3: expected whole numbers"),
        ({"pictures_at": (3,)}, "pictures_at=3: expected a whole number from 1 to 2"),
        ({"snapshots_at": (0,)}, "snapshots_at=0: expected a whole number from 1 to 2"),
    ],
)
def test_a_configuration_names_bad_input(change, message):
    with pytest.raises(ValueError, match=message):
        replace(ONE, **change)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((ONE,), "configurations=.*: expected a list of them"),
        ((None,), "configurations=None: expected"),
        ((["PoolUnpool"],), "configurations: expected Configurations alone, not 'PoolUnpool'"),
        (([ONE], "threads"), r"executor='threads': expected a concurrent\.futures\.Executor"),
        (([ONE], ThreadPoolExecutor), r"executor=<class .*: expected a concurrent\.futures"),
    ],
)
def test_a_sweep_names_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        run_sweep(*arguments, progress=False)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="name='cifar': expected 'mnist' or 'cifar10'"):
        Selection("cifar")
    with pytest.raises(ValueError, match="train=0"):
        Selection("mnist", train=0)
    for label in (-1, 10, "3"):
        with pytest.raises(ValueError, match=f"without={label!r}"):
            Selection("mnist", without=label)
    with pytest.raises(ValueError, match="watch=-1"):
        replace(ONE, watch=[-1])
    with pytest.raises(ExceptionGroup) as raised:
        run_sweep([replace(ONE, watch=[50], pictures_at=[1])], progress=False)
    assert "watch=(50,): expected numbers below 50" in str(raised.value.exceptions[0])


def test_a_selection_leaves_out_a_class():
    images = Selection("mnist", without=3, signed=True, source="stand-in").load()
    assert sorted(images.train_labels.unique().tolist()) == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert 3 in images.test_labels
    assert images.train.min() == -1
    assert images.test.max() == 1
