"""Giving a batch the form a model was trained on: an array, a data frame, or a list of texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

import numpy as np

from seatrial.adapters.native.booster_inputs import booster_categories
from seatrial.adapters.native.sklearn_inputs import reads_text
from seatrial.registry.signature import Batch, Column, Signature, n_rows

Shaper: TypeAlias = Callable[[Batch, Signature], Any]

_LIBRARIES: Final = ("sklearn", "xgboost", "lightgbm")


def shaper(model: Any) -> Shaper:
    """The function that turns batches into what ``model.predict`` wants."""
    if reads_text(model):
        return _texts
    named = getattr(model, "feature_names_in_", None) is not None
    parts = list(_parts(model))
    categories: dict[str, list[Any]] = {}
    for part in parts:
        categories |= booster_categories(part)
    by_name = named and (bool(categories) or any(_tells_columns_apart(p) for p in parts))
    missing = _missing_string(parts)

    def shape(batch: Batch, signature: Signature) -> Any:
        if not isinstance(batch, dict):
            return _frame_of(batch, signature) if by_name else batch
        if named or categories:
            return _frame(batch, categories, missing)
        return _stacked(batch, missing)

    return shape


def _texts(batch: Batch, signature: Signature) -> Any:
    assert isinstance(batch, dict)
    return batch[signature.names[0]]


def _parts(model: Any) -> Iterator[Any]:
    yield model
    for name in ("best_estimator_", "estimator_", "regressor_", "estimator"):
        inner = getattr(model, name, None)
        if inner is not None and not isinstance(inner, str):
            yield from _parts(inner)
    for name in ("steps", "transformers_", "transformer_list"):
        for step in getattr(model, name, None) or ():
            if step[1] is not None and not isinstance(step[1], str):
                yield from _parts(step[1])
    members = getattr(model, "estimators_", None)
    if isinstance(members, list) and members and hasattr(members[0], "steps"):
        for member in members:
            yield from _parts(member)


def _tells_columns_apart(part: Any) -> bool:
    """Whether it picks columns by name, or is somebody's own code that may do so."""
    module = type(part).__module__.partition(".")[0]
    return hasattr(part, "transformers_") or module not in _LIBRARIES


def _missing_string(parts: list[Any]) -> object:
    """What a missing string was at training: None, or NaN as pandas has it."""
    known: list[object] = []
    for part in parts:
        for values in getattr(part, "categories_", None) or ():
            known += np.asarray(values).tolist()
    has_nan = any(isinstance(v, float) and np.isnan(v) for v in known)
    return None if any(v is None for v in known) and not has_nan else np.nan


def _frame_of(matrix: Any, signature: Signature) -> Any:
    import pandas as pd

    return pd.DataFrame(matrix, columns=list(signature.names))


def _frame(batch: Mapping[str, Column], categories: dict[str, list[Any]], missing: object) -> Any:
    import pandas as pd

    columns: dict[str, Any] = {}
    for name, values in batch.items():
        own = name if name in categories else re.sub(r"\s", "_", name)  # as LightGBM spells it
        if own in categories:
            columns[name] = pd.Categorical(values, categories=categories[own])
        elif values.dtype == object:
            columns[name] = pd.Series(_filled(values, missing), dtype=object)
        else:
            columns[name] = values
    return pd.DataFrame(columns)


def _filled(values: Column, missing: object) -> Column:
    if missing is None:
        return values
    filled = np.empty(len(values), dtype=object)
    filled[:] = [missing if v is None else v for v in values]
    return filled


def _stacked(batch: Mapping[str, Column], missing: object) -> Any:
    columns = list(batch.values())
    if all(c.dtype != object for c in columns):
        return np.column_stack(columns)
    rows = np.empty((n_rows(dict(batch)), len(columns)), dtype=object)
    for at, column in enumerate(columns):
        rows[:, at] = _filled(column, missing) if column.dtype == object else column
    return rows
