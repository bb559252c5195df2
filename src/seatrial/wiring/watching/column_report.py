"""Reads a reference and rows by column, where both lie so: in the memory of a column of each."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from seatrial.monitoring.performance.log_answers import says_performance
from seatrial.monitoring.rows.by_column import ColumnSource, RolesByColumn
from seatrial.monitoring.rows.columns import Columns
from seatrial.monitoring.rows.source import (
    SourceDenied,
    SourceMissing,
    SourceProblem,
    SourceUnavailable,
    SourceUnreadable,
)
from seatrial.monitoring.rows.table import BadTable
from seatrial.monitoring.summaries.by_column import Measured, measure_against, measure_pair
from seatrial.monitoring.summaries.importance import Importance
from seatrial.monitoring.watching.data_config import DataConfig
from seatrial.monitoring.watching.watch_file import ReferenceConfig
from seatrial.wiring.watching.log_reference import (
    Known,
    bundle_reference,
    no_reference,
    reference_roles,
)
from seatrial.wiring.watching.table_sources import open_columns
from seatrial.wiring.workspace import Workspace

_UNUSUAL = (SourceDenied, SourceMissing, SourceUnavailable, SourceUnreadable, BadTable)


@dataclass(frozen=True, slots=True, kw_only=True)
class ByColumn:
    """What was read.

    Args:
        known: the reference.
        measured: the rows beside it.
        problems: met while the rows were read.
    """

    known: Known
    measured: Measured
    problems: tuple[SourceProblem, ...]


def read_by_column(
    reference: ReferenceConfig,
    data: DataConfig,
    *,
    folder: Path,
    workspace: Callable[[], Workspace],
    most_rows: int,
    judged: bool,
) -> ByColumn | None:
    """Compare all rows with a reference, without segments.

    Args:
        reference, data: where they are.
        folder: where relative paths begin.
        workspace: whose bundle is meant by NAME@VERSION.
        most_rows: of either; a column of so many is held at once.
        judged: whether answers are judged where the reference says how good they were.
    Returns: None where reading by rows is needed: other formats, larger data, answers to be
        judged, or some rows cannot be read, which reading by rows can leave out and report.
    Raises: NoReferenceRows, NoProfile, NoSuchColumn; what bundles raise.
    """
    try:
        with ExitStack() as opened:
            rows = opened.enter_context(open_columns(data, folder=folder))
            roles = data.columns.columns()
            window = RolesByColumn(rows, roles.among(rows.names))
            if rows.n > most_rows:
                return None
            if reference.bundle is not None:
                known = bundle_reference(*reference.bundle, workspace())
                return _against(known, window, judged=judged)
            there = opened.enter_context(open_columns(reference, folder=folder))
            mine = reference_roles(reference, roles, (), there.names).among(there.names)
            if there.n > most_rows or (judged and says_performance(mine)):
                return None
            return _pair(reference, there, window, mine)
    except _UNUSUAL:
        return None


def _against(known: Known, window: RolesByColumn, *, judged: bool) -> ByColumn | None:
    if judged and known.performance is not None:
        return None
    return ByColumn(
        known=known,
        measured=measure_against(known.profile, window),
        problems=window.source.problems,
    )


def _pair(
    config: ReferenceConfig, there: ColumnSource, window: RolesByColumn, roles: Columns
) -> ByColumn:
    if not there.n:
        raise no_reference(config, "no rows")
    measured = measure_pair(RolesByColumn(there, roles), window)
    if not measured.profile.features:
        raise no_reference(config, "no column that is a feature")
    return ByColumn(
        known=Known(
            name=config.shown,
            profile=measured.profile,
            problems=there.problems,
            importance=measured.importance or Importance(),
        ),
        measured=measured,
        problems=window.source.problems,
    )
