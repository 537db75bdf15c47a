"""Chapter 6's network: the source's loop as written, and ``fit_ensemble`` with compiled steps."""

import time
from unittest.mock import patch

from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

from bench.limit import Limit, of_step
from bench.side_by_side import Run, SameOrder
from convbook import settings
from convbook.data import bezier
from convbook.models import PatchAutoencoder, initialised
from convbook.training import ensemble, evaluate, fit_ensemble
from convbook.training.history import progress_bar

MODELS, EPOCHS, BATCH, RATE = 30, 20, 128, 1e-4
PATCHES = bezier().patches(7)


def source_loop(seed: int) -> Run:
    """One model: a DataLoader over tensors on the device, plain Adam, the loss read each step."""
    model = initialised(PatchAutoencoder, seed).to(settings.device())
    dataset = TensorDataset(PATCHES.train.to(settings.device()))
    loader = DataLoader(dataset, batch_size=BATCH, sampler=SameOrder(len(dataset), seed))
    criterion, optimizer = nn.MSELoss(), optim.Adam(model.parameters(), lr=RATE)
    start = time.perf_counter()
    for _ in range(EPOCHS):
        train_loss = 0.0
        for (batch,) in loader:
            optimizer.zero_grad()
            loss = criterion(model(batch), batch)
            loss.backward()
            optimizer.step()
            train_loss += loss.item()
    seconds = time.perf_counter() - start
    return Run(seconds / EPOCHS, [evaluate(model, PATCHES.test)])


def ours(seed: int) -> Run:
    """Thirty models, that of ``seed`` first. A chapter's 5,000 epochs compile once, so that the
    seconds of it stand apart: they are what the first epoch takes beyond the others.
    """
    seeds, few = range(seed, seed + MODELS), PATCHES.test[:1]  # tested when the clock has stopped
    bar, ends = progress_bar(EPOCHS, shown=False), []
    with (
        patch.object(ensemble, "WORTH_COMPILING", 0),  # as in a chapter's 5,000 epochs
        patch.object(ensemble, "progress_bar", lambda *_: bar),
        patch.object(bar, "update", lambda: ends.append(time.perf_counter())),
    ):
        run = fit_ensemble(
            PatchAutoencoder, PATCHES.train, few, seeds=seeds, epochs=EPOCHS, batch_size=BATCH,
            learning_rate=RATE,
        )  # fmt: skip
    seconds = (ends[-1] - ends[0]) / (EPOCHS - 1)
    losses = [evaluate(run.model(index), PATCHES.test) for index in range(MODELS)]
    note = f"(and, once, {run.seconds - EPOCHS * seconds:.1f} s of compiling)"
    return Run(seconds / MODELS, losses, note)


def limit() -> Limit:
    """Of a model and epoch."""
    step = of_step(PatchAutoencoder(), PATCHES.train[:BATCH])
    return Limit(step.seconds * len(PATCHES.train) / BATCH, step.bound_by)
