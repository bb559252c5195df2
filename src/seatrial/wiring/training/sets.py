"""Training sets out of the feature store: what commands and pipelines ask for, written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from seatrial.adapters.features.entity_table import PARQUET, EntityTable
from seatrial.adapters.training.table import write_training_table
from seatrial.features.failures import EndpointWithoutFeatures
from seatrial.features.plan import Plan, plan_of
from seatrial.features.training_set import ROWS_AT_ONCE, TrainingSet, training_plan
from seatrial.features.view import Repository, by_view
from seatrial.kernel.errors import Invalid
from seatrial.wiring.features import commands as wired
from seatrial.wiring.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

    from seatrial.adapters.features.feast_child import FeastChild


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingOrder:
    """What a training set is to hold.

    Args:
        entities: a Parquet or CSV file: join keys, a time, and what else is to be kept, such as a
            label.
        into: the Parquet file to write.
        endpoint: its features under the names of its model's inputs, with its ``max_age`` and its
            defaults, as it is served; else ``service`` or ``features``.
        time_column: as of when the features of a row are wanted.
        zone: of times that name none; None refuses them.
        rows_at_once: joined and held in memory, >= 1.
        repository: folder, in place of the configured one.
    """

    entities: Path
    into: Path
    endpoint: str | None = None
    service: str | None = None
    features: tuple[str, ...] = ()
    time_column: str = "event_timestamp"
    zone: str | None = None
    rows_at_once: int = ROWS_AT_ONCE
    repository: Path | None = None


def write_training_set(
    workspace: Workspace,
    order: TrainingOrder,
    *,
    told: Callable[[int, int | None], None] | None = None,
) -> TrainingSet:
    """Each entity row with its features as they were known at its time, and never later.

    A value counts by the rule of serving: if it became true at the row's time or before, and not
    longer before than the TTL of its view. Nothing is written unless all of it is.

    Args: told: of how many rows are done, and of how many where that is known.
    Raises: EntityInvalid, Unregistered, Unsupported, NotApplied, EndpointWithoutFeatures, Invalid;
        as `FeastChild`.
    """
    if order.into.suffix.lower() not in PARQUET:
        raise Invalid(
            f"A training set is written as Parquet, and {str(order.into)!r} does not end so.",
            remedy=f"Name a file such as {order.into.with_suffix('.parquet').name}.",
        )
    folder = wired.open_repository(wired.folder_of(workspace, order.repository))
    registered = folder.repository()
    plan = _plan(workspace, order, registered)
    entities = EntityTable(
        order.entities, keys=plan.keys, time_column=order.time_column, zone=_zone(order.zone)
    )
    say = told or _nothing
    say(0, entities.n_rows)
    with wired.child_of(workspace.settings.features, folder.path) as child:
        return write_training_table(
            entities,
            plan,
            partial(_join, child, plan),
            order.into,
            time_column=order.time_column,
            described=_described(plan, registered, order),
            rows_at_once=order.rows_at_once,
            told=say,
        )


def _nothing(done: int, of: int | None) -> None:
    """Where nobody waits."""


def _plan(workspace: Workspace, order: TrainingOrder, registered: Repository) -> Plan:
    if order.endpoint is None:
        return training_plan(registered, service=order.service, features=order.features)
    endpoints = workspace.settings.features.endpoints
    if order.endpoint not in endpoints:
        raise EndpointWithoutFeatures(order.endpoint, known=tuple(endpoints))
    return plan_of(endpoints[order.endpoint], registered)


def _join(child: FeastChild, plan: Plan, keys: pa.Table) -> pa.Table:
    selected = [column.selected for column in plan.columns]
    return child.join_table(keys, selected, max_age_us=plan.max_age_us)


def _described(plan: Plan, registered: Repository, order: TrainingOrder) -> dict[str, object]:
    return {
        "project": registered.project,
        "columns": {c.name: str(c.selected.reference) for c in plan.columns},
        "ttl_us": {view.name: view.ttl_us for view in by_view(c.selected for c in plan.columns)},
        "max_age_us": plan.max_age_us,
        "time_column": order.time_column,
        "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _zone(name: str | None) -> str | None:
    if name is not None:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise Invalid(
                f"There is no time zone {name!r}.",
                remedy="Name one such as UTC or Europe/Berlin.",
                field="timezone",
            ) from error
    return name
