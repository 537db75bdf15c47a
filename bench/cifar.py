"""Chapter 10's network, code size 200, for a part of an epoch: the source's loop, and ``fit``."""

import time

import torch
import torchvision
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from bench.limit import Limit, of_step
from bench.side_by_side import Run
from convbook import settings
from convbook.data import Selection
from convbook.models import PhotoAutoencoder, initialised
from convbook.training import evaluate, fit

IMAGES, BATCH, RATE = 9600, 64, 1e-3
SELECTION = Selection("cifar10", train=IMAGES, test=2000, signed=True, source="official")


class Transformed(Dataset):
    """Images that are made tensors, and normalised, each time they are asked for."""

    def __init__(self) -> None:
        self.images = torchvision.datasets.CIFAR10(settings.data_folder()).data[:IMAGES]
        halves = (0.5, 0.5, 0.5)
        steps = [transforms.ToTensor(), transforms.Normalize(halves, halves)]
        self.transform = transforms.Compose(steps)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> torch.Tensor:
        return self.transform(self.images[index])


def source_loop(seed: int) -> Run:
    """DataLoader and transforms for every image, plain Adam, the loss read at every step."""
    device, photographs = settings.device(), SELECTION.load()
    model, loader = initialised(PhotoAutoencoder, seed).to(device), DataLoader(Transformed(), BATCH)
    criterion, optimizer = nn.MSELoss(), torch.optim.Adam(model.parameters(), lr=RATE)
    losses = []
    start = time.perf_counter()
    for images in loader:
        optimizer.zero_grad()
        images = images.to(device)
        loss = criterion(model(images), images.view(-1, 3, 32, 32))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    seconds = time.perf_counter() - start
    return Run(seconds / len(loader), [evaluate(model, photographs.test)])


def ours(seed: int) -> Run:
    """``fit``, in the same order; both are tested when the clock has stopped."""
    photographs, model = SELECTION.load(), initialised(PhotoAutoencoder, seed)
    history = fit(
        model, photographs.train, photographs.test[:1], epochs=1, batch_size=BATCH,
        learning_rate=RATE, seed=seed, shuffle=False, progress=False,
    )  # fmt: skip
    losses = [evaluate(model.to(settings.device()), photographs.test)]
    return Run(history.seconds / (IMAGES // BATCH), losses)


def limit() -> Limit:
    return of_step(PhotoAutoencoder(), SELECTION.load().train[:BATCH])
