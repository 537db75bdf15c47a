"""Chapter 3's layers against torch, Keras, ONNX's reference evaluator, and differences."""

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from conftest import onnx_layer
from convbook.layers import Conv2d, ConvTranspose2d, col2im, im2col

pairs = st.tuples(st.integers(1, 4), st.integers(1, 4))
Layer = Conv2d | ConvTranspose2d


@st.composite
def layers(draw: st.DrawFn) -> tuple[Layer, np.ndarray, Callable[..., torch.Tensor]]:
    """A layer, an input that it takes, and torch's function with the same settings."""
    groups, transposed = draw(st.integers(1, 3)), draw(st.booleans())
    channels_in, channels_out = (groups * draw(st.integers(1, 2)) for _ in range(2))
    kernel, stride, dilation = draw(pairs), draw(pairs), draw(pairs)
    padding = draw(st.tuples(st.integers(0, 3), st.integers(0, 3)))
    size = draw(st.tuples(st.integers(1, 8), st.integers(1, 8)))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    x = rng.normal(size=(draw(st.integers(1, 3)), channels_in, *size))
    bias = rng.normal(size=channels_out) if draw(st.booleans()) else None
    given_to_both = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    reaches = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    if transposed:
        largest = (max(s, d) - 1 for s, d in zip(stride, dilation, strict=True))
        given_to_both["output_padding"] = tuple(draw(st.integers(0, most)) for most in largest)
        for n, s, r, p in zip(size, stride, reaches, padding, strict=True):
            assume((n - 1) * s + r > 2 * p)
        weight = rng.normal(size=(channels_in, channels_out // groups, *kernel))
        layer, function = ConvTranspose2d(weight, bias, **given_to_both), F.conv_transpose2d
    else:
        for n, r, p in zip(size, reaches, padding, strict=True):
            assume(n + 2 * p >= r)
        weight = rng.normal(size=(channels_out, channels_in // groups, *kernel))
        layer, function = Conv2d(weight, bias, **given_to_both), F.conv2d
    return layer, x, lambda x, weight, bias: function(x, weight, bias, **given_to_both)


@settings(max_examples=2000, deadline=None)
@given(layers())
def test_values_and_gradients_are_torchs(case: tuple):
    layer, x, function = case
    numbers = {"x": x, "weight": layer.weight, "bias": layer.bias}
    tensors = {
        name: None if values is None else torch.tensor(values, requires_grad=True)
        for name, values in numbers.items()
    }
    expected = function(**tensors)
    output = layer.forward(x)
    np.testing.assert_allclose(output, expected.detach(), atol=1e-10)
    gradient = np.random.default_rng(0).normal(size=output.shape)
    expected.backward(torch.tensor(gradient))
    found = {"x": layer.backward(gradient)} | layer.gradients
    assert set(found) == {name for name, values in numbers.items() if values is not None}
    for name, values in found.items():
        np.testing.assert_allclose(values, tensors[name].grad, atol=1e-9, err_msg=name)


@settings(max_examples=50, deadline=None)
@given(layers(), st.integers(0, 99))
def test_gradients_are_what_differences_say(case: tuple, seed: int):
    """No framework needed: a small step along a direction changes the output as predicted."""
    layer, x, _ = case
    rng = np.random.default_rng(seed)
    along_x, along_weight = rng.normal(size=x.shape), rng.normal(size=layer.weight.shape)
    gradient = rng.normal(size=layer.forward(x).shape)
    at_input = layer.backward(gradient)
    predicted = (at_input * along_x).sum(), (layer.gradients["weight"] * along_weight).sum()
    start, step = layer.weight, 1e-6
    by_x = layer.forward(x + step * along_x) - layer.forward(x - step * along_x)
    layer.weight = start + step * along_weight
    by_weight = layer.forward(x)
    layer.weight = start - step * along_weight
    by_weight = by_weight - layer.forward(x)
    measured = [(change * gradient).sum() / (2 * step) for change in (by_x, by_weight)]
    np.testing.assert_allclose(predicted, measured, rtol=1e-6, atol=1e-6)


@settings(max_examples=100, deadline=None)
@given(layers())
def test_col2im_is_the_transpose_of_im2col(case: tuple):
    layer, x, _ = case
    output = layer.forward(x)
    large = output if isinstance(layer, ConvTranspose2d) else x
    _, axes = layer._seen
    rng = np.random.default_rng(0)
    image = rng.normal(size=large.shape)
    columns = im2col(image, axes)
    others = rng.normal(size=columns.shape)
    np.testing.assert_allclose((columns * others).sum(), (image * col2im(others, axes)).sum())


# Keras: words for padding, the odd cell, and weights that move

KERAS_TO_TORCH = (3, 2, 0, 1)  # of a kernel's axes, for both layers: there is no flip


@pytest.mark.parametrize("word", ["valid", "same"])
@pytest.mark.parametrize("transposed", [False, True], ids=["conv", "transposed"])
def test_words_for_padding_mean_what_keras_means(keras, word: str, transposed: bool):
    rng = np.random.default_rng(0)
    for stride, kernel, size in product((1, 2, 3), range(1, 6), range(4, 10)):
        if kernel > size:
            continue  # it does not fit, which Keras and test_bad_input_is_named both say
        x = rng.normal(size=(2, 3, size, size)).astype("float32")
        kernels = rng.normal(size=(kernel, kernel, 2, 3) if transposed else (kernel, kernel, 3, 2))
        kernels = kernels.astype("float32")
        operation = keras.ops.conv_transpose if transposed else keras.ops.conv
        expected = operation(
            np.moveaxis(x, 1, -1), kernels, stride, padding=word, data_format="channels_last"
        )
        layer = (ConvTranspose2d if transposed else Conv2d)(
            kernels.transpose(KERAS_TO_TORCH), stride=stride, padding=word
        )
        ours = np.moveaxis(layer.forward(x), 1, -1)
        np.testing.assert_allclose(ours, expected.detach().cpu(), atol=1e-4)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own
def test_weights_trained_in_keras_move_to_torch_and_back(keras):
    network = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            keras.layers.Conv2D(4, 3, padding="same", activation="relu"),
            keras.layers.Conv2DTranspose(1, 4, strides=2, padding="same"),
        ]
    )
    rng = np.random.default_rng(0)
    small = rng.normal(size=(32, 6, 6, 1)).astype("float32")
    target = small.repeat(2, 1).repeat(2, 2)
    network.compile("adam", "mse")
    first = network.evaluate(small, target, verbose=0)
    network.fit(small, target, epochs=3, verbose=0)
    assert network.evaluate(small, target, verbose=0) < first
    expected = np.moveaxis(network.predict(small, verbose=0), -1, 1)

    (kernel_1, bias_1), (kernel_2, bias_2) = (layer.get_weights() for layer in network.layers)
    ours = [
        Conv2d(kernel_1.transpose(KERAS_TO_TORCH), bias_1, padding="same"),
        ConvTranspose2d(kernel_2.transpose(KERAS_TO_TORCH), bias_2, stride=2, padding="same"),
    ]
    x = np.moveaxis(small, -1, 1)
    hidden = np.maximum(ours[0].forward(x), 0)
    np.testing.assert_allclose(ours[1].forward(hidden), expected, atol=1e-5)

    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.ConvTranspose2d(4, 1, 4, stride=2, padding=1),
    )
    with torch.no_grad():
        for layer, moved in zip((theirs[0], theirs[2]), ours, strict=True):
            layer.weight.copy_(torch.tensor(moved.weight))
            layer.bias.copy_(torch.tensor(moved.bias))
        np.testing.assert_allclose(theirs(torch.tensor(x)), expected, atol=1e-5)
    back = np.argsort(KERAS_TO_TORCH)
    np.testing.assert_array_equal(theirs[2].weight.detach().numpy().transpose(back), kernel_2)


# ONNX


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 6), st.integers(1, 5), st.integers(1, 3), st.integers(0, 9))
def test_same_is_onnxs_same_upper(size: int, kernel: int, stride: int, seed: int):
    assume(kernel >= stride)  # else the evaluator's crop is negative
    rng = np.random.default_rng(seed)
    x, weight = rng.normal(size=(1, 2, size, size)), rng.normal(size=(2, 3, kernel, kernel))
    expected = onnx_layer(
        "ConvTranspose", x, weight, auto_pad="SAME_UPPER", strides=[stride, stride]
    )
    ours = ConvTranspose2d(weight, stride=stride, padding="same").forward(x)
    np.testing.assert_allclose(ours, expected, atol=1e-10)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 6), st.integers(1, 5), st.integers(1, 3), st.integers(0, 9))
def test_onnxs_output_shape_is_a_crop_of_all_stamps(size: int, kernel: int, stride: int, seed: int):
    """SAME_UPPER takes the odd cell off the end, and SAME_LOWER off the start, as PyTorch does."""
    rng = np.random.default_rng(seed)
    x, weight = rng.normal(size=(1, 1, size, size)), rng.normal(size=(1, 1, kernel, kernel))
    whole = ConvTranspose2d(weight, stride=stride).forward(x)
    for side in range(1, whole.shape[2] + 1):
        crop = whole.shape[2] - side
        asked = {"output_shape": [side, side], "strides": [stride, stride]}
        upper = onnx_layer("ConvTranspose", x, weight, auto_pad="SAME_UPPER", **asked)
        start = slice(crop // 2, crop // 2 + side)
        np.testing.assert_allclose(whole[:, :, start, start], upper, atol=1e-10)
        padding, extra = (crop + 1) // 2, crop % 2
        if extra < stride:
            lower = onnx_layer("ConvTranspose", x, weight, auto_pad="SAME_LOWER", **asked)
            ours = ConvTranspose2d(weight, None, stride, padding, output_padding=extra).forward(x)
            np.testing.assert_allclose(ours, lower, atol=1e-10)


# Bad input

x = np.zeros((1, 2, 5, 5))
weight = np.zeros((2, 3, 3, 3))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ConvTranspose2d([[1.0]]), "weight: expected a NumPy array of floating-point"),
        (lambda: ConvTranspose2d(torch.zeros(1, 1, 2, 2)), "weight: expected a NumPy array .* not"),
        (lambda: Conv2d(np.zeros((1, 1, 3, 3), int)), "weight: expected .* not int64"),
        (lambda: Conv2d(np.zeros((3, 3))), r"weight: expected 4 axes, .* not \(3, 3\)"),
        (lambda: Conv2d(np.zeros((1, 0, 3, 3))), "weight: expected 4 axes, none of them empty"),
        (lambda: Conv2d(weight, np.zeros(3)), "bias: expected 2 numbers, not 3"),
        (lambda: ConvTranspose2d(weight, np.zeros(2)), "bias: expected 3 numbers, not 2"),
        (lambda: Conv2d(weight, groups=3), "groups=3: expected a divisor"),
        (lambda: Conv2d(weight, padding="full"), "padding='full': expected whole numbers"),
        (lambda: Conv2d(weight, stride=(1, 2, 3)), r"stride=\(1, 2, 3\): expected one number or 2"),
        (lambda: Conv2d(np.zeros((1, 2, 3, 3)), stride=0).forward(x), "stride=0: expected a whole"),
        (lambda: Conv2d(weight).forward(x), r"x: expected \(N, 3, H, W\), not \(1, 2, 5, 5\)"),
        (lambda: ConvTranspose2d(weight).forward(x[0]), "x: expected 4 axes"),
        (lambda: ConvTranspose2d(weight, padding=4).forward(x), "padding=4: it crops 8 of 7 cells"),
        (lambda: Conv2d(np.zeros((1, 2, 9, 9))).forward(x), "kernel_size=9: .* at most"),
        (
            lambda: ConvTranspose2d(weight, stride=2, output_padding=2).forward(x),
            "output_padding=2: expected less than",
        ),
        (
            lambda: ConvTranspose2d(weight, stride=2, padding="same", output_padding=1),
            "output_padding=1: expected 0 with 'same'",
        ),
        (lambda: ConvTranspose2d(weight).backward(x), "gradient: expected a call of forward"),
    ],
)
def test_bad_input_is_named(call: Callable[[], object], words: str):
    with pytest.raises(ValueError, match=words):
        call()


def test_a_gradient_has_the_outputs_shape():
    layer = ConvTranspose2d(weight)
    layer.forward(x)
    with pytest.raises(ValueError, match=r"gradient: expected \(1, 3, 7, 7\), not \(1, 2, 5, 5\)"):
        layer.backward(x)
