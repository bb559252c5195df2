"""The agendas of a workspace's retrainings: read, changed by comparison, brought forward."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from seatrial.kernel.clock import Clock, SystemClock
from seatrial.kernel.events import Draft
from seatrial.kernel.store import Store, StoreFull, StoreUnavailable
from seatrial.monitoring.alerts.stream import Stream
from seatrial.monitoring.triggers.book import TriggerBook
from seatrial.monitoring.triggers.fold import EVALUATION, Request
from seatrial.steps.run import Run, Status
from seatrial.steps.runs import Runs
from seatrial.steps.workflow import Workflow
from seatrial.training.retraining.agenda import (
    BY_HAND,
    PREFIX,
    WEEK_S,
    Agenda,
    Begun,
    Cause,
    decide,
    ended,
    fold,
)
from seatrial.training.retraining.config import RetrainedConfig
from seatrial.training.retraining.exposition import BEAT, exposition
from seatrial.training.retraining.records import CauseRecord, Order
from seatrial.wiring.retraining.configured import config_of
from seatrial.wiring.workspace import Workspace

_log = logging.getLogger(__name__)


class RetrainingBook:
    """What was decided of each retraining. One instance per thread.

    Args:
        workspace: with the section retraining.
        store: where the facts are; stays the caller's to close.
        workflow: whose runs they are.
        clock: wall time.
    """

    def __init__(
        self,
        workspace: Workspace,
        store: Store,
        workflow: Workflow,
        *,
        clock: Clock | None = None,
    ) -> None:
        self._workspace = workspace
        self._store = store
        self._workflow = workflow
        self._clock = clock or SystemClock()
        self._triggers = TriggerBook(store)
        self._streams: dict[str, Stream[Agenda]] = {}
        self._told: dict[str, str] = {}
        self.runs = Runs(store, clock=self._clock)

    def names(self) -> list[str]:
        """Of the retrainings that are configured, sorted."""
        return sorted(self._workspace.settings.retraining)

    def config(self, name: str) -> RetrainedConfig:
        """As configured, with its endpoint.   Raises: RetrainingUnknown."""
        return config_of(self._workspace, name)

    def agenda(self, name: str) -> Agenda:
        """What was decided so far.   Raises: RetrainingUnknown, RetrainingUnreadable."""
        self.config(name)
        return self._stream(name).refresh()

    def causes(self, name: str) -> list[Cause]:
        """What triggers asked for within a week and nobody answered, the oldest first."""
        requests = self._triggers.requests(self.config(name).endpoint or name)
        since = self._clock.now() - timedelta(seconds=WEEK_S)
        handled = self._stream(name).state.handled
        return [
            _cause(one)
            for one in requests
            if one.at >= since
            and one.worse is None  # an evaluation that has ended asks no more
            and (one.evaluation is None or one.evaluation not in handled)
        ]

    def change(self, name: str, decision: Callable[[Agenda], Sequence[Draft]]) -> Agenda:
        """Append what follows from the newest agenda.   Raises: what ``decision`` raises."""
        stream = self._stream(name)
        stream.refresh()
        return stream.change(decision)

    def tick(self) -> None:
        """Bring every retraining forward; what is wrong with one stops no other."""
        try:
            self.runs.refresh()
            for name in self.names():
                self._alone(name)
            agendas = {name: self._stream(name).state for name in self.names()}
            self._store.beat(BEAT, {"metrics": exposition(agendas)})
        except (StoreUnavailable, StoreFull) as problem:
            self._tell("", f"the store cannot be used, no retraining is decided: {problem}")
        else:
            self._told.pop("", None)

    def bring_forward(self, name: str) -> None:
        """Begin what is due, and note what has ended.   Raises: StoreUnavailable and its kin."""
        self.follow(name)
        self._begin(name)

    def _begin(self, name: str) -> None:
        causes, limits = self.causes(name), self.config(name).limits()
        if not causes:
            return

        def decided(agenda: Agenda) -> Sequence[Draft]:
            return decide(name, agenda, causes, limits, now=self._clock.now()).drafts

        active = self.change(name, decided).active
        if active is not None:
            self.started(name, active)

    def started(self, name: str, begun: Begun) -> Run:
        """The run of a decision: started now unless it was before, as after a kill in between."""
        order = Order(
            name=name,
            endpoint=self.config(name).endpoint or name,
            causes=tuple(
                CauseRecord(id=c.id, rule=c.rule, reason=c.reason, at=c.at.isoformat(), asks=c.asks)
                for c in begun.causes
            ),
        )
        reason = "; ".join(f"{cause.rule}: {cause.reason}" for cause in begun.causes)
        run, _ = self.runs.start(
            self._workflow,
            key=begun.key,
            input=order,
            reason=reason,
            by=begun.by,
            left_to=begun.left_to,
            left_s=self.config(name).patience,
        )
        return run

    def follow(self, name: str) -> None:
        """Note in the agenda that its newest run has ended, where it has."""
        active = self.agenda(name).active
        if active is not None:
            self._follow(name, active)

    def _follow(self, name: str, active: Begun) -> None:
        run = self.runs.find(active.run_id) or self.started(name, active)
        if run.over is None and run.status is not Status.FAILED:
            return
        outcome, reason = end_of(run)
        trained = run.step("train").output or {}
        seconds = trained.get("seconds", 0.0)
        draft = ended(
            active,
            outcome=outcome,
            reason=reason,
            trained_s=float(seconds) if isinstance(seconds, int | float) else 0.0,
            now=self._clock.now(),
        )

        def decided(agenda: Agenda) -> Sequence[Draft]:
            return [draft] if agenda.active == active else []

        self.change(name, decided)

    def _alone(self, name: str) -> None:
        try:
            self.bring_forward(name)
        except (StoreUnavailable, StoreFull):
            raise
        except Exception as problem:  # noqa: BLE001 - the border of a scheduled step
            self._tell(name, f"retraining {name} stands still: {problem}")
        else:
            self._told.pop(name, None)

    def _tell(self, name: str, text: str) -> None:
        if self._told.get(name) != text:  # told once: it is asked again many times a minute
            self._told[name] = text
            _log.warning("%s", text)

    def _stream(self, name: str) -> Stream[Agenda]:
        if name not in self._streams:
            self._streams[name] = Stream(self._store, PREFIX + name, state=Agenda(), fold=fold)
        return self._streams[name]


def end_of(run: Run) -> tuple[str, str]:
    """How a run ended that is over, or rests as failed: a word, and why."""
    if run.over is not None:
        return run.outcome, run.reason
    assert run.current is not None
    error: Mapping[str, object] = run.current.error
    return "failed", f"{run.current.name}: {error.get('problem', '')}"


def _cause(request: Request) -> Cause:
    return Cause(
        id=request.id,
        rule=request.rule,
        reason=request.reason,
        at=request.at,
        asks=request.kind == EVALUATION,
    )


def hand_cause(*, by: str, reason: str, now: datetime, key: str) -> Cause:
    """The cause of a run that a person wants."""
    said = f"{by} wants it" + (f": {reason}" if reason else "")
    return Cause(id=f"hand-{key}", rule=BY_HAND, reason=said, at=now)
