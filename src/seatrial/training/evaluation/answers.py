"""What two versions answered to the same labelled rows, in one list of classes. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seatrial.kernel.errors import Invalid
from seatrial.monitoring.rows.class_names import class_names
from seatrial.monitoring.rows.label_values import label_values
from seatrial.monitoring.rows.naming import coded
from seatrial.monitoring.rows.table import Coded, Column, column_of
from seatrial.registry.signature import Task
from seatrial.stats.performance import UNKNOWN_CLASS

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
Mask = NDArray[np.bool_]

_SHOWN = 5


class NotComparable(Invalid):
    """Two versions whose answers cannot be held against each other, or of a kind not compared."""

    code = "evaluation.not_comparable"


class LabelMismatch(Invalid):
    """The label column does not hold what the versions predict."""

    code = "evaluation.label_mismatch"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Holdout:
    """Labelled rows that neither version was trained on.

    Args:
        label: name of the column that is predicted.
        labels: its values, shape (n,).
        values: the same as they were read, for functions of the user's.
        columns: those to split by, by name.
        source: where the rows came from, for people.
        digest: SHA-256 of the file, lower-case hex; None where there is none.
        repeated: rows known from training, shape (n,); None where nobody knows.
    """

    label: str
    labels: Column
    values: NDArray[np.generic]
    columns: Mapping[str, Column]
    source: str
    digest: str | None = None
    repeated: Mask | None = None

    @property
    def n(self) -> int:
        """Rows."""
        return len(self.labels)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answers:
    """What one version answered; what stands in rows without an answer is not looked at.

    Args:
        task: of the version.
        answered: whether each row got an answer of finite numbers, shape (n,).
        predicted: classes or numbers, shape (n,).
        values: the same as the version gave them, for functions of the user's.
        classes: of the columns of ``probabilities``, by name; None without them.
        probabilities: shape (n, len(classes)), or None.
        why_not: what the version said of a row that it did not answer, or None.
    """

    task: Task
    answered: Mask
    predicted: Column
    values: NDArray[np.generic]
    classes: tuple[str, ...] | None = None
    probabilities: Floats | None = None
    why_not: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Side:
    """One version over the rows that are compared.

    Args:
        predicted: places among the classes, or numbers, shape (n,).
        probabilities: of all classes, 0 for those it does not have, shape (n, k), or None.
        values: predictions as the version gave them.
    """

    predicted: Places | Floats
    probabilities: Floats | None
    values: NDArray[np.generic]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Compared:
    """The rows that are compared: labelled, answered by both, not known from training.

    Args:
        task: of both versions.
        classes: that either has, the baseline's first; empty for a regression.
        true: places among them, ``len(classes)`` for a class neither has; or numbers; shape (n,).
        values: labels as they were read.
        sides: by ``new`` and ``baseline``.
        rows: of the holdout, shape (n,).
        n_unlabelled: rows of the holdout without a label.
        n_repeated: rows left out because they are known from training.
        n_unanswered: labelled rows that a version did not answer, by version.
        unseen: labels that no version has, with their rows, the most frequent first.
    """

    task: Task
    classes: tuple[str, ...]
    true: Places | Floats
    values: NDArray[np.generic]
    sides: Mapping[str, Side]
    rows: Places
    n_unlabelled: int
    n_repeated: int
    n_unanswered: Mapping[str, int]
    unseen: Mapping[str, int]

    @property
    def n(self) -> int:
        """Rows."""
        return len(self.rows)

    @property
    def has_probabilities(self) -> bool:
        """Whether both versions give some."""
        return all(side.probabilities is not None for side in self.sides.values())


def compare_rows(holdout: Holdout, versions: Mapping[str, Answers]) -> Compared:
    """Bring labels and answers together.

    Args: versions: by ``new`` and ``baseline``, each of ``holdout.n`` rows.
    Raises: NotComparable, LabelMismatch.
    """
    task = _task(versions)
    classes = _classes(holdout, versions) if task is Task.CLASSIFICATION else ()
    true = _labels(holdout, classes, task)
    labelled = ~np.isnan(true)
    if not labelled.any():
        raise LabelMismatch(
            f"The column {holdout.label!r} has no label in any of its {holdout.n} rows.",
            remedy="Give rows whose outcome is known.",
            column=holdout.label,
        )
    unseen = _unseen(holdout, true) if task is Task.CLASSIFICATION else {}
    if sum(unseen.values()) == int(labelled.sum()):
        raise LabelMismatch(
            f"No label of the column {holdout.label!r} is a class of the versions: it holds "
            f"{_listed(tuple(unseen))}, and they have {_listed(classes)}.",
            remedy="Name the column of the classes that they predict, spelled as in training.",
            column=holdout.label,
        )
    fresh = labelled if holdout.repeated is None else labelled & ~holdout.repeated
    both = fresh.copy()
    for answers in versions.values():
        both &= answers.answered
    rows = np.flatnonzero(both)
    return Compared(
        task=task,
        classes=classes,
        true=_placed(true[rows], len(classes)) if task is Task.CLASSIFICATION else true[rows],
        values=holdout.values[rows],
        sides={name: _side(answers, classes, rows) for name, answers in versions.items()},
        rows=rows,
        n_unlabelled=int((~labelled).sum()),
        n_repeated=int((labelled & ~fresh).sum()),
        n_unanswered={
            name: int((fresh & ~answers.answered).sum()) for name, answers in versions.items()
        },
        unseen=unseen,
    )


def _task(versions: Mapping[str, Answers]) -> Task:
    tasks = {answers.task for answers in versions.values()}
    if len(tasks) > 1:
        said = " and ".join(f"{name} is a {a.task}" for name, a in versions.items())
        raise NotComparable(
            f"The versions do different things: {said}.",
            remedy="Compare two versions that predict the same.",
        )
    (task,) = tasks
    if task is Task.OTHER:
        raise NotComparable(
            "The versions answer neither with a class nor with one number a row.",
            remedy="Compare classifiers, or regressors of one number.",
        )
    return task


def _classes(holdout: Holdout, versions: Mapping[str, Answers]) -> tuple[str, ...]:
    """What either can answer: the baseline's first, in the order of its probabilities."""
    found: tuple[str, ...] = ()
    for name in ("baseline", "new"):
        found = tuple(dict.fromkeys((*found, *(versions[name].classes or ()))))
    for name in ("baseline", "new"):
        answers = versions[name]
        if answers.classes is None and answers.answered.any():
            given = column_of(answers.predicted, np.flatnonzero(answers.answered))
            names = class_names(holdout.labels if not found else given, given)
            places = label_values(names, found) if found else np.full(len(names), UNKNOWN_CLASS)
            more = [n for n, place in zip(names, places, strict=True) if place == UNKNOWN_CLASS]
            found = (*found, *more)
    return found


def _labels(holdout: Holdout, classes: tuple[str, ...], task: Task) -> Floats:
    """Places or numbers, shape (n,); NaN for no label."""
    labels = holdout.labels
    if task is Task.CLASSIFICATION:
        return _places(labels, classes)
    if isinstance(labels, np.ndarray) and labels.ndim == 1:
        numbers = labels.astype(np.float64)
        return np.where(np.isfinite(numbers), numbers, np.nan)
    names = coded(labels)
    by_code = label_values(names.values, None)
    wrong = [v for v, number in zip(names.values, by_code, strict=True) if v and np.isnan(number)]
    if wrong:
        raise LabelMismatch(
            f"The versions predict numbers; the column {holdout.label!r} holds {_listed(wrong)}.",
            remedy="Name a column of numbers with --label.",
            column=holdout.label,
        )
    return np.append(by_code, np.nan)[names.codes]


def _places(column: Column, classes: Sequence[str]) -> Floats:
    names = coded(column)
    return np.append(label_values(names.values, classes), np.nan)[names.codes]


def _placed(places: Floats, unknown: int) -> Places:
    return np.where(places == UNKNOWN_CLASS, unknown, places).astype(np.intp)


def _unseen(holdout: Holdout, true: Floats) -> dict[str, int]:
    rows = np.flatnonzero(true == UNKNOWN_CLASS)
    names = coded(column_of(holdout.labels, rows))
    counts = zip(names.values, names.counts()[1:].tolist(), strict=True)
    return dict(sorted(((v, n) for v, n in counts if n), key=lambda item: (-item[1], item[0])))


def _side(answers: Answers, classes: tuple[str, ...], rows: Places) -> Side:
    given = column_of(answers.predicted, rows)
    if not classes:
        assert not isinstance(given, Coded)
        return Side(
            predicted=given.astype(np.float64), probabilities=None, values=answers.values[rows]
        )
    probabilities = None
    if answers.probabilities is not None and answers.classes is not None:
        probabilities = np.zeros((len(rows), len(classes)))
        columns = [classes.index(name) for name in answers.classes]
        probabilities[:, columns] = answers.probabilities[rows]
    places = _places(given, classes)
    if (places == UNKNOWN_CLASS).any():
        odd = coded(column_of(given, np.flatnonzero(places == UNKNOWN_CLASS)[:1]))
        raise NotComparable(
            f"A version answers {odd.values[odd.codes[0]]!r}, which is none of its classes, "
            f"{_listed(classes)}.",
            remedy="Package it again, so that its classes are read from the model.",
        )
    return Side(
        predicted=places.astype(np.intp),
        probabilities=probabilities,
        values=answers.values[rows],
    )


def _listed(values: Sequence[str]) -> str:
    more = f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else ""
    return ", ".join(map(repr, values[:_SHOWN])) + more
