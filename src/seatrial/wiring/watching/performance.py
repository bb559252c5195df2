"""Opens what is kept of the performance of endpoints: ledgers, inboxes, references."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from seatrial.adapters.labels.sqlite_inbox import SqliteInbox
from seatrial.adapters.labels.sqlite_labels import SqlitePending
from seatrial.adapters.tables.parquet_log import folder_name
from seatrial.kernel.store import FactLog
from seatrial.monitoring.performance.endpoint import Followed
from seatrial.monitoring.performance.segment_judge import SegmentRules
from seatrial.monitoring.performance.served_reference import read_reference
from seatrial.monitoring.performance.version import VersionPerformance
from seatrial.monitoring.watching.config import PerformanceConfig
from seatrial.registry.bundle import Bundle
from seatrial.registry.catalog import get
from seatrial.wiring.watching.by_segment import segment_columns_of, version_baseline
from seatrial.wiring.watching.prediction_log import VersionLog
from seatrial.wiring.workspace import Workspace

_LEDGER = re.compile(r"v([1-9]\d*)\.db")
_INBOX = "inbox.db"


class LabelFiles:
    """The files of labels in a workspace; see `monitoring.label_desk.Kept`.

    Args:
        folder: with one folder for each endpoint.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def folder(self) -> Path:
        """With one folder for each endpoint."""
        return self._folder

    def versions(self, endpoint: str) -> Collection[int]:
        """Those of which there is a ledger."""
        folder = self._folder / folder_name(endpoint)
        names = (path.name for path in folder.iterdir()) if folder.is_dir() else ()
        return {int(found[1]) for name in names if (found := _LEDGER.fullmatch(name))}

    def ledger(self, endpoint: str, version: int) -> SqlitePending:
        """The ledger of a version, opened; made when it is not there.   Raises: Unavailable..."""
        return SqlitePending(self._made(endpoint) / f"v{version}.db")

    def by_segment(self, endpoint: str, version: int) -> SqlitePending:
        """What is kept of a version's windows by segment, opened; made when it is not there."""
        return SqlitePending(self._made(endpoint) / f"segments-v{version}.db")

    def inbox(self, endpoint: str) -> SqliteInbox:
        """The inbox of an endpoint, opened; made when it is not there."""
        return SqliteInbox(self._made(endpoint) / _INBOX)

    @contextmanager
    def reading(self, endpoint: str, version: int) -> Iterator[SqlitePending]:
        """The ledger of a version for a while."""
        ledger = self.ledger(endpoint, version)
        try:
            yield ledger
        finally:
            ledger.close()

    @contextmanager
    def writing(self, endpoint: str) -> Iterator[SqliteInbox]:
        """The inbox of an endpoint for a while."""
        inbox = self.inbox(endpoint)
        try:
            yield inbox
        finally:
            inbox.close()

    def _made(self, endpoint: str) -> Path:
        folder = self._folder / folder_name(endpoint)
        folder.mkdir(parents=True, exist_ok=True)
        return folder


class Performances:
    """Opens versions for the monitor; see `monitoring.endpoint_performance.OpenPerformance`.

    Args:
        log: where versions are registered.
        workspace: with bundles, prediction log and labels.
        config: when a drop is one.
        budget_windows: windows per false alarm of segments.
    """

    def __init__(
        self,
        log: FactLog,
        workspace: Workspace,
        config: PerformanceConfig,
        *,
        budget_windows: float = 10_000.0,
    ) -> None:
        self._log = log
        self._workspace = workspace
        self._config = config
        self._budget_windows = budget_windows
        self._files = LabelFiles(workspace.labels)
        self._opened: dict[str, list[SqlitePending | SqliteInbox]] = {}

    def versions(self, endpoint: str) -> Collection[int]:
        """See OpenPerformance."""
        return self._files.versions(endpoint)

    def version(self, endpoint: str, version: int) -> Followed | None:
        """See OpenPerformance."""
        digest = get(self._log, endpoint, version).digest
        bundle = Bundle.open(self._workspace.bundles / digest, digest=digest)
        record = bundle.performance()
        if not record:
            return None
        served = read_reference(record)
        ledger = self._files.ledger(endpoint, version)
        self._opened.setdefault(endpoint, []).append(ledger)
        performance = VersionPerformance(
            ledger,
            served,
            endpoint=endpoint,
            version=version,
            rules=self._config.rules(),
            keeping=self._config.keeping(),
            window_rows=self._config.window_rows,
            segments=version_baseline(
                bundle,
                served,
                SegmentRules(performance=self._config.rules(), budget_windows=self._budget_windows),
            ),
        )
        rows = version_log(self._workspace, endpoint, version, bundle)
        return Followed(performance, rows)

    def inbox(self, endpoint: str) -> SqliteInbox:
        """See OpenPerformance."""
        inbox = self._files.inbox(endpoint)
        self._opened.setdefault(endpoint, []).append(inbox)
        return inbox

    def close(self, endpoint: str) -> None:
        """See OpenPerformance."""
        for one in self._opened.pop(endpoint, ()):
            one.close()


def version_log(
    workspace: Workspace,
    endpoint: str,
    version: int,
    bundle: Bundle,
    *,
    features: bool = False,
    answered: bool = False,
) -> VersionLog:
    """The logged rows of a version with the columns that its expected error and segments need.

    Args: features: whether all inputs are wanted; answered: see `VersionLog`.
    """
    record = bundle.performance()
    loss = read_reference(record).reference.loss if record else None
    names = bundle.signature.names
    needed = {binning.name for binning in loss.binnings} if loss is not None else set()
    needed.update(segment_columns_of(bundle))
    return VersionLog(
        workspace.log / folder_name(endpoint),
        version,
        features=names,
        needed=[name for name in names if features or name in needed],
        answered=answered,
    )
