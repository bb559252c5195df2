"""Where people and programs look at how events go. All calls block; thread-safe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seatrial.events.config import EventsConfig
from seatrial.events.exposition import BEAT_IN, BEAT_OUT
from seatrial.events.journal import IN, OUT, Sent, Taken, fold_sent, fold_taken
from seatrial.events.relay import source_of
from seatrial.kernel.store import Store
from seatrial.monitoring.alerts.stream import Stream

_FRESH_S = 15.0
"""A broker may take so long to answer, and nothing is said meanwhile."""


class EventDesk:
    """Reads what is known of events.

    Args:
        store: stays the caller's to close.
        config: the section events.
    """

    def __init__(self, store: Store, config: EventsConfig) -> None:
        self._store = store
        self._config = config
        self._sent = Stream(store, OUT, state=Sent(), fold=fold_sent)
        self._taken = Stream(store, IN, state=Taken(), fold=fold_taken)

    def view(self) -> dict[str, Any]:
        """How both directions do, as a JSON-able record; one that is not configured is None.

        Raises: StoreUnavailable.
        """
        config = self._config
        return {
            "broker": None if config.broker is None else config.broker.kind,
            "publish": None if config.publish is None else self._out(config.publish.topic),
            "receive": None if config.receive is None else self._in(),
        }

    def source(self) -> str:
        """Of the events that are published; of an installation without a name as it will be."""
        configured = None if self._config.publish is None else self._config.publish.source
        return source_of(self._sent.refresh().installation or "new", configured)

    def _out(self, topic: str) -> dict[str, Any]:
        sent = self._sent.refresh()
        said = self._said(BEAT_OUT)
        return {
            "topic": topic,
            "source": self.source(),
            "n_published": sent.n,
            "position": sent.position,
            "published_at": None if sent.at is None else sent.at.isoformat(),
            "n_behind": said.get("n_behind"),
            "oldest": said.get("oldest"),
            **_standing(said),
        }

    def _in(self) -> dict[str, Any]:
        assert self._config.receive is not None
        taken = self._taken.refresh()
        said = self._said(BEAT_IN)
        return {
            "topic": self._config.receive.topic,
            "dead_letter": self._config.receive.dead_letter,
            "received_at": None if taken.at is None else taken.at.isoformat(),
            "counts": [
                {"type": kind, "outcome": outcome, "n": n}
                for (kind, outcome), n in sorted(taken.counts.items())
            ],
            "rejected": [
                {
                    "place": one.place,
                    "type": one.type,
                    "id": one.id,
                    "code": one.code,
                    "problem": one.problem,
                }
                for one in reversed(taken.rejected)
            ],
            "n_waiting": said.get("n_waiting"),
            **_standing(said),
        }

    def _said(self, name: str) -> Mapping[str, Any]:
        beats = self._store.present(name, within_s=_FRESH_S)
        return beats[0].data if beats else {}


def _standing(said: Mapping[str, Any]) -> dict[str, Any]:
    """Whether a process moves events, and what keeps it from doing so."""
    return {
        "runs": bool(said),
        "problem": said.get("problem", ""),
        "code": said.get("code", ""),
        "since": said.get("since"),
    }
