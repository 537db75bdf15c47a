"""Chapter 6's network for a few epochs: the source's loop as written, and ``fit_ensemble``.

So short a run is traced; a chapter's 5,000 epochs are compiled as well, and faster still.
"""

import time

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from bench.side_by_side import Run
from convbook import settings
from convbook.data import bezier
from convbook.models import PatchAutoencoder, initialised
from convbook.training import evaluate, fit_ensemble

MODELS, EPOCHS, BATCH, RATE = 30, 20, 128, 1e-4
PATCHES = bezier().patches(7)


def source_loop(seed: int) -> Run:
    """One model: a DataLoader over tensors on the device, plain Adam, the loss read each step."""
    model = initialised(PatchAutoencoder, seed).to(settings.device())
    torch.manual_seed(seed)
    dataset = TensorDataset(PATCHES.train.to(settings.device()))
    loader = DataLoader(dataset, batch_size=BATCH, shuffle=True)
    criterion, optimizer = nn.MSELoss(), torch.optim.Adam(model.parameters(), lr=RATE)
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
    """Thirty models, that of ``seed`` first; the time includes tracing and the test losses."""
    seeds = range(seed, seed + MODELS)
    recipe = {"epochs": EPOCHS, "batch_size": BATCH, "learning_rate": RATE, "progress": False}
    run = fit_ensemble(PatchAutoencoder, PATCHES.train, PATCHES.test, seeds=seeds, **recipe)
    return Run(run.seconds / EPOCHS / MODELS, run.test_loss[:, -1].tolist())
