"""Metrics that are functions of the user's own."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

from seatrial.kernel.errors import NotFound
from seatrial.training.evaluation.metrics import OwnMetric

_LESS = "less"


class MetricNotFound(NotFound):
    """A function that was named as a metric cannot be imported."""

    code = "evaluation.metric_not_found"


def own_metric(named: str) -> OwnMetric:
    """The function that ``package.module:name`` or ``package.module:name:less`` names.

    Raises: MetricNotFound.
    """
    module, _, rest = named.partition(":")
    name, _, way = rest.partition(":")
    here = str(Path.cwd())
    added = here not in sys.path
    if added:  # as `python -m` would
        sys.path.insert(0, here)
    try:
        function = getattr(import_module(module), name)
    except Exception as problem:
        raise MetricNotFound(
            f"The metric {named!r} cannot be imported: {type(problem).__name__}: {problem}.",
            remedy="Name a function as package.module:name, in this folder or installed; add "
            f":{_LESS} where less is better.",
            metric=named,
        ) from problem
    finally:
        if added:
            sys.path.remove(here)
    if way not in ("", _LESS) or not callable(function):
        raise MetricNotFound(
            f"{named!r} names no function to measure by.",
            remedy=f"Write package.module:name, or package.module:name:{_LESS} where less is "
            "better.",
            metric=named,
        )
    return OwnMetric(name=f"{module}.{name}", function=function, less_is_better=way == _LESS)
