"""Networks and images as JSON: what ``networks.js`` reads in the page."""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

SIDE = 28  # pixels of a digit


def described(layers: Iterable[nn.Module]) -> dict[str, object]:
    """Layers under PyTorch's names, with their sizes, and all their weights in order, as base64.

    Raises:
        ValueError: a layer is of a kind, or has an option, that the page does not compute.
    """
    layers = list(layers)
    numbers = [p.detach().flatten().cpu() for layer in layers for p in layer.parameters()]
    weights = torch.cat(numbers).numpy() if numbers else np.empty(0)
    return {"layers": [_sizes(layer) for layer in layers], "weights": base64(weights, "<f4")}


def _sizes(layer: nn.Module) -> list[Any]:
    name = type(layer).__name__
    match layer:
        case nn.Conv2d() | nn.ConvTranspose2d():
            plain = nn.Conv2d if name == "Conv2d" else nn.ConvTranspose2d
            settings = (layer.kernel_size[0], layer.stride[0], int(layer.padding[0]))
            sizes = (layer.in_channels, layer.out_channels, *settings)
            if repr(layer) == repr(plain(*sizes)):
                return [name, *sizes]
        case nn.MaxPool2d() if layer.stride in (layer.kernel_size, (layer.kernel_size,) * 2):
            return [name, layer.kernel_size]
        case nn.MaxUnpool2d(kernel_size=(int(kernel), _)):
            return [name, kernel]
        case nn.ReLU() | nn.Tanh():
            return [name]
    raise ValueError(f"layers: expected one that the page computes, not {layer}")


def count(layers: Iterable[Sequence[Any]]) -> int:
    """How many weights these layers have."""
    total = 0
    for name, *sizes in layers:
        if str(name).startswith("Conv"):
            inputs, outputs, kernel, *_ = sizes
            total += inputs * outputs * kernel**2 + outputs
    return total


def base64(numbers: np.ndarray, kind: str) -> str:
    """The numbers as they lie in memory, as NumPy's ``kind``."""
    return b64encode(numbers.astype(kind).tobytes()).decode()


def as_bytes(images: Tensor) -> list[str]:
    """(N, 1, 28, 28), from 0 to 1, as a byte for each pixel, in base64."""
    pixels = (255 * images.clamp(0, 1)).round().flatten(1).numpy()
    return [base64(image, "u1") for image in pixels]


def check_digits(name: str, images: Iterable[str]) -> None:
    """That each of the images is of 28×28 pixels, as ``as_bytes`` has them.

    Raises:
        ValueError: one has more, or fewer.
    """
    for image in images:
        if (pixels := len(b64decode(image))) != SIDE**2:
            raise ValueError(f"{name}: expected {SIDE**2} pixels, not {pixels}")


def block_figure(image: str, words: str) -> str:
    """A digit, as ``as_bytes`` has it, in characters of two pixels each: for where no script runs.

    Args:
        words: what it shows, for who does not see it.
    """
    ink = np.frombuffer(b64decode(image), np.uint8).reshape(SIDE // 2, 2, SIDE) > 127
    rows = ["".join(" ▀▄█"[up + 2 * down] for up, down in zip(*pair, strict=True)) for pair in ink]
    look = "font-family: monospace; line-height: 1; white-space: pre"
    drawn = "\n".join(row.rstrip() for row in rows).strip("\n")
    return f'<figure><div role="img" aria-label="{words}" style="{look}">{drawn}</div></figure>'
