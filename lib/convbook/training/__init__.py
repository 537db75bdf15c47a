"""Training: ``fit`` for one network, ``fit_ensemble`` for many small ones at once, ``run_sweep``
for many runs of ``fit``, here or elsewhere.
"""

from convbook.training.cached import cached
from convbook.training.ensemble import Ensemble, fit_ensemble
from convbook.training.history import History
from convbook.training.schedules import constant, warm_up_then_cosine
from convbook.training.solo import evaluate, fit, reconstruct
from convbook.training.sweep import Configuration, Trained, run_sweep
