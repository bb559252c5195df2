"""Takes facts out: reads the log on from where publishing ended, and notes how far it came.

The log itself is the backlog, so a broker that is down loses nothing and holds up nobody. A process
killed between publishing and noting publishes the same events again, under the same ids.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime

from seatrial.events.broker import Broker, Message, Publisher
from seatrial.events.envelope import body_of
from seatrial.events.journal import OUT, PREFIX, Sent, fold_sent, opened, published
from seatrial.kernel.events import Draft, Fact
from seatrial.kernel.store import FactLog
from seatrial.monitoring.alerts.stream import Stream

_PAGE = 200
_NOTED_EVERY = 10_000
"""Facts that are gone over again after a restart, at most, where none of them is published."""


class Relay:
    """Publishes facts of a log. For one thread; only one of a log may run.

    Args:
        log: whose facts are published; also keeps how far.
        broker: opened with the first step, and again after `close`.
        topic: where they go.
        chosen: whether facts of a kind are published.
        source: of the events; None for one that is made of the installation's own name.
        from_the_start: whether the first look begins at the first fact, or after the newest.
        max_bytes: of an event.
    """

    def __init__(
        self,
        log: FactLog,
        broker: Broker,
        *,
        topic: str,
        chosen: Callable[[str], bool],
        source: str | None,
        from_the_start: bool,
        max_bytes: int,
    ) -> None:
        self._log = log
        self._broker = broker
        self._publisher: Publisher | None = None
        self._topic = topic
        self._chosen = chosen
        self._source = source
        self._from_the_start = from_the_start
        self._max_bytes = max_bytes
        self._stream = Stream(log, OUT, state=Sent(), fold=fold_sent)
        self._at = 0
        self.oldest: datetime | None = None
        """When the oldest event that waits happened; None where none does."""

    def step(self) -> int:
        """Publish the next facts; returns how many were gone over, 0 when there are none.

        Raises: what a broker does, after which it is to be closed; StoreUnavailable and its kin.
        """
        sent = self._begun(self._stream.refresh())
        self._at = max(self._at, sent.position)
        facts = self._log.read(after=self._at, limit=_PAGE)
        if not facts:
            return 0
        news = [fact for fact in facts if self._is_news(fact)]
        if news:
            self.oldest = news[0].at
            if self._publisher is None:
                self._publisher = self._broker.publisher()
            self._publisher.publish(self._topic, self._messages(news, sent))
        reached = facts[-1].seq
        if news or reached - sent.position >= _NOTED_EVERY:
            self._note(sent, published(reached, len(news)))
        self._at, self.oldest = reached, None
        return len(facts)

    def close(self) -> None:
        """Let go of the connection; the next step makes a new one."""
        publisher, self._publisher = self._publisher, None
        if publisher is not None:
            publisher.close()

    def n_behind(self) -> int:
        """Facts that were not gone over yet.   Raises: StoreUnavailable."""
        return max(0, self._log.head() - self._at)

    @property
    def sent(self) -> Sent:
        """As of the last step."""
        return self._stream.state

    def _is_news(self, fact: Fact) -> bool:
        return not fact.stream.startswith(PREFIX) and self._chosen(fact.kind)

    def _messages(self, facts: Sequence[Fact], sent: Sent) -> list[Message]:
        source = source_of(sent.installation, self._source)
        return [
            Message(key=fact.stream, body=body_of(fact, source=source, max_bytes=self._max_bytes))
            for fact in facts
        ]

    def _begun(self, sent: Sent) -> Sent:
        if sent.installation:
            return sent
        first = opened(secrets.token_hex(8), 0 if self._from_the_start else self._log.head())
        return self._stream.change(lambda known: [] if known.installation else [first])

    def _note(self, sent: Sent, draft: Draft) -> None:
        """Nothing is noted where another process came further meanwhile."""
        self._stream.change(lambda known: [draft] if known.position == sent.position else [])


def source_of(installation: str, configured: str | None) -> str:
    """The source of events: as configured, or made of the installation's own name."""
    return configured or f"/seatrial/{installation}"
