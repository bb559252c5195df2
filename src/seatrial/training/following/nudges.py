"""Webhooks as they come in at one worker: checked, counted, and handed on as a hint to look."""

from __future__ import annotations

import logging
import threading
from collections import Counter, OrderedDict
from collections.abc import Mapping

from seatrial.kernel.clock import Clock
from seatrial.kernel.errors import SeatrialError
from seatrial.kernel.store import Presence
from seatrial.registry.webhook import News, WebhookNotExpected, read_webhook

PREFIX = "registry/nudge/"
"""Of what each worker says of the webhooks that came to it."""

ACCEPTED, REPEATED = "accepted", "repeated"

_REMEMBERED = 10_000
_TELL_EVERY_S = 1.0

_log = logging.getLogger(__name__)


class Nudges:
    """Takes webhooks. Thread-safe; blocks for a moment.

    Args:
        presence: where it says that there is something to look at.
        name: of the worker.
        secret: shared with MLflow; None where nobody set one.
        variable: that would hold it.
        clock: monotonic time, and wall time for the age of webhooks.
    """

    def __init__(
        self, presence: Presence, *, name: str, secret: str | None, variable: str, clock: Clock
    ) -> None:
        self._presence = presence
        self._name = name
        self._secret = secret
        self._variable = variable
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._deliveries: OrderedDict[str, None] = OrderedDict()
        self._told_at_s = float("-inf")

    def take(self, headers: Mapping[str, str], body: bytes) -> str:
        """What becomes of a webhook: `ACCEPTED`, or `REPEATED` where it came before.

        Raises: WebhookNotExpected, WebhookSignatureWrong, WebhookStale, WebhookUnreadable;
            StoreUnavailable: it is not kept, and not needed.
        """
        try:
            news = self._read(headers, body)
        except SeatrialError as problem:
            self._refused(problem)
            raise
        with self._lock:
            repeated = news.delivery in self._deliveries
            self._deliveries[news.delivery] = None
            if len(self._deliveries) > _REMEMBERED:
                self._deliveries.popitem(last=False)
            result = REPEATED if repeated else ACCEPTED
            self._counts[result] += 1
            self._tell()
        return result

    def _read(self, headers: Mapping[str, str], body: bytes) -> News:
        if not self._secret:
            raise WebhookNotExpected(
                f"No secret of webhooks is set: {self._variable} is empty.",
                remedy=f"Set {self._variable} for the server and for MLflow's webhook. Without "
                "webhooks the registry is asked as often as registry.every says.",
            )
        return read_webhook(
            headers,
            body,
            secret=self._secret,
            now_s=self._clock.now().timestamp(),
            variable=self._variable,
        )

    def _refused(self, problem: SeatrialError) -> None:
        """Count it; whoever sends nonsense causes one line, and at most one write a second."""
        with self._lock:
            self._counts[problem.code] += 1
            if self._counts[problem.code] == 1:
                _log.warning("a webhook was refused, further ones are counted: %s", problem)
            if self._clock.monotonic() - self._told_at_s >= _TELL_EVERY_S:
                self._tell()

    def _tell(self) -> None:
        self._told_at_s = self._clock.monotonic()
        self._presence.beat(PREFIX + self._name, {"counts": dict(self._counts)})
