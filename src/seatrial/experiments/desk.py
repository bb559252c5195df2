"""Where people and programs run experiments: the same for command, API and console."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from seatrial.experiments.config import ExperimentFile
from seatrial.experiments.entries import ENTRIES, Names, encoded, read_entries
from seatrial.experiments.lifecycle import (
    Begin,
    ExperimentConflict,
    Halt,
    Standing,
    Widen,
    Written,
    step,
)
from seatrial.experiments.live_design import check_startable, endpoint_of, split_of
from seatrial.experiments.registry import Experiments
from seatrial.experiments.splitting import bring_in, bring_out
from seatrial.kernel.config import validated
from seatrial.kernel.store import Slice, Store
from seatrial.release.projection import Endpoints
from seatrial.release.trying import check_may_enter
from seatrial.serving.record import trial_stream

if TYPE_CHECKING:
    from seatrial.experiments.live_report import Report

_KNOWN_S = 86_400.0
"""How old the word of a conductor may be; it says so itself how old it is."""

Record = dict[str, Any]


class ExperimentDesk:
    """Reads and decides over one store. All calls block; thread-safe.

    Args:
        store: stays the caller's to close.
        now: wall time, aware UTC.
    """

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store, self._now = store, now
        self._experiments = Experiments(store)
        self._endpoints = Endpoints(store)
        self._lock = threading.Lock()

    def all(self) -> list[Record]:
        """Every experiment in brief, the newest first."""
        with self._lock:
            self._experiments.refresh()
            return [self._brief(one) for one in self._experiments.all()]

    def view(self, name: str) -> Record:
        """An experiment with its newest report.   Raises: UnknownExperiment."""
        from seatrial.experiments.report import judgement_record  # noqa: PLC0415 - loads numerics

        record, report = self.looked(name)
        if report is not None:
            record["judgement"] = judgement_record(report.judgement)
        return record

    def looked(self, name: str) -> tuple[Record, Report | None]:
        """An experiment in brief with what its variants did, and its newest report if there is one.

        Raises: UnknownExperiment.
        """
        from seatrial.experiments.live_report import (  # noqa: PLC0415 - loads numerics
            ReportUnreadable,
            read,
        )

        with self._lock:
            self._experiments.refresh()
            standing = self._experiments.get(name)
            record = self._brief(standing) | {
                "design": dict(standing.design),
                "judged_at": None,
                "judgement": None,
                "gates": {},
                "counts": None,
            }
        kept, problem = self._newest(standing)
        record["problem"] = problem
        if not kept:
            return record, None
        try:
            report = read(kept)
        except ReportUnreadable as unreadable:
            return record | {"problem": str(unreadable)}, None
        record["judged_at"] = report.at.isoformat()
        record["gates"] = {name: dict(one) for name, one in report.gates.items()}
        counts = report.counts
        record["counts"] = {name: getattr(counts, name) for name in counts.__slots__}
        for variant, numbers in zip(record["variants"], report.requests, strict=True):
            variant["requests"] = dict(numbers)
        return record, report

    def draft(self, design: Mapping[str, Any] | ExperimentFile, *, by: str) -> Record:
        """Write a design down, or write down anew one that was not started.

        Raises: ConfigInvalid, NotStartable, BadTrial, ExperimentConflict.
        """
        file = design
        if not isinstance(file, ExperimentFile):
            file = validated(ExperimentFile, dict(file), "the design")
        check_startable(file)
        written = Written(
            name=file.experiment, design=file.model_dump(mode="json", exclude_unset=True)
        )
        with self._lock:
            standing = self._experiments.change(
                file.experiment, lambda now: step(now, written, by=by)
            )
            assert standing is not None  # it was written down
            return self._brief(standing)

    def start(self, name: str, *, by: str) -> Record:
        """Let an experiment split the requests of its endpoint from now on.

        Raises: UnknownExperiment, ExperimentConflict, SlotsTaken, TrialConflict, UnknownEndpoint.
        """
        with self._lock:
            self._experiments.refresh()
            self._endpoints.refresh()
            standing = self._experiments.get(name)
            step(standing, Begin(), by=by)  # what its own phase forbids is told first
            file = self._experiments.file(standing)
            check_may_enter(self._endpoints.get(endpoint_of(file)), split_of(file))

            def begun(now: Standing | None) -> list[Any]:
                drafts = step(now, Begin(), by=by)
                self._experiments.check_room(self._experiments.get(name))
                return drafts

            self._experiments.change(name, begun)
            bring_in(self._experiments, self._endpoints, name, by=by)
            return self._brief(self._experiments.get(name))

    def widen(self, name: str, traffic: float, *, by: str) -> Record:
        """Let an experiment that runs take more of the users it could have.

        Args: traffic: their share from now on, in (0, 1].
        Raises: UnknownExperiment, ExperimentConflict, NotWider; TrialConflict: the endpoint has
            just left it.
        """
        with self._lock:
            self._experiments.refresh()
            self._experiments.get(name)
            self._experiments.change(name, lambda now: step(now, Widen(traffic=traffic), by=by))
            bring_in(self._experiments, self._endpoints, name, by=by)
            return self._brief(self._experiments.get(name))

    def stop(self, name: str, *, by: str, reason: str = "") -> Record:
        """End an experiment without a decision: everybody gets the version in production.

        Raises: UnknownExperiment, ExperimentConflict.
        """
        with self._lock:
            self._experiments.refresh()
            standing = self._experiments.get(name)
            halt = Halt(reason=reason or "stopped by a person", report=self._newest(standing)[0])
            self._experiments.change(name, lambda now: step(now, halt, by=by))
            bring_out(self._experiments, self._endpoints, name, by=by)
            return self._brief(self._experiments.get(name))

    def add(self, name: str, rows: object) -> Record:
        """Take what came of users, or was known of them; it is counted at the next look.

        Args: rows: as `entries.read_entries` takes them.
        Raises: UnknownExperiment; ExperimentConflict: it does not run; BadOutcomes,
            TooManyOutcomes, OutcomeChanged; StoreUnavailable.
        """
        with self._lock:
            self._experiments.refresh()
            standing = self._experiments.get(name)
            names = Names.of(self._experiments.file(standing))
        if not standing.phase.active:
            raise ExperimentConflict(
                f"The experiment {name!r} is {standing.phase.value} and takes no outcomes.",
                remedy="Start it first; once it has ended, analyse a file with `seatrial "
                "experiment analyze`.",
                phase=standing.phase.value,
            )
        now = self._now()
        entries = read_entries(rows, names, now=now)
        slices = [
            Slice(
                endpoint=trial_stream(name),
                version=1,
                revision=0,
                worker="outcomes",
                start=now,
                width_s=0.0,
                summary=data,
                kind=ENTRIES,
            )
            for data in encoded(entries)
        ]
        if slices:
            self._store.add_slices(slices)
        return {"experiment": name, "n": len(entries)}

    def _newest(self, standing: Standing) -> tuple[Mapping[str, Any], str]:
        """The newest report, as it is kept, and what keeps the conductor from a newer one."""
        if standing.phase.over:
            return standing.report, ""
        stream = trial_stream(standing.name)
        for beat in self._store.present(stream, within_s=_KNOWN_S) if standing.phase.active else ():
            report = beat.data.get("report")
            if beat.name == stream:
                known = report if isinstance(report, Mapping) else {}
                return known, str(beat.data.get("problem", ""))
        return {}, ""

    def _brief(self, standing: Standing) -> Record:
        file = self._experiments.file(standing)
        shares = file.design().shares
        return {
            "experiment": standing.name,
            "phase": standing.phase.value,
            "endpoint": file.endpoint,
            "hypothesis": file.hypothesis,
            "primary": file.primary.name,
            "variants": [
                {
                    "variant": name,
                    "version": file.versions[name],
                    "share": share,
                    "requests": None,
                }
                for name, share in zip(file.variants, shares, strict=True)
            ],
            "traffic": file.traffic,
            "promote": file.promote,
            "by": standing.by,
            "drafted_at": standing.drafted_at.isoformat(),
            "started_at": _iso(standing.started_at),
            "ended_at": _iso(standing.ended_at),
            "ran_s": self._ran_s(standing),
            "reason": standing.reason,
            "outcome": standing.outcome,
            "winner": standing.winner,
        }

    def _ran_s(self, standing: Standing) -> float | None:
        if standing.started_at is None:
            return None
        until = standing.ended_at or self._now()
        return max(timedelta(0), until - standing.started_at).total_seconds()


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
