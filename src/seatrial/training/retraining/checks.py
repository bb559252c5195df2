"""What is asked of labelled rows before a model is trained on them. Pure.

Each way in which rows can be wrong is an error of its own: what to do about it differs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from seatrial.kernel.errors import Invalid
from seatrial.registry.signature import Feature, Signature, Task
from seatrial.training.retraining.demands import Demands

Values = NDArray[np.generic]
"""A column: numbers or booleans where NaN is missing, or texts in an object array with None."""


class TooFewRows(Invalid):
    """There are too few labelled rows to train on, or to evaluate with."""

    code = "retraining.too_few_rows"


class SchemaChanged(Invalid):
    """The rows lack a column that the model in production takes, or it is of another type."""

    code = "retraining.schema_changed"


class TooMuchMissing(Invalid):
    """Too many values of a column are missing."""

    code = "retraining.too_much_missing"


class LabelWrong(Invalid):
    """The labels are not of the type that the model in production predicts."""

    code = "retraining.label_wrong"


class OutOfRange(Invalid):
    """Values lie outside the range that was said of their column."""

    code = "retraining.out_of_range"


class ClassMissing(Invalid):
    """A class that the model in production knows has too few rows, or none."""

    code = "retraining.class_missing"


def check_rows(
    columns: Mapping[str, Values],
    labels: Values,
    *,
    n_holdout: int,
    signature: Signature | None,
    demands: Demands,
    label: str,
) -> list[str]:
    """Refuse rows that nothing good can be trained on.

    Args:
        columns: of the rows to train on, by name, shape (n,) or (n, d).
        labels: shape (n,).
        n_holdout: rows that are kept back.
        signature: of the model in production; None where there is none yet.
        label: the column's name, for messages.
    Returns: what was found, for a person.
    Raises: TooFewRows, SchemaChanged, TooMuchMissing, LabelWrong, OutOfRange, ClassMissing.
    """
    _check_counts(len(labels), n_holdout, demands)
    for feature in signature.features if signature else ():
        _check_column(feature, columns)
    classes = _check_label(labels, signature, label)
    _check_classes(labels, classes, demands)
    missing = _check_missing(columns, signature, demands)
    _check_ranges(columns, demands)
    said = [f"{len(labels):,} rows to train on, {n_holdout:,} kept back"]
    if missing:
        worst = max(missing, key=lambda name: missing[name])
        said.append(f"at most {missing[worst]:.1%} of a column is missing ({worst})")
    if classes:
        said.append(f"all {len(classes)} classes are there")
    return said


def missing_rate(column: Values) -> float:
    """Share of a column that is missing, in [0, 1]."""
    if not len(column):
        return 0.0
    return float(np.mean(_missing(column)))


def _missing(column: Values) -> NDArray[np.bool_]:
    if column.dtype == object:
        return np.array([value is None for value in column], np.bool_)
    if column.dtype.kind == "f":
        gone = np.isnan(column.astype(np.float64)).reshape(len(column), -1)
        return np.asarray(gone.any(axis=1), np.bool_)
    return np.zeros(len(column), np.bool_)


def _check_counts(n_rows: int, n_holdout: int, demands: Demands) -> None:
    check_enough(n_rows, demands.min_rows, "to train on")
    check_enough(n_holdout, demands.min_holdout_rows, "kept back")


def check_enough(n: int, least: int, what: str) -> None:
    """Refuse too few labelled rows.   Raises: TooFewRows."""
    if n < least:
        raise TooFewRows(
            f"There are {n:,} labelled rows {what}; {least:,} are needed.",
            remedy="Wait for more labels, or change checks, data.window or data.holdout.",
            n_rows=n,
            limit=least,
        )


def _check_column(feature: Feature, columns: Mapping[str, Values]) -> None:
    column = columns.get(feature.name)
    if column is None:
        raise SchemaChanged(
            f"The rows have no column {feature.name!r}, which the model in production takes.",
            remedy=f"Give it; the rows have: {', '.join(list(columns)[:12]) or 'none'}.",
            field=feature.name,
        )
    if feature.dtype.numeric and column.dtype == object and not np.all(_missing(column)):
        example = next(value for value in column if value is not None)
        raise SchemaChanged(
            f"The column {feature.name!r} holds text such as {str(example)[:40]!r}; the model in "
            f"production takes {feature.dtype.value}.",
            remedy="Give numbers, or release a model with another signature by hand first.",
            field=feature.name,
        )


def _check_label(labels: Values, signature: Signature | None, label: str) -> tuple[str, ...] | None:
    """The classes that production knows, or None.   Raises: LabelWrong."""
    if signature is None:
        return None
    if signature.task is Task.REGRESSION:
        _check_numbers(labels, label)
        return None
    classes = known_classes(signature)
    if classes is None:
        return None
    unknown = sorted({class_text(value) for value in labels} - set(classes))
    if unknown:
        raise LabelWrong(
            f"The label {label!r} is {unknown[0][:40]!r} in some rows; the model in production "
            f"knows {', '.join(classes[:12])}.",
            remedy="Correct the labels, or release a model with the new class by hand first.",
            field=label,
            unknown=unknown[:12],
        )
    return classes


def _check_numbers(labels: Values, label: str) -> None:
    if labels.dtype == object:
        raise LabelWrong(
            f"The label {label!r} is text such as {str(labels[0])[:40]!r}; the model in "
            "production predicts a number.",
            remedy="Give numbers.",
            field=label,
        )
    if not np.all(np.isfinite(labels.astype(np.float64))):
        raise LabelWrong(
            f"The label {label!r} is infinite in some rows.",
            remedy="Give finite numbers.",
            field=label,
        )


def known_classes(signature: Signature) -> tuple[str, ...] | None:
    """The classes of a signature as texts; None where it names none."""
    found = next((out.classes for out in signature.outputs if out.classes), None)
    return None if found is None else tuple(class_text(value) for value in found)


def class_text(value: object) -> str:
    """A class as text: ``1``, ``1.0`` and ``True`` are one."""
    if isinstance(value, bool | np.bool_):
        return str(int(value))
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return {"True": "1", "False": "0", "true": "1", "false": "0"}.get(str(value), str(value))


def _check_classes(labels: Values, classes: Sequence[str] | None, demands: Demands) -> None:
    texts = np.array([class_text(value) for value in labels], object)
    for name in classes or ():
        n = int(np.sum(texts == name))
        if n < demands.min_class_rows:
            raise ClassMissing(
                f"The class {name!r} has {n} rows to train on; {demands.min_class_rows} are "
                "needed.",
                remedy="Take a longer window, or lower checks.min_class_rows.",
                field=name,
                n_rows=n,
            )


def _check_missing(
    columns: Mapping[str, Values], signature: Signature | None, demands: Demands
) -> dict[str, float]:
    names = list(columns) if signature is None else list(signature.names)
    shares = {name: missing_rate(columns[name]) for name in names}
    for name, share in shares.items():
        if share > demands.max_missing:
            raise TooMuchMissing(
                f"{share:.1%} of the column {name!r} is missing; at most "
                f"{demands.max_missing:.1%} may be.",
                remedy="Look where the values went, or raise checks.max_missing.",
                field=name,
                share=share,
            )
    return {name: share for name, share in shares.items() if share}


def _check_ranges(columns: Mapping[str, Values], demands: Demands) -> None:
    for name, (low, high) in demands.ranges.items():
        column = columns.get(name)
        if column is None or column.dtype.kind not in "fiub":
            raise SchemaChanged(
                f"checks.ranges names {name!r}, which is no column of numbers in these rows.",
                remedy="Correct the name.",
                field=name,
            )
        values = column.astype(np.float64)
        known = values[~np.isnan(values)]
        outside = (known < low) | (known > high)
        share = float(np.mean(outside)) if len(known) else 0.0
        if share > demands.max_outside:
            raise OutOfRange(
                f"{share:.2%} of the column {name!r} lies outside [{low:g}, {high:g}], such as "
                f"{known[outside][0]:g}.",
                remedy="Look where such values come from, or change checks.ranges.",
                field=name,
                share=share,
            )
