"""A set of labelled images, in two parts: one to train on, one to test on."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False)
class ImageData:
    """Images as float32 in [0, 1], or [-1, 1] if so selected, (N, C, H, W), with integer labels,
    (N,).
    """

    name: str
    official: bool
    train: Tensor
    train_labels: Tensor
    test: Tensor
    test_labels: Tensor
    classes: tuple[str, ...]

    def __repr__(self) -> str:
        size = "×".join(map(str, self.train.shape[1:]))
        kind = "official" if self.official else "stand-in"
        return (
            f"{self.name} ({kind}): {len(self.train):,} images to train on, "
            f"{len(self.test):,} to test on, {size}"
        )

    def first_of_each_class(self) -> tuple[int, ...]:
        """Where among the test images each class comes first, in the order of the classes.

        Raises:
            ValueError: a class has no test image.
        """
        places = [(self.test_labels == label).nonzero() for label in range(len(self.classes))]
        for name, found in zip(self.classes, places, strict=True):
            if len(found) == 0:
                raise ValueError(f"classes: expected a test image of each, but {name} has none")
        return tuple(int(found[0, 0]) for found in places)
