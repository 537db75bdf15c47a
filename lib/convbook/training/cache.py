"""Runs that were trained before are read from disk.

A run is known by what decides its numbers: the settings, the data, the code of the network and of
the training (comments and docstrings aside), the kind of device and the version of torch. The file
holds tensors and numbers only, below a line with their checksum.
"""

import ast
import functools
import hashlib
import inspect
import io
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import ParamSpec

import torch
from filelock import FileLock
from torch import Tensor

from convbook import corruptions, matrices, settings, sizes
from convbook.models import curves, digits, initial, photographs, pooling
from convbook.training import ensemble, forward, matrix_form, schedules, solo
from convbook.training.ensemble import Ensemble

ENSEMBLE_CODE = (ensemble, initial, matrices, matrix_form, sizes, solo)
SOLO_CODE = (forward, initial, sizes, solo)
CALLED_BY_NAME = (corruptions, schedules, curves, digits, photographs, pooling)
FIELDS = ("train_loss", "test_loss", "weights", "snapshots", "seconds")  # what is not an argument

Run = dict[str, object]  # tensors, numbers, and lists and dictionaries of them
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

        def train() -> tuple[Run, bool]:
            trained = fit(*args, **kwargs)
            complete = trained.train_loss.shape[1] == arguments["epochs"]
            return {field: getattr(trained, field) for field in FIELDS}, complete

        decisive = {name: value for name, value in arguments.items() if name != "progress"}
        decisive["device"] = torch.device(arguments.get("device") or settings.device()).type
        key = run_key(fit.__qualname__, ENSEMBLE_CODE, decisive)
        run, before = kept(key, train)
        if before:
            print(f"trained before, in {run['seconds']:.0f} s")
        return Ensemble(arguments["make"], tuple(arguments["seeds"]), **run)

    return read_or_train


def kept(key: str, train: Callable[[], tuple[Run, bool]]) -> tuple[Run, bool]:
    """The run of this key, and whether it was trained before.

    Args:
        key: as ``run_key`` gives it.
        train: gives the run, and whether it is complete: if not, it is not stored.
    """
    path = run_path(key)
    with FileLock(f"{path}.lock"):
        if (run := read_run(path)) is not None:
            return run, True
        run, complete = train()
        if complete:
            write_run(path, run)
        return run, False


def run_path(key: str) -> Path:
    """Where the run of this key lies, in a folder that is there."""
    settings.runs_folder().mkdir(parents=True, exist_ok=True)
    return settings.runs_folder() / f"{key}.run"


def write_run(path: Path, run: Run) -> None:
    """All or nothing: the file gets its name when it is complete."""
    buffer = io.BytesIO()
    torch.save(run, buffer)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_bytes(_checksum(buffer.getvalue()) + b"\n" + buffer.getvalue())
    unfinished.replace(path)


def read_run(path: Path) -> Run | None:
    """The run in this file; None if there is none, or, with a notice, if it is damaged."""
    if not path.exists():
        return None
    run = decoded(path.read_bytes())
    if run is None:
        print(f"NOTICE: the stored run {path.name} is damaged; training it again.")
    return run


def decoded(content: bytes) -> Run | None:
    """The run in a file of this content; None if it is damaged."""
    checksum, _, stored = content.partition(b"\n")
    if checksum != _checksum(stored):
        return None
    return torch.load(io.BytesIO(stored), weights_only=True)


def _checksum(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


# What decides a run's numbers


def run_key(kind: str, code: Iterable[ModuleType], decisive: Mapping[str, object]) -> str:
    """A name for the run that these values decide, trained by the code of these modules.

    Raises:
        ValueError: a value is of a kind by which one run cannot be told from another.
    """
    parts = [kind, torch.__version__, *(SOURCES[module.__name__] for module in code)]
    parts += [f"{name}={_identity(name, value)}" for name, value in sorted(decisive.items())]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _without_comments(source: str) -> str:
    """``source`` without comments, layout and docstrings, which change no number."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        documented = isinstance(body, list) and body and isinstance(body[0], ast.Expr)
        if documented and isinstance(body[0].value, ast.Constant):
            body[0] = ast.Pass()
    return ast.unparse(tree)


def _identity(name: str, value: object) -> str:
    """What tells ``value`` from another, as text.

    A class or function is told by its name and, in this library, by the code of its module. A name
    from elsewhere says nothing about the code behind it.
    """
    if isinstance(value, int | float | str | range | None):
        return repr(value)
    if isinstance(value, list | tuple):
        return str([_identity(name, part) for part in value])
    if isinstance(value, Tensor):
        content = value.detach().cpu().contiguous().numpy()
        return f"{tuple(value.shape)} {value.dtype} {hashlib.sha256(content).hexdigest()}"
    if isinstance(value, functools.partial):
        keywords = [part for pair in sorted(value.keywords.items()) for part in pair]
        return f"partial {_identity(name, [value.func, *value.args, *keywords])}"
    named = isinstance(value, type) or inspect.isfunction(value) or inspect.isbuiltin(value)
    home = (value.__module__ or "") if named else ""
    if home in SOURCES or home.partition(".")[0] == "torch":
        return f"{home}.{value.__qualname__} {SOURCES.get(home, '')}".rstrip()
    raise ValueError(
        f"{name}: a stored run cannot be told by {value!r}; expected numbers, tensors, a class or "
        "function of torch or of convbook's models, corruptions and schedules, or "
        "functools.partial of one"
    )


# The code as it was imported, whatever happens to the files afterwards.
SOURCES = {
    module.__name__: _without_comments(inspect.getsource(module))
    for module in {*ENSEMBLE_CODE, *SOLO_CODE, *CALLED_BY_NAME}
}
