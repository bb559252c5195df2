"""What a loaded model says of itself: the record that crosses from the child process.

Filled in by the adapters that know the libraries (`adapters/native/`), read by `describe`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

import msgspec

from seatrial.registry.signature import Dtype, Task


class Kind(StrEnum):
    """What the values of an input are, as far as the model shows."""

    NUMBER = "number"
    STRING = "string"
    BOOLEAN = "boolean"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFact:
    """What a model shows of one of its inputs.

    Args:
        name: as the model knows it, or made up (``x0``, ``x1``, ...).
        kind: what its values are.
        nullable: whether a missing value is accepted.
        categories: values seen at training, in the encoder's order, missing ones left out; None
            when it is not categorical.
        closed: whether a value outside ``categories`` is refused.
        low: smallest value that makes sense, such as 0 below a logarithm.
        center: a typical value, from a scaler, an imputer or the training rows.
        spread: a typical distance from ``center``, > 0.
        edges: some values at which trees branch, ascending.
        shape: of one row's value; empty for one value.
        dtype: the only one the model takes; None where floats and whole numbers will do.
        high: largest value that makes sense, such as the last token of a vocabulary.
    """

    name: str
    kind: Kind = Kind.UNKNOWN
    nullable: bool = False
    categories: tuple[str | int | float | bool, ...] | None = None
    closed: bool = False
    low: float | None = None
    center: float | None = None
    spread: float | None = None
    edges: tuple[float, ...] = ()
    shape: tuple[int, ...] = ()
    dtype: Dtype | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What a model shows of itself before it predicts anything.

    Args:
        framework: ``scikit-learn``, ``xgboost``, ``lightgbm``, ``catboost``, ``onnx``, ``pytorch``,
            ``mlflow`` or ``python``.
        version: of the framework, as installed.
        trained_version: of the framework that saved the model, when the file says so.
        estimator: dotted name of the model's class.
        task: what its output means.
        inputs: in the model's order; None when the model does not know how many it takes.
        named: whether the names are the model's own.
        number: dtype the model computes with; a float of another width loses or gains nothing.
        packages: what must be installed to run it, by version; names as for pip.
        notes: things a person should know.
    """

    framework: str
    version: str
    trained_version: str | None = None
    estimator: str
    task: Task
    inputs: tuple[InputFact, ...] | None
    named: bool
    number: Dtype = Dtype.FLOAT64
    packages: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


def facts_to_dict(facts: ModelFacts) -> dict[str, object]:
    """A mapping of plain values that `facts_from_dict` reads back."""
    return cast("dict[str, object]", msgspec.to_builtins(facts))


def facts_from_dict(record: Mapping[str, object]) -> ModelFacts:
    """The facts behind a mapping made by `facts_to_dict`. Raises: msgspec.ValidationError."""
    return msgspec.convert(record, ModelFacts)
