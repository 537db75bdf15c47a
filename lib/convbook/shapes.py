"""Follow a shape through a network, layer by layer, by the formulas of ``sizes``."""

import inspect
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from torch import nn

from convbook.matrices import per_dimension
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

    >>> layers = [nn.Conv2d(1, 16, 3, stride=2), nn.ReLU(), nn.ConvTranspose2d(16, 1, 4, stride=2)]
    >>> walk(layers, (1, 28, 28))
    layer                      in       out  parameters
    Conv2d k3 s2          1×28×28  16×13×13         160
    ReLU                 16×13×13  16×13×13           0
    ConvTranspose2d k4 s2  16×13×13   1×28×28         257
    in all                1×28×28   1×28×28         417

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
    match layer:
        case nn.Conv2d() | nn.MaxPool2d(ceil_mode=False):
            return _by_rule(conv_size, layer, shape)
        case nn.ConvTranspose2d() | nn.MaxUnpool2d():
            return _by_rule(conv_transpose_size, layer, shape)
        case nn.Linear():
            return _if_flat(shape, layer.in_features, layer, (layer.out_features,))
        case nn.Flatten(start_dim=1, end_dim=-1):
            return (math.prod(shape),)
        case nn.Unflatten(dim=1):
            sizes = tuple(map(int, layer.unflattened_size))  # type: ignore[arg-type]  # torch 2.6
            return _if_flat(shape, math.prod(sizes), layer, sizes)
        case _ if isinstance(layer, _UNCHANGED):
            return shape
    raise ValueError(f"layers: no size rule for {layer}")


def _by_rule(rule: Callable[..., int], layer: nn.Module, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Apply a size rule to height and width, with the layer's settings for each."""
    expected = getattr(layer, "in_channels", "channels")
    if len(shape) != 3 or expected not in ("channels", shape[0]):
        raise ValueError(
            f"shape={shape}: expected ({expected}, height, width) before {_name(layer)}"
        )
    if isinstance(layer.padding, str):
        raise ValueError(f"layers: no size rule for padding={layer.padding!r} in {layer}")
    names = [name for name in inspect.signature(rule).parameters if hasattr(layer, name)]
    settings = per_dimension(2, **{name: getattr(layer, name) for name in names})
    sizes = (
        rule(size, **dict(zip(names, own, strict=True)))
        for size, own in zip(shape[1:], settings, strict=True)
    )
    return (getattr(layer, "out_channels", shape[0]), *sizes)


def _if_flat(
    shape: tuple[int, ...], numbers: int, layer: nn.Module, output: tuple[int, ...]
) -> tuple[int, ...]:
    if shape != (numbers,):
        raise ValueError(f"shape={shape}: expected ({numbers},) before {_name(layer)}")
    return output


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
