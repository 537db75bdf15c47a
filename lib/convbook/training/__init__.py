"""Training: ``fit`` for one network, ``fit_ensemble`` for many small ones at once."""

from convbook.training.cache import cached
from convbook.training.ensemble import Ensemble, fit_ensemble
from convbook.training.history import History
from convbook.training.solo import evaluate, fit, reconstruct

__all__ = ["Ensemble", "History", "cached", "evaluate", "fit", "fit_ensemble", "reconstruct"]
