"""Noise has the statistics that its name and its probability promise, and comes from a seed."""

import re
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from torch import Generator, Tensor

from convbook.corruptions import gaussian_noise, salt_and_pepper, uniform_impulses

GREY = torch.full((400, 1, 28, 28), 0.5)  # 313,600 pixels, none of them 0 or 1
KINDS = [
    partial(uniform_impulses, probability=0.3),
    partial(salt_and_pepper, probability=0.3),
    partial(gaussian_noise, deviation=0.3),
]


def seeded(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def share(hit: Tensor, expected: float) -> bool:
    """Whether a share of pixels is what a binomial distribution allows in one of 10⁶ tests."""
    return stats.binomtest(int(hit.sum()), hit.numel(), expected).pvalue > 1e-6


@given(probability=st.floats(0.01, 0.99), seed=st.integers(0, 2**32))
def test_impulses_hit_as_often_as_they_should(probability, seed):
    noisy = uniform_impulses(GREY, seeded(seed), probability=probability)
    assert share(noisy != GREY, probability)


def test_impulses_are_uniform():
    noisy = uniform_impulses(GREY, seeded(), probability=0.5)
    assert stats.kstest(noisy[noisy != GREY].numpy(), "uniform").pvalue > 1e-6


@given(probability=st.floats(0.01, 0.99), seed=st.integers(0, 2**32))
def test_salt_and_pepper_are_equally_many(probability, seed):
    noisy = salt_and_pepper(GREY, seeded(seed), probability=probability)
    assert noisy.unique().tolist() == [0, 0.5, 1]
    assert share(noisy == 0, probability / 2)
    assert share(noisy == 1, probability / 2)


def test_the_text_of_the_source_is_not_its_code():
    """The source's listing calls ``prob`` what is half the probability, and draws no salt."""

    def as_written(image: Tensor, prob: float, generator: Generator) -> Tensor:
        flat = image.flatten().clone()
        for i in range(len(flat)):
            drawn = torch.rand(1, generator=generator)
            if drawn < prob or drawn > 1 - prob:
                flat[i] = torch.rand(1, generator=generator)
        return flat.view_as(image)

    slow = as_written(GREY[:20], 0.05, seeded(1))
    fast = uniform_impulses(GREY[:20], seeded(2), probability=0.1)
    assert share(slow != 0.5, 0.1)
    assert stats.ks_2samp(slow[slow != 0.5].numpy(), fast[fast != 0.5].numpy()).pvalue > 1e-6


def test_gaussian_noise_is_normal():
    noise = gaussian_noise(GREY[:50], seeded(), deviation=0.2) - 0.5
    assert stats.kstest(noise.flatten().numpy(), stats.norm(0, 0.2).cdf).pvalue > 1e-6


@pytest.mark.parametrize("corrupt", KINDS)
def test_the_generator_decides_and_the_images_stay(corrupt):
    before = GREY.clone()
    assert torch.equal(corrupt(GREY, seeded(1)), corrupt(GREY, seeded(1)))
    assert not torch.equal(corrupt(GREY, seeded(1)), corrupt(GREY, seeded(2)))
    assert torch.equal(GREY, before)


def test_none_is_none_and_all_is_all():
    images = torch.rand(10, 1, 28, 28, generator=seeded(9))
    for corrupt in (uniform_impulses, salt_and_pepper):
        assert torch.equal(corrupt(images, seeded(), probability=0.0), images)
        assert not (corrupt(images, seeded(), probability=1.0) == images).any()
    assert torch.equal(gaussian_noise(images, seeded(), deviation=0.0), images)


@pytest.mark.parametrize("probability", [-0.1, 1.1, float("nan"), "0.1", None, True])
@pytest.mark.parametrize("corrupt", [uniform_impulses, salt_and_pepper])
def test_a_probability_lies_between_0_and_1(corrupt, probability):
    with pytest.raises(ValueError, match=f"probability={probability!r}: expected"):
        corrupt(GREY, seeded(), probability=probability)


@pytest.mark.parametrize("deviation", [-0.1, float("nan"), float("inf"), "0.1", 1j])
def test_a_deviation_is_not_negative(deviation):
    with pytest.raises(ValueError, match=re.escape(f"deviation={deviation!r}: expected")):
        gaussian_noise(GREY, seeded(), deviation=deviation)


@pytest.mark.parametrize("corrupt", KINDS)
def test_only_tensors_and_torchs_generators_are_taken(corrupt):
    for wrong, kind in ((GREY[:2].numpy(), "ndarray"), (GREY[:2].tolist(), "list")):
        with pytest.raises(ValueError, match=f"images: expected a tensor, not {kind}"):
            corrupt(wrong, seeded())
    for generator in (0, None, np.random.default_rng(0)):
        with pytest.raises(ValueError, match=r"generator=.*: expected a torch\.Generator"):
            corrupt(GREY[:2], generator)
    for dtype in (torch.float16, torch.float64):
        images = corrupt(GREY[:2].to(dtype), seeded())
        torch.testing.assert_close(images.float(), corrupt(GREY[:2], seeded()), atol=2e-3, rtol=0)


def test_a_strength_may_be_numpys_or_torchs():
    usual = uniform_impulses(GREY[:2], seeded(), probability=0.25)
    for probability in (np.float32(0.25), torch.tensor(0.25)):
        noisy = uniform_impulses(GREY[:2], seeded(), probability=probability)
        assert torch.equal(noisy, usual)
