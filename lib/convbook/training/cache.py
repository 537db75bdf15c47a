"""``cached``: a run that was trained before is read from disk.

A run is known by what decides its numbers: the settings, the data, the code of the network and of
the training (comments and docstrings aside), the kind of device and the version of torch. The file
holds tensors and numbers only, below a line with their checksum.
"""

import ast
import functools
import hashlib
import inspect
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec

import torch
from filelock import FileLock
from torch import Tensor

from convbook import matrices, models, settings, sizes
from convbook.training import ensemble, matrix_form, solo
from convbook.training.ensemble import Ensemble

TRAINING = (ensemble, matrices, matrix_form, models, sizes, solo)
FIELDS = ("train_loss", "test_loss", "weights", "snapshots", "seconds")  # what is not an argument

P = ParamSpec("P")


def cached(fit: Callable[P, Ensemble]) -> Callable[P, Ensemble]:
    """``fit_ensemble``, but a run with the same settings, data and code is read from disk.

    Runs lie in ``settings.runs_folder()``. A damaged file is announced, and its run trained again;
    an interrupted run is not kept. Two processes that ask for one run at once train it once.

    Raises:
        ValueError: an argument is of a kind by which one run cannot be told from another.
    """

    @functools.wraps(fit)
    def read_or_train(*args: P.args, **kwargs: P.kwargs) -> Ensemble:
        arguments = inspect.signature(fit).bind(*args, **kwargs).arguments
        path = settings.runs_folder() / f"{_key(fit, arguments)}.run"
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock"):
            if (kept := _read(path)) is not None:
                print(f"trained before, in {kept['seconds']:.0f} s")
                return Ensemble(arguments["make"], tuple(arguments["seeds"]), **kept)
            trained = fit(*args, **kwargs)
            if trained.train_loss.shape[1] == arguments["epochs"]:
                _write(path, {field: getattr(trained, field) for field in FIELDS})
            return trained

    return read_or_train


def _write(path: Path, run: dict[str, object]) -> None:
    """All or nothing: the file gets its name when it is complete."""
    buffer = io.BytesIO()
    torch.save(run, buffer)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_bytes(_checksum(buffer.getvalue()) + b"\n" + buffer.getvalue())
    unfinished.replace(path)


def _read(path: Path) -> dict[str, object] | None:
    if not path.exists():
        return None
    checksum, _, content = path.read_bytes().partition(b"\n")
    if checksum != _checksum(content):
        print(f"NOTICE: the stored run {path.name} is damaged; training it again.")
        return None
    return torch.load(io.BytesIO(content), weights_only=True)


def _checksum(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


# What decides a run's numbers


def _code(source: str) -> str:
    """``source`` without comments, layout and docstrings, which change no number."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        documented = isinstance(body, list) and body and isinstance(body[0], ast.Expr)
        if documented and isinstance(body[0].value, ast.Constant):
            body[0] = ast.Pass()
    return ast.unparse(tree)


CODE = [_code(inspect.getsource(module)) for module in TRAINING]  # as it was imported


def _key(fit: Callable[..., object], arguments: dict[str, object]) -> str:
    decisive = {name: value for name, value in arguments.items() if name != "progress"}
    decisive["device"] = torch.device(arguments.get("device") or settings.device()).type
    parts = [fit.__qualname__, torch.__version__, *CODE]
    parts += [f"{name}={_identity(name, value)}" for name, value in sorted(decisive.items())]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _identity(name: str, value: object) -> str:
    """What tells ``value`` from another, as text.

    A class or function is told by its name: torch's version and the code of ``models`` are in the
    key already. A name from elsewhere says nothing about the code behind it.
    """
    if isinstance(value, int | float | str | range | None):
        return repr(value)
    if isinstance(value, list | tuple):
        return str([_identity(name, part) for part in value])
    if isinstance(value, Tensor):
        content = value.detach().cpu().contiguous().numpy().tobytes()
        return f"{tuple(value.shape)} {value.dtype} {hashlib.sha256(content).hexdigest()}"
    if isinstance(value, functools.partial):
        keywords = [part for pair in sorted(value.keywords.items()) for part in pair]
        return f"partial {_identity(name, [value.func, *value.args, *keywords])}"
    named = isinstance(value, type) or inspect.isfunction(value) or inspect.isbuiltin(value)
    if named and re.match(r"(torch|convbook\.models)\b", value.__module__ or ""):
        return f"{value.__module__}.{value.__qualname__}"
    raise ValueError(
        f"{name}: a stored run cannot be told by {value!r}; expected numbers, tensors, a class or "
        "function of torch or convbook.models, or functools.partial of one"
    )
