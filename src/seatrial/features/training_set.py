"""Training sets: whose features as of when, under which names, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seatrial.features.config import LookupConfig
from seatrial.features.plan import Plan, plan_of
from seatrial.features.view import Repository
from seatrial.kernel.errors import Invalid

ROWS_AT_ONCE = 50_000
"""Joined in one go. Feast reads a source of files anew for each, and holds each row with all of its
entity's history."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A column of features.

    Args: n_null: rows without a value that counts, before a default stood in.
    """

    name: str
    reference: str
    n_null: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSet:
    """A file of entity rows with their features.

    Args:
        keys: the join keys, which stand in the file beside the features.
        digest: SHA-256 of the file.
    """

    path: Path
    keys: tuple[str, ...]
    n_rows: int
    columns: tuple[Filled, ...]
    digest: str


def training_plan(repository: Repository, *, service: str | None, features: Sequence[str]) -> Plan:
    """Columns named as their features; as VIEW__FEATURE where two views have one of a name.

    Args: either a service, or features as VIEW:FEATURE.
    Raises: Unregistered, Unsupported.
    """
    selected = repository.of_service(service) if service else repository.select(features)
    names = [one.field.name for one in selected]
    columns = {
        str(one.reference): f"{one.view.name}__{one.field.name}"
        for one in selected
        if names.count(one.field.name) > 1
    }
    references = tuple(str(one.reference) for one in selected)
    return plan_of(LookupConfig(features=references, columns=columns), repository)


def check_columns(plan: Plan, given: Sequence[str], *, time_column: str) -> None:
    """Refuse features whose columns the entity rows have already.   Raises: Invalid."""
    if time_column in plan.keys:
        raise Invalid(
            f"{time_column!r} is a join key, and cannot be the time of the rows too.",
            remedy="Name the column of times with --time.",
            field=time_column,
        )
    for column in plan.columns:
        if column.name in given:
            raise Invalid(
                f"The rows have a column {column.name!r}, which the feature "
                f"{str(column.selected.reference)!r} would fill.",
                remedy="Take it out of the rows, or leave the feature out.",
                field=column.name,
            )
