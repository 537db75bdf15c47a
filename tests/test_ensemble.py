"""``fit_ensemble`` against ``fit`` and against the loop written out, and what it refuses."""

import _thread
import shutil
from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given
from hypothesis import strategies as st
from torch import nn

from convbook.data.curves import bezier_curves, random_patches
from convbook.models import CurveAutoencoder, PatchAutoencoder, PoolUnpool, initialised
from convbook.training import fit, fit_ensemble
from convbook.training.ensemble import drawn_noise
from convbook.training.history import FIRST_STEPS
from convbook.training.matrix_form import ConvolutionsAsMatrices, conv1d, conv_transpose1d

CURVES = bezier_curves(300, seed=1)
PATCHES = random_patches(CURVES, 7, seed=1)
DIGITS = torch.rand(80, 1, 28, 28, generator=torch.Generator().manual_seed(0))
RECIPE = {"epochs": 3, "batch_size": 64, "learning_rate": 1e-2, "progress": False, "device": "cpu"}


def patches_ensemble(**change):
    usual = {"make": PatchAutoencoder, "train": PATCHES, "test": PATCHES[:50], "seeds": (5, 6)}
    return fit_ensemble(**usual | RECIPE | change)


def assert_equal_weights(a: nn.Module, b: nn.Module, tolerance: float = 1e-4) -> None:
    for left, right in zip(a.parameters(), b.parameters(), strict=True):
        torch.testing.assert_close(left.cpu(), right.cpu(), atol=tolerance, rtol=tolerance)


class TwoConvolutions(nn.Module):
    """Padding, dilation, two channels, and no encode: what fit_ensemble knows nothing of."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv1d(1, 2, 3, padding=2, dilation=2)
        self.second = nn.ConvTranspose1d(2, 1, 3, padding=1, bias=False)

    def forward(self, x):
        return self.second(torch.relu(self.first(x)))


@pytest.mark.parametrize(
    ("make", "data"),
    [
        (PatchAutoencoder, PATCHES),
        (partial(PatchAutoencoder, activation="relu"), PATCHES),
        (PatchAutoencoder, CURVES),
        (CurveAutoencoder, CURVES),
        (TwoConvolutions, PATCHES),
        (partial(nn.Linear, 7, 7), PATCHES),
    ],
    ids=["tanh", "relu", "patch network on curves", "curve network", "other", "linear"],
)
def test_a_model_in_an_ensemble_is_the_model_alone(make, data):
    train, test = data[:200], data[200:]  # the last batch is a short one
    together = fit_ensemble(make, train, test, seeds=(5, 6, 7), **RECIPE)
    for i, seed in enumerate((5, 6, 7)):
        alone = initialised(make, seed)
        history = fit(alone, train, test, **RECIPE, seed=seed)
        assert_equal_weights(together.model(i), alone)
        assert together.train_loss[i].tolist() == pytest.approx(history.train_loss, rel=1e-3)
        assert together.test_loss[i].tolist() == pytest.approx(history.test_loss, rel=1e-3)


def warned(recwarn: pytest.WarningsRecorder) -> list[str]:
    """Less the sockets of an earlier test's kernel, which may be found only now."""
    return [str(one) for one in recwarn if one.category is not ResourceWarning]


def test_a_compiled_step_is_the_step(monkeypatch, capfd, recwarn):
    noise = {"input_noise": 0.1, "code_noise": (0.1, 0.0, 0.2)}
    plain = patches_ensemble(**noise)
    monkeypatch.setattr("convbook.training.ensemble.WORTH_COMPILING", 0)
    if not (shutil.which("g++") or shutil.which("clang++")):
        pytest.skip("no C++ compiler on this machine")
    compiled = patches_ensemble(**noise)
    assert capfd.readouterr() == ("", "")
    assert warned(recwarn) == []
    assert_equal_weights(plain.model(1), compiled.model(1))
    torch.testing.assert_close(plain.test_loss, compiled.test_loss)


def test_many_compiled_runs_are_all_compiled(monkeypatch, capfd):
    """Beyond a limit, torch.compile would run a step that it has seen too often as it is; it counts
    what it traces, whatever becomes of that, and so nothing is made of it here.
    """
    monkeypatch.setattr("convbook.training.ensemble.WORTH_COMPILING", 0)
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    monkeypatch.setattr(torch._dynamo.config, "recompile_limit", 2)
    monkeypatch.setattr(torch._dynamo.config, "fail_on_recompile_limit_hit", True)
    for rate in (1e-2, 1e-3):
        patches_ensemble(learning_rate=rate, stop_after=6)  # with a shorter batch
    assert "NOTICE" not in capfd.readouterr().out


def test_without_a_compiler_it_says_so_and_trains(monkeypatch, capsys):
    def no_compiler(*_: object) -> None:
        raise RuntimeError("InvalidCxxCompiler: no working compiler\nand more")

    no_compiler_at_first_call = lambda step, **_: no_compiler  # noqa: E731
    monkeypatch.setattr(torch, "compile", no_compiler_at_first_call)
    monkeypatch.setattr("convbook.training.ensemble.WORTH_COMPILING", 0)
    uncompiled = patches_ensemble()
    assert (
        "which takes longer: InvalidCxxCompiler: no working compiler\n" in capsys.readouterr().out
    )
    assert_equal_weights(uncompiled.model(0), patches_ensemble(epochs=3).model(0))


def test_the_first_losses_are_those_of_the_loop():
    run = patches_ensemble(epochs=6)  # five batches an epoch
    model = initialised(PatchAutoencoder, 6)
    optimizer = torch.optim.Adam(model.parameters(), RECIPE["learning_rate"])
    generator, losses = torch.Generator().manual_seed(6), []
    for _ in range(4):
        for index in torch.randperm(len(PATCHES), generator=generator).split(64):
            loss = F.mse_loss(model(PATCHES[index]), PATCHES[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert run.first_losses.shape == (2, FIRST_STEPS)
    assert run.first_losses[1].tolist() == pytest.approx(losses, rel=1e-4)


@pytest.mark.parametrize(("stop_after", "finished"), [(3, 0), (7, 1), (100, 3)])
def test_it_stops_after_so_many_batches(stop_after, finished):
    whole, brief = patches_ensemble(), patches_ensemble(stop_after=stop_after)
    assert torch.equal(brief.first_losses, whole.first_losses[:, :stop_after])
    assert torch.equal(brief.train_loss, whole.train_loss[:, :finished])
    assert torch.equal(brief.test_loss, whole.test_loss[:, :finished])
    at_first = initialised(PatchAutoencoder, 5).conv.weight
    assert not torch.equal(brief.model(0).conv.weight, at_first)


def test_a_loss_that_is_not_finite_names_its_model():
    def overflowing(output, target):  # for large outputs alone
        return (output.pow(2).mean() - 1e4).exp() + F.mse_loss(output, target)

    def make():
        network = PatchAutoencoder()
        if torch.initial_seed() == 6:
            nn.init.constant_(network.deconv.bias, 1e3)
        return network

    message = (
        r"model 1, of seed 6: the loss is (inf|nan) in batch 1 of epoch 1, with learning_rate=0.01"
    )
    with pytest.raises(FloatingPointError, match=message):
        patches_ensemble(make=make, loss=overflowing)
    with pytest.raises(FloatingPointError, match=r"model 0, of seed 5: .* batch 2 of epoch 1"):
        patches_ensemble(learning_rate=1e30, stop_after=3)
    far = PATCHES[:50].clone()
    far[3] = 1e30
    with pytest.raises(
        FloatingPointError, match=r"model 0, .* inf in the test after epoch 1, with"
    ):
        patches_ensemble(test=far)


@pytest.mark.parametrize("options", [{}, {"tied": True}, {"unpool": "repeat"}])
def test_images_pooled_and_unpooled(options, recwarn):
    make, recipe = partial(PoolUnpool, **options), RECIPE | {"epochs": 2}
    together = fit_ensemble(make, DIGITS, DIGITS[:20], seeds=(1, 2), **recipe)
    for index, seed in enumerate((1, 2)):
        alone = initialised(make, seed)
        history = fit(alone, DIGITS, DIGITS[:20], **recipe, seed=seed)
        assert_equal_weights(together.model(index), alone)
        assert together.test_loss[index].tolist() == pytest.approx(history.test_loss, rel=1e-4)
    assert warned(recwarn) == []


def test_in_chunks_as_all_at_once(monkeypatch):
    at_once = patches_ensemble(seeds=(5, 6, 7), input_noise=0.1)
    monkeypatch.setattr("convbook.training.ensemble.AT_ONCE", 2 * 64 * 7)  # two models' batches
    in_chunks = patches_ensemble(seeds=(5, 6, 7), input_noise=0.1)
    assert_equal_weights(in_chunks.model(2), at_once.model(2), 1e-5)
    torch.testing.assert_close(in_chunks.test_loss, at_once.test_loss)


def test_another_loss():
    together = patches_ensemble(loss=F.l1_loss)
    alone = initialised(PatchAutoencoder, 6)
    fit(alone, PATCHES, PATCHES[:50], **RECIPE, seed=6, loss=F.l1_loss)
    assert_equal_weights(together.model(1), alone)


def test_same_seed_same_numbers_other_seed_others():
    settings = {"input_noise": 0.1, "code_noise": (0.1, 0.0, 0.2)}
    one, two = patches_ensemble(**settings), patches_ensemble(**settings)
    assert torch.equal(one.train_loss, two.train_loss)
    assert torch.equal(one.test_loss, two.test_loss)
    assert not torch.equal(one.train_loss[0], one.train_loss[1])


def test_a_noisy_model_does_not_depend_on_its_neighbours():
    noise = {"input_noise": (0.1, 0.0), "code_noise": [(0.1, 0.0, 0.2), (0.0, 0.0, 0.0)]}
    beside, alone = (
        patches_ensemble(**noise),
        patches_ensemble(seeds=(5,), input_noise=0.1, code_noise=(0.1, 0.0, 0.2)),
    )
    assert_equal_weights(beside.model(0), alone.model(0))
    assert_equal_weights(beside.model(1), patches_ensemble(seeds=(6,)).model(0))


def test_noise_is_what_the_loop_written_out_adds():
    """The same draws by hand: one epoch's order, and one epoch's noise from the second seed."""
    scale, seed = torch.tensor([0.3, 0.02, 0.0]), 5
    ours = patches_ensemble(seeds=(seed,), code_noise=scale.tolist(), epochs=1)
    second = int(np.random.SeedSequence(seed).generate_state(1)[0])
    noise = torch.randn(len(PATCHES), 3, 1, generator=torch.Generator().manual_seed(second))
    order = torch.randperm(len(PATCHES), generator=torch.Generator().manual_seed(seed))
    model = initialised(PatchAutoencoder, seed)
    optimizer = torch.optim.Adam(model.parameters(), RECIPE["learning_rate"])
    for index, drawn in zip(order.split(64), noise.split(64), strict=True):
        code = model.encode(PATCHES[index]) + drawn * scale[:, None]
        loss = F.mse_loss(model.decode(code), PATCHES[index])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert_equal_weights(ours.model(0), model)


def test_drawn_noise_has_the_scales_asked_for():
    scales = torch.tensor([[0.1, 0.01, 0.001], [0.0, 0.0, 0.0], [0.5, 0.0, 0.2]])
    generators = [torch.Generator().manual_seed(seed) for seed in range(3)]
    noise = drawn_noise(scales.view(3, 1, 3, 1), 40_000, generators)
    assert noise.shape == (3, 40_000, 3, 1)
    torch.testing.assert_close(noise.std(1)[..., 0], scales, rtol=0.02, atol=0)
    assert (noise.mean(1)[..., 0].abs() <= 5 * scales / 200).all()  # five standard errors
    correlation = torch.corrcoef(noise[0, :, :, 0].T) - torch.eye(3)
    assert correlation.abs().max() < 5 / 200


def test_no_noise_draws_nothing():
    generator = torch.Generator().manual_seed(0)
    before = generator.get_state()
    assert drawn_noise(None, 10, [generator] * 2) is None
    assert not drawn_noise(torch.zeros(2, 1, 3), 10, [generator] * 2).any()
    assert torch.equal(generator.get_state(), before)


def test_noise_costs_the_training_loss_what_it_should():
    """A linear decoder adds the noise's variance times its squared weights to the error."""
    still = {"learning_rate": 1e-12, "epochs": 60}  # so that the weights stay where they start
    run = patches_ensemble(code_noise=(1.0, 0.5, 0.0), **still)
    weights = run.weights["deconv.weight"][:, :, 0]  # (2, 3, 7)
    expected = (weights.pow(2).mean(2) * torch.tensor([1.0, 0.25, 0.0])).sum(1)
    clean = run.each(lambda model: F.mse_loss(model(PATCHES), PATCHES))
    torch.testing.assert_close(run.train_loss.mean(1) - clean, expected, rtol=0.05, atol=0)


def test_the_global_generator_is_left_alone():
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    patches_ensemble(code_noise=0.1)
    assert torch.equal(torch.rand(1), expected)


def test_snapshots_and_slices():
    run = patches_ensemble(seeds=(5, 6, 7), snapshots_at=(0, 3))
    assert_equal_weights(run.model(1, epoch=0), initialised(PatchAutoencoder, 6), 0)
    assert_equal_weights(run.model(2, epoch=3), run.model(2), 0)
    some = run[1:]
    assert len(some) == 2
    assert some.seeds == (6, 7)
    assert torch.equal(some.train_loss, run.train_loss[1:])
    assert_equal_weights(some.model(0, epoch=3), run.model(1), 0)
    outputs = run.each(lambda model: model(PATCHES[:4]))
    assert torch.equal(outputs[2], run.model(2)(PATCHES[:4]))
    with pytest.raises(ValueError, match=r"epoch=2: expected one of \[0, 3\]"):
        run.model(0, epoch=2)
    with pytest.raises(ValueError, match="some=0: expected a slice"):
        run[0]
    for index in (3, -4, 0.5):
        with pytest.raises(
            ValueError, match=f"index={index}: expected a whole number from -3 to 2"
        ):
            run.model(index)
    assert_equal_weights(run.model(np.int64(-1), epoch=torch.tensor(3)), run.model(2), 0)


@pytest.mark.parametrize("call", [4, 60], ids=["in the first epoch", "later"])
def test_an_interrupted_run_keeps_what_it_has(call, capsys):
    calls = []

    def interrupting_loss(output, target):
        calls.append(1)
        if len(calls) == call:  # one to check the network, then five steps an epoch and one test
            _thread.interrupt_main()
        return F.mse_loss(output, target)

    run = patches_ensemble(loss=interrupting_loss, epochs=1000)
    done = run.train_loss.shape[1]
    assert (done == 0) == (call == 4)
    assert done < 1000
    assert run.test_loss.shape == (2, done)
    assert run.first_losses.shape[1] >= min(call - 2, FIRST_STEPS) * (done == 0)
    assert not torch.equal(
        run.weights["conv.weight"][0], initialised(PatchAutoencoder, 5).conv.weight
    )
    assert run.model(1)(PATCHES[:1]).isfinite().all()
    assert f"Interrupted after {done} of 1000 epochs." in capsys.readouterr().out


def test_interrupted_first_steps_are_none():
    """They would be taken for another run's."""

    def interrupting_loss(output, target):
        _thread.interrupt_main()
        return F.mse_loss(output, target)

    with pytest.raises(KeyboardInterrupt):
        patches_ensemble(loss=interrupting_loss, stop_after=20)


@example(1, 1, 7, 3, 1, 1, 0)  # one position, but padded
@example(1, 1, 4, 1, 1, 2, 0)  # one position, but dilated and padded
@given(
    st.integers(1, 3), st.integers(1, 3), st.integers(1, 4), st.integers(1, 3), st.integers(0, 2),
    st.integers(1, 2), st.integers(0, 6),
)  # fmt: skip
def test_the_matrix_form_is_the_layer(inputs, outputs, kernel, stride, padding, dilation, more):
    generator = torch.Generator().manual_seed(0)
    length = dilation * (kernel - 1) + 1 + more
    x = torch.randn(2, inputs, length, generator=generator)
    weight = torch.randn(outputs, inputs, kernel, generator=generator)
    bias = torch.randn(outputs, generator=generator)
    geometry = {"stride": (stride,), "padding": (padding,), "dilation": (dilation,)}
    y = F.conv1d(x, weight, bias, **geometry)
    torch.testing.assert_close(conv1d(x, weight, bias, **geometry), y, atol=1e-5, rtol=1e-5)
    if (y.shape[2] - 1) * stride + dilation * (kernel - 1) + 1 > 2 * padding:
        torch.testing.assert_close(
            conv_transpose1d(y, weight, **geometry),
            F.conv_transpose1d(y, weight, **geometry),
            atol=1e-4,
            rtol=1e-5,
        )


class PaddedLikeSame(nn.Module):
    """Forms that the matrix form leaves to torch, and tied weights."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv1d(1, 1, 3, padding="same")
        self.second = nn.Conv1d(1, 1, 3, padding="same", padding_mode="reflect")
        self.second.weight = self.first.weight

    def forward(self, x):
        return self.second(F.conv1d(self.first(x), torch.ones(1, 1, 3), padding=1))


def test_other_forms_and_tied_weights():
    together = patches_ensemble(make=PaddedLikeSame)
    alone = initialised(PaddedLikeSame, 6)
    fit(alone, PATCHES, PATCHES[:50], **RECIPE, seed=6)
    assert_equal_weights(together.model(1), alone)


def test_grouped_convolutions_are_left_to_torch():
    x = torch.randn(2, 4, 9)
    for layer in (nn.Conv1d(4, 4, 3, groups=2), nn.ConvTranspose1d(4, 4, 3, groups=2)):
        with ConvolutionsAsMatrices():
            output = layer(x)
        torch.testing.assert_close(output, layer(x))


def frozen(make):
    network = make()
    network.deconv.bias.requires_grad_(False)
    return network


def test_generators_and_arrays_of_whole_numbers_will_do():
    usual = patches_ensemble(snapshots_at=(0, 2))
    other = patches_ensemble(
        seeds=(seed for seed in (5, 6)), snapshots_at=(epoch for epoch in np.arange(0, 3, 2))
    )
    assert other.seeds == (5, 6)
    assert list(other.snapshots) == [0, 2]
    assert torch.equal(other.train_loss, usual.train_loss)
    array = patches_ensemble(code_noise=np.array([0.1, 0.0, 0.2]))
    assert torch.equal(array.train_loss, patches_ensemble(code_noise=(0.1, 0.0, 0.2)).train_loss)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seeds": ()}, "seeds: expected at least one"),
        ({"seeds": (1, -2)}, "seeds=-2"),
        ({"epochs": 0}, "epochs=0"),
        ({"learning_rate": -1.0}, "learning_rate=-1.0"),
        ({"test": torch.zeros(5, 1, 8)}, r"test: expected .*1, 7.*not \(5, 1, 8\)"),
        ({"train": torch.zeros(0, 1, 7)}, "train: expected"),
        ({"input_noise": -0.1}, "input_noise=-0.1: expected standard deviations of at least 0"),
        ({"input_noise": float("nan")}, "input_noise=nan"),
        ({"input_noise": (0.1, 0.1, 0.1)}, r"input_noise=.*one of the shapes .*\(2,\)"),
        ({"input_noise": "much"}, "input_noise='much': expected standard deviations"),
        ({"code_noise": [(0.1,), (0.1, 0.2)]}, "code_noise=.*: expected standard deviations"),
        ({"code_noise": (0.1 for _ in range(3))}, "code_noise=.*: expected standard deviations"),
        ({"seeds": 5}, "seeds=5: expected whole numbers"),
        ({"seeds": (2**63,)}, "seeds=9223372036854775808"),
        ({"seeds": (1.5,)}, "seeds=1.5"),
        ({"snapshots_at": 3}, "snapshots_at=3: expected whole numbers"),
        ({"stop_after": 0}, "stop_after=0: expected a whole number of at least 1"),
        ({"seeds": np.array([1.0])}, r"seeds=(np.float64\()?1.0\)?: expected a whole number"),
        ({"train": PATCHES.half()}, "train: expected float32, not torch.float16"),
        ({"train": PATCHES.tolist()}, "train: expected a tensor, not list"),
        ({"train": torch.tensor(1.0)}, r"train: expected .*, not \(\)"),
        (
            {"make": lambda: PatchAutoencoder().double()},
            "make: .* parameters trainable and float32",
        ),
        ({"make": lambda: "a network"}, "make: expected a network"),
        ({"loss": None}, "loss=None: expected a function"),
        ({"loss": lambda output, target: None}, "loss: expected a tensor, not NoneType"),
        ({"device": "gpu"}, "device='gpu': expected one of torch's"),
        ({"train": PATCHES.numpy()}, "train: expected a tensor, not ndarray"),
        ({"train": PATCHES.double()}, "train: expected float32"),
        ({"make": PatchAutoencoder()}, "make: expected a function that builds a network"),
        ({"make": nn.Identity}, "make: expected a network without buffers, with all parameters"),
        ({"make": partial(frozen, PatchAutoencoder)}, "make: .*with all parameters trainable"),
        ({"loss": partial(F.mse_loss, reduction="none")}, r"loss: expected a single number"),
        ({"code_noise": (0.1, -0.1, 0.1)}, "code_noise=.*at least 0"),
        ({"code_noise": (0.0, 0.0)}, r"code_noise=.*one of the shapes .*\(3,\), \(2, 3\)"),
        ({"test": PATCHES.double()}, "test: expected float32, not torch.float64"),
        ({"learning_rate": float("inf")}, "learning_rate=inf"),
        ({"code_noise": (0.1, 0.1)}, r"code_noise=.*one of the shapes .*\(3,\), \(2, 3\)"),
        ({"code_noise": [(0.1, 0.1, 0.1)] * 3}, r"code_noise=.*one of the shapes .*\(2, 3\)"),
        ({"snapshots_at": (4,)}, "snapshots_at=.*from 0 to 3"),
        ({"make": lambda: nn.Sequential(nn.BatchNorm1d(1))}, "make: expected a network without"),
        (
            {"make": lambda: nn.Conv1d(1, 1, 3)},
            "make: expected outputs of .* .1, 1, 7.",
        ),
        ({"make": TwoConvolutions, "code_noise": 0.1}, "make: .*encode and decode"),
        (
            {"make": PoolUnpool, "train": DIGITS, "test": DIGITS, "code_noise": 0.1},
            "make: .*one tensor",
        ),
    ],
)
def test_bad_input_is_named(change, message):
    arguments = {"make": PatchAutoencoder, "train": PATCHES, "test": PATCHES, "seeds": (5, 6)}
    with pytest.raises(ValueError, match=message):
        fit_ensemble(**arguments | RECIPE | change)


def test_on_cuda_as_on_the_cpu():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device on this machine")
    ours = {name: patches_ensemble(device=name) for name in ("cpu", "cuda")}
    torch.testing.assert_close(
        ours["cuda"].train_loss, ours["cpu"].train_loss, rtol=1e-3, atol=1e-5
    )
    assert_equal_weights(ours["cuda"].model(0), ours["cpu"].model(0), 1e-3)
    noisy = [patches_ensemble(device="cuda", code_noise=0.1).train_loss for _ in range(2)]
    assert torch.equal(*noisy)
