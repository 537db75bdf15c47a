"""What a plain method does on the same data: the mark that a network has to beat."""

import torch
from sklearn.decomposition import PCA as ScikitPCA
from sklearn.linear_model import LinearRegression
from torch import Tensor

from convbook.arguments import tensor, whole_number


class PCA:
    """Principal component analysis: the best linear autoencoder (Baldi and Hornik 1989,
    doi 10.1016/0893-6080(89)90014-2). scikit-learn does the work. ``mean`` is that of the images,
    ``components`` are the principal directions, one a row, ``variances`` those along them.

    >>> on_a_line = torch.tensor([[0.0, 0.0], [1.0, 2.0], [3.0, 6.0]])
    >>> PCA(on_a_line).errors(on_a_line).round(decimals=3).tolist()  # by 0, 1 and 2 components
    [3.889, 0.0, 0.0]

    Args:
        train: (N, …), the images to fit, on any device.

    Raises:
        ValueError: ``train`` is no tensor, or has fewer than two images.
    """

    def __init__(self, train: Tensor):
        if tensor("train", train).dim() < 2 or len(train) < 2:
            raise ValueError(f"train: expected at least two images, not {tuple(train.shape)}")
        pixels = train.detach().flatten(1).cpu().double().numpy()  # since the covariance squares
        solver = "covariance_eigh" if len(pixels) > pixels.shape[1] else "full"  # what is faster
        fitted = ScikitPCA(svd_solver=solver).fit(pixels)
        self.shape = train.shape[1:]
        self.precisely = torch.from_numpy(fitted.mean_), torch.from_numpy(fitted.components_)
        self.mean, self.components = (part.float() for part in self.precisely)
        self.variances = torch.from_numpy(fitted.explained_variance_).float()

    def reconstruct(self, images: Tensor, code_size: int) -> Tensor:
        """``images`` (N, …) through the first ``code_size`` components; with 0, the mean image.

        Raises:
            ValueError: ``images`` have another shape than those fitted, or there are fewer
                components.
        """
        _check_shape(images, self.shape)
        kept = self.components[: whole_number("code_size", code_size, 0, len(self.components))]
        centred = images.flatten(1).to(self.mean) - self.mean
        return (centred @ kept.T @ kept + self.mean).unflatten(1, self.shape)

    def errors(self, images: Tensor) -> Tensor:
        """Mean squared error per pixel for every code size from 0 up: (components + 1,).

        The components are orthonormal, so each one takes its squared coefficient off the error.

        Raises:
            ValueError: ``images`` have another shape than those fitted.
        """
        _check_shape(images, self.shape)
        mean, components = self.precisely  # or the difference below would be that of roundings
        centred = images.flatten(1).cpu().double() - mean
        total = centred.pow(2).mean(0).sum()
        taken = (centred @ components.T).pow(2).mean(0)
        left = total - torch.cat([torch.zeros(1), taken.cumsum(0)])
        return left.clamp(min=0) / centred.shape[1]


class LinearDenoiser:
    """The best affine map from noisy images to clean ones, by least squares. scikit-learn does the
    work.

    Args:
        noisy, clean: (N, …), pairs to fit, on any device.

    Raises:
        ValueError: the two shapes differ, or there are fewer than two images.
    """

    def __init__(self, noisy: Tensor, clean: Tensor):
        shape = tensor("clean", clean).shape
        if tensor("noisy", noisy).shape != shape or len(shape) < 2 or len(clean) < 2:
            shapes = f"{tuple(noisy.shape)} and {tuple(clean.shape)}"
            raise ValueError(f"noisy, clean: expected one shape (at least 2, …), not {shapes}")
        pixels = [part.detach().flatten(1).cpu().numpy() for part in (noisy, clean)]
        fitted = LinearRegression().fit(*pixels)
        self.shape = clean.shape[1:]
        self.weight, self.bias = torch.from_numpy(fitted.coef_), torch.from_numpy(fitted.intercept_)

    def __call__(self, images: Tensor) -> Tensor:
        """``images`` (N, …), cleaned.

        Raises:
            ValueError: they have another shape than those fitted.
        """
        _check_shape(images, self.shape)
        return (images.flatten(1).to(self.weight) @ self.weight.T + self.bias).unflatten(
            1, self.shape
        )


def _check_shape(images: Tensor, shape: torch.Size) -> None:
    if tensor("images", images).shape[1:] != shape:
        expected = ", ".join(map(str, shape))
        raise ValueError(f"images: expected (N, {expected}), not {tuple(images.shape)}")
