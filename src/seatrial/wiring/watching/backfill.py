"""What the watch would have said of a server's past: windows cut from its prediction log.

Nothing is kept and nobody is told. The log holds a sample of the predictions, so its windows have
fewer rows than those the server judged by its counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from seatrial.kernel.errors import NotFound
from seatrial.monitoring.rows.columns import Columns
from seatrial.monitoring.rows.table import Table, rows_of
from seatrial.monitoring.rows.window import Windows
from seatrial.monitoring.summaries.counting import Summariser
from seatrial.monitoring.summaries.log_rows import answers_of, features_of
from seatrial.monitoring.summaries.profile import Profile
from seatrial.monitoring.summaries.segment_reference import segment_columns, segment_reference
from seatrial.monitoring.summaries.summary import Summary
from seatrial.monitoring.watching.data_config import DataConfig
from seatrial.monitoring.watching.log_windows import LogState, LogWindow, LogWindows
from seatrial.monitoring.watching.report_record import Record, report_record
from seatrial.monitoring.watching.watch import Watch
from seatrial.wiring.deploying.bundles import Subject, registered
from seatrial.wiring.watching.counting import profile_of
from seatrial.wiring.watching.prediction_log import answered_rows
from seatrial.wiring.watching.table_sources import open_source
from seatrial.wiring.workspace import Workspace

_OUTCOME = "outcome"
_VERSION = re.compile(r"-v([1-9]\d*)\.parquet$")
_END = datetime.max.replace(tzinfo=UTC)


class NoLog(NotFound):
    """There is no prediction log of an endpoint."""

    code = "monitoring.no_log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A window of the past.

    Args:
        version: that answered.
        report: as `report_record` makes it.
    """

    version: int
    report: Record


def log_folder(workspace: Workspace, endpoint: str) -> Path:
    """Where the prediction log of an endpoint lies."""
    from seatrial.adapters.tables.parquet_log import folder_name

    return workspace.log / folder_name(endpoint)


def backfilled(
    workspace: Workspace, endpoint: str, *, log: Path, windows: Windows
) -> Iterator[Past]:
    """Judge a prediction log anew, version by version, each from its first window on.

    A version whose bundle has no profile is left out.
    Raises: NoLog, ModelUnknown, VersionUnknown; what bundles and sources raise.
    """
    numbers = _versions(log)
    if not numbers:
        raise NoLog(
            f"There is no prediction log of {endpoint!r} in {log}.",
            remedy="Serve predictions first, with server.log_sample_rate over 0; parts are written "
            "every few seconds.",
            log=str(log),
        )
    for number in numbers:
        _, bundle = registered(workspace, Subject(name=endpoint, number=number))
        profile = profile_of(bundle)
        if profile is None:
            continue
        watch = Watch(
            profile,
            workspace.settings.monitoring.rules(),
            segments=segment_reference(profile),
        )
        state = watch.start()
        for window in _windows(log, number, profile, windows):
            state, report = watch.step(state, window.summary, window.span)
            yield Past(version=number, report=report_record(report))


def _versions(log: Path) -> list[int]:
    parts = (_VERSION.search(path.name) for path in log.rglob("part-*.parquet"))
    return sorted({int(found[1]) for found in parts if found})


def _windows(log: Path, number: int, profile: Profile, windows: Windows) -> Iterator[LogWindow]:
    summariser = Summariser(profile, segments=segment_columns(profile))

    def count(table: Table, columns: Columns) -> Summary:
        answered = rows_of(table, answered_rows(table, _OUTCOME))
        features = features_of(answered, columns)
        known = {name: c for name, c in features.columns.items() if name in profile.features}
        return summariser.summarise(
            Table(columns=known, n=features.n, at=features.at),
            answers_of(answered, columns, profile),
        )

    cutter, state = LogWindows(windows, count), LogState()
    source = open_source(
        DataConfig(source=f"date=*/part-*-v{number}.parquet"),
        folder=log,
        columns=Columns(segments=(_OUTCOME,)),
    )
    now = datetime.now(UTC)
    for chunk in source.chunks():
        took = cutter.take(state, chunk, now=now, latest=_END)
        state = took.state
        yield from took.windows
    yield from cutter.end(state, now=now).windows
