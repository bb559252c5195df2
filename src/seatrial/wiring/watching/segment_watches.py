"""Opens what the versions of a server are watched by segment with: bundle, log and ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from seatrial.adapters.labels.sqlite_labels import SqlitePending
from seatrial.adapters.tables.parquet_log import folder_name
from seatrial.kernel.store import FactLog
from seatrial.monitoring.performance.arrivals import Logged
from seatrial.monitoring.performance.segment_reference import KEY, unjudged_segments
from seatrial.monitoring.rows.columns import Columns
from seatrial.monitoring.rows.served import CLASS, NUMBER, PROBABILITIES
from seatrial.monitoring.rows.table import Table
from seatrial.monitoring.summaries.counting import Summariser
from seatrial.monitoring.summaries.log_rows import answers_of
from seatrial.monitoring.summaries.profile import Profile
from seatrial.monitoring.summaries.segment_reference import segment_columns, segment_reference
from seatrial.monitoring.summaries.summary import Summary
from seatrial.monitoring.watching.segment_monitor import Lacking
from seatrial.monitoring.watching.segment_watch import SegmentWatch
from seatrial.registry.bundle import Bundle
from seatrial.registry.catalog import get
from seatrial.wiring.watching.counting import profile_of
from seatrial.wiring.watching.performance import LabelFiles
from seatrial.wiring.watching.prediction_log import VersionLog
from seatrial.wiring.workspace import Workspace


class LoggedCounter:
    """Counts logged rows against the profile of their version.

    Args:
        profile: of the reference.
        segments: columns to split by.
    Raises: NoSuchSegment, TooManySegments.
    """

    def __init__(self, profile: Profile, segments: Sequence[str]) -> None:
        self._profile = profile
        self._summariser = Summariser(profile, segments=segments, repeats=False)

    def __call__(self, logged: Logged) -> Summary:
        """The summary of some rows that were answered."""
        rows = logged.rows
        known = {name: c for name, c in rows.columns.items() if name in self._profile.features}
        roles = Columns(
            prediction=next((name for name in (CLASS, NUMBER) if name in rows.columns), None),
            scores=(PROBABILITIES,) if PROBABILITIES in rows.columns else (),
        )
        return self._summariser.summarise(
            Table(columns=known, n=rows.n, at=rows.at), answers_of(rows, roles, self._profile)
        )


class SegmentWatches:
    """See `monitoring.watching.segment_monitor.OpenSegments`.

    Args:
        log: where versions are registered.
        workspace: with bundles, prediction log, labels and configuration.
    """

    def __init__(self, log: FactLog, workspace: Workspace) -> None:
        self._log = log
        self._workspace = workspace
        self._files = LabelFiles(workspace.labels)
        self._opened: dict[tuple[str, int], SqlitePending] = {}

    def __call__(self, endpoint: str, version: int) -> SegmentWatch | Lacking | None:
        """See OpenSegments.

        Raises: VersionUnknown; BundleNotFound and its kin; ProfileUnreadable, SummaryUnreadable;
            StoreUnavailable and its kin.
        """
        config = self._workspace.settings.monitoring
        digest = get(self._log, endpoint, version).digest
        bundle = Bundle.open(self._workspace.bundles / digest, digest=digest)
        profile = profile_of(bundle)
        kept = () if profile is None else segment_columns(profile)
        asked = [n for n in config.segments if n in bundle.signature.names and n not in kept]
        problem = _lacking(version, asked) if asked else None
        reference = None if profile is None else segment_reference(profile)
        if profile is None or reference is None:
            return None if problem is None else Lacking(**problem)
        if problem is None and self._workspace.settings.server.log_sample_rate == 0:
            problem = _NOT_LOGGED
        notes = self._opened[endpoint, version] = self._files.by_segment(endpoint, version)
        return SegmentWatch(
            notes,
            VersionLog(
                self._workspace.log / folder_name(endpoint),
                version,
                features=bundle.signature.names,
                needed=bundle.signature.names,
                answered=True,
            ),
            LoggedCounter(profile, kept),
            profile=profile,
            reference=reference,
            rule=config.windows.rule(),
            rules=config.rules(),
            endpoint=endpoint,
            version=version,
            problem=problem,
            unjudged=(
                unjudged_segments(endpoint, version, kept)
                if config.performance.enabled and KEY not in (bundle.performance() or {})
                else None
            ),
        )

    def close(self, endpoint: str, version: int) -> None:
        """See OpenSegments."""
        notes = self._opened.pop((endpoint, version), None)
        if notes is not None:
            notes.close()


_NOT_LOGGED: Mapping[str, str] = {
    "en": "No prediction is logged, so none is known by its segment: set server.log_sample_rate "
    "over 0.",
    "zh": "没有记录任何预测，因此无法按分组监控：请将 server.log_sample_rate 设为大于 0。",
}


def _lacking(version: int, names: Sequence[str]) -> Mapping[str, str]:
    listed = ",".join(names)
    return {
        "en": f"Version {version} was packaged without segments of {listed}, so there is nothing "
        f"to compare them with: deploy the model again with --segments {listed}.",
        "zh": f"版本 {version} 打包时没有保留 {listed} 的分组，因此没有可比较的参考："
        f"请用 --segments {listed} 重新部署模型。",
    }
