"""Holds estimators to the threads their process may use.

The environment bounds what libraries choose by themselves (`serving/spawn.py`). A number that was
given to the estimator when it was made, such as ``n_jobs=8`` on the machine that trained it, goes
above that, and several models on a few cores then wait for each other.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any


def allowed_threads() -> int:
    """What this process was started with; see `serving.spawn.ChildLimits`."""
    return int(os.environ.get("OMP_NUM_THREADS", "1"))


def hold(model: Any, *, threads: int) -> None:
    """Lower every ``n_jobs`` in a model that asks for more than ``threads`` >= 1, or for all."""
    for part in _parts(model, set()):
        n_jobs = getattr(part, "n_jobs", None)
        if isinstance(n_jobs, int) and not 1 <= n_jobs <= threads:
            part.n_jobs = threads


def _parts(model: Any, seen: set[int]) -> Iterator[Any]:
    """The model and the estimators it is visibly made of, each once."""
    if id(model) in seen or isinstance(model, str) or not hasattr(model, "__dict__"):
        return
    seen.add(id(model))
    yield model
    for name in ("best_estimator_", "estimator", "estimator_", "final_estimator_"):
        yield from _parts(getattr(model, name, None), seen)
    for name in ("steps", "transformers_", "estimators_", "calibrated_classifiers_"):
        for found in _listed(getattr(model, name, None)):
            yield from _parts(found[1] if isinstance(found, tuple) else found, seen)


def _listed(found: Any) -> list[Any]:
    return found if isinstance(found, list) else []
