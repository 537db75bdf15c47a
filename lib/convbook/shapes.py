"""Follow a shape through a network, layer by layer, by the formulas of ``sizes``."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from torch import nn

from convbook.sizes import conv_size, conv_transpose_size
from convbook.tables import Table


@dataclass(frozen=True)
class Step:
    """One layer of a walk: what goes in, what comes out (channels first), and its weights'
    number."""

    layer: str
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    parameters: int


class SizeTable(list[Step]):
    """The steps of a walk through a network, shown as a table."""

    def _table(self) -> Table:
        rows = [(s.layer, s.input_shape, s.output_shape, s.parameters) for s in self]
        if self:
            total = sum(step.parameters for step in self)
            rows.append(("in all", self[0].input_shape, self[-1].output_shape, total))
        cells = [(name, _times(i), _times(o), f"{count:,}") for name, i, o, count in rows]
        return Table(("layer", "in", "out", "parameters"), cells)

    def __repr__(self) -> str:
        return str(self._table())

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return self._table()._repr_mimebundle_()


def walk(layers: Iterable[nn.Module], shape: tuple[int, ...]) -> SizeTable:
    """Follow a shape (channels, height, width) through ``layers`` by formula, without running them.

    Knows Conv2d, ConvTranspose2d, MaxPool2d, MaxUnpool2d, Linear, Flatten and Unflatten;
    activations leave a shape as it is. Sequential layers are opened.

    Raises:
        ValueError: a layer of another kind, or one that the shape does not fit.
    """
    table = SizeTable()
    for layer in _opened(layers):
        output = _shape_after(layer, shape)
        parameters = sum(p.numel() for p in layer.parameters())
        table.append(Step(_name(layer), shape, output, parameters))
        shape = output
    return table


_UNCHANGED = (nn.ReLU, nn.Tanh, nn.Sigmoid, nn.Identity)


def _opened(layers: Iterable[nn.Module]) -> Iterable[nn.Module]:
    for layer in layers:
        yield from _opened(layer) if isinstance(layer, nn.Sequential) else [layer]


def _shape_after(layer: nn.Module, shape: tuple[int, ...]) -> tuple[int, ...]:
    rule: Callable[..., int]
    names: tuple[str, ...]
    match layer:
        case nn.Conv2d():
            _check_channels(layer, shape)
            rule, names = conv_size, ("kernel_size", "stride", "padding", "dilation")
        case nn.ConvTranspose2d():
            _check_channels(layer, shape)
            rule = conv_transpose_size
            names = ("kernel_size", "stride", "padding", "output_padding", "dilation")
        case nn.MaxPool2d(ceil_mode=False):
            _check_axes(layer, shape)
            rule, names = conv_size, ("kernel_size", "stride", "padding", "dilation")
        case nn.MaxUnpool2d():
            _check_axes(layer, shape)
            rule, names = conv_transpose_size, ("kernel_size", "stride", "padding")
        case nn.Linear():
            if shape != (layer.in_features,):
                raise ValueError(
                    f"shape={shape}: expected ({layer.in_features},) before {_name(layer)}"
                )
            return (layer.out_features,)
        case nn.Flatten(start_dim=1, end_dim=-1):
            return (math.prod(shape),)
        case nn.Unflatten(dim=1):
            if shape != (math.prod(layer.unflattened_size),):
                size = math.prod(layer.unflattened_size)
                raise ValueError(f"shape={shape}: expected ({size},) before {_name(layer)}")
            return tuple(layer.unflattened_size)  # type: ignore[arg-type]  # torch 2.6: names, too
        case _ if isinstance(layer, _UNCHANGED):
            return shape
        case _:
            raise ValueError(f"layers: no size rule for {layer}")
    channels = getattr(layer, "out_channels", shape[0])
    return (channels, *_spatial(rule, names, layer, shape[1:]))


def _spatial(
    rule: Callable[..., int], names: tuple[str, ...], layer: nn.Module, sizes: tuple[int, ...]
) -> list[int]:
    """Apply a size rule to each dimension, with the layer's settings for that dimension."""
    settings = {name: _per_dimension(getattr(layer, name), len(sizes)) for name in names}
    return [
        rule(size, **{name: values[i] for name, values in settings.items()})
        for i, size in enumerate(sizes)
    ]


def _per_dimension(value: int | tuple[int, ...], dimensions: int) -> tuple[int, ...]:
    return (value,) * dimensions if isinstance(value, int) else value


def _check_axes(layer: nn.Module, shape: tuple[int, ...]) -> None:
    if len(shape) != 3:
        raise ValueError(f"shape={shape}: expected (channels, height, width) before {_name(layer)}")


def _check_channels(layer: nn.Conv2d | nn.ConvTranspose2d, shape: tuple[int, ...]) -> None:
    if isinstance(layer.padding, str):
        raise ValueError(f"layers: no size rule for padding={layer.padding!r} in {layer}")
    if len(shape) != 3 or shape[0] != layer.in_channels:
        raise ValueError(
            f"shape={shape}: expected ({layer.in_channels}, height, width) before {_name(layer)}"
        )


def _name(layer: nn.Module) -> str:
    kind = type(layer).__name__
    if not hasattr(layer, "kernel_size"):
        return kind
    shown = {"k": "kernel_size", "s": "stride", "p": "padding", "d": "dilation"}
    shown["op"] = "output_padding"
    words = [
        f"{short}{_one(getattr(layer, long))}"
        for short, long in shown.items()
        if hasattr(layer, long)
    ]
    return f"{kind} {' '.join(word for word in words if word not in ('p0', 'd1', 'op0'))}"


def _one(value: int | tuple[int, ...]) -> str:
    values = (value,) if isinstance(value, int) else value
    return str(values[0]) if len(set(values)) == 1 else "×".join(map(str, values))


def _times(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))
