"""The stored form of a reference profile: a JSON-able record with its schema, read strictly.

Schema 2 had other measures of vectors; it is read without columns of these. Schema 1 had no bin
below the sample's range, nested the answers of several values, named whole
floats "2.0" and did not say which names it had met once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from seatrial.kernel.errors import Invalid, NotFound
from seatrial.monitoring.summaries.embedding import check_embedding
from seatrial.monitoring.summaries.profile import (
    Categorical,
    ColumnProfile,
    Embedding,
    Numeric,
    Profile,
)
from seatrial.stats.histogram import with_floor

SCHEMA = 3

_WHOLE = re.compile(r"-?\d+\.0")


class ProfileUnreadable(Invalid):
    """A record that is not a reference profile this version can read."""

    code = "monitoring.profile_unreadable"


class NoProfile(NotFound):
    """The bundle was made without sample data, so there is nothing to compare with."""

    code = "monitoring.no_profile"


def write_profile(profile: Profile) -> dict[str, object]:
    """The record of a profile: the same for the same profile, byte by byte."""
    record: dict[str, object] = msgspec.to_builtins(profile)
    if profile.segments is None:
        del record["segments"]
    return {"schema": SCHEMA} | record


def read_profile(record: Mapping[str, object]) -> Profile:
    """The profile of a record, of this schema or an older one.

    Raises: NoProfile for an empty record, ProfileUnreadable.
    """
    if not record:
        raise NoProfile(
            "The bundle holds no reference profile: it was made without sample data.",
            remedy="Deploy the model again with --data, or name a reference in monitoring.yaml.",
        )
    schema = record.get("schema")
    try:
        if schema == SCHEMA:
            profile = msgspec.convert(_fields(record), Profile)
        elif schema == 2:
            profile = msgspec.convert(_second(record), Profile)
        elif schema == 1:
            profile = msgspec.convert(msgspec.to_builtins(_first(record)), Profile)
        else:
            raise _unreadable(f"its schema {schema!r} is unknown")
        _check(profile)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _unreadable(f"{error}") from error
    return profile


def _check(profile: Profile) -> None:
    """Refuse counts that do not fit their edges."""
    groups = (profile.features, profile.predictions, {"labels": profile.labels})
    for name, column in ((n, c) for group in groups for n, c in group.items()):
        if isinstance(column, Embedding):
            _check_embedding(name, column)
        if not isinstance(column, Numeric):
            continue
        ascending = bool((np.diff(np.array(column.edges)) > 0).all())
        if not ascending or len(column.counts) != len(column.edges) + 1 or min(column.counts) < 0:
            raise _unreadable(f"the bins of {name!r} do not fit its edges", column=name)


def _check_embedding(name: str, column: Embedding) -> None:
    try:
        check_embedding(column)
    except ValueError as error:
        raise _unreadable(f"the vectors of {name!r} are damaged ({error})", column=name) from error


def _fields(record: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key != "schema"}


def _second(record: Mapping[str, Any]) -> dict[str, Any]:
    """Without columns of vectors."""
    fields = _fields(record)
    for side in ("features", "predictions"):
        columns = fields.get(side, {})
        fields[side] = {n: c for n, c in columns.items() if c["kind"] != "vectors"}
    return fields


def _first(record: Mapping[str, Any]) -> Profile:
    predictions: dict[str, ColumnProfile] = {}
    for name, column in record["predictions"].items():
        if column["kind"] == "several":
            for key, part in column["columns"].items():
                predictions[f"{name}.{key}"] = _first_column(part)
        else:
            predictions[name] = _first_column(column)
    labels = record.get("labels")
    return Profile(
        n=record["n"],
        features={name: _first_column(c) for name, c in record["features"].items()},
        predictions=predictions,
        labels=None if labels is None else _first_column(labels),
    )


def _first_column(column: Mapping[str, Any]) -> ColumnProfile:
    if column["kind"] == "numeric":
        return _first_numbers(column)
    counts: dict[str, int] = column["counts"]
    if counts and all(_WHOLE.fullmatch(name) for name in counts):
        counts = {name.removesuffix(".0"): n for name, n in counts.items()}
    whole = column["n_other"] == 0
    return Categorical(
        n=column["n"],
        n_missing=column["n_missing"],
        n_distinct=column["n_distinct"],
        n_once=sum(1 for n in counts.values() if n == 1),
        counts=counts,
        n_other=column["n_other"],
        others=() if whole else None,
    )


def _first_numbers(column: Mapping[str, Any]) -> Numeric:
    edges, counts = column["edges"], column["counts"]
    if edges:
        floored = with_floor(np.array(edges, np.float64)).tolist()
        edges, counts = floored, [0] * (len(floored) - len(edges)) + counts
    return Numeric(
        n=column["n"],
        n_missing=column["n_missing"],
        n_infinite=column["n_infinite"],
        mean=column["mean"],
        std=column["std"],
        lowest=column["min"],
        highest=column["max"],
        edges=tuple(edges),
        counts=tuple(counts) or (0,),
    )


def _unreadable(why: str, **facts: object) -> ProfileUnreadable:
    return ProfileUnreadable(
        f"The reference profile cannot be read: {why}.",
        remedy="Use the version of seatrial that packaged the model, or deploy the model again.",
        **facts,
    )
