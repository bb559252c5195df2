"""What events from outside do here: through the same doors as commands and routes."""

from __future__ import annotations

from typing import assert_never

from seatrial.events.envelope import CloudEvent
from seatrial.events.journal import print_of
from seatrial.events.requests import LabelsArrived, RegistryChanged, Request, RetrainingDemanded
from seatrial.kernel.clock import Clock
from seatrial.kernel.loading import ONE_AT_A_TIME
from seatrial.kernel.store import Store
from seatrial.monitoring.performance.label_desk import LabelDesk
from seatrial.monitoring.triggers.book import TriggerBook
from seatrial.training.following.nudges import ACCEPTED
from seatrial.training.following.nudges import PREFIX as NUDGES
from seatrial.wiring.workspace import Workspace

DEMAND, NEW_DATA = "event: demand", "event: new data"
"""The triggers that events stand for, as quorums count them."""

_COUNTED_S = 86_400.0


class EventEffects:
    """Has the effect of a request; see `events.intake.Apply`. For one thread.

    Args:
        workspace: whose labels, retrainings and registries they are.
        store: stays the caller's to close.
    """

    def __init__(self, workspace: Workspace, store: Store, *, clock: Clock) -> None:
        self._workspace = workspace
        self._store = store
        self._clock = clock
        self._triggers = TriggerBook(store)
        self._desk: LabelDesk | None = None

    def __call__(self, request: Request, event: CloudEvent) -> None:
        """Raises: UnknownEndpoint, BadLabels, InboxFull; RetrainingUnknown; StoreUnavailable."""
        match request:
            case LabelsArrived():
                self._labels().add(request.endpoint, request.labels)
            case RetrainingDemanded():
                self._demand(request, event)
            case RegistryChanged():
                self._nudge()
            case _:
                assert_never(request)

    def _labels(self) -> LabelDesk:
        if self._desk is None:
            with ONE_AT_A_TIME:
                from seatrial.wiring.watching.performance import LabelFiles

            self._desk = LabelDesk(
                self._store, LabelFiles(self._workspace.labels), now=self._clock.now
            )
        return self._desk

    def _demand(self, request: RetrainingDemanded, event: CloudEvent) -> None:
        with ONE_AT_A_TIME:
            from seatrial.wiring.retraining.configured import config_of

        config = config_of(self._workspace, request.retraining)
        rows = "" if request.n_rows is None else f" of {request.n_rows:,} rows"
        what = f"new data{rows} arrived" if request.new_data else "another system asks for it"
        self._triggers.demand(
            config.endpoint or request.retraining,
            f"event-{print_of(event.source, event.id)}",
            rule=NEW_DATA if request.new_data else DEMAND,
            reason=what + (f": {request.reason}" if request.reason else ""),
            evidence={"source": event.source, "event": event.id, "n_rows": request.n_rows},
            by="events",
            now=self._clock.now(),
        )

    def _nudge(self) -> None:
        """As a webhook that came: whoever follows registries compares counts."""
        name = NUDGES + "events"
        n = 0
        for beat in self._store.present(name, within_s=_COUNTED_S):
            counts = beat.data.get("counts")
            n = int(counts.get(ACCEPTED, 0)) if isinstance(counts, dict) else 0
        self._store.beat(name, {"counts": {ACCEPTED: n + 1}})
