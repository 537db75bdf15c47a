"""Chapter 9's network for one epoch: the source's loop as written, and ``fit``."""

import time

import torch
import torchvision
from torch import nn
from torch.utils.data import DataLoader
from torchvision.transforms import ToTensor

from bench.side_by_side import Run
from convbook import settings
from convbook.data import mnist
from convbook.models import DigitAutoencoder, initialised
from convbook.training import evaluate, fit

BATCH, RATE = 64, 1e-3


def source_loop(seed: int) -> Run:
    """Clean in, clean out: DataLoader and ToTensor for every image, moved twice, plain Adam."""
    device, digits = settings.device(), mnist("official")
    model = initialised(DigitAutoencoder, seed).to(device)
    images = torchvision.datasets.MNIST(settings.data_folder(), transform=ToTensor())
    torch.manual_seed(seed)
    loader = DataLoader(images, batch_size=BATCH, shuffle=True)
    criterion, optimizer = nn.MSELoss(), torch.optim.Adam(model.parameters(), lr=RATE)
    start = time.perf_counter()
    for data in loader:
        output = model(data[0].to(device))
        loss = criterion(output, data[0].to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    loss.item()  # wait for the device
    seconds = time.perf_counter() - start
    return Run(seconds / len(loader), [evaluate(model, digits.test)])


def ours(seed: int) -> Run:
    """``fit``; its time includes the losses of the test set, which the source never looked at."""
    digits, model = mnist("official"), initialised(DigitAutoencoder, seed)
    recipe = {"epochs": 1, "batch_size": BATCH, "learning_rate": RATE, "seed": seed}
    history = fit(model, digits.train, digits.test, **recipe, progress=False)
    steps = -(-len(digits.train) // BATCH)
    return Run(history.seconds / steps, history.test_loss)
