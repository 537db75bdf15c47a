"""``fit`` against the loop written out, its History, and what it refuses."""

import warnings
from contextlib import nullcontext
from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from convbook.corruptions import gaussian_noise, uniform_impulses
from convbook.models import DigitAutoencoder, PoolUnpool, initialised
from convbook.training import constant, evaluate, fit, reconstruct, warm_up_then_cosine
from convbook.training.forward import MixedPrecision, captured
from convbook.training.solo import other_seed

CPU = torch.device("cpu")
RECIPE = {"epochs": 2, "batch_size": 16, "learning_rate": 1e-2, "seed": 3, "progress": False}


def images(count: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, 1, 28, 28, generator=torch.Generator().manual_seed(seed))


def weights(model: nn.Module) -> torch.Tensor:
    return torch.cat([parameter.detach().cpu().flatten() for parameter in model.parameters()])


def by_loop(
    model: nn.Module, train: torch.Tensor, loss=F.mse_loss, show=lambda x: x, shuffle=True
) -> list[float]:
    """The loop as chapter 8 writes it, with Adam as torch ships it."""
    optimizer = torch.optim.Adam(model.parameters(), RECIPE["learning_rate"])
    order = torch.Generator().manual_seed(RECIPE["seed"])
    means = []
    for _ in range(RECIPE["epochs"]):
        losses = []
        every = torch.randperm(len(train), generator=order) if shuffle else torch.arange(len(train))
        for index in every.split(RECIPE["batch_size"]):
            batch_loss = loss(model(show(train[index])), train[index])
            optimizer.zero_grad()
            batch_loss.backward()
            optimizer.step()
            losses += [batch_loss.item()] * len(index)
        means.append(sum(losses) / len(losses))
    return means


@pytest.mark.parametrize("loss", [F.mse_loss, F.l1_loss])
def test_fit_is_the_loop_written_out(loss):
    train, test = images(40), images(10, seed=1)  # the last batch is a short one
    ours, theirs = initialised(PoolUnpool, 1), initialised(PoolUnpool, 1)
    history = fit(ours, train, test, **RECIPE, loss=loss, device=CPU)
    means = by_loop(theirs, train, loss)
    torch.testing.assert_close(weights(ours), weights(theirs), atol=1e-5, rtol=1e-4)
    assert history.train_loss == pytest.approx(means, rel=1e-4)
    with torch.no_grad():
        assert history.test_loss[-1] == pytest.approx(loss(theirs(test), test).item(), rel=1e-4)


def test_fit_shows_noise_and_asks_for_the_clean_image():
    train, test = images(40), images(10, seed=1)
    corrupt = partial(uniform_impulses, probability=0.3)
    noise = torch.Generator().manual_seed(other_seed(3))
    ours, theirs = initialised(DigitAutoencoder, 1), initialised(DigitAutoencoder, 1)
    history = fit(ours, train, test, **RECIPE, corrupt=corrupt, device=CPU)
    shown = corrupt(test, noise)  # the test images' noise is drawn once, and first
    means = by_loop(theirs, train, show=lambda batch: corrupt(batch, noise))
    torch.testing.assert_close(weights(ours), weights(theirs), atol=1e-5, rtol=1e-4)
    assert history.train_loss == pytest.approx(means, rel=1e-4)
    assert history.test_loss[-1] == pytest.approx(
        F.mse_loss(reconstruct(theirs, shown), test).item(), rel=1e-4
    )
    assert evaluate(theirs, test, shown=shown) == pytest.approx(history.test_loss[-1], rel=1e-4)


def test_fit_can_keep_the_order():
    ours, theirs = initialised(PoolUnpool, 1), initialised(PoolUnpool, 1)
    fit(ours, images(40), images(10), **RECIPE, shuffle=False, device=CPU)
    by_loop(theirs, images(40), shuffle=False)
    torch.testing.assert_close(weights(ours), weights(theirs), atol=1e-5, rtol=1e-4)


def test_the_schedule_is_asked_at_every_step():
    asked = []
    fit(
        initialised(PoolUnpool, 1), images(40), images(10), **RECIPE, device=CPU,
        schedule=lambda done: asked.append(done) or 1.0,
    )  # fmt: skip
    assert asked == pytest.approx([step / 6 for step in range(6)])


def test_a_schedule_scales_the_step():
    model = initialised(PoolUnpool, 1)
    before = weights(model)
    fit(model, images(40), images(10), **RECIPE, schedule=lambda done: 0.0)
    assert torch.equal(weights(model), before)


def test_the_schedules_shapes():
    assert [constant(done) for done in (0, 0.5, 1)] == [1, 1, 1]
    factors = [warm_up_then_cosine(done) for done in (0, 0.025, 0.05, 0.525, 1)]
    assert factors == pytest.approx([0, 0.5, 1, 0.5, 0])


def test_bfloat16_comes_close_to_float32():
    losses = {}
    for precision in ("float32", "bfloat16"):
        recipe = RECIPE | {"epochs": 5, "precision": precision}
        history = fit(initialised(DigitAutoencoder, 1), images(200), images(50), **recipe)
        losses[precision] = history.test_loss[-1]
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=0.02)
    assert losses["bfloat16"] != losses["float32"]


def test_mixed_precision_is_mixed_and_gives_float32():
    seen = []
    layer = nn.Linear(4, 4)
    layer.register_forward_hook(lambda *parts: seen.append(parts[-1].dtype))
    x = torch.ones(2, 4)
    for precision in ("float32", "bfloat16"):
        assert MixedPrecision(layer, precision, CPU)(x).dtype == torch.float32
    assert seen == [torch.float32, torch.bfloat16]
    assert layer.weight.dtype == torch.float32


def test_fit_takes_vectors_as_well_as_images():
    train = torch.rand(50, 6, generator=torch.Generator().manual_seed(0))
    model = initialised(lambda: nn.Linear(6, 6), 0)
    history = fit(model, train, train, **RECIPE, device=CPU)
    assert history.test_loss[1] < history.test_loss[0]


def test_same_seed_same_numbers_other_seed_others():
    def run(seed: int) -> list[float]:
        recipe = RECIPE | {"seed": seed}
        return fit(initialised(PoolUnpool, 1), images(40), images(10), **recipe).train_loss

    assert run(3) == run(3)
    assert run(3) != run(4)


def test_fit_leaves_the_global_generator_alone():
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    fit(initialised(PoolUnpool, 1), images(20), images(5), **RECIPE)
    assert torch.equal(torch.rand(1), expected)


def test_pictures_and_snapshots_are_those_of_their_epoch():
    watch = images(3, seed=9)
    model = initialised(PoolUnpool, 1)
    keep = {"watch": watch, "pictures_at": (1, 2), "snapshots_at": (1, 2)}
    history = fit(model, images(40), images(10), **RECIPE, **keep, device=CPU)
    assert list(history.pictures) == list(history.snapshots) == [1, 2]
    assert torch.equal(history.pictures[2], reconstruct(model, watch))
    model.load_state_dict(history.snapshots[1])
    assert torch.equal(history.pictures[1], reconstruct(model, watch))
    assert not torch.equal(history.pictures[1], history.pictures[2])


def test_the_first_losses_are_those_of_the_loop():
    train, seen = images(40), []

    def recorded(output, target):
        seen.append(loss := F.mse_loss(output, target))
        return loss

    by_loop(initialised(PoolUnpool, 1), train, recorded)
    history = fit(initialised(PoolUnpool, 1), train, images(10), **RECIPE, device=CPU)
    assert history.first_losses == pytest.approx([loss.item() for loss in seen], rel=1e-5)
    for count in (2, 3, 4):
        brief = fit(initialised(PoolUnpool, 1), train, images(10), **RECIPE, stop_after=count)
        assert brief.first_losses == history.first_losses[:count]
        assert len(brief.train_loss) == (count - 1) // 3


def test_what_was_trained_survives_an_interruption(capsys):
    def interrupt(done: float) -> float:
        if done > 0.5:
            raise KeyboardInterrupt
        return 1.0

    model = initialised(PoolUnpool, 1)
    history = fit(model, images(40), images(10), **RECIPE, schedule=interrupt)
    assert len(history.train_loss) == len(history.test_loss) == 1
    assert not torch.equal(weights(model), weights(initialised(PoolUnpool, 1)))
    assert "Interrupted after 1 of 2 epochs." in capsys.readouterr().out
    with pytest.raises(KeyboardInterrupt):  # part of the first steps would be no run's
        fit(model, images(40), images(10), **RECIPE, schedule=interrupt, stop_after=6)


def test_a_loss_that_is_not_finite_stops_the_training():
    recipe = RECIPE | {"learning_rate": 1e30}
    with pytest.raises(
        FloatingPointError, match=r"in batch \d of epoch 1, with learning_rate=1e\+30"
    ):
        fit(initialised(PoolUnpool, 1), images(80), images(10), **recipe)
    far = images(10)
    far[3] = 1e30
    with pytest.raises(FloatingPointError, match=r"inf in the test after epoch 1, with learning_r"):
        fit(initialised(PoolUnpool, 1), images(80), far, **RECIPE)


def test_noise_made_in_place_does_not_reach_the_images():
    train, test = images(40), images(10)
    before = train.clone(), test.clone()
    blackened = fit(
        initialised(DigitAutoencoder, 1), train, test, **RECIPE,
        corrupt=lambda shown, _: shown.zero_(),
    )  # fmt: skip
    assert torch.equal(train, before[0]) and torch.equal(test, before[1])
    assert blackened.first_losses[0] > 0.05  # against the clean images


def test_evaluate_counts_every_image_once():
    model, test = (
        initialised(PoolUnpool, 1),
        images(1003),
    )  # a full batch of the test set and a rest
    with torch.no_grad():
        expected = F.mse_loss(model(test), test).item()
    assert evaluate(model, test) == pytest.approx(expected, rel=1e-5)


def test_the_bar_leaves_one_line_on_standard_output(capfd):
    fit(initialised(PoolUnpool, 1), images(20), images(5), **RECIPE | {"progress": True})
    out, err = capfd.readouterr()
    assert err == ""
    assert out.rstrip("\n").split("\r")[-1].startswith("2/2 epochs |")
    assert out.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "epochs=0"),
        ({"epochs": 1.5}, "epochs=1.5"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"learning_rate": 0.0}, "learning_rate=0.0: expected a positive number"),
        ({"learning_rate": float("nan")}, "learning_rate=nan"),
        ({"train": images(0)}, "train: expected"),
        ({"test": (images(4) * 255).byte()}, "test: expected float32, not torch.uint8"),
        ({"seed": 1.5}, "seed=1.5"),
        ({"test": torch.zeros(5, 1, 14, 14)}, r"test: expected .*1, 28, 28.*14, 14"),
        ({"precision": "float16"}, "precision='float16': expected"),
        ({"corrupt": partial(gaussian_noise, deviation=-1.0)}, "deviation=-1.0"),
        ({"corrupt": lambda images, _: images[:, :, :9]}, "corrupt: expected to keep"),
        ({"train": images(4).double()}, "train: expected float32, not torch.float64"),
        ({"train": images(4).numpy()}, "train: expected a tensor, not ndarray"),
        ({"seed": 2**64}, "seed=18446744073709551616: expected a whole number from 0"),
        ({"pictures_at": (1,)}, "watch=None"),
        ({"pictures_at": (3,), "watch": images(1)}, "pictures_at=3: expected .* from 1 to 2"),
        ({"snapshots_at": (3,)}, "snapshots_at=3: expected .* from 1 to 2"),
        ({"snapshots_at": 1}, "snapshots_at=1: expected whole numbers"),
        ({"pictures_at": 1}, "pictures_at=1: expected whole numbers"),
        ({"stop_after": 0}, "stop_after=0: expected a whole number of at least 1"),
        ({"train": images(4).half()}, "train: expected float32, not torch.float16"),
        ({"train": images(4).tolist()}, "train: expected a tensor, not list"),
        ({"train": torch.tensor(1.0)}, r"train: expected .*, not \(\)"),
        ({"watch": images(4).double()}, "watch: expected float32, not torch.float64"),
        ({"learning_rate": "0.1"}, "learning_rate='0.1': expected a positive number"),
        ({"learning_rate": True}, "learning_rate=True: expected a positive number"),
        ({"loss": None}, "loss=None: expected a function"),
        ({"loss": lambda output, target: output - target}, r"loss: expected a single number"),
        ({"corrupt": 0.1}, "corrupt=0.1: expected a function"),
        ({"corrupt": lambda images, _: images.double()}, "corrupt: expected float32"),
        ({"corrupt": lambda images, _: images.numpy()}, "corrupt: expected a tensor, not ndarray"),
        ({"schedule": 1.0}, "schedule=1.0: expected a function"),
        ({"device": "gpu"}, "device='gpu': expected one of torch's"),
        ({"model": PoolUnpool}, "model: expected a network with parameters, not <class"),
        ({"model": nn.Identity()}, r"model: expected a network with parameters, not Identity\(\)"),
        ({"model": PoolUnpool().double()}, "model: expected float32, not torch.float64"),
        ({"model": nn.Conv2d(1, 1, 3)}, r"model: expected outputs of the input's shape .*26, 26"),
    ],
)
def test_bad_input_is_named(change, message):
    arguments = {"model": PoolUnpool(), "train": images(4), "test": images(4)} | RECIPE | change
    with pytest.raises(ValueError, match=message):
        fit(**arguments)


def test_numbers_of_numpy_and_torch_and_generators_will_do():
    usual = fit(initialised(PoolUnpool, 1), images(40), images(10), **RECIPE, snapshots_at=(1, 2))
    recipe = {
        "epochs": torch.tensor(2),
        "batch_size": np.int64(16),
        "learning_rate": torch.tensor(1e-2, dtype=torch.float64),
        "seed": np.uint64(3),
        "snapshots_at": (epoch for epoch in np.arange(1, 3)),
    }
    other = fit(
        initialised(PoolUnpool, np.int64(1)), images(40), images(10), **recipe, progress=False
    )
    assert other.train_loss == usual.train_loss
    assert list(other.snapshots) == [1, 2]
    for seed in (2**64, -1, 1.5, "1"):
        with pytest.raises(ValueError, match=f"seed={seed!r}: expected a whole number from 0 to"):
            initialised(PoolUnpool, seed)


def test_numbers_are_read_once_an_epoch(monkeypatch):
    """Reading a number stops a GPU until it has caught up: not once a step."""
    reads = []
    for name in ("item", "tolist"):
        read = getattr(torch.Tensor, name)
        counted = lambda tensor, read=read: reads.append(1) or read(tensor)  # noqa: E731
        monkeypatch.setattr(torch.Tensor, name, counted)
    fit(initialised(PoolUnpool, 1), images(40), images(10), **RECIPE, device=CPU)
    assert len(reads) == 2 * RECIPE["epochs"]


def test_evaluate_names_bad_input():
    with pytest.raises(ValueError, match="images: expected at least one"):
        evaluate(PoolUnpool(), images(0))
    with pytest.raises(ValueError, match="shown: expected"):
        evaluate(PoolUnpool(), images(2), shown=images(3))
    with pytest.raises(ValueError, match="shown: expected float32, not "):
        evaluate(PoolUnpool(), images(2), shown=images(2).double())
    for call in (evaluate, reconstruct):
        with pytest.raises(ValueError, match="images: expected at least one"):
            call(PoolUnpool(), images(0))
        with pytest.raises(ValueError, match="images: expected a tensor, not ndarray"):
            call(PoolUnpool(), images(2).numpy())
        with pytest.raises(ValueError, match="images: expected float32, not "):
            call(PoolUnpool(), images(2).half())
        with pytest.raises(ValueError, match="model: expected a network with parameters"):
            call(nn.Identity(), images(2))


def test_on_cuda_as_on_the_cpu():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device on this machine")
    train, test = images(200), images(50)
    runs = {}
    for name in ("cpu", "cuda"):
        model = initialised(PoolUnpool, 1)
        history = fit(model, train, test, **RECIPE, device=torch.device(name))
        again = fit(initialised(PoolUnpool, 1), train, test, **RECIPE, device=torch.device(name))
        assert history.train_loss == again.train_loss
        runs[name] = weights(model)
    torch.testing.assert_close(runs["cuda"], runs["cpu"], atol=1e-3, rtol=1e-3)


def test_what_is_captured_writes_into_a_sample_of_its_own(monkeypatch):
    """A CUDA graph reads every batch from the memory of its sample; here, without a GPU."""
    samples = []

    def graphed(model: nn.Module, arguments: tuple[torch.Tensor]):
        samples.extend(arguments)
        return model

    monkeypatch.setattr(torch.cuda, "make_graphed_callables", graphed)
    monkeypatch.setattr(torch.cuda, "device", lambda _: nullcontext())
    train = images(16)
    forward = captured(MixedPrecision(nn.Identity(), "float32", CPU), train[:4])
    assert torch.equal(samples[0], train[:4])
    assert samples[0].data_ptr() != train.data_ptr()
    assert torch.equal(forward(train[:3]), train[:3])


def test_a_layer_that_cannot_be_captured_is_announced(monkeypatch, capsys):
    def refuses(*_: object) -> None:
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(torch.cuda, "make_graphed_callables", refuses)
    monkeypatch.setattr(torch.cuda, "device", lambda _: nullcontext())
    model = MixedPrecision(nn.Identity(), "float32", CPU)
    assert captured(model, images(4)) is model
    assert "NOTICE: not captured as a CUDA graph" in capsys.readouterr().out


def test_a_captured_graph_gives_the_same_gradients():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device on this machine")
    cuda = torch.device("cuda")
    model = initialised(DigitAutoencoder, 1).to(cuda)
    plain = MixedPrecision(model, "float32", cuda)
    fast = captured(plain, images(16).to(cuda))
    for count in (16, 5):  # a full batch, and a short one
        batch, gradients = images(count, seed=count).to(cuda), []
        for forward in (plain, fast):
            model.zero_grad()
            F.mse_loss(forward(batch), batch).backward()
            gradients.append(torch.cat([p.grad.flatten() for p in model.parameters()]))
        torch.testing.assert_close(gradients[0], gradients[1], atol=1e-5, rtol=1e-4)


def test_nothing_is_read_back_within_an_epoch():
    """CUDA would stall on it, so torch counts: one read for the training loss, one for the test."""
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device on this machine")
    train, test = images(160), images(16)
    model = initialised(PoolUnpool, 1)
    fit(model, train, test, **RECIPE | {"epochs": 1})
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            fit(model, train, test, **RECIPE | {"epochs": 1})
    finally:
        torch.cuda.set_sync_debug_mode("default")
    in_steps = [w for w in caught if "synchroniz" in str(w.message)]
    assert len(in_steps) <= 6  # two reads and the copies of data and order, for ten batches
