"""PCA and metrics: what results are held against."""

import math

import pytest
import torch
from scipy import linalg, stats

from convbook import metrics
from convbook.baselines import PCA, LinearDenoiser


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("count", [60, 15])  # more and fewer images than pixels
def test_pca_is_the_truncated_singular_value_decomposition(count):
    train, test = random(count, 1, 4, 5), random(30, 1, 4, 5, seed=1)
    mean = train.flatten(1).mean(0)
    _, _, directions = linalg.svd((train.flatten(1) - mean).numpy(), full_matrices=False)
    pca = PCA(train)
    along = (train.flatten(1) - pca.mean) @ pca.components.T
    torch.testing.assert_close(along.var(0), pca.variances, atol=1e-5, rtol=1e-4)
    errors = pca.errors(test)
    assert len(errors) == min(count, 20) + 1
    for code_size in (0, 1, 7, min(count - 1, 20)):  # centring takes one direction away
        kept = torch.from_numpy(directions[:code_size])
        expected = (test.flatten(1) - mean) @ kept.T @ kept + mean
        made = pca.reconstruct(test, code_size)
        torch.testing.assert_close(made, expected.view_as(test), atol=1e-5, rtol=1e-4)
        error = (expected - test.flatten(1)).square().mean().item()
        assert errors[code_size].item() == pytest.approx(error, abs=1e-6)


def test_pca_names_bad_input():
    pca = PCA(random(10, 1, 2, 2))
    with pytest.raises(ValueError, match=r"train: expected at least two images, not \(1, "):
        PCA(random(1, 1, 2, 2))
    with pytest.raises(ValueError, match=r"images: expected \(N, 1, 2, 2\), not \(3, 1, 2, 3\)"):
        pca.reconstruct(random(3, 1, 2, 3), 1)
    with pytest.raises(ValueError, match="code_size=5: expected a whole number from 0 to 4"):
        pca.reconstruct(random(3, 1, 2, 2), 5)
    with pytest.raises(ValueError, match="code_size=-1"):
        pca.reconstruct(random(3, 1, 2, 2), -1)


def test_the_linear_denoiser_is_the_least_squares_solution():
    clean = random(300, 1, 3, 4)
    noisy = clean + 0.1 * random(300, 1, 3, 4, seed=1)
    with_ones = torch.cat([noisy.flatten(1), torch.ones(300, 1)], 1).double().numpy()
    solution, *_ = linalg.lstsq(with_ones, clean.flatten(1).double().numpy())
    expected = torch.from_numpy(with_ones @ solution).float().view_as(clean)
    torch.testing.assert_close(LinearDenoiser(noisy, clean)(noisy), expected, atol=1e-4, rtol=1e-3)


def test_the_linear_denoiser_names_bad_input():
    with pytest.raises(ValueError, match=r"noisy, clean: expected .* \(3, 2\) and \(3, 4\)"):
        LinearDenoiser(random(3, 2), random(3, 4))
    with pytest.raises(ValueError, match=r"images: expected \(N, 4\), not \(3, 2\)"):
        LinearDenoiser(random(9, 4), random(9, 4))(random(3, 2))


@pytest.mark.parametrize("size", [4, 7, 32])
def test_the_error_spectrum_adds_up_to_the_error(size):
    output, target = random(5, 3, size, size), random(5, 3, size, size, seed=1)
    spectrum = metrics.error_spectrum(output, target)
    assert len(spectrum) == size // 2 + 1
    assert spectrum.sum().item() == pytest.approx(metrics.mse(output, target), rel=1e-5)


def test_a_wave_stands_at_its_own_frequency():
    across = (torch.arange(32) + 0.5) / 32
    for halves in range(32):  # a wave that fits halves / 2 times, from border to border
        wave = torch.cos(math.pi * halves * across).expand(1, 1, 32, 32)
        for one in (wave, wave.mT):
            spectrum = metrics.error_spectrum(one, torch.zeros_like(one))
            power = spectrum[math.ceil(halves / 2)].item()
            assert power == pytest.approx(one.square().mean().item(), rel=1e-5)


def test_a_slope_from_border_to_border_is_a_coarse_wave():
    slope = torch.linspace(-1, 1, 32).expand(1, 1, 32, 32)
    spectrum = metrics.error_spectrum(slope, torch.zeros_like(slope))
    assert spectrum[1].item() > 0.98 * spectrum.sum().item()


def test_the_error_spectrum_takes_square_images():
    with pytest.raises(ValueError, match="output, target: expected"):
        metrics.error_spectrum(torch.zeros(1, 1, 4, 5), torch.zeros(1, 1, 4, 5))


def test_mse_of_a_known_error():
    target = torch.zeros(4, 3)
    assert metrics.mse(target + 0.1, target) == pytest.approx(0.01)


def test_metrics_name_bad_input():
    with pytest.raises(ValueError, match=r"output: expected \(2,\), not \(3,\)"):
        metrics.mse(torch.zeros(3), torch.zeros(2))
    for counts in ([-1, 2], [0, 0], [math.nan, 1], [math.inf, 1]):
        with pytest.raises(ValueError, match="counts: expected"):
            metrics.entropy(torch.tensor(counts))


@pytest.mark.parametrize("counts", [[1, 1, 1, 1], [5, 0, 0], [1, 2, 3, 4]])
def test_entropy_is_scipys(counts):
    expected = stats.entropy(counts, base=2)
    assert metrics.entropy(torch.tensor(counts)) == pytest.approx(expected)


# Checkerboards: patterns whose energy is known


@pytest.mark.parametrize("stride", [2, 3, 4])
def test_white_noise_has_no_checkerboard(stride: int):
    noise = torch.randn(3000, 1, 24, 24, generator=torch.Generator().manual_seed(0))
    assert metrics.checkerboard(noise, stride) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("stride", [2, 3, 4])
@pytest.mark.parametrize("amplitude", [0.1, 1.0])
def test_a_known_pattern_on_noise_adds_its_energy(stride: int, amplitude: float):
    """A wave of amplitude a and period s, on noise of variance 1, in windowed frames of n × n.

    At its one or two frequencies the wave has a² (Σw)² in all at stride 2, and half of that at the
    others, where cos splits in two; noise has Σw² at every frequency. With Hann's window of n
    points Σw is n / 2 and Σw² is 3n / 8 in each direction; stride² - 1 frequencies are counted.
    """
    n = 24
    noise = torch.randn(3000, 1, n, n, generator=torch.Generator().manual_seed(0))
    wave = amplitude * torch.cos(2 * torch.pi * torch.arange(n) / stride)
    share = 1.0 if stride == 2 else 0.5
    expected = 1 + share * amplitude**2 * (n / 2) ** 4 / (3 * n / 8) ** 2 / (stride**2 - 1)
    assert metrics.checkerboard(noise + wave, stride) == pytest.approx(expected, rel=0.05)
    assert metrics.checkerboard(noise + wave[:, None], stride) == pytest.approx(expected, rel=0.05)


def test_a_pattern_of_another_period_is_no_checkerboard():
    noise = torch.randn(3000, 1, 24, 24, generator=torch.Generator().manual_seed(0))
    wave = torch.cos(2 * torch.pi * torch.arange(24) / 8)
    assert metrics.checkerboard(noise + wave, 2) == pytest.approx(1, abs=0.05)


def test_brightness_and_contrast_do_not_count():
    images = torch.rand(50, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert metrics.checkerboard(5 * images + 3, 2) == pytest.approx(metrics.checkerboard(images, 2))


@pytest.mark.parametrize(
    ("images", "stride", "words"),
    [
        (torch.zeros(3, 8, 8), 2, r"images: expected \(N, C, n, n\)"),
        (torch.zeros(1, 1, 32, 28), 2, r"images: expected \(N, C, n, n\)"),
        (torch.zeros(1, 1, 32, 32), 1, "stride=1: expected a whole number from 2 to 5"),
        (torch.zeros(1, 1, 32, 32), 6, "stride=6: expected a whole number from 2 to 5"),
    ],
)
def test_checkerboards_need_square_images_and_room(images, stride, words):
    with pytest.raises(ValueError, match=words):
        metrics.checkerboard(images, stride)


@pytest.mark.parametrize("wrong", [random(4, 1, 3, 3).numpy(), random(4, 1, 3, 3).tolist(), None])
def test_what_is_no_tensor_is_named(wrong):
    images = random(4, 1, 3, 3)
    pca, denoiser = PCA(images), LinearDenoiser(images, images)
    calls = {
        "train": [lambda: PCA(wrong)],
        "noisy": [lambda: LinearDenoiser(wrong, images)],
        "clean": [lambda: LinearDenoiser(images, wrong)],
        "images": [
            lambda: pca.errors(wrong),
            lambda: denoiser(wrong),
            lambda: metrics.checkerboard(wrong, 2),
        ],
        "output": [
            lambda: metrics.mse(wrong, images),
            lambda: metrics.error_spectrum(wrong, images),
        ],
        "target": [
            lambda: metrics.mse(images, wrong),
            lambda: metrics.error_spectrum(images, wrong),
        ],
        "counts": [lambda: metrics.entropy(wrong)],
    }
    for name, each in calls.items():
        for call in each:
            with pytest.raises(ValueError, match=f"{name}: expected a tensor, not "):
                call()


def test_other_kinds_of_numbers_will_do():
    images = random(9, 1, 2, 2)
    pca, denoiser = PCA(images), LinearDenoiser(images, images)
    for other in (images.double(), images.clone().requires_grad_()):
        torch.testing.assert_close(pca.reconstruct(other, 2), pca.reconstruct(images, 2))
        torch.testing.assert_close(denoiser(other), denoiser(images))
        torch.testing.assert_close(PCA(other).variances, pca.variances)
        assert metrics.mse(other, images) == 0
    with pytest.raises(ValueError, match=r"target: expected at least one number, not \(0, "):
        metrics.mse(images[:0], images[:0])
