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
import tempfile
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec

import torch
from filelock import FileLock
from torch import Tensor

from convbook import models, settings, sizes
from convbook.training import ensemble, history, matrix_form, solo
from convbook.training.ensemble import Ensemble

TRAINING = (ensemble, history, matrix_form, models, sizes, solo)
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
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as unfinished:
        unfinished.write(_checksum(buffer.getvalue()) + b"\n" + buffer.getvalue())
    Path(unfinished.name).replace(path)


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


def _key(fit: Callable[..., object], arguments: dict[str, object]) -> str:
    decisive = {name: value for name, value in arguments.items() if name != "progress"}
    decisive["device"] = torch.device(arguments.get("device") or settings.device()).type
    parts = [fit.__qualname__, torch.__version__, *map(_module_code, TRAINING)]
    parts += [f"{name}={_identity(name, value)}" for name, value in sorted(decisive.items())]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


@functools.singledispatch
def _identity_of(value: object) -> str:
    if isinstance(value, type):
        own = [base for base in value.__mro__ if not _is_installed(base)]
        return " ".join(_code(inspect.getsource(base)) for base in own)
    if callable(value) and _is_installed(value):
        return f"{value.__module__}.{value.__qualname__}"
    raise TypeError


def _identity(name: str, value: object) -> str:
    try:
        return _identity_of(value)
    except TypeError:
        raise ValueError(
            f"{name}: a stored run cannot be told by {value!r}; expected numbers, tensors, "
            "a class, functools.partial of one, or a function of torch"
        ) from None


@_identity_of.register(int | float | str | range | None)
def _(value: object) -> str:
    return repr(value)


@_identity_of.register(list | tuple | set | frozenset)
def _(value: list | tuple) -> str:
    return str([_identity_of(part) for part in value])


@_identity_of.register
def _(value: Tensor) -> str:
    content = value.detach().cpu().contiguous().numpy().tobytes()
    return f"{tuple(value.shape)} {value.dtype} {hashlib.sha256(content).hexdigest()}"


@_identity_of.register
def _(value: functools.partial) -> str:
    parts = [value.func, list(value.args), *sorted(value.keywords), *value.keywords.values()]
    return str([_identity_of(part) for part in parts])


def _is_installed(value: object) -> bool:
    return value.__module__.partition(".")[0] in ("builtins", "torch")


@functools.cache
def _module_code(module: object) -> str:
    return _code(inspect.getsource(module))


def _code(source: str) -> str:
    """``source`` without comments, layout and docstrings, which change no number."""
    tree = ast.parse(textwrap.dedent(source))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        documented = isinstance(body, list) and body and isinstance(body[0], ast.Expr)
        if documented and isinstance(body[0].value, ast.Constant):
            body[0] = ast.Pass()
    return ast.unparse(tree)
