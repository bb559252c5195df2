"""What the data plane needs of routing: who answers a request, and where that is recorded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from seatrial.registry.signature import Batch, Prediction, Signature


class Answering(Protocol):
    """One loaded version of a model."""

    @property
    def endpoint(self) -> str:
        """The name it is served under."""
        ...

    @property
    def version(self) -> int:
        """Its number."""
        ...

    @property
    def signature(self) -> Signature:
        """What batches must fit."""
        ...

    def predict(
        self, batch: Batch, deadline: float | None = None
    ) -> Prediction | Awaitable[Prediction]:
        """Predict at least one row, until ``deadline`` by the loop's clock.

        Raises: SeatrialError: client's, load's or the version's fault, told apart by kind.
        """
        ...


class Picked(Protocol):
    """The choice for one request."""

    @property
    def version(self) -> Answering:
        """Answers."""
        ...

    @property
    def shadow(self) -> Answering | None:
        """Gets a copy whose answer is dropped."""
        ...

    @property
    def revision(self) -> int:
        """Of the endpoint's stream, under which the request was picked."""
        ...

    @property
    def observe(self) -> Callable[[float, str], None]:
        """Records latency in seconds and outcome; called once per request."""
        ...


class Traffic(Protocol):
    """Routing tables of all endpoints."""

    def pick(self, endpoint: str, key: bytes | None = None, version: int | None = None) -> Picked:
        """Who answers.   Raises: NotFound, Unavailable."""
        ...

    def get(self, endpoint: str, version: int | None = None) -> Answering:
        """A loaded version, the stable one when none is named.   Raises: NotFound, Unavailable."""
        ...

    def models(self) -> list[str]:
        """The endpoints served, sorted."""
        ...

    def versions(self, endpoint: str) -> list[int]:
        """The loaded versions, ascending.   Raises: NotFound."""
        ...
