"""What a configuration of the watch would do, looked up without doing it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from seatrial.kernel.clock import SystemClock
from seatrial.monitoring.alerts.notify_config import (
    EmailConfig,
    NotifyConfig,
    SinkConfig,
    secret_of,
)
from seatrial.monitoring.performance.findings import figure
from seatrial.monitoring.rows.columns import Columns
from seatrial.monitoring.rows.source import SourceMissing
from seatrial.monitoring.summaries.log_rows import kinds_of
from seatrial.monitoring.watching.watch import Watch
from seatrial.monitoring.watching.watch_file import LabelsConfig, MonitoringFile
from seatrial.wiring.watching.late_labels import late_parts
from seatrial.wiring.watching.log_reference import Known, known_reference, log_columns, names_in
from seatrial.wiring.watching.notifiers import notifier_of
from seatrial.wiring.watching.table_sources import open_source
from seatrial.wiring.workspace import Workspace

_REACH_S = 2.0
_ENDS = {"http": 80, "https": 443}

Record = dict[str, Any]


def check_log(file: MonitoringFile, *, folder: Path, workspace: Callable[[], Workspace]) -> Record:
    """Everything about a log to be watched: columns found, rows, reference.

    Reads the reference whole and the log to its end.
    Raises: NoReferenceRows, NoSuchColumn, NoSuchSegment; what sources and bundles raise.
    """
    assert file.data is not None
    assert file.reference is not None
    asked, split_by = file.data.columns.columns(), file.split_by
    known = known_reference(
        file.reference, columns=asked, segments=split_by, folder=folder, workspace=workspace
    ).weighed(file.importance)
    Watch(known.profile, file.rules(), segments=known.segments)
    names = names_in(file.data, folder=folder, follow=True)
    n, roles, problems = 0, Columns(), [problem.message for problem in known.problems]
    if names:
        columns = log_columns(asked, known, names, split_by)
        for chunk in open_source(file.data, folder=folder, columns=columns, follow=True).chunks():
            n += chunk.table.n
            roles = chunk.columns if chunk.columns.features is not None else roles
            problems += [problem.message for problem in chunk.problems]
    return {
        "reference": {"source": known.name, "rows": known.profile.n, "notes": known.notes},
        "importance": known.importance.said["en"],
        "log": {"source": file.data.shown, "rows": n, "columns": _roles(roles, known)},
        "windows": _windows(file),
        "performance": _performance(file, known, folder),
        "problems": list(dict.fromkeys(problems)),
    }


def _performance(file: MonitoringFile, known: Known, folder: Path) -> str:
    """How the performance would be watched, in a sentence; empty where nobody asked."""
    served = known.performance
    if not file.performance.enabled:
        return "switched off"
    if served is None:
        return f"not watched: {known.unmeasured}" if known.unmeasured else ""
    main = served.reference.main
    parts = [f"{main.name} {figure(main.name, main.value)} on {served.n:,} rows of the reference"]
    parts.append("estimated without labels" if served.reference.estimates else "by labels alone")
    if known.by_segment is not None:
        parts.append(f"by segment of {', '.join(file.split_by)} too")
    elif known.unjudged:
        parts.append("not by segment")
    if file.labels is not None:
        parts.append(_labels(file.labels, folder))
    return ", ".join(parts)


def _labels(config: LabelsConfig, folder: Path) -> str:
    try:
        n = sum(len(part.entries) for part in late_parts(config, folder=folder))
    except SourceMissing:
        return f"no labels in {config.shown} yet"
    return f"{n:,} labels in {config.shown}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkState:
    """Whether a sink can be told.

    Args:
        name, kind: of the sink.
        reachable: whether something answers at its address.
        said: why not, or what answered.
    """

    name: str
    kind: str
    reachable: bool
    said: str

    def as_dict(self) -> Record:
        """JSON-able."""
        return {
            "name": self.name,
            "kind": self.kind,
            "reachable": self.reachable,
            "said": self.said,
        }


def check_sinks(notify: NotifyConfig, env: Mapping[str, str] = os.environ) -> list[SinkState]:
    """Whether each sink's host takes a connection; nothing is sent.

    Raises: SecretMissing, SinkInvalid.
    """
    found = []
    for name, sink in notify.sinks.items():
        notifier_of(name, notify, env, SystemClock())
        host, port = _address(name, sink, env)
        try:
            with socket.create_connection((host, port), timeout=_REACH_S):
                state = True, f"{host}:{port} takes connections"
        except OSError as problem:
            state = False, f"{host}:{port} does not: {problem.strerror or problem}"
        found.append(SinkState(name=name, kind=sink.kind, reachable=state[0], said=state[1]))
    return found


def _address(name: str, sink: SinkConfig, env: Mapping[str, str]) -> tuple[str, int]:
    if isinstance(sink, EmailConfig):
        return sink.host, sink.port
    url = sink.proxy or getattr(sink, "url", None)
    url = url or secret_of(name, getattr(sink, "url_env", None), env)
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or _ENDS.get(parts.scheme, 80)


def _roles(roles: Columns, known: Known) -> Record:
    features = tuple(dict.fromkeys((*(roles.features or ()), *roles.segments)))
    reference = known.profile.features
    return {
        "timestamp": roles.at,
        "id": list(roles.id),
        "prediction": roles.prediction,
        "scores": list(roles.scores),
        "label": roles.label,
        "features": {
            name: kinds_of(known.profile, [name]).get(name, "as they come")
            for name in features
            if name in reference
        },
        "not_in_the_reference": [name for name in features if name not in reference],
        "not_in_the_log": [name for name in reference if name not in features] if features else [],
        "inferred": list(roles.inferred),
    }


def _windows(file: MonitoringFile) -> str:
    windows = file.windows.windows()
    if windows.n_rows is not None:
        return f"{windows.n_rows:,} rows"
    return f"{windows.every_s} s in {windows.time_zone}, rows up to {windows.lateness_s:g} s late"
