"""``fit_ensemble``: many copies of one small network, trained at once.

A network of a few dozen numbers keeps a processor waiting: nearly all the time goes into calling
each operation, not into its arithmetic. Chapter 6 shows the way out, which is the one here:
``torch.func`` stacks the networks' weights and takes all their gradients in one batched call. In
long runs ``torch.compile`` makes a few calls of the hundreds.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, stack_module_state, vmap

from convbook import settings
from convbook.arguments import LARGEST_SEED, whole_number
from convbook.models import initialised
from convbook.training.history import FIRST_STEPS, History, Weights, interruptible, progress_bar
from convbook.training.matrix_form import ConvolutionsAsMatrices
from convbook.training.solo import (
    TEST_BATCH,
    Loss,
    check_finite,
    check_recipe,
    check_snapshots,
    other_seed,
    reproducible,
)

Noise = Tensor | None  # standard deviations, (M, 1, …), or what was drawn, (M, N, …)
Step = Callable[..., tuple[Weights, Tensor]]  # a batch for each model to gradients and losses
WORTH_COMPILING = 50_000  # steps: fewer do not pay for ten seconds of compiling


@dataclass(frozen=True, eq=False)
class Ensemble:
    """M trained networks and how they came about. Epoch e stands at column e - 1."""

    make: Callable[[], nn.Module]
    seeds: tuple[int, ...]
    train_loss: Tensor  # (M, epochs), mean over the epoch's examples
    test_loss: Tensor  # (M, epochs), over the whole test set, after the epoch
    first_losses: Tensor  # (M, steps), of the first batches
    weights: Weights  # each (M, …): at the end, or where the run was stopped; on the CPU
    snapshots: dict[int, Weights]  # epoch: the weights after it; epoch 0: before the first
    seconds: float  # wall-clock time of training and testing together

    def __len__(self) -> int:
        return len(self.seeds)

    def __getitem__(self, some: slice) -> "Ensemble":
        """The models that ``some`` picks, as an ensemble of their own.

        Raises:
            ValueError: ``some`` is no slice.
        """
        if not isinstance(some, slice):
            raise ValueError(f"some={some!r}: expected a slice; `model` gives a single network")

        def pick(weights: Weights) -> Weights:
            return {name: values[some] for name, values in weights.items()}

        return replace(
            self,
            seeds=self.seeds[some],
            train_loss=self.train_loss[some],
            test_loss=self.test_loss[some],
            first_losses=self.first_losses[some],
            weights=pick(self.weights),
            snapshots={epoch: pick(weights) for epoch, weights in self.snapshots.items()},
        )

    @property
    def histories(self) -> list[History]:
        """The losses of each network, as ``fit`` returns them."""
        losses = zip(self.train_loss.tolist(), self.test_loss.tolist(), strict=True)
        return [History(train, test) for train, test in losses]

    def model(self, index: int, epoch: int | None = None) -> nn.Module:
        """One of the networks, after its last epoch or after one that a snapshot was taken at.

        Raises:
            ValueError: no snapshot was taken at ``epoch``.
        """
        if epoch is not None and epoch not in self.snapshots:
            raise ValueError(f"epoch={epoch}: expected one of {sorted(self.snapshots)}")
        weights = self.weights if epoch is None else self.snapshots[epoch]
        model = initialised(self.make, 0)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                parameter.copy_(weights[name][index])
        return model.eval()

    @torch.no_grad()
    def each(self, compute: Callable[[nn.Module], Tensor], epoch: int | None = None) -> Tensor:
        """``compute`` of every network, stacked: (M, …)."""
        return torch.stack([compute(self.model(i, epoch)) for i in range(len(self))])


def fit_ensemble(
    make: Callable[[], nn.Module],
    train: Tensor,
    test: Tensor,
    *,
    seeds: Sequence[int],
    epochs: int,
    batch_size: int,
    learning_rate: float,
    input_noise: float | Sequence[float] = 0.0,
    code_noise: float | Sequence[float] | Sequence[Sequence[float]] = 0.0,
    loss: Loss = F.mse_loss,
    snapshots_at: Collection[int] = (),
    device: torch.device | str | None = None,
    progress: bool = True,
    stop_after: int | None = None,
) -> Ensemble:
    """Train one copy of an autoencoder for each seed with Adam, all of them at once.

    A seed decides a copy's first weights and its order of the examples, as in
    ``fit(initialised(make, seed), …, seed=seed)``, whichever other copies are trained beside it.
    Noise is Gaussian, drawn afresh for every example, on the device: with noise, CPU and CUDA give
    other numbers. Gaussian noise on the input acts as a penalty on the size of the gradient:
    Bishop 1995, doi 10.1162/neco.1995.7.1.108. One epoch's noise is held in memory for all models.

    Ctrl-C ends the training, and what has been reached is returned.

    Args:
        make: builds one copy; it has no buffers (such as batch normalisation's).
        train, test: (N, …) and (K, …), float.
        seeds: one for each copy, whole numbers of at least 0; they may repeat.
        epochs, batch_size, learning_rate, loss, stop_after: as for ``fit``.
        input_noise: standard deviation of what is added to the input: one for all, or one a copy.
        code_noise: of what is added between ``encode`` and ``decode``, which ``make``'s networks
            then need: one for all, one a channel, or for each copy one a channel. Copies without
            noise may stand beside copies with.
        snapshots_at: the weights are kept after these epochs; 0 is before the first.
        device: ``settings.device()`` if not given.
        progress: whether to print a text bar, which leaves one line.

    Returns:
        The ensemble: losses and weights of every copy.

    Raises:
        ValueError: an argument outside the ranges above, noise for another number of copies or
            channels, a negative noise, a network with buffers or one whose output has not its
            input's shape.
        FloatingPointError: a loss is no longer finite.
    """
    check_recipe(train, test, epochs, batch_size, learning_rate)
    seeds = _checked_seeds(seeds)
    check_snapshots(snapshots_at, 0, epochs)
    device = torch.device(device or settings.device())
    start = time.perf_counter()
    train, test = train.to(device), test.to(device)
    networks = [_Noisy(initialised(make, seed)).to(device) for seed in seeds]
    weights, buffers = stack_module_state(networks)
    if buffers:
        raise ValueError("make: expected a network without buffers")
    weights = {name: values.detach() for name, values in weights.items()}
    scales = _input_scale(input_noise, networks, train), _code_scale(code_noise, networks, train)
    long = not stop_after and epochs * -(-len(train) // batch_size) >= WORTH_COMPILING
    step, test_losses = _batched(networks[0], weights, loss, learning_rate, scales, compiled=long)
    orders = [torch.Generator().manual_seed(seed) for seed in seeds]
    noises = [torch.Generator(device).manual_seed(other_seed(seed)) for seed in seeds]

    def copied() -> Weights:
        on_cpu = {name: values.detach().cpu().clone() for name, values in weights.items()}
        return {name.removeprefix("network."): values for name, values in on_cpu.items()}

    both, first = [torch.empty(2, len(seeds), 0)], [torch.empty(len(seeds), 0)]
    snapshots, steps = {0: copied()} if 0 in snapshots_at else {}, 0
    with progress_bar(epochs, progress) as bar, one_thread(), reproducible(), interruptible(bar):
        for epoch in range(1, epochs + 1):
            order = [torch.randperm(len(train), generator=generator) for generator in orders]
            index = torch.stack(order).to(device)  # (M, N)
            noise = [drawn_noise(scale, len(train), noises) for scale in scales]
            losses, sizes = [], []
            for chosen, *added in _batches([index, *noise], batch_size):
                losses.append(step(train[chosen], *added).clone())
                sizes.append(chosen.shape[1])
                if (steps := steps + 1) == stop_after:
                    break
            means = torch.stack(losses, dim=1).cpu()  # (M, steps)
            _check_finite(means, seeds, epoch, learning_rate)
            first.append(means[:, : FIRST_STEPS - sum(part.shape[1] for part in first)])
            if steps == stop_after:
                break
            train_loss = means @ torch.tensor(sizes, dtype=means.dtype) / len(train)
            both.append(torch.stack([train_loss, test_losses(test).cpu()])[:, :, None])
            if epoch in snapshots_at:
                snapshots[epoch] = copied()
            bar.set_postfix_str(f"mean train loss {train_loss.mean().item():.2e}", refresh=False)
            bar.update()
    train_loss, test_loss = torch.cat(both, dim=2)
    seconds = time.perf_counter() - start
    return Ensemble(
        make, seeds, train_loss, test_loss, torch.cat(first, 1), copied(), snapshots, seconds
    )


# One step for all models


class _Noisy(nn.Module):
    """A network with something added to its input, to its code, or to neither."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, input_noise: Noise = None, code_noise: Noise = None) -> Tensor:
        if input_noise is not None:
            x = x + input_noise
        if code_noise is None:
            return self.network(x)
        return self.network.decode(self.network.encode(x) + code_noise)


def _batched(
    skeleton: _Noisy,
    weights: Weights,
    loss: Loss,
    learning_rate: float,
    scales: Sequence[Noise],
    compiled: bool,
) -> tuple[Callable[..., Tensor], Callable[[Tensor], Tensor]]:
    """One step of Adam for all models, each on a batch of its own; and their losses on a test
    set.
    """
    device = next(iter(weights.values())).device
    optimizer = torch.optim.Adam(weights.values(), learning_rate, fused=device.type != "mps")
    axes = (0, 0, *(None if scale is None else 0 for scale in scales))

    def loss_of_one(weights: Weights, x: Tensor, *noise: Noise) -> Tensor:
        return loss(functional_call(skeleton, weights, (x, *noise)), x)

    def gradients(weights: Weights, x: Tensor, *noise: Noise) -> tuple[Weights, Tensor]:
        with ConvolutionsAsMatrices():
            return vmap(grad_and_value(loss_of_one), in_dims=axes)(weights, x, *noise)

    take = _compiled(gradients) if compiled else gradients

    def step(x: Tensor, *noise: Noise) -> Tensor:
        found, losses = take(weights, x, *noise)
        for name, values in weights.items():
            values.grad = found[name]
        optimizer.step()
        return losses

    @torch.no_grad()
    def test_losses(test: Tensor) -> Tensor:
        total = torch.zeros(len(next(iter(weights.values()))), device=device)
        with ConvolutionsAsMatrices():
            for part in test.split(TEST_BATCH):
                total += vmap(loss_of_one, in_dims=(0, None))(weights, part) * len(part)
        return total / len(test)

    return step, test_losses


def _compiled(step: Step) -> Step:
    """``step`` by ``torch.compile``, which needs a C++ compiler; without one, as it is."""
    chosen = torch.compile(step, mode="reduce-overhead" if torch.cuda.is_available() else None)

    def call(*arguments: object) -> tuple[Weights, Tensor]:
        nonlocal chosen
        try:
            with _quiet_about_cuda():
                return chosen(*arguments)
        except RuntimeError as reason:  # as all of torch.compile's are
            if chosen is step:
                raise
            first_line = str(reason).strip().partition("\n")[0]
            print(f"NOTICE: training without torch.compile, which takes longer: {first_line}")
            chosen = step
            return step(*arguments)

    return call


@contextmanager
def _quiet_about_cuda() -> Iterator[None]:
    """``torch.compile`` looks for CUDA on a CPU, too, and would log that there is none."""
    logger = logging.getLogger("torch.utils.cpp_extension")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


@contextmanager
def one_thread() -> Iterator[None]:
    """Small operations lose by being divided."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _batches(parts: Sequence[Noise], size: int) -> Iterator[list[Noise]]:
    """Each (M, N, …) in slices of its second axis; None is None in every batch."""
    for start in range(0, parts[0].shape[1], size):
        yield [part if part is None else part[:, start : start + size] for part in parts]


def drawn_noise(scale: Noise, count: int, generators: Sequence[torch.Generator]) -> Noise:
    """Gaussian noise of these standard deviations, on the generators' device.

    A model without noise draws none, so that each model's draws are its own.

    Args:
        scale: (M, 1, …), on the CPU; None for no noise at all.
        count: examples to draw for.
        generators: one a model.

    Returns:
        (M, count, …), or None.
    """
    if scale is None:
        return None
    noise = torch.zeros(len(scale), count, *scale.shape[2:], device=generators[0].device)
    for own, drawn, generator in zip(scale, noise, generators, strict=True):
        if own.any():
            drawn.normal_(generator=generator).mul_(own.to(drawn.device))
    return noise


# What is refused


def _checked_seeds(seeds: Sequence[int]) -> tuple[int, ...]:
    if len(seeds) == 0:
        raise ValueError("seeds: expected at least one")
    return tuple(whole_number("seeds", seed, 0, LARGEST_SEED) for seed in seeds)


def _check_finite(losses: Tensor, seeds: Sequence[int], epoch: int, learning_rate: float) -> None:
    """``check_finite`` for (M, steps), naming the member."""
    for member in (~losses.isfinite().all(dim=1)).nonzero().flatten().tolist():
        try:
            check_finite(losses[member].tolist(), epoch, learning_rate)
        except FloatingPointError as reason:
            raise FloatingPointError(f"model {member}, of seed {seeds[member]}: {reason}") from None


@torch.no_grad()
def _input_scale(
    noise: float | Sequence[float], networks: Sequence[_Noisy], train: Tensor
) -> Noise:
    """(M, 1, …): one number a model, over the whole of the input's shape; None for no noise."""
    one, models = train[:1], len(networks)
    if (shape := tuple(networks[0](one).shape)) != tuple(one.shape):
        expected = tuple(one.shape)
        raise ValueError(f"make: expected outputs of the input's shape {expected}, not {shape}")
    scale = _not_negative("input_noise", noise)
    if scale.shape not in ((), (1,), (models,)):
        raise ValueError(
            f"input_noise: expected one number or one for each of {models} models, "
            f"not {tuple(scale.shape)}"
        )
    each = scale.expand(models).view(-1, *[1] * train.dim())
    return each.expand(-1, 1, *one.shape[1:]) if scale.any() else None


@torch.no_grad()
def _code_scale(
    noise: float | Sequence[float] | Sequence[Sequence[float]],
    networks: Sequence[_Noisy],
    train: Tensor,
) -> Noise:
    """(M, 1, channels, …): one number a model and channel, over all places of the code."""
    scale, models, network = _not_negative("code_noise", noise), len(networks), networks[0].network
    if scale.dim() == 0 and scale == 0:
        return None
    if not hasattr(network, "encode") or not hasattr(network, "decode"):
        raise ValueError("make: expected a network with encode and decode, as code_noise asks")
    code = network.encode(train[:1])[0]  # (channels, …)
    if scale.dim() > 2 or (scale.dim() == 2 and len(scale) not in (1, models)):
        raise ValueError(f"code_noise: expected scales for {models} models, not {len(scale)}")
    if scale.dim() > 0 and scale.shape[-1] != len(code):
        raise ValueError(
            f"code_noise: expected one scale for each of the code's {len(code)} channels, "
            f"not {scale.shape[-1]}"
        )
    each = scale.expand(models, len(code)).reshape(models, 1, -1, *[1] * (code.dim() - 1))
    return each.expand(-1, 1, *code.shape) if scale.any() else None


def _not_negative(name: str, noise: object) -> Tensor:
    scale = torch.as_tensor(noise, dtype=torch.float32)
    if not (scale >= 0).all() or scale.isinf().any():
        raise ValueError(f"{name}={noise}: expected standard deviations of at least 0")
    return scale
