"""The reference profile: what the training sample looked like, feature by feature.

It is kept in the bundle for whoever watches the version later. Numbers are counted between
quantiles of the sample: such counts add up over windows and workers, and give drift measures with
an error below one count's share. Comparing against it is `monitoring`'s business.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from seatrial.registry.signature import Batch, Column, Prediction, Signature, n_rows

PROFILE_SCHEMA = 1

MAX_BINS = 1024
"""More bins than a watch compares, so that it can merge them as its window's size allows."""

MAX_CATEGORIES = 100
"""Values counted by name; the rest is counted together."""

Record: TypeAlias = dict[str, object]


def profile(
    signature: Signature, sample: Batch, predictions: Prediction, labels: Column | None = None
) -> Record:
    """The profile of a sample as a JSON-able record.

    Args:
        signature: of the model.
        sample: n >= 1 rows that fit it.
        predictions: the model's answers on them.
        labels: the true labels, shape (n,), or None.
    """
    record: Record = {
        "schema": PROFILE_SCHEMA,
        "n": n_rows(sample),
        "features": {
            feature.name: column_profile(
                sample[feature.name] if isinstance(sample, dict) else sample[:, j],
                categorical=feature.categories is not None,
            )
            for j, feature in enumerate(signature.features)
        },
        "predictions": {
            name: _outputs(values, signature, name) for name, values in predictions.items()
        },
    }
    if labels is not None:
        record["labels"] = column_profile(labels, categorical=labels.dtype.kind not in "f")
    return record


def column_profile(column: Column, *, categorical: bool) -> Record:
    """The profile of one column, shape (n,).

    Args:
        column: numbers, booleans or strings; NaN and None are missing values.
        categorical: whether numbers are names of classes.
    """
    if categorical or column.dtype.kind not in "fiu":
        return _categories(column)
    return _numbers(np.asarray(column, np.float64))


def _numbers(values: NDArray[np.float64]) -> Record:
    """Count, moments and quantile bins: bin i is ``edges[i - 1] < x <= edges[i]``.

    There is one bin more than edges: the last, above the largest value, is empty here. Edges are
    values of the sample, and a value as frequent as a bin is one, so its bin is hardly wider.
    """
    finite = np.sort(values[np.isfinite(values)])
    record: Record = {
        "kind": "numeric",
        "n": len(values),
        "n_missing": int(np.isnan(values).sum()),
        "n_infinite": int(np.isinf(values).sum()),
    }
    if len(finite) == 0:
        return record | {
            "mean": None,
            "std": None,
            "min": None,
            "max": None,
            "edges": [],
            "counts": [],
        }
    edges = _edges(finite)
    up_to = np.searchsorted(finite, edges, side="right")
    # Around the middle, so that large values with a small spread keep their digits.
    middle = finite[len(finite) // 2]
    shifted = finite - middle
    return record | {
        "mean": float(middle + shifted.mean()),
        "std": float(shifted.std()),
        "min": float(finite[0]),
        "max": float(finite[-1]),
        "edges": edges.tolist(),
        "counts": np.diff(up_to, prepend=0, append=len(finite)).tolist(),
    }


def _edges(ordered: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quantiles that are values of the sample, ascending and distinct."""
    n_bins = min(MAX_BINS, len(ordered))
    ranks = np.linspace(0, len(ordered) - 1, n_bins + 1).round().astype(np.intp)
    return np.unique(ordered[ranks])


def _categories(column: Column) -> Record:
    values = [v.item() if isinstance(v, np.generic) else v for v in column]
    present = [v for v in values if v is not None and v == v]  # noqa: PLR0124 - NaN is missing
    counts = Counter(str(v) for v in present)
    top = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MAX_CATEGORIES]
    return {
        "kind": "categorical",
        "n": len(values),
        "n_missing": len(values) - len(present),
        "n_distinct": len(counts),
        "counts": dict(top),
        "n_other": len(present) - sum(n for _, n in top),
    }


def _outputs(values: NDArray[np.generic], signature: Signature, name: str) -> Record:
    """One profile for an answer of one value; one per class or position for several."""
    if values.ndim == 1:
        return column_profile(values, categorical=name == "label")
    classes = next((o.classes for o in signature.outputs if o.name == name), None)
    keys = classes if classes is not None else range(values.shape[1])
    columns: Mapping[str, Record] = {
        str(key): column_profile(values[:, k], categorical=False) for k, key in enumerate(keys)
    }
    return {"kind": "several", "columns": dict(columns)}
