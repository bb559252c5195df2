"""The features of endpoints, looked up for the rows of their requests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from seatrial.features.batched import BatchedReader
from seatrial.features.completion import (
    ENTITY,
    Filled,
    Found,
    Observe,
    Wanted,
    complete,
    wanted,
)
from seatrial.features.plan import Plan
from seatrial.features.served import ServedSink, served_of
from seatrial.kernel.errors import DeadlineExceeded, SeatrialError, Unavailable


class Closeable(Protocol):
    """What ends with the lookups."""

    def close(self) -> None:
        """End it."""
        ...


class EndpointLookup:
    """The lookup of one endpoint.

    Args:
        reader: reads the online store.
        plan: what is looked up.
        now_us: the wall clock, in microseconds since 1970, UTC.
        observe: told of each value that was looked up, or None.
        kept: keeps a sample of what was found, or None.
        failed: told of each reading that failed, or None.
    """

    def __init__(
        self,
        reader: BatchedReader,
        plan: Plan,
        *,
        now_us: Callable[[], int],
        observe: Observe | None = None,
        kept: ServedSink | None = None,
        failed: Callable[[SeatrialError], None] | None = None,
    ) -> None:
        self._reader = reader
        self._plan = plan
        self._now_us = now_us
        self._observe = observe
        self._kept = kept
        self._failed = failed

    def look_up(self, rows: list[Any]) -> Awaitable[Filled] | None:
        """Begin to complete the rows that name an entity; None where none does.

        Raises: EntityInvalid, LookupsFull.
        """
        what = wanted(self._plan, rows)
        return None if what is None else self._complete(rows, what)

    async def _complete(self, rows: list[Any], what: Wanted) -> Filled:
        """Raises: what the reading raises besides Unavailable and DeadlineExceeded."""
        found: Found | SeatrialError
        try:
            found = await self._reader.read(what.keys)
        except (DeadlineExceeded, Unavailable) as problem:
            if self._failed is not None:
                self._failed(problem)
            found = problem
        now_us = self._now_us()
        if self._kept is not None and not isinstance(found, SeatrialError):
            self._keep(self._kept, rows, what, found, now_us)
        return complete(self._plan, rows, what, found, now_us=now_us, observe=self._observe)

    def _keep(
        self, kept: ServedSink, rows: list[Any], what: Wanted, found: Found, now_us: int
    ) -> None:
        for place, row in enumerate(what.rows):
            if kept.wants():
                entity = rows[row][ENTITY]
                kept.offer(served_of(self._plan, entity, what, place, found, now_us=now_us))

    async def close(self) -> None:
        """Let go of the store."""
        await self._reader.close()


class Lookups:
    """The lookups of all endpoints that have one; see `serving.completion.Completion`.

    Args: beside: closed with them.
    """

    def __init__(
        self, endpoints: Mapping[str, EndpointLookup], beside: Sequence[Closeable] = ()
    ) -> None:
        self._endpoints = dict(endpoints)
        self._beside = tuple(beside)

    def look_up(self, endpoint: str, rows: list[Any]) -> Awaitable[Filled] | None:
        """See Completion."""
        lookup = self._endpoints.get(endpoint)
        return None if lookup is None else lookup.look_up(rows)

    async def swap(self, endpoint: str, lookup: EndpointLookup) -> None:
        """Requests from now on are completed by another lookup; those under way by the one before,
        which is let go of then."""
        before = self._endpoints.get(endpoint)
        self._endpoints[endpoint] = lookup
        if before is not None:
            await before.close()

    async def close(self) -> None:
        """Let go of the stores."""
        for lookup in self._endpoints.values():
            await lookup.close()
        for one in self._beside:
            one.close()
