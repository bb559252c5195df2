"""The conductor: looks at running experiments, and ends those that have nothing left to show.

A thin shell around `lifecycle.step` and `live_report.look`. All it remembers between ticks can be
lost. Two conductors cannot both act: one lease, and every append is a compare-and-swap.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seatrial.experiments.config import ExperimentFile
from seatrial.experiments.entries import ENTRIES, Names, decoded
from seatrial.experiments.lifecycle import Halt, Judged, Phase, Standing, step
from seatrial.experiments.live_design import endpoint_of
from seatrial.experiments.registry import Experiments
from seatrial.experiments.splitting import bring_in, bring_out, lags, splits
from seatrial.kernel.clock import Clock
from seatrial.kernel.errors import SeatrialError
from seatrial.kernel.loading import ONE_AT_A_TIME
from seatrial.kernel.store import ANSWERS, Lease, Slice, Store, StoreUnavailable
from seatrial.release.projection import Endpoints
from seatrial.serving.enrolment import EXPOSURES, decode
from seatrial.serving.record import trial_stream

if TYPE_CHECKING:
    from seatrial.experiments.ledger import Ledger
    from seatrial.experiments.live_report import Report
    from seatrial.release.measurement import Summary

LEASE = "experiments"
BY = "judge"

_LEASE_TTL_S = 10.0
_EVERY_S = 2.0
_AT_LEAST_EVERY_S = 60.0
"""Without anything new, too: time alone may reach a horizon, and a window may end."""

_BACK_OFF = 10.0
"""Times that a look took, until the next: a tenth of one core at most."""

_PAGE = 100

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Open:
    """A running experiment, as this conductor has it."""

    ledger: Ledger
    due_at: float = 0.0
    looked_at: float = float("-inf")
    has_news: bool = True
    said: dict[str, object] = field(default_factory=dict)


class Conductor:
    """Brings every experiment forward.

    Args:
        store: facts, leases, presence and slices.
        clock: monotonic time for when to look, wall time for what is late.
        open_ledger: by name and what may be said of its users.
        holder: unique name of this process start.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Clock,
        open_ledger: Callable[[str, Names], Ledger],
        holder: str,
    ) -> None:
        self._store, self._clock, self._holder = store, clock, holder
        self._open_ledger = open_ledger
        self._experiments = Experiments(store)
        self._endpoints = Endpoints(store)
        self._opened: dict[str, _Open] = {}
        self._problems: dict[str, str] = {}
        self._lease: Lease | None = None

    def has_work(self) -> bool:
        """Whether any experiment is active, or has ended and still splits."""
        self._experiments.refresh()
        self._endpoints.refresh()
        return any(one.phase.active or self._lingers(one) for one in self._experiments.all())

    def tick(self, *, now_at_once: bool = False) -> bool:
        """Bring every experiment forward if this conductor holds the lease; says whether it does.

        Args: now_at_once: look, whenever the last look was.
        """
        try:
            self._lease = self._store.acquire(LEASE, self._holder, ttl_s=_LEASE_TTL_S)
            if self._lease is None:
                self._forget()
                return False
            self._experiments.refresh()
            self._endpoints.refresh()
        except SeatrialError as problem:
            self._tell("", str(problem))
            return False
        self._problems.pop("", None)
        for standing in self._experiments.all():
            self._attempt(standing, now_at_once=now_at_once)
        return True

    def close(self) -> None:
        """Let go of files, and give the lease back, so that another can go on at once."""
        self._forget()
        if self._lease is not None:
            try:
                self._store.release(self._lease)
            except StoreUnavailable as problem:
                _log.warning("the lease was not given back and will expire: %s", problem)

    def _attempt(self, standing: Standing, *, now_at_once: bool) -> None:
        """Bring one forward; what is wrong with it stops no other."""
        try:
            self._advance(standing, now_at_once=now_at_once)
        except Exception as problem:  # noqa: BLE001 - the border of a scheduled step
            foreseen = isinstance(problem, SeatrialError)
            self._tell(standing.name, str(problem) or repr(problem), trace=not foreseen)
        else:
            self._problems.pop(standing.name, None)

    def _tell(self, name: str, problem: str, *, trace: bool = False) -> None:
        if self._problems.get(name) == problem:
            return
        self._problems[name] = problem
        what = f"experiment {name} stands still" if name else "experiments stand still"
        _log.warning("%s: %s", what, problem, exc_info=trace)
        if name:
            opened = self._opened.get(name)
            said = opened.said if opened is not None else {}
            self._store.beat(trial_stream(name), {**said, "problem": problem})

    def _advance(self, standing: Standing, *, now_at_once: bool) -> None:
        if standing.phase is Phase.STARTING:
            bring_in(self._experiments, self._endpoints, standing.name, by=BY)
        elif standing.phase is Phase.RUNNING:
            self._run(standing, now_at_once=now_at_once)
        elif self._lingers(standing):
            bring_out(self._experiments, self._endpoints, standing.name, by=BY)
        if standing.phase.over and standing.name in self._opened:
            self._opened.pop(standing.name).ledger.close()

    def _lingers(self, standing: Standing) -> bool:
        """Whether it is over, and its endpoint does not know yet."""
        if not standing.phase.over:
            return False
        return splits(self._endpoints, self._experiments.file(standing))

    def _run(self, standing: Standing, *, now_at_once: bool) -> None:
        file = self._experiments.file(standing)
        if not splits(self._endpoints, file):
            self._end(standing, Halt(reason=f"{endpoint_of(file)} went back to another version"))
            return
        if lags(self._endpoints, file):
            bring_in(self._experiments, self._endpoints, standing.name, by=BY)
        opened = self._opened.get(standing.name)
        if opened is None:
            ledger = self._open_ledger(standing.name, Names.of(file))
            opened = self._opened[standing.name] = _Open(ledger)
        began = self._clock.monotonic()
        if began < opened.due_at and not now_at_once:
            return
        opened.has_news |= self._take_in(standing.name, opened.ledger)
        if opened.has_news or began - opened.looked_at >= _AT_LEAST_EVERY_S or now_at_once:
            self._look(standing, file, opened)
            opened.looked_at, opened.has_news = began, False
        took_s = self._clock.monotonic() - began
        opened.due_at = began + max(_EVERY_S, _BACK_OFF * took_s)

    def _look(self, standing: Standing, file: ExperimentFile, opened: _Open) -> None:
        with ONE_AT_A_TIME:
            from seatrial.experiments import live_report  # noqa: PLC0415 - loads numerics
            from seatrial.experiments.words import said  # noqa: PLC0415 - as above

        summaries = tuple(
            _summary(opened.ledger.note(_requests(place))) for place in range(len(file.variants))
        )
        report = live_report.look(file, opened.ledger, summaries, now=self._clock.now())
        opened.said = {"report": live_report.kept(report)}
        self._store.beat(trial_stream(standing.name), opened.said)
        why = said(report.judgement, report.judgement.reason)
        event = _end_of(report, opened.said["report"], why)
        if event is not None:
            self._end(standing, event)

    def _end(self, standing: Standing, event: Halt | Judged) -> None:
        self._experiments.change(standing.name, lambda now: step(now, event, by=BY))
        bring_out(self._experiments, self._endpoints, standing.name, by=BY)

    def _take_in(self, name: str, ledger: Ledger) -> bool:
        """What came since the last time; says whether anything did."""
        came = False
        for kind in (EXPOSURES, ENTRIES, ANSWERS):
            stream, after = trial_stream(name), ledger.position(kind)
            while page := self._store.read_slices(stream, kind=kind, after=after, limit=_PAGE):
                position, came = page[-1][0], True
                taken = _take(ledger, kind, position, after, [piece for _, piece in page])
                after = position if taken else ledger.position(kind)
        return came

    def _forget(self) -> None:
        for opened in self._opened.values():
            opened.ledger.close()
        self._opened.clear()


def _end_of(report: Report, record: object, why: str) -> Halt | Judged | None:
    """What a report ends an experiment with, if it does."""
    assert isinstance(record, dict)
    if report.failed:
        return Halt(reason=f"a gate failed: {report.failed}", report=record)
    judgement = report.judgement
    if not judgement.stop:
        return None
    outcome = judgement.outcome.value
    return Judged(outcome=outcome, winner=judgement.winner, reason=why, report=record)


def _take(ledger: Ledger, kind: str, position: int, after: int, pieces: list[Slice]) -> bool:
    """Take in a page of slices; False where another conductor did so meanwhile."""
    if kind == EXPOSURES:
        met = [one for piece in pieces for one in decode(piece.summary)]
        return ledger.take(kind, position, after=after, exposures=met)
    if kind == ENTRIES:
        said = [one for piece in pieces for one in decoded(piece.summary)]
        return ledger.take(kind, position, after=after, entries=said)
    return ledger.take(kind, position, after=after, notes=_added(ledger, pieces))


def _requests(place: int) -> str:
    return f"requests {place}"


def _summary(noted: bytes | None) -> Summary:
    from seatrial.release.measurement import Summary  # noqa: PLC0415 - loads numerics

    return Summary.empty() if noted is None else Summary.decode(noted)


def _added(ledger: Ledger, pieces: list[Slice]) -> dict[str, bytes]:
    """What variants did with requests, with what more slices say."""
    from seatrial.release.measurement import Summary  # noqa: PLC0415 - loads numerics

    sums: dict[str, Summary] = {}
    for piece in pieces:
        name = _requests(piece.version - 1)
        before = sums.get(name) or _summary(ledger.note(name))
        sums[name] = before.merge(Summary.decode(piece.summary))
    return {name: one.encode() for name, one in sums.items()}
