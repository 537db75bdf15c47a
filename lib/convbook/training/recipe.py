"""What was asked of a training, as canonical JSON; and, apart from it, the code that was asked.

A run is known by its recipe: the network and its arguments, the data by their content, and the
arguments of the training. An argument that has its default is left out, so that a new option
renames no run.
"""

import ast
import functools
import hashlib
import inspect
import json
from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from convbook import corruptions, matrices, sizes
from convbook.models import (
    curves,
    dense,
    digits,
    discrete,
    initial,
    photographs,
    pooling,
    upsampling,
)
from convbook.training import ensemble, forward, matrix_form, schedules, solo

JSON = None | bool | int | float | str | list["JSON"] | dict[str, "JSON"]
Recipe = dict[str, JSON]


def described(name: str, value: object) -> JSON:
    """``value``, the argument called ``name``, as JSON that tells it from any other.

    A class or function is told by its name alone: what it does is for a run's first steps to prove.

    Raises:
        ValueError: ``value`` is of a kind that has no such form.
    """
    if isinstance(value, bool | int | float | str | None):
        return value
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, range | list | tuple):
        return [described(name, part) for part in value]
    if isinstance(value, Tensor):
        return {"shape": list(value.shape), "sha256": checksum(value)}
    if isinstance(value, functools.partial):
        bound = inspect.signature(value.func).bind_partial(*value.args, **value.keywords)
        return {_named(name, value.func): arguments(value.func, bound.arguments)}
    return {_named(name, value): {}}


def arguments(function: Callable, given: Mapping[str, object]) -> Recipe:
    """The arguments of a call, by name, but for those that have their default."""
    defaults = {name: p.default for name, p in inspect.signature(function).parameters.items()}
    return {
        name: described(name, value)
        for name, value in sorted(given.items())
        if isinstance(value, Tensor | np.ndarray)
        or (value is not defaults[name] and value != defaults[name])
    }


def _named(argument: str, value: object) -> str:
    kinds = (inspect.isclass, inspect.isfunction, inspect.isbuiltin)
    named = any(is_kind(value) for is_kind in kinds)
    name = str(getattr(value, "__qualname__", "<object>")) if named else "<object>"
    if "<" in name:  # a lambda, or a function within another
        raise ValueError(
            f"{argument}={value!r}: expected what a recipe can name: numbers, words, tensors, a "
            "class, a function, or functools.partial of one, but no lambda"
        )
    return name


def canonical(recipe: Recipe) -> str:
    """The recipe as text, one text for one recipe."""
    return json.dumps(recipe, sort_keys=True, separators=(",", ":"), allow_nan=False)


def checksum(*tensors: Tensor) -> str:
    """SHA-256 of the tensors' contents, in turn."""
    content = hashlib.sha256()
    for tensor in tensors:
        content.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return content.hexdigest()


# The code that decides a run's numbers


class _Plain(ast.NodeTransformer):
    """Leaves out docstrings and the annotations of arguments, results and values."""

    def visit(self, node: ast.AST) -> ast.AST:
        node = self.generic_visit(node)
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.AnnAssign) and node.value:
            return ast.copy_location(ast.Assign([node.target], node.value), node)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            node.body[0:1] = [] if ast.get_docstring(node) is not None else node.body[0:1]
        return node


def _without_comments(source: str) -> str:
    """``source`` without comments, layout, docstrings and annotations, which change no number."""
    return ast.unparse(_Plain().visit(ast.parse(source)))


TRAINING = (ensemble, forward, initial, matrices, matrix_form, schedules, sizes, solo)
CALLED = (corruptions, curves, dense, digits, discrete, photographs, pooling, upsampling)
# As it was imported, whatever happens to the files afterwards.
_SOURCES = [_without_comments(inspect.getsource(module)) for module in (*TRAINING, *CALLED)]
CODE = hashlib.sha256("\n".join(_SOURCES).encode()).hexdigest()[:16]


def is_ours(value: object) -> bool:
    """Whether ``CODE`` (or torch's version) tells what this argument does.

    What is written in a notebook may change at any time, under the same name.
    """
    if isinstance(value, functools.partial):
        return is_ours(value.func) and all(map(is_ours, (*value.args, *value.keywords.values())))
    home = (callable(value) and value.__module__) or "torch"  # a builtin has none
    return home.partition(".")[0] in ("convbook", "torch")
