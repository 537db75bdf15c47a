"""``fit``: train one network, with the data on the device and nothing copied in the inner loop."""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from convbook import settings
from convbook.arguments import (
    LARGEST_SEED,
    function,
    one_of,
    positive,
    tensor,
    whole_number,
    whole_numbers,
)
from convbook.training.forward import MixedPrecision, Precision, captured
from convbook.training.history import FIRST_STEPS, History, Weights, interruptible, progress_bar
from convbook.training.schedules import constant

Loss = Callable[[Tensor, Tensor], Tensor]
Corruption = Callable[[Tensor, torch.Generator], Tensor]
Schedule = Callable[[float], float]
TEST_BATCH = 1000


def fit(
    model: nn.Module,
    train: Tensor,
    test: Tensor,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
    loss: Loss = F.mse_loss,
    corrupt: Corruption | None = None,
    shuffle: bool = True,
    schedule: Schedule = constant,
    precision: Precision = "float32",
    watch: Tensor | None = None,
    pictures_at: Iterable[int] = (),
    snapshots_at: Iterable[int] = (),
    device: torch.device | str | None = None,
    progress: bool = True,
    stop_after: int | None = None,
) -> History:
    """Train an autoencoder with Adam to give back its input, or what that was before corruption.

    ``model`` is trained in place; afterwards it is back on its own device, in evaluation mode.
    Ctrl-C ends the training, and what has been reached is returned.

    The data move to the device once. Each epoch draws one permutation, on the CPU, from a
    generator of its own, so the order is the same on every device and no other random draw can
    shift it. Losses are read once an epoch. Adam: Kingma and Ba 2014, arXiv 1412.6980.

    Args:
        model: maps (N, …) to the same shape, in float32.
        train, test: (N, …) and (M, …), float32, in the model's units.
        epochs, batch_size: whole numbers of at least 1; the last batch of an epoch may be smaller.
        learning_rate: Adam's step size, positive.
        seed: of the shuffling and of the corruption. The first weights are the caller's
            (``models.initialised``).
        loss: (output, target) to the mean over the batch.
        corrupt: (images, generator) to what the network is shown instead, of the same shape, drawn
            afresh for every batch, on the device; the test images are corrupted once. The clean
            images are the target: Vincent et al. 2008, doi 10.1145/1390156.1390294.
        shuffle: whether each epoch has an order of its own, or all keep that of ``train``.
        schedule: the share of the training done, from 0 to 1, to a factor of the learning rate.
        precision: of convolutions and products in training; tests are in float32.
        watch: (K, …), inputs whose reconstructions are kept …
        pictures_at: … after these epochs, as ``History.pictures``.
        snapshots_at: the weights are kept after these epochs, as ``History.snapshots``.
        device: ``settings.device()`` if not given.
        progress: whether to print a text bar, which leaves one line.
        stop_after: end after so many batches, as it is done to compare a run's first steps.

    Returns:
        The losses of each epoch, the pictures, the snapshots and the time taken.

    Raises:
        ValueError: an argument outside the ranges above, ``train`` and ``test`` of different
            shapes, ``pictures_at`` without ``watch``, or an epoch past the last.
        FloatingPointError: a loss is no longer finite; nothing is returned, and nothing stored.
    """
    epochs, batch_size, learning_rate = checked_recipe(
        train, test, epochs, batch_size, learning_rate, loss
    )
    seed, device = whole_number("seed", seed, 0, LARGEST_SEED), chosen(device)
    one_of("precision", precision, ("float32", "bfloat16"))
    function("schedule", schedule)
    if corrupt is not None:
        function("corrupt", corrupt)
    pictures_at = whole_numbers("pictures_at", pictures_at, 1, epochs)
    snapshots_at = whole_numbers("snapshots_at", snapshots_at, 1, epochs)
    if watch is not None:
        _check_examples("watch", watch, train)
    elif pictures_at:
        raise ValueError(f"watch=None: expected images, as pictures_at={pictures_at}")
    if stop_after is not None:
        whole_number("stop_after", stop_after, 1)
    home = tensor("model", _parameter(model), torch.float32).device
    start = time.perf_counter()
    layout = _memory_layout(model, train, device)
    model.to(device).to(memory_format=layout)
    train, test = (part.to(device).contiguous(memory_format=layout) for part in (train, test))
    noise = torch.Generator(device).manual_seed(other_seed(seed))

    def show(images: Tensor) -> Tensor:  # a copy, since what corrupts may work in place
        return corrupt(images.clone(), noise) if corrupt else images

    shown = tensor("corrupt", show(test), torch.float32)
    if shown.shape != test.shape:
        raise ValueError(f"corrupt: expected to keep {tuple(test.shape)}, not {tuple(shown.shape)}")
    check_results("model", model.eval(), loss, train[:1])
    order = torch.Generator().manual_seed(seed) if shuffle else None
    optimizer = torch.optim.Adam(model.parameters(), learning_rate, fused=device.type != "mps")
    mixed = MixedPrecision(model.train(), precision, device)
    forward: Callable[[Tensor], Tensor] = mixed
    if device.type == "cuda" and not any(True for _ in model.buffers()):
        forward = captured(mixed, train[:batch_size])
    history, steps, whole = History(), 0, stop_after is None
    with progress_bar(epochs, progress) as bar, reproducible(), interruptible(bar, whole):
        for epoch in range(1, epochs + 1):
            model.train()
            batches, losses = _batches(len(train), batch_size, order, device), []
            for step, index in enumerate(batches):
                done = (epoch - 1 + step / len(batches)) / epochs
                optimizer.param_groups[0]["lr"] = learning_rate * schedule(done)
                clean = train[index]
                batch_loss = loss(forward(show(clean)), clean)
                optimizer.zero_grad()
                batch_loss.backward()
                optimizer.step()
                losses.append(batch_loss.detach())
                if (steps := steps + 1) == stop_after:
                    break
            all_means = torch.stack(losses).cpu()
            check_finite(all_means[None], f"batch {{}} of epoch {epoch}", learning_rate)
            means = all_means.tolist()
            history.first_losses += means[: FIRST_STEPS - len(history.first_losses)]
            if steps == stop_after:
                break
            total = sum(mean * len(index) for mean, index in zip(means, batches, strict=True))
            history.train_loss.append(total / len(train))
            history.test_loss.append(test_loss := evaluate(model, test, loss, shown))
            after = f"the test after epoch {epoch}"
            check_finite(torch.tensor([[test_loss]]), after, learning_rate)
            if watch is not None and epoch in pictures_at:
                history.pictures[epoch] = reconstruct(model, watch)
            if epoch in snapshots_at:
                history.snapshots[epoch] = weights_of(model)
            bar.set_postfix_str(
                f"train {history.train_loss[-1]:.5f}, test {history.test_loss[-1]:.5f}"
            )
            bar.update()
    model.to(home).eval()
    history.seconds = time.perf_counter() - start
    return history


def weights_of(model: nn.Module) -> Weights:
    """A copy of the weights on the CPU, under the names the network gives them."""
    state = model.state_dict().items()
    return {name: values.detach().cpu().clone().contiguous() for name, values in state}


def check_finite(
    losses: Tensor, place: str, learning_rate: float, members: Sequence[str] = ("",)
) -> None:
    """Stop a training that has failed.

    Args:
        losses: (M, batches), of every member's batches in turn, on the CPU.
        place: where that is, in words; ``{}`` stands for the batch.
        members: how a message about each of them begins.

    Raises:
        FloatingPointError: one of them is infinite or not a number.
    """
    if not (finite := losses.isfinite()).all():
        batch, member = (~finite).T.nonzero()[0].tolist()  # the first that failed
        raise FloatingPointError(
            f"{members[member]}the loss is {losses[member, batch].item()} in "
            f"{place.format(batch + 1)}, with learning_rate={learning_rate}"
        )


def other_seed(seed: int) -> int:
    """A second seed from the first, so that noise and order have nothing in common."""
    return int(np.random.SeedSequence(seed).generate_state(1)[0])


def _batches(
    count: int, batch_size: int, order: torch.Generator | None, device: torch.device
) -> tuple[Tensor, ...]:
    """One epoch's indices, in an order drawn from ``order``, or else as they come."""
    indices = torch.arange(count) if order is None else torch.randperm(count, generator=order)
    return indices.to(device).split(batch_size)


def reproducible() -> AbstractContextManager[None]:
    """cuDNN's deterministic algorithms in plain float32, so that a GPU repeats itself."""
    return torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)


@torch.no_grad()
def evaluate(
    model: nn.Module, images: Tensor, loss: Loss = F.mse_loss, shown: Tensor | None = None
) -> float:
    """The mean loss of the reconstructions of all ``images``, (N, …), on the model's device.

    Args:
        model, images, loss: as for ``fit``.
        shown: (N, …), what the model is given in place of the images, such as noisy ones.

    Raises:
        ValueError: there are no images, ``shown`` has another shape, or they are not of the model's
            type.
    """
    device = _checked_home(model, images)
    shown = images if shown is None else tensor("shown", shown, images.dtype)
    if shown.shape != images.shape:
        raise ValueError(f"shown: expected {tuple(images.shape)}, not {tuple(shown.shape)}")
    model.eval()
    total = torch.zeros((), device=device)
    pairs = zip(images.split(TEST_BATCH), shown.split(TEST_BATCH), strict=True)
    for clean, given in pairs:
        total += loss(model(given.to(device)), clean.to(device)) * len(clean)
    return total.item() / len(images)


@torch.no_grad()
def reconstruct(model: nn.Module, images: Tensor) -> Tensor:
    """The model's output for ``images``, (N, …), on the CPU.

    Raises:
        ValueError: there are no images, or they are not of the model's type.
    """
    device = _checked_home(model, images)
    model.eval()
    return torch.cat([model(batch.to(device)).cpu() for batch in images.split(TEST_BATCH)])


def _memory_layout(model: nn.Module, data: Tensor, device: torch.device) -> torch.memory_format:
    """Channels last for convolutions over images on CPU and CUDA: half the time on two cores."""
    convolves = any(isinstance(layer, nn.Conv2d) for layer in model.modules())
    pays = data.dim() == 4 and convolves and device.type in ("cpu", "cuda")
    return torch.channels_last if pays else torch.contiguous_format


# What is asked of the arguments


def chosen(device: torch.device | str | None) -> torch.device:
    """The device asked for, or else the fastest."""
    try:
        return torch.device(device or settings.device())
    except (RuntimeError, TypeError):
        raise ValueError(f"device={device!r}: expected one of torch's, as 'cpu'") from None


def checked_recipe(
    train: Tensor, test: Tensor, epochs: int, batch_size: int, learning_rate: float, loss: Loss
) -> tuple[int, int, float]:
    """The three numbers of every training as plain numbers, and its data as they have to be.

    Raises:
        ValueError: one of them is outside the ranges that ``fit`` lists.
    """
    for name, examples in {"train": train, "test": test}.items():
        _check_examples(name, examples, train)
    function("loss", loss)
    whole = whole_number("epochs", epochs, 1), whole_number("batch_size", batch_size, 1)
    return *whole, positive("learning_rate", learning_rate)


def _check_examples(name: str, examples: Tensor, train: Tensor) -> None:
    axes = tensor(name, examples).shape[1:]
    if examples.dim() == 0 or len(examples) == 0 or axes != train.shape[1:]:
        expected = ", ".join(map(str, train.shape[1:]))
        raise ValueError(f"{name}: expected (at least 1, {expected}), not {tuple(examples.shape)}")
    tensor(name, examples, torch.float32)


@torch.no_grad()
def check_results(name: str, model: nn.Module, loss: Loss, one: Tensor) -> None:
    """One example, (1, …), keeps its shape and has one loss.

    Args:
        name: of the argument that the model comes from.

    Raises:
        ValueError: it is otherwise.
    """
    output = tensor(name, model(one))
    if output.shape != one.shape:
        shapes = f"{tuple(one.shape)}, not {tuple(output.shape)}"
        raise ValueError(f"{name}: expected outputs of the input's shape {shapes}")
    if shape := tuple(tensor("loss", loss(output, one)).shape):
        raise ValueError(f"loss: expected a single number, not {shape}")


def _parameter(model: nn.Module) -> nn.Parameter:
    """The first of the model's, which tells its device and type."""
    found = next(model.parameters(), None) if isinstance(model, nn.Module) else None
    if found is None:
        raise ValueError(f"model: expected a network with parameters, not {model!r}")
    return found


def _checked_home(model: nn.Module, images: Tensor) -> torch.device:
    """The model's device, where its images can go."""
    if tensor("images", images, _parameter(model).dtype).dim() == 0 or len(images) == 0:
        raise ValueError(f"images: expected at least one, not {tuple(images.shape)}")
    return _parameter(model).device
