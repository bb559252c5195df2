"""What XGBoost and LightGBM models show of their inputs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from seatrial.adapters.native import trees
from seatrial.packaging.model_facts import InputFact, Kind

_MAX_EDGES = 64


def booster_of(model: Any) -> Any | None:
    """The booster inside an estimator of either library, or the booster itself, or None."""
    if hasattr(model, "get_booster"):
        return model.get_booster()
    if hasattr(model, "booster_"):
        return model.booster_
    return model if type(model).__name__ == "Booster" else None


def booster_categories(model: Any) -> dict[str, list[Any]]:
    """The categories of each categorical input, by its name; empty for other models."""
    booster = booster_of(model)
    if booster is None:
        return {}
    if hasattr(booster, "pandas_categorical"):
        return _lightgbm_categories(booster)
    return _xgboost_categories(booster)


def _xgboost_categories(booster: Any) -> dict[str, list[Any]]:
    if "c" not in (booster.feature_types or ()) or not hasattr(booster, "get_categories"):
        return {}
    known = booster.get_categories(export_to_arrow=True).to_arrow() or ()
    return {name: values.to_pylist() for name, values in known if values is not None}


def _lightgbm_categories(booster: Any) -> dict[str, list[Any]]:
    known = booster.pandas_categorical
    if not known:
        return {}
    stated = re.search(r"\[categorical_feature: ([\d,]+)\]", booster.model_to_string())
    names = booster.feature_name()
    positions = [int(p) for p in stated[1].split(",")] if stated else []
    if len(positions) != len(known):
        return {}
    return {names[p]: list(values) for p, values in zip(positions, known, strict=True)}


def booster_inputs(model: Any, names: Sequence[str]) -> tuple[InputFact, ...]:
    """What a booster, or an estimator around one, shows of its inputs ``names``.

    Both libraries take missing values. XGBoost refuses categories it has not seen.
    """
    booster = booster_of(model)
    assert booster is not None
    lightgbm = hasattr(booster, "pandas_categorical")
    categories = booster_categories(booster)
    own_names = (booster.feature_name() if lightgbm else booster.feature_names) or names
    edges: dict[int, set[float]] = {}
    for at, edge in (trees.lightgbm_edges if lightgbm else trees.xgboost_edges)(booster):
        edges.setdefault(at, set()).add(edge)
    return tuple(
        _input(name, categories.get(own), edges.get(at, set()), closed=not lightgbm)
        for at, (name, own) in enumerate(zip(names, own_names, strict=True))
    )


def _input(
    name: str, categories: list[Any] | None, edges: set[float], *, closed: bool
) -> InputFact:
    if categories is None:
        ordered = sorted(edges)
        stride = max(1, len(ordered) // _MAX_EDGES)
        return InputFact(name=name, kind=Kind.NUMBER, nullable=True, edges=tuple(ordered[::stride]))
    text = any(isinstance(c, str) for c in categories)
    return InputFact(
        name=name,
        kind=Kind.STRING if text else Kind.NUMBER,
        nullable=True,
        categories=tuple(categories),
        closed=closed,
    )
