"""The rows of a prediction log that have labels, for whoever trains on them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np

from seatrial.adapters.tables.parquet_log import folder_name
from seatrial.kernel.errors import NotFound, SeatrialError
from seatrial.kernel.store import FactLog
from seatrial.monitoring.performance.ledger_notes import CLASSES
from seatrial.monitoring.performance.pending import Ledger
from seatrial.registry.bundle import Bundle
from seatrial.registry.catalog import get
from seatrial.registry.signature import Dtype, Signature, Task
from seatrial.training.retraining.checks import Values
from seatrial.training.retraining.config import RetrainedConfig
from seatrial.training.retraining.gathering import Gathering, LabelledRows, values_of
from seatrial.wiring.watching.late_labels import label_table
from seatrial.wiring.watching.performance import LabelFiles, version_log
from seatrial.wiring.workspace import Workspace

Say = Callable[[str], None]

_PART = re.compile(r"part-.*-v(\d+)\.parquet")
_DAY = "date="


class NothingLogged(NotFound):
    """There is no prediction log to take rows from."""

    code = "retraining.nothing_logged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which rows.

    Args:
        endpoint: whose.
        config: of the retraining.
        signature: of the version in production, or None where there is none.
        now: as of when; rows and labels that came later do not count.
        after: rows of this time and before are left out; None for as the configuration says.
    """

    endpoint: str
    config: RetrainedConfig
    signature: Signature | None
    now: datetime
    after: datetime | None = None

    @property
    def since(self) -> datetime | None:
        """The time of the oldest row."""
        window_s = self.config.data.window
        begins = None if window_s is None else self.now - timedelta(seconds=window_s)
        if self.after is None:
            return begins
        just_after = self.after + timedelta(microseconds=1)
        return just_after if begins is None else max(begins, just_after)


def start_of(workspace: Workspace) -> Path:
    """Where relative paths begin."""
    return Path.cwd() if workspace.config is None else workspace.config.parent


def told(gathering: Gathering, say: Say) -> LabelledRows:
    """The rows that were gathered, having said how many."""
    rows = gathering.rows()
    more = f"; {gathering.n_unlabelled:,} have none yet" if gathering.n_unlabelled else ""
    say(f"{len(rows):,} rows with a label{more}")
    return rows


class Labels(Protocol):
    """Labels by prediction id."""

    def of(self, ids: Sequence[str | None]) -> list[str]:
        """The label of each id as text; empty where there is none."""
        ...


class LedgerLabels:
    """Labels that were handed in to the server."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._classes = msgspec.json.decode(ledger.note(CLASSES) or "null")

    def of(self, ids: Sequence[str | None]) -> list[str]:
        """See Labels."""
        found = self._ledger.find([key for key in ids if key is not None])
        texts = dict(zip(found.ids, map(self._text, found.label.tolist()), strict=True))
        return ["" if key is None else texts.get(key, "") for key in ids]

    def _text(self, value: float) -> str:
        if np.isnan(value):
            return ""
        if self._classes is None:
            return repr(value)
        place = int(value)
        return str(self._classes[place]) if 0 <= place < len(self._classes) else ""


class LoggedRows:
    """Reads all versions of an endpoint's log, and joins what came true by prediction id.

    Features are as they were when the model was asked, so nothing of them is of a later time.

    Args: as `wiring.retraining.rows.gather`.
    """

    def __init__(self, workspace: Workspace, log: FactLog, wanted: Wanted, say: Say) -> None:
        self._workspace = workspace
        self._log = log
        self._wanted = wanted
        self._say = say
        self._folder = workspace.log / folder_name(wanted.endpoint)
        self._files = LabelFiles(workspace.labels)

    def gather(self) -> LabelledRows:
        """The rows, the oldest first.   Raises: NothingLogged; what sources of labels raise."""
        wanted, versions = self._wanted, self._versions()
        if not versions or wanted.signature is None:
            raise NothingLogged(
                f"No prediction of {wanted.endpoint!r} is in the log.",
                remedy="Let the server answer for a while (server.log_sample_rate says how many "
                "rows are kept), or take rows from a table.",
                endpoint=wanted.endpoint,
            )
        gathering = Gathering(
            wanted.signature.names,
            max_rows=wanted.config.data.max_rows,
            since=wanted.since,
            until=wanted.now,
        )
        for version in versions:
            with self._labels(version) as labels:
                if labels is not None:
                    self._add(version, labels, gathering)
        rows = told(gathering, self._say)
        return replace(rows, labels=_typed(rows.labels, wanted.signature))

    @contextmanager
    def _labels(self, version: int) -> Iterator[Labels | None]:
        config = self._wanted.config.data.labels
        if config is not None:
            with label_table(config, folder=start_of(self._workspace)) as (table, problems):
                for problem in problems:
                    self._say(problem.message)
                yield table
        elif version in self._files.versions(self._wanted.endpoint):
            with self._files.reading(self._wanted.endpoint, version) as ledger:
                yield LedgerLabels(ledger)
        else:
            yield None

    def _add(self, version: int, labels: Labels, gathering: Gathering) -> None:
        endpoint = self._wanted.endpoint
        try:
            digest = get(self._log, endpoint, version).digest
            bundle = Bundle.open(self._workspace.bundles / digest, digest=digest)
        except SeatrialError as gone:
            self._say(f"rows of version {version} are left out: {gone.problem}")
            return
        logged = version_log(
            self._workspace, endpoint, version, bundle, features=True, answered=True
        )
        for day in self._days():
            for part in logged.of_day(day):
                if part.rows.n:
                    texts = np.array([text or None for text in labels.of(part.ids)], object)
                    columns = {name: values_of(c) for name, c in part.rows.columns.items()}
                    gathering.add(columns, texts, part.rows.at)

    def _versions(self) -> list[int]:
        found = (_PART.fullmatch(path.name) for path in self._folder.glob(f"{_DAY}*/*.parquet"))
        return sorted({int(one[1]) for one in found if one})

    def _days(self) -> list[str]:
        days = sorted(path.name.removeprefix(_DAY) for path in self._folder.glob(f"{_DAY}*"))
        since = self._wanted.since
        return days if since is None else [day for day in days if day >= since.date().isoformat()]


def _typed(labels: Values, signature: Signature) -> Values:
    """Labels of a log, which are texts, in the type that the model predicts."""
    if signature.task is Task.REGRESSION:
        return _numbers(labels, np.float64)
    dtype = next((out.dtype for out in signature.outputs if out.name == "label"), Dtype.STRING)
    if dtype is Dtype.STRING:
        return labels
    return _numbers(labels, np.int64 if dtype in (Dtype.INT64, Dtype.BOOL) else np.float64)


def _numbers(labels: Values, dtype: type[np.generic]) -> Values:
    """As numbers; left as they are where some is none: the checks say so."""
    try:
        return np.array([float(text) for text in labels.tolist()]).astype(dtype)
    except ValueError:
        return labels
