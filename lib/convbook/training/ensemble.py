"""``fit_ensemble``: many copies of one small network, trained at once.

A network of a few dozen numbers keeps a processor waiting: nearly all the time goes into calling
each operation, not into its arithmetic. Thirty such networks in one batched computation cost little
more than one. ``torch.func`` gives the batched step; it is traced once into a plain list of tensor
operations, which is run on every batch: on CUDA as one captured graph, in long runs on the CPU
compiled.
"""

import logging
import math
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from itertools import repeat

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, vmap
from torch.fx.experimental.proxy_tensor import make_fx

from convbook import settings
from convbook.arguments import whole_number
from convbook.models import initialised
from convbook.training.history import progress_bar
from convbook.training.matrix_form import ConvolutionsAsMatrices
from convbook.training.solo import (
    Loss,
    check_recipe,
    check_snapshots,
    other_seed,
    reproducible,
)

Weights = dict[str, Tensor]  # each (M, …): the weights of all models under one name
Step = Callable[..., Tensor]  # a batch's indices and noise to the losses, (M,)

BETAS, EPSILON = (0.9, 0.999), 1e-8  # Adam's, as torch has them
WORTH_COMPILING = 50_000  # steps: fewer do not pay for ten seconds of compiling


@dataclass(frozen=True, eq=False)
class Ensemble:
    """M trained networks and how they came about. Epoch e stands at column e - 1."""

    make: Callable[[], nn.Module]
    seeds: tuple[int, ...]
    train_loss: Tensor  # (M, epochs), mean over the epoch's examples
    test_loss: Tensor  # (M, epochs), over the whole test set, after the epoch
    weights: Weights  # at the end, on the CPU; of an interrupted run: where it was stopped
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
            weights=pick(self.weights),
            snapshots={epoch: pick(weights) for epoch, weights in self.snapshots.items()},
        )

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
) -> Ensemble:
    """Train one copy of an autoencoder for each seed with Adam, all of them at once.

    A seed decides a copy's first weights and its order of the examples, as in
    ``fit(initialised(make, seed), …, seed=seed)``, whichever other copies are trained beside it.
    Noise is Gaussian, drawn afresh for every example, on the device: with noise, CPU and CUDA give
    other numbers. Gaussian noise on the input acts as a penalty on the size of the gradient:
    Bishop 1995, doi 10.1162/neco.1995.7.1.108. Two epochs' noise is held in memory for all models.

    Ctrl-C ends the training, and what has been reached is returned.

    Args:
        make: builds one copy; it has no buffers (such as batch normalisation's).
        train, test: (N, …) and (K, …), float.
        seeds: one for each copy, whole numbers of at least 0; they may repeat.
        epochs, batch_size, learning_rate, loss: as for ``fit``.
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
    """
    check_recipe(train, test, epochs, batch_size, learning_rate)
    seeds = _checked_seeds(seeds)
    check_snapshots(snapshots_at, 0, epochs)
    device = torch.device(device or settings.device())
    start = time.perf_counter()
    train, test = train.to(device), test.to(device)
    skeleton, weights = _stacked(make, seeds, device)
    _check_output(skeleton, train)
    scales = (
        _input_scale(input_noise, len(seeds), train),
        _code_scale(code_noise, len(seeds), skeleton, train),
    )
    steps = epochs * -(-len(train) // batch_size)
    step, losses = _Step(skeleton, weights, loss, learning_rate, train, steps), []
    snapshots = {0: step.weights()} if 0 in snapshots_at else {}
    with progress_bar(epochs, progress) as bar, _one_thread(), _current(device), reproducible():
        try:
            for epoch, draws in enumerate(_draws(seeds, epochs, len(train), scales, device), 1):
                train_loss = step.run_epoch(draws, batch_size)
                both = torch.stack([train_loss, step.evaluate(test)])
                if epoch in snapshots_at:
                    snapshots[epoch] = step.weights()
                losses.append(both)
                if epoch % max(1, epochs // 100) == 0 or epoch == epochs:
                    bar.set_postfix_str(f"mean train loss {train_loss.mean().item():.2e}")
                    bar.update(epoch - bar.n)
        except KeyboardInterrupt:
            bar.write(f"Interrupted after {len(losses)} of {epochs} epochs, which are kept.")
    history = torch.stack(losses, dim=2).cpu() if losses else torch.empty(2, len(seeds), 0)
    seconds = time.perf_counter() - start
    return Ensemble(make, seeds, *history, step.weights(), snapshots, seconds)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Small operations lose by being divided, and another thread draws meanwhile."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _current(device: torch.device) -> AbstractContextManager[None]:
    """Streams and graphs are made on the current CUDA device, which may be another."""
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()


# One step for all models


class _Noisy(nn.Module):
    """A network with something added to its input, to its code, or to neither."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(
        self, x: Tensor, input_noise: Tensor | None = None, code_noise: Tensor | None = None
    ) -> Tensor:
        if input_noise is not None:
            x = x + input_noise
        if code_noise is None:
            return self.network(x)
        return self.network.decode(self.network.encode(x) + code_noise)


class _Step:
    """The batched training step: outputs, losses, gradients and Adam for all models."""

    def __init__(
        self,
        skeleton: _Noisy,
        weights: Weights,
        loss: Loss,
        learning_rate: float,
        train: Tensor,
        steps: int,
    ):
        self.skeleton, self.loss, self.train = skeleton, loss, train
        self.learning_rate, self.steps = learning_rate, steps
        self.shapes = {name: values.shape for name, values in weights.items()}
        self.models = len(next(iter(weights.values())))
        # All weights lie in one tensor, so that Adam has one to update.
        flat = torch.cat([values.flatten() for values in weights.values()])
        self.state = (flat, torch.zeros_like(flat), torch.zeros_like(flat), flat.new_zeros(()))
        self.prepared: dict[int, Step] = {}  # batch size: a last, shorter batch needs its own

    def run_epoch(self, draws: "_Draws", batch_size: int) -> Tensor:
        """Every example once for every model; the mean losses, (M,)."""
        total = torch.zeros(self.models, device=self.train.device)
        for batch in zip(*(_batches(part, batch_size) for part in draws), strict=False):
            size = batch[0].shape[1]
            if size not in self.prepared:
                self.prepared[size] = self._prepare(batch)
            total += self.prepared[size](*batch) * size
        return total / len(self.train)

    @torch.no_grad()
    def evaluate(self, test: Tensor) -> Tensor:
        """The mean loss of every model without noise, (M,)."""

        def one(weights: Weights) -> Tensor:
            return self.loss(functional_call(self.skeleton, weights, (test,)), test)

        with ConvolutionsAsMatrices():
            return vmap(one)(self._views(self.state[0]))

    def weights(self) -> Weights:
        """A copy of all weights, on the CPU, under the names the network gives them."""
        views = self._views(self.state[0].cpu().clone())
        return {name.removeprefix("network."): values for name, values in views.items()}

    def _views(self, flat: Tensor) -> Weights:
        parts = flat.split([shape.numel() for shape in self.shapes.values()])
        shapes = self.shapes.items()
        return {name: part.view(shape) for (name, shape), part in zip(shapes, parts, strict=True)}

    def _prepare(self, batch: tuple[Tensor | None, ...]) -> Step:
        """The step for batches like this one: traced, then captured (CUDA) or compiled (CPU)."""
        axes = (0, 0, *(None if noise is None else 0 for noise in batch[1:]))

        def loss_of_one(weights: Weights, x: Tensor, *noise: Tensor | None) -> Tensor:
            return self.loss(functional_call(self.skeleton, weights, (x, *noise)), x)

        def step(
            flat: Tensor,
            mean: Tensor,
            square: Tensor,
            count: Tensor,
            index: Tensor,
            *noise: Tensor | None,
        ) -> Tensor:
            x = self.train.index_select(0, index.flatten()).unflatten(0, index.shape)
            batched = vmap(grad_and_value(loss_of_one), in_dims=axes)
            found, losses = batched(self._views(flat), x, *noise)
            gradient = torch.cat([found[name].flatten() for name in self.shapes])
            _adam(flat, gradient, mean, square, count, self.learning_rate)
            return losses

        with ConvolutionsAsMatrices():
            traced = make_fx(step)(*(part.clone() for part in self.state), *batch)
        if self.train.is_cuda:
            return _captured(traced, self.state, batch)
        if self.train.device.type == "cpu" and self.steps >= WORTH_COMPILING:
            return _compiled(traced, self.state, batch)
        return partial(traced, *self.state)


def _adam(
    flat: Tensor,
    gradient: Tensor,
    mean: Tensor,
    square: Tensor,
    count: Tensor,
    learning_rate: float,
) -> None:
    """A step of Adam in place, as ``torch.optim`` takes it, but as a part of the traced step.

    Kingma and Ba 2014, arXiv 1412.6980, algorithm 1. ``torch.optim.Adam`` would take as long for
    its own bookkeeping as all else takes.
    """
    count.add_(1)
    mean.lerp_(gradient, 1 - BETAS[0])
    square.mul_(BETAS[1]).addcmul_(gradient, gradient, value=1 - BETAS[1])
    unbiased_mean, unbiased_square = (
        moment / -torch.expm1(count * math.log(beta))  # 1 - beta to the power of count
        for moment, beta in zip((mean, square), BETAS, strict=True)
    )
    flat.sub_(unbiased_mean / (unbiased_square.sqrt() + EPSILON) * learning_rate)


def _compiled(
    traced: Callable[..., Tensor], state: tuple[Tensor, ...], batch: tuple[Tensor | None, ...]
) -> Step:
    """``traced`` by ``torch.compile``, which needs a C++ compiler; without one, as it is."""
    try:
        with _quiet_about_cuda():
            compiled = torch.compile(traced)
            compiled(*(part.clone() for part in state), *batch)
    except RuntimeError as reason:  # as all of torch.compile's are
        first_line = str(reason).strip().partition("\n")[0]
        print(f"NOTICE: training without torch.compile, which takes longer: {first_line}")
        return partial(traced, *state)
    return partial(compiled, *state)


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


def _captured(
    traced: Callable[..., Tensor], state: tuple[Tensor, ...], batch: tuple[Tensor | None, ...]
) -> Step:
    """``traced`` as one CUDA graph: its launches become one (pytorch.org, "CUDA graphs")."""
    static = [None if part is None else part.clone() for part in batch]
    copies = [part.clone() for part in state]
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):  # to warm up, as the documentation asks
            traced(*copies, *static)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    # The next epoch is being drawn in another thread, which is no business of this capture.
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        losses = traced(*state, *static)

    def replay(*batch: Tensor | None) -> Tensor:
        for place, part in zip(static, batch, strict=True):
            if place is not None:
                place.copy_(part)
        graph.replay()
        return losses

    return replay


def _stacked(
    make: Callable[[], nn.Module], seeds: tuple[int, ...], device: torch.device
) -> tuple[_Noisy, Weights]:
    """One network to call, and the first weights of all."""
    networks = [_Noisy(initialised(make, seed)).to(device) for seed in seeds]
    if any(True for _ in networks[0].buffers()):
        raise ValueError("make: expected a network without buffers")
    names = [name for name, _ in networks[0].named_parameters()]
    parameters = [dict(network.named_parameters()) for network in networks]
    weights = {name: torch.stack([p[name].detach() for p in parameters]) for name in names}
    return networks[0], weights


# What is drawn at random


_Draws = tuple[Tensor, Tensor | None, Tensor | None]


def _draws(
    seeds: tuple[int, ...],
    epochs: int,
    count: int,
    scales: tuple[Tensor, Tensor],
    device: torch.device,
) -> Iterator[_Draws]:
    """For each epoch the order of the examples, (M, N), and the noise, (M, N, …), if there is any.

    They are drawn one epoch ahead, while the epoch before is trained on; but not on MPS, where
    torch must not be used from two threads.
    """
    orders = [torch.Generator().manual_seed(seed) for seed in seeds]
    noises = [torch.Generator(device).manual_seed(other_seed(seed)) for seed in seeds]

    def draw() -> _Draws:
        with _current(device):
            order = torch.stack([torch.randperm(count, generator=own) for own in orders])
            noise = [drawn_noise(scale, count, noises) for scale in scales]
            return order.to(device), *noise

    if device.type == "mps":
        yield from (draw() for _ in range(epochs))
        return
    with ThreadPoolExecutor(max_workers=1) as ahead:
        coming = ahead.submit(draw)
        for epoch in range(1, epochs + 1):
            drawn = coming.result()
            if epoch < epochs:
                coming = ahead.submit(draw)
            yield drawn


def drawn_noise(scale: Tensor, count: int, generators: Sequence[torch.Generator]) -> Tensor | None:
    """Gaussian noise of these standard deviations on the generators' device.

    A model without noise draws none, so that each model's draws are its own.

    Args:
        scale: (M, 1, …), on the CPU.
        count: examples to draw for.
        generators: one a model.

    Returns:
        (M, count, …), or None if all standard deviations are 0.
    """
    if not scale.any():
        return None
    noise = torch.zeros(len(scale), count, *scale.shape[2:], device=generators[0].device)
    for own, drawn, generator in zip(scale, noise, generators, strict=True):
        if own.any():
            drawn.normal_(generator=generator).mul_(own.to(drawn.device))
    return noise


def _batches(part: Tensor | None, batch_size: int) -> Iterable[Tensor | None]:
    """(M, N, …) in slices of the second axis; what is not drawn is None in every batch."""
    return repeat(None) if part is None else part.split(batch_size, dim=1)


# What is refused


def _checked_seeds(seeds: Sequence[int]) -> tuple[int, ...]:
    if len(seeds) == 0:
        raise ValueError("seeds: expected at least one")
    return tuple(whole_number("seeds", seed, 0) for seed in seeds)


def _input_scale(noise: float | Sequence[float], models: int, train: Tensor) -> Tensor:
    """(M, 1, …): one number a model, over the whole of the input's shape."""
    scale = _not_negative("input_noise", noise)
    if scale.dim() > 1 or scale.numel() not in (1, models):
        raise ValueError(
            f"input_noise: expected one number or one for each of {models} models, "
            f"not {tuple(scale.shape)}"
        )
    shape = (models, *[1] * train.dim())
    return scale.reshape(-1, *[1] * train.dim()).expand(shape) * torch.ones(train.shape[1:])


@torch.no_grad()
def _check_output(skeleton: _Noisy, train: Tensor) -> None:
    with ConvolutionsAsMatrices():  # which also makes ready what a traced step may not compute
        shape = tuple(skeleton(train[:1]).shape)
    if shape != (expected := tuple(train[:1].shape)):
        raise ValueError(f"make: expected outputs of the input's shape {expected}, not {shape}")


@torch.no_grad()
def _code_scale(
    noise: float | Sequence[float] | Sequence[Sequence[float]],
    models: int,
    skeleton: _Noisy,
    train: Tensor,
) -> Tensor:
    """(M, 1, channels, …): one number for each model and channel, over all places of the code."""
    scale = _not_negative("code_noise", noise)
    if scale.dim() == 0 and scale == 0:
        return torch.zeros(models, 1)
    if not hasattr(skeleton.network, "encode") or not hasattr(skeleton.network, "decode"):
        raise ValueError("make: expected a network with encode and decode, as code_noise asks")
    code = skeleton.network.encode(train[:1])[0]  # (channels, …)
    if scale.dim() > 2 or (scale.dim() == 2 and len(scale) not in (1, models)):
        raise ValueError(f"code_noise: expected scales for {models} models, not {len(scale)}")
    if scale.dim() > 0 and scale.shape[-1] != len(code):
        raise ValueError(
            f"code_noise: expected one scale for each of the code's {len(code)} channels, "
            f"not {scale.shape[-1]}"
        )
    places = [1] * (code.dim() - 1)
    channels = scale.expand(models, len(code)).reshape(models, 1, len(code), *places)
    return channels * torch.ones(code.shape)


def _not_negative(name: str, noise: object) -> Tensor:
    scale = torch.as_tensor(noise, dtype=torch.float32)
    if not (scale >= 0).all() or scale.isinf().any():
        raise ValueError(f"{name}={noise}: expected standard deviations of at least 0")
    return scale
