"""Stand-ins from data that ships inside scikit-learn, for machines with neither network nor files.

They have the official shapes and value range, so that every cell runs. They are far smaller and
easier, so no claim about the official data is judged on them. scikit-learn takes seconds to import,
which who has the official files is spared.
"""

import numpy as np
import torch
import torch.nn.functional as F

from convbook.data.images import ImageData

CROPS_PER_PHOTOGRAPH = 1500
TEST_SHARE = 6  # every sixth image is held out


def digits() -> ImageData:
    """scikit-learn's 8×8 digits, enlarged to 20×20 in the middle of 28×28, as MNIST's are
    framed.
    """
    from sklearn.datasets import load_digits

    source = load_digits()
    small = torch.tensor(source.images / 16, dtype=torch.float32)[:, None]  # (1797, 1, 8, 8)
    large = F.interpolate(small, size=20, mode="bicubic", antialias=True).clamp(0, 1)
    images, labels = F.pad(large, (4, 4, 4, 4)), torch.tensor(source.target)
    return _split("scikit-learn's digits at 28×28", images, labels, tuple(map(str, range(10))))


def crops(seed: int = 0) -> ImageData:
    """32×32 crops of scikit-learn's two photographs, half size; the class is photograph and
    column.
    """
    from sklearn.datasets import load_sample_images

    generator = np.random.default_rng(seed)
    photographs = [torch.tensor(image) for image in load_sample_images().images]
    images, labels = [], []
    for which, photograph in enumerate(photographs):
        half = F.avg_pool2d(photograph.permute(2, 0, 1).float() / 255, 2)  # (3, 213, 320)
        tops = generator.integers(0, half.shape[1] - 31, CROPS_PER_PHOTOGRAPH)
        lefts = generator.integers(0, half.shape[2] - 31, CROPS_PER_PHOTOGRAPH)
        for top, left in zip(tops, lefts, strict=True):
            images.append(half[:, top : top + 32, left : left + 32])
            labels.append(5 * which + int(5 * left / (half.shape[2] - 31)))
    order = torch.from_numpy(generator.permutation(len(images)))
    classes = tuple(f"{name}, column {i}" for name in ("temple", "flower") for i in range(1, 6))
    return _split(
        "crops of two photographs at 32×32",
        torch.stack(images)[order],
        torch.tensor(labels)[order],
        classes,
    )


def _split(
    name: str, images: torch.Tensor, labels: torch.Tensor, classes: tuple[str, ...]
) -> ImageData:
    held_out = torch.arange(len(images)) % TEST_SHARE == 0
    return ImageData(
        name=name,
        official=False,
        train=images[~held_out],
        train_labels=labels[~held_out],
        test=images[held_out],
        test_labels=labels[held_out],
        classes=classes,
    )
