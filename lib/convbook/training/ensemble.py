"""``fit_ensemble``: many copies of one small network, trained at once.

A network of a few dozen numbers keeps a processor waiting: nearly all the time goes into calling
each operation, not into its arithmetic. Chapter 6 shows the way out, which is the one here:
``torch.func`` stacks the networks' weights and takes all their gradients in one batched call. In
long runs ``torch.compile`` makes a few kernels of that call and of Adam's.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, stack_module_state, vmap

from convbook.arguments import LARGEST_SEED, whole_number, whole_numbers
from convbook.models import initialised
from convbook.training.history import FIRST_STEPS, Weights, interruptible, progress_bar
from convbook.training.matrix_form import ConvolutionsAsMatrices
from convbook.training.solo import (
    Loss,
    check_finite,
    check_results,
    checked_recipe,
    chosen,
    other_seed,
    reproducible,
)

Step = Callable[..., Tensor]  # the examples' indices, (M, n), and noise to the losses, (M,)
AT_ONCE = 2**20  # input numbers of all models: with more, what is computed leaves the caches
WORTH_COMPILING = 50_000  # steps: fewer do not pay for ten seconds of compiling


@dataclass(frozen=True, eq=False)
class Ensemble:
    """M trained networks and how they came about. Epoch e stands at column e - 1."""

    make: Callable[[], nn.Module]
    seeds: tuple[int, ...]
    train_loss: Tensor  # (M, epochs), mean over the epoch's examples
    test_loss: Tensor  # (M, epochs), over the whole test set, after the epoch
    first_losses: Tensor  # (M, up to FIRST_STEPS), of the first batches
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

        of_each = ("seeds", "train_loss", "test_loss", "first_losses")
        picked = {name: getattr(self, name)[some] for name in of_each}
        snapshots = {epoch: pick(weights) for epoch, weights in self.snapshots.items()}
        return replace(self, **picked, weights=pick(self.weights), snapshots=snapshots)

    def model(self, index: int, epoch: int | None = None) -> nn.Module:
        """One of the networks, after its last epoch or after one that a snapshot was taken at.

        Raises:
            ValueError: there is no network ``index``, or no snapshot was taken at ``epoch``.
        """
        index = whole_number("index", index, -len(self), len(self) - 1)
        if epoch is not None and (epoch := whole_number("epoch", epoch, 0)) not in self.snapshots:
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
    seeds: Iterable[int],
    epochs: int,
    batch_size: int,
    learning_rate: float,
    input_noise: float | Sequence[float] = 0.0,
    code_noise: float | Sequence[float] | Sequence[Sequence[float]] = 0.0,
    loss: Loss = F.mse_loss,
    snapshots_at: Iterable[int] = (),
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
        train, test: (N, …) and (K, …), float32.
        seeds: one for each copy, whole numbers of at least 0; they may repeat.
        epochs, batch_size, learning_rate, loss: as for ``fit``.
        input_noise: standard deviation of what is added to the input: one for all, or one a copy.
        code_noise: of what is added between ``encode`` and ``decode``, which ``make``'s networks
            then need: one for all, one a channel, or for each copy one a channel. Copies without
            noise may stand beside copies with.
        snapshots_at: the weights are kept after these epochs; 0 is before the first.
        device: ``settings.device()`` if not given.
        progress: whether to print a text bar, which leaves one line.
        stop_after: end after so many batches, as it is done to compare a run's first steps.

    Returns:
        The ensemble: losses and weights of every copy.

    Raises:
        ValueError: an argument outside the ranges above, noise for another number of copies or
            channels, a negative noise, a network with buffers or one whose output has not its
            input's shape.
        FloatingPointError: a loss is no longer finite; nothing is returned, and nothing stored.
    """
    epochs, batch_size, learning_rate = checked_recipe(
        train, test, epochs, batch_size, learning_rate, loss
    )
    seeds = whole_numbers("seeds", seeds, 0, LARGEST_SEED)
    if not seeds:
        raise ValueError("seeds: expected at least one")
    snapshots_at, device = whole_numbers("snapshots_at", snapshots_at, 0, epochs), chosen(device)
    batches = -(-len(train) // batch_size)
    steps = epochs * batches
    if stop_after is not None:
        steps = min(steps, whole_number("stop_after", stop_after, 1))
    start = time.perf_counter()
    train, test = train.to(device), test.to(device)
    network, weights = _stacked(make, seeds, device)
    check_results("make", network, loss, train[:1])
    scales = _scales(input_noise, code_noise, len(seeds), network.network, train[:1])
    long = steps >= WORTH_COMPILING
    step, test_losses = _batched(network, weights, loss, learning_rate, train, scales, long)
    orders = [torch.Generator().manual_seed(seed) for seed in seeds]
    noises = [torch.Generator(device).manual_seed(other_seed(seed)) for seed in seeds]
    history, first = [torch.empty(2, len(seeds), 0)], [torch.empty(len(seeds), 0)]
    snapshots, done = {0: _kept(weights)} if 0 in snapshots_at else {}, 0
    sizes = torch.full((batches,), float(batch_size))
    sizes[-1] = len(train) - (batches - 1) * batch_size
    members = [f"model {member}, of seed {seed}: " for member, seed in enumerate(seeds)]
    with (
        progress_bar(epochs, progress) as bar,
        one_thread(), quiet_compiler(), reproducible(), interruptible(bar, stop_after is None),
    ):  # fmt: skip
        for epoch in range(1, epochs + 1):
            drawn = [torch.randperm(len(train), generator=own) for own in orders]
            order = torch.stack(drawn).to(device)
            noise = [drawn_noise(scale, len(train), noises) for scale in scales]
            losses = torch.zeros(len(seeds), batches, device=device)
            for place in range(batches):
                part = slice(place * batch_size, (place + 1) * batch_size)
                added = [None if each is None else each[:, part] for each in noise]
                losses[:, place] = step(order[:, part], *added)
                if (done := done + 1) <= FIRST_STEPS:
                    first.append(losses[:, place, None].cpu())
                if done == stop_after:
                    break
            train_losses = losses.cpu()
            check_finite(train_losses, f"batch {{}} of epoch {epoch}", learning_rate, members)
            if done == stop_after:
                break
            train_loss, test_loss = train_losses @ sizes / len(train), test_losses(test).cpu()
            after = f"the test after epoch {epoch}"
            check_finite(test_loss[:, None], after, learning_rate, members)
            history.append(torch.stack([train_loss, test_loss])[:, :, None])
            if epoch in snapshots_at:
                snapshots[epoch] = _kept(weights)
            bar.set_postfix_str(f"mean train loss {train_loss.mean().item():.2e}", refresh=False)
            bar.update()
    train_loss, test_loss = torch.cat(history, dim=2)
    seconds, first_losses = time.perf_counter() - start, torch.cat(first, dim=1)
    return Ensemble(
        make, seeds, train_loss, test_loss, first_losses, _kept(weights), snapshots, seconds
    )


def _kept(weights: Weights) -> Weights:
    """A copy on the CPU, under the names that the network itself gives them."""
    copies = {name: values.cpu().clone() for name, values in weights.items()}
    return {name.removeprefix("network."): values for name, values in copies.items()}


@contextmanager
def one_thread() -> Iterator[None]:
    """Small operations lose by being divided."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


# One step for all models


class _Noisy(nn.Module):
    """A network with something added to its input, to its code, or to neither."""

    network: Any  # with encode and decode, if something is added to its code

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(
        self, x: Tensor, input_noise: Tensor | None = None, code_noise: Tensor | None = None
    ) -> Tensor:
        x = x if input_noise is None else x + input_noise
        if code_noise is None:
            return self.network(x)
        return self.network.decode(self.network.encode(x) + code_noise)


def _stacked(
    make: Callable[[], nn.Module], seeds: Sequence[int], device: torch.device
) -> tuple[_Noisy, Weights]:
    """One network to call, and the first weights of all, each (M, …)."""
    if isinstance(make, nn.Module) or not callable(make):
        raise ValueError("make: expected a function that builds a network")
    networks = [_Noisy(initialised(make, seed)).to(device) for seed in seeds]
    weights, buffers = stack_module_state(networks)
    fit = [values.requires_grad and values.dtype == torch.float32 for values in weights.values()]
    if buffers or not fit or not all(fit):
        rule = "without buffers, with all parameters trainable and float32"
        raise ValueError(f"make: expected a network {rule}")
    return networks[0], {name: values.detach() for name, values in weights.items()}


def _batched(
    network: _Noisy,
    weights: Weights,
    loss: Loss,
    learning_rate: float,
    train: Tensor,
    scales: Sequence[Tensor | None],
    compiled: bool,
) -> tuple[Step, Callable[[Tensor], Tensor]]:
    """A step of Adam for all models, on a batch for each; and their losses on a test set."""
    fused = not compiled and train.device.type != "mps"  # the compiler fuses more than Adam alone
    optimizer = torch.optim.Adam(weights.values(), learning_rate, fused=fused)
    axes = (0, 0, *(None if scale is None else 0 for scale in scales))

    def loss_of_one(weights: Weights, x: Tensor, *noise: Tensor | None) -> Tensor:
        return loss(functional_call(network, weights, (x, *noise)), x)

    def step(index: Tensor, *noise: Tensor | None) -> Tensor:
        x = train[index]  # (M, n, …)
        parts = -(-x.numel() // AT_ONCE)
        size = -(-len(x) // parts) if parts > 1 else None
        with ConvolutionsAsMatrices():
            batched = vmap(grad_and_value(loss_of_one), in_dims=axes, chunk_size=size)
            gradients, losses = batched(weights, x, *noise)
        for name, values in weights.items():
            values.grad = gradients[name]
        optimizer.step()
        return losses

    @torch.no_grad()
    def test_losses(test: Tensor) -> Tensor:
        models = len(next(iter(weights.values())))
        size = max(1, AT_ONCE // (models * test[0].numel()))
        with ConvolutionsAsMatrices():
            of_all = vmap(loss_of_one, in_dims=(0, None))
            parts = [of_all(weights, part) * len(part) for part in test.split(size)]
        return torch.stack(parts).sum(0) / len(test)

    return _compiled(step, train.device) if compiled else step, test_losses


def _compiled(step: Step, device: torch.device) -> Step:
    """``step`` by ``torch.compile``, which needs a C++ compiler; without one, as it is."""
    torch.compiler.reset()  # steps compiled before count towards a limit
    mode = "reduce-overhead" if device.type == "cuda" else None
    chosen = torch.compile(step, dynamic=False, mode=mode)

    def call(*batch: Tensor | None) -> Tensor:
        nonlocal chosen
        try:
            return chosen(*batch)
        except RuntimeError as reason:  # as all of torch.compile's are
            if chosen is step:
                raise
            first_line = str(reason).strip().partition("\n")[0]
            print(f"NOTICE: training without torch.compile, which takes longer: {first_line}")
            chosen = step
            return step(*batch)

    return call


@contextmanager
def quiet_compiler() -> Iterator[None]:
    """Without what ``torch.compile`` logs of a CPU: no CUDA found, Adam's profiling left out."""
    loggers = [logging.getLogger(name) for name in ("torch.utils.cpp_extension", "torch._dynamo")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def drawn_noise(
    scale: Tensor | None, count: int, generators: Sequence[torch.Generator]
) -> Tensor | None:
    """Gaussian noise of standard deviations (M, 1, …) for ``count`` examples, (M, count, …).

    Each model has a generator; one without noise draws none, so that its draws are its own.
    """
    if scale is None:
        return None
    noise = torch.zeros(len(scale), count, *scale.shape[2:], device=generators[0].device)
    for own, drawn, generator in zip(scale, noise, generators, strict=True):
        if own.any():
            drawn.normal_(generator=generator).mul_(own.to(drawn.device))
    return noise


# What is refused


@torch.no_grad()
def _scales(
    input_noise: object, code_noise: object, models: int, network: nn.Module, one: Tensor
) -> tuple[Tensor | None, Tensor | None]:
    """Standard deviations for every place of an input and of a code, (M, 1, …); None for none."""
    of_input = _not_negative("input_noise", input_noise, ((), (models,)))[..., None]
    if isinstance(code_noise, int | float) and code_noise == 0:
        return _placed(of_input, models, one), None
    encode = getattr(network, "encode", None)
    if not callable(encode) or not hasattr(network, "decode"):
        raise ValueError("make: expected a network with encode and decode, as code_noise asks")
    if not isinstance(code := encode(one), Tensor):
        raise ValueError("make: expected encode to return one tensor, as code_noise asks")
    channels = code.shape[1]
    of_code = _not_negative("code_noise", code_noise, ((), (channels,), (models, channels)))
    return _placed(of_input, models, one), _placed(of_code, models, code)


def _not_negative(name: str, noise: object, shapes: Sequence[tuple[int, ...]]) -> Tensor:
    rule = f"expected standard deviations of at least 0, of one of the shapes {shapes}"
    try:
        scale = torch.as_tensor(noise, dtype=torch.float32, device="cpu")
    except (TypeError, ValueError, RuntimeError):  # words, lists of unequal lengths
        raise ValueError(f"{name}={noise!r}: {rule}") from None
    if not (scale >= 0).all() or scale.isinf().any() or scale.shape not in shapes:
        raise ValueError(f"{name}={noise!r}: {rule}")
    return scale


def _placed(scale: Tensor, models: int, one: Tensor) -> Tensor | None:
    """For every place of ``one``, (1, channels, …), in every model: (M, 1, channels, …)."""
    if not scale.any():
        return None
    shape = (models, 1, -1, *[1] * (one.dim() - 2))
    return scale.expand(models, one.shape[1]).reshape(shape).expand(-1, *one.shape)
