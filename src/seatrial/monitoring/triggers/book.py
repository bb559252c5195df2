"""The triggers of every endpoint of a store: the shell around `trigger.look`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from seatrial.kernel.events import Draft
from seatrial.kernel.store import FactLog
from seatrial.monitoring.alerts.stream import Stream
from seatrial.monitoring.triggers import trigger
from seatrial.monitoring.triggers.decision import Decision
from seatrial.monitoring.triggers.fold import PREFIX, Request, Triggers, fold
from seatrial.monitoring.triggers.rule import Rule, Window


class TriggerBook:
    """Asks the rules and keeps what they asked for. Thread-safe; calls block on the store.

    Args:
        log: where the facts are.
    """

    def __init__(self, log: FactLog) -> None:
        self._log = log
        self._streams: dict[str, Stream[Triggers]] = {}

    def endpoints(self) -> list[str]:
        """The endpoints some rule was ever asked about, sorted."""
        return [name.removeprefix(PREFIX) for name in self._log.streams(PREFIX)]

    def look(
        self,
        endpoint: str,
        rules: Sequence[Rule],
        *,
        now: datetime,
        window: Window | None = None,
        n_labelled: int | None = None,
        served: Collection[int] | None = None,
    ) -> list[Decision]:
        """What the rules of an endpoint say now; what follows is kept. See `trigger.look`.

        Two processes that look at the same window ask once.
        Raises: StoreUnavailable.
        """
        decisions: list[Decision] = []

        def decide(triggers: Triggers) -> list[Draft]:
            nonlocal decisions
            decisions, drafts = trigger.look(
                triggers, rules, now=now, window=window, n_labelled=n_labelled, served=served
            )
            return drafts

        self._stream(endpoint).change(decide)
        return decisions

    def requests(self, endpoint: str) -> list[Request]:
        """What was asked for, the oldest first.   Raises: StoreUnavailable."""
        return list(self._stream(endpoint).refresh().requests.values())

    def evaluated(
        self,
        endpoint: str,
        id: str,  # noqa: A002
        *,
        worse: bool,
        reason: str,
        evidence: Mapping[str, object],
        by: str,
        now: datetime,
    ) -> list[Request]:
        """An evaluation has ended; returns all requests. See `trigger.evaluated`.

        Raises: UnknownRequest, RequestConflict, StoreUnavailable.
        """

        def end(triggers: Triggers) -> list[Draft]:
            return trigger.evaluated(
                triggers, id, worse=worse, reason=reason, evidence=evidence, by=by, now=now
            )

        stream = self._stream(endpoint)
        stream.refresh()
        return list(stream.change(end).requests.values())

    def demand(
        self,
        endpoint: str,
        id: str,  # noqa: A002
        *,
        rule: str,
        reason: str,
        evidence: Mapping[str, object],
        by: str,
        now: datetime,
    ) -> None:
        """Something outside asks for retraining, once per ``id``. See `trigger.demanded`.

        Raises: StoreUnavailable.
        """

        def ask(triggers: Triggers) -> list[Draft]:
            return trigger.demanded(
                triggers, id, rule=rule, reason=reason, evidence=evidence, by=by, now=now
            )

        stream = self._stream(endpoint)
        stream.refresh()
        stream.change(ask)

    def _stream(self, endpoint: str) -> Stream[Triggers]:
        if endpoint not in self._streams:
            stream = Stream(self._log, PREFIX + endpoint, state=Triggers(), fold=fold)
            stream.refresh()
            self._streams[endpoint] = stream
        return self._streams[endpoint]
