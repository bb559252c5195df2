"""The performance reference of a served version: made from labelled rows when it is packaged.

What it was made from decides what it is worth. A model remembers the rows it was trained on, so on
those it does better than it ever will again: then the reference flatters, and a drop against it may
be none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from seatrial.kernel.errors import Invalid
from seatrial.monitoring.performance.reference import (
    PerformanceReference,
    classifier_reference,
    reference_from_dict,
    reference_to_dict,
    regressor_reference,
)
from seatrial.monitoring.rows.class_names import class_names, named_as
from seatrial.monitoring.rows.label_values import label_vectors
from seatrial.monitoring.rows.naming import coded, name_of
from seatrial.monitoring.rows.scores import BadScores, ScoreColumns
from seatrial.monitoring.rows.served import (
    CLASS,
    NUMBER,
    PROBABILITIES,
    TRUTH,
    answered_table,
)
from seatrial.monitoring.rows.table import Coded, Column, Table
from seatrial.registry.signature import Batch, Prediction, Signature, Task

SCHEMA = 1


class ReferenceUnreadable(Invalid):
    """A record that is not a reference performance this version can read."""

    code = "monitoring.reference_unreadable"


class Origin(StrEnum):
    """What is known of the labelled rows of a reference."""

    HOLDOUT = "holdout"
    """Rows that somebody said the model was not trained on."""
    SAMPLE = "sample"
    """The sample of the training data: the model may have been trained on these very rows."""
    ROWS = "rows"
    """Rows beside a log, of which nobody said whether the model was trained on them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedReference:
    """How well a version did, and on what.

    Args:
        reference: the performance.
        origin: of the rows.
        n: labelled rows, >= 1.
    """

    reference: PerformanceReference
    origin: Origin
    n: int

    @property
    def flatters(self) -> bool:
        """Whether the model may have been trained on the rows."""
        return self.origin is not Origin.HOLDOUT

    @property
    def said(self) -> str:
        """What it was made from, in one sentence."""
        main = self.reference.main
        figure = f"{100 * main.value:.1f} %" if main.name == "accuracy" else f"{main.value:.4g}"
        if self.origin is Origin.HOLDOUT:
            return (
                f"{main.name} {figure} on {self.n:,} labelled rows that the model was not trained "
                "on, as was said with --holdout"
            )
        return (
            f"{main.name} {figure} on {self.n:,} labelled rows of the sample; if the model was "
            "trained on them this flatters it: give rows it has not seen with --holdout"
        )


def learn_reference(
    signature: Signature, batch: Batch, answers: Prediction, labels: Column, *, origin: Origin
) -> ServedReference:
    """The reference of a version from labelled rows and its own answers to them.

    A classifier without probabilities and a regressor of several numbers a row have one too, by
    which labels are judged; nothing is estimated of them.

    Args: labels as numbers or names, shape (n,), or of several numbers a row, shape (n, width).
    Raises: BadScores: the labels do not fit the answers; BadReference: too few labelled rows.
    """
    rows = answered_table(signature, batch, answers)
    if signature.task is Task.CLASSIFICATION:
        reference = _classifier(signature, rows, labels)
    else:
        truth = _numbers(labels, _width(signature))
        table = named(rows, {**rows.columns, TRUTH: truth})
        columns = ScoreColumns(prediction=NUMBER, label=TRUTH)
        reference = regressor_reference(table, columns, features=signature.names)
    return ServedReference(reference=reference, origin=origin, n=reference.main.n)


def _classifier(signature: Signature, rows: Table, labels: Column) -> PerformanceReference:
    classes = classes_answered(signature)
    if classes is None:
        classes = class_names(labels, rows.columns[CLASS])
        table = named(rows, {**rows.columns, TRUTH: named_as(labels, classes)})
        columns = ScoreColumns(prediction=CLASS, label=TRUTH)
    else:
        table = named(rows, {**rows.columns, TRUTH: coded(labels)})
        columns = ScoreColumns(prediction=CLASS, probabilities=PROBABILITIES, label=TRUTH)
    return classifier_reference(table, columns, classes=classes)


def classes_answered(signature: Signature) -> tuple[str, ...] | None:
    """A classifier's classes in the order of its probabilities; None where it gives none."""
    found = next((o for o in signature.outputs if o.name == "probabilities"), None)
    if found is None or found.classes is None:
        return None
    return tuple(name_of(one) for one in found.classes)


def truth_of(labels: Column, reference: PerformanceReference) -> Column:
    """Labels as a reference reads them.   Args: as `learn_reference` was given them."""
    if reference.classes is None:
        return _numbers(labels, reference.width)
    if reference.confidence is None:
        return named_as(labels, reference.classes)
    return coded(labels)


def named(rows: Table, columns: Mapping[str, Column]) -> Table:
    """A table whose predicted classes are names, whatever the model's library calls them."""
    if CLASS in columns:
        columns = {**columns, CLASS: coded(columns[CLASS])}
    return Table(columns=columns, n=rows.n, at=rows.at)


def write_reference(served: ServedReference) -> dict[str, object]:
    """The record of a reference: the same for the same reference, byte by byte."""
    return {
        "schema": SCHEMA,
        "origin": served.origin.value,
        "n": served.n,
        "reference": reference_to_dict(served.reference),
    }


def read_reference(record: Mapping[str, Any]) -> ServedReference:
    """The reference of a record.   Raises: ReferenceUnreadable, BadReference and their kin."""
    try:
        if record["schema"] != SCHEMA:
            raise _unreadable(f"its schema {record['schema']!r} is unknown")
        return ServedReference(
            reference=reference_from_dict(record["reference"]),
            origin=Origin(record["origin"]),
            n=int(record["n"]),
        )
    except (KeyError, TypeError, ValueError) as problem:
        raise _unreadable(repr(problem)) from problem


def _width(signature: Signature) -> int:
    """Numbers that a regressor answers with."""
    found = next((o for o in signature.outputs if o.name == "prediction"), None)
    if signature.task is not Task.REGRESSION or found is None:
        raise BadScores(
            "The model does not answer with numbers.",
            remedy="Its performance can be watched only elsewhere.",
            column=NUMBER,
        )
    return found.width or 1


def _numbers(labels: Column, width: int) -> Column:
    """Vectors that a file holds as texts, such as "[1.5, 2]", are read as numbers."""
    if width == 1 or not isinstance(labels, Coded):
        return labels
    return label_vectors((*labels.values, ""), width)[labels.codes]


def _unreadable(why: str) -> ReferenceUnreadable:
    return ReferenceUnreadable(
        f"The reference performance cannot be read: {why}.",
        remedy="Use the version of seatrial that packaged the model, or deploy the model again.",
    )
