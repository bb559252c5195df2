"""What is known of one run of a training: the record, and nothing that acts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias

Value: TypeAlias = Any
"""A hyperparameter as it is kept: plain JSON."""


class Status(StrEnum):
    """How a run stands."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    PRUNED = "pruned"


class Outcome(StrEnum):
    """What came of a run that has ended."""

    TRAINED = "trained"
    PRUNED = "pruned"
    BAD_FUNCTION = "bad_function"
    BAD_PARAMETER = "bad_parameter"
    CRASHED = "crashed"
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    NOT_FINITE = "not_finite"
    NO_MODEL = "no_model"
    MODEL_UNUSABLE = "model_unusable"
    WORSE_THAN_CONSTANT = "worse_than_constant"
    NO_TRIAL = "no_trial"
    INTERRUPTED = "interrupted"

    @property
    def status(self) -> Status:
        """The status of a run with this outcome."""
        if self is Outcome.TRAINED:
            return Status.FINISHED
        return Status.PRUNED if self is Outcome.PRUNED else Status.FAILED


class Against(StrEnum):
    """How a model does beside one that answers every row alike."""

    BETTER = "better"
    CANNOT_TELL = "cannot_tell"
    WORSE = "worse"
    NOT_MEASURED = "not_measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One value of a metric.

    Args:
        metric: its name.
        value: may be NaN or infinite: that is how such a training shows itself.
        at_s: seconds since the run began, >= 0.
        step: of the training, >= 0; None for a value that belongs to the whole run.
    """

    metric: str
    value: float
    at_s: float
    step: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """A file that a run read.

    Args:
        role: ``data``, ``more_data``, ``holdout`` or ``warm_start``.
        path: as it was given, made absolute.
        sha256: of its bytes, lower-case hex.
        n_bytes: its size.
    """

    role: str
    path: str
    sha256: str
    n_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """Which program it was.

    Args:
        commit: of the git repository that holds it; None outside of one.
        dirty: whether files of the repository differ from that commit; None outside of one.
        files: SHA-256 of the program's own files, by path.
    """

    commit: str | None = None
    dirty: bool | None = None
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Where it ran.

    Args:
        python: version of the interpreter that ran it, or ran beside a command.
        platform: operating system and processor.
        host: name of the machine.
        packages: version of each installed distribution, by name.
    """

    python: str = ""
    platform: str = ""
    host: str = ""
    packages: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Artefact:
    """A file that a run left.

    Args:
        path: under the run's folder ``out``, with forward slashes.
        n_bytes: its size.
        sha256: of its bytes, lower-case hex.
    """

    path: str
    n_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a run ended.

    Args:
        outcome: what came of it.
        at: when, aware UTC.
        seconds: it took, of this attempt.
        peak_bytes: most memory that was seen in use; 0 where nobody looked.
        error: of an outcome that is one, as `SeatrialError.as_dict` has it.
        metrics: last value of each metric; those of the holdout begin with ``holdout.``.
        model: file of the model, under the run's folder ``out``; "" without one.
        artefacts: files it left.
        signature: of the packaged model, as `registry.signature_record` writes it.
        bundle: digest of the packaged model.
        against: beside a constant.
        best: of a search, the run of its best trial.
    """

    outcome: Outcome
    at: datetime
    seconds: float = 0.0
    peak_bytes: int = 0
    error: Mapping[str, Any] | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    model: str = ""
    artefacts: tuple[Artefact, ...] = ()
    signature: Mapping[str, Any] | None = None
    bundle: str | None = None
    against: Against = Against.NOT_MEASURED
    best: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a training.

    Args:
        id: of its own; also the name of its folder.
        name: of the recipe, or of the program.
        program: ``train.py:train``, or the command as one line.
        folder: where its files lie, on the machine that ran it.
        started_at: the first attempt, aware UTC.
        by: who wanted it.
        parameters: hyperparameters as they were used, defaults included.
        seed: that it was given.
        label: column that the model predicts, or None.
        data: files it read.
        data_digest: SHA-256 over the files of the training; None where there are none.
        code: which program it was.
        environment: where it ran.
        parent: the run of the search it is a trial of, or None.
        number: of the trial, from 0.
        attempt: 1, and one more each time it was killed midway and began anew.
        ending: None while it runs.
        latest: last value of each metric, while it runs and after.
        sent: trackers that have all of it, and "" or what kept one from taking it.
    """

    id: str
    name: str
    program: str
    folder: str
    started_at: datetime
    by: str
    parameters: Mapping[str, Value] = field(default_factory=dict)
    seed: int | None = None
    label: str | None = None
    data: tuple[DataFile, ...] = ()
    data_digest: str | None = None
    code: Code = field(default_factory=Code)
    environment: Environment = field(default_factory=Environment)
    parent: str | None = None
    number: int | None = None
    attempt: int = 1
    ending: Ending | None = None
    latest: Mapping[str, float] = field(default_factory=dict)
    sent: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> Status:
        """How it stands, as far as its facts tell."""
        return Status.RUNNING if self.ending is None else self.ending.outcome.status
