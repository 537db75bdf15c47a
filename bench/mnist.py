"""Chapter 8's or 9's network for one epoch: the sources' loop as written, and ``fit``.

The two sources write one loop, but for names. (Chapter 9's moves each batch to the device twice;
once here, to its advantage.)
"""

import time
from collections.abc import Callable

import torch
import torchvision
from torch import nn
from torch.utils.data import DataLoader
from torchvision.transforms import ToTensor

from bench.limit import Limit, of_step
from bench.side_by_side import Run, SameOrder
from convbook import settings
from convbook.data import mnist
from convbook.models import initialised
from convbook.training import evaluate, fit

RATE = 1e-3


def source_loop(seed: int, make: Callable[[], nn.Module], batch_size: int) -> Run:
    """DataLoader and ToTensor for every image, plain Adam, the data moved batch by batch."""
    device, digits = settings.device(), mnist("official")
    model = initialised(make, seed).to(device)
    dataset = torchvision.datasets.MNIST(settings.data_folder(), transform=ToTensor())
    loader = DataLoader(dataset, batch_size=batch_size, sampler=SameOrder(len(dataset), seed))
    criterion, optimizer = nn.MSELoss(), torch.optim.Adam(model.parameters(), lr=RATE)
    start = time.perf_counter()
    for images, _ in loader:
        images = images.to(device)
        loss = criterion(model(images), images)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    loss.item()  # wait for the device
    seconds = time.perf_counter() - start
    return Run(seconds / len(loader), [evaluate(model, digits.test)])


def ours(seed: int, make: Callable[[], nn.Module], batch_size: int) -> Run:
    """``fit``; both sides are tested when the clock has stopped."""
    digits, model = mnist("official"), initialised(make, seed)
    history = fit(
        model, digits.train, digits.test[:1], epochs=1, batch_size=batch_size, learning_rate=RATE,
        progress=False, seed=seed,
    )  # fmt: skip
    steps = -(-len(digits.train) // batch_size)
    return Run(history.seconds / steps, [evaluate(model.to(settings.device()), digits.test)])


def limit(make: Callable[[], nn.Module], batch_size: int) -> Limit:
    return of_step(make(), mnist("official").train[:batch_size])
