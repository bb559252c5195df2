"""The way to a service that judges pairs of texts over HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Mapping
from typing import TypeVar
from uuid import uuid4

from seatrial.adapters.event_loop_thread import EventLoopThread
from seatrial.adapters.llm.endpoint import Endpoint
from seatrial.adapters.llm.http import HttpVendor
from seatrial.gateway.chat.call import Call, Journal
from seatrial.gateway.chat.failures import ProviderFailure
from seatrial.kernel.errors import Unavailable

R = TypeVar("R")


class ServiceUnavailable(Unavailable):
    """A service that judges texts did not answer as it should."""

    code = "rag.service_unavailable"


class PairService:
    """Posts bodies to one service; may be used from several threads.

    Args:
        endpoint: where it is.
        timeout_s: of one exchange, > 0.
    """

    def __init__(self, endpoint: Endpoint, *, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._name = endpoint.name
        self._thread = EventLoopThread(endpoint.name)
        self._vendor = HttpVendor(endpoint)

    def post(self, path: str, body: Mapping[str, object]) -> object:
        """What the JSON of the answer gives.   Raises: ServiceUnavailable."""
        call = Call(id=uuid4().hex, deadline=time.monotonic() + self._timeout_s, journal=Journal())
        return self._translated(lambda: self._vendor.post(path, body, call))

    def wrong(self, what: str) -> ServiceUnavailable:
        """The error for an answer that is not what it should be."""
        return ServiceUnavailable(
            f"The service {self._name!r} gave {what}.",
            remedy="See whether its address and kind are right.",
            service=self._name,
        )

    def close(self) -> None:
        """Give back connections."""
        self._thread.run(self._vendor.close())
        self._thread.close()

    def _translated(self, work: Callable[[], Coroutine[object, object, R]]) -> R:
        try:
            return self._thread.run(work())
        except ProviderFailure as failure:
            raise ServiceUnavailable(
                failure.problem, remedy=failure.remedy, service=self._name, cause=failure.code
            ) from failure


def number(value: object) -> float | None:
    """A finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < float("inf") else None
