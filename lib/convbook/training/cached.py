"""``cached``: a call of ``fit_ensemble`` whose run is stored, like those of a sweep."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ParamSpec

import torch
import torch.nn.functional as F

from convbook.arguments import LARGEST_SEED, whole_numbers
from convbook.training.ensemble import Ensemble
from convbook.training.gathering import gather
from convbook.training.recipe import Recipe, arguments, is_ours
from convbook.training.runs import Run, Tensors
from convbook.training.solo import checked_recipe

P = ParamSpec("P")
NOISE = ("input_noise", "code_noise")
LOSSES = ("train_loss", "test_loss", "first_losses")
NUMBERS = ("epochs", "batch_size", "learning_rate")


@dataclass(frozen=True, eq=False)
class _Call:
    """One call of ``fit_ensemble``, its arguments by name."""

    fit: Callable[..., Ensemble]
    given: dict[str, Any]

    @property
    def recipe(self) -> Recipe:
        decisive = {n: value for n, value in self.given.items() if n not in ("device", "progress")}
        return arguments(self.fit, decisive)

    @property
    def steps(self) -> int:
        return self.given["epochs"] * -(-len(self.given["train"]) // self.given["batch_size"])

    @property
    def noisy(self) -> bool:
        return any(torch.as_tensor(self.given.get(name, 0.0)).any() for name in NOISE)

    @property
    def ours(self) -> bool:
        return is_ours(self.given["make"]) and is_ours(self.given.get("loss"))

    def train(self, stop_after: int | None = None, noise: bool = True) -> Tensors:
        quiet = {} if noise else dict.fromkeys(NOISE, 0.0)
        brief = {} if stop_after is None else {"stop_after": stop_after, "progress": False}
        ensemble = self.fit(**(self.given | quiet | brief))
        states = {f"snapshots/{epoch}": kept for epoch, kept in ensemble.snapshots.items()}
        return {name: getattr(ensemble, name) for name in LOSSES} | {
            f"{where}/{name}": values
            for where, state in (states | {"weights": ensemble.weights}).items()
            for name, values in state.items()
        }

    def ensemble(self, run: Run) -> Ensemble:
        """From what is stored of a run."""
        states = {e: run.part(f"snapshots/{e}") for e in self.given.get("snapshots_at", ())}
        return Ensemble(
            make=self.given["make"],
            seeds=self.given["seeds"],
            **{name: run.tensors[name] for name in LOSSES},
            weights=run.part("weights"),
            snapshots={epoch: state for epoch, state in states.items() if state},
            seconds=run.provenance["seconds"],
        )


def cached(fit: Callable[P, Ensemble]) -> Callable[P, Ensemble]:
    """``fit_ensemble``, but a stored run of the same recipe is read, if it proves itself.

    Raises:
        ValueError: as ``fit_ensemble``, or an argument is of a kind by which one run cannot be told
            from another.
    """

    @functools.wraps(fit)
    def read_or_train(*args: P.args, **kwargs: P.kwargs) -> Ensemble:
        given = inspect.signature(fit).bind(*args, **kwargs).arguments
        recipe = {name: given[name] for name in ("train", "test", *NUMBERS)}
        numbers = checked_recipe(**recipe, loss=given.get("loss", F.mse_loss))
        given |= zip(NUMBERS, numbers, strict=True)
        for name in ("seeds", "snapshots_at"):
            given[name] = whole_numbers(name, given.get(name, ()), 0, LARGEST_SEED)
        call = _Call(fit, given)
        try:
            (run,) = gather([call], progress=False)
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
        return call.ensemble(run)

    return read_or_train
