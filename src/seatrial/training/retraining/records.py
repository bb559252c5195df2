"""What the steps of a retraining hand to each other, as facts hold it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseRecord:
    """See `agenda.Cause`."""

    id: str
    rule: str
    reason: str
    at: str
    asks: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a run was begun with: the retraining, and why."""

    name: str
    endpoint: str
    causes: tuple[CauseRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows that were gathered and pass the checks.

    Args:
        train, holdout: files.
        n_train, n_holdout: their rows.
        oldest, cut, newest: times of the oldest row, of the oldest that is kept back, and of the
            newest; None where rows have no times.
        baseline: version in production then, or None.
        warm: file of the model to go on from, or "".
        found: what the checks said.
    """

    train: str
    holdout: str
    n_train: int
    n_holdout: int
    oldest: str | None
    cut: str | None
    newest: str | None
    baseline: int | None
    warm: str
    found: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """Whether the model in production lost.

    Args:
        asked: whether that was the question at all.
        reason: what was found.
    """

    asked: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A new model.

    Args:
        run: of the training.
        model: its file.
        metrics: as measured.
        seconds: the training took.
        warm: whether it went on from the model in production.
    """

    run: str
    model: str
    metrics: dict[str, float]
    seconds: float
    warm: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """How the new model compares with the one in production on the rows kept back.

    Args:
        outcome: a value of `training.evaluation.decision.Outcome`, or ``first`` where there is no
            model in production.
        reason: why.
        folder: of the evaluation's files, or "".
    """

    outcome: str
    reason: str
    folder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """Somebody approved, or nobody was asked."""

    approved: bool
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """The new version as it was offered to our registry."""

    model: str
    number: int
    endpoint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """How the release ended.

    Args: outcome: such as promoted; reason: why; version: of the catalogue, or None.
    """

    outcome: str
    reason: str
    version: int | None
