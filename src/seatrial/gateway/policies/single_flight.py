"""Equal requests that are made at once share one call.

What comes of it, answer or failure, goes to all of them. Two things do not: where the call ends by
its first caller's deadline, those who have longer make it again, one of them first; and a bound of
that caller (a budget, say) is none of those with another key, user or tag. Whoever is cancelled
leaves the others waiting; when the last one leaves, the call is cancelled.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Coroutine
from typing import Generic, Protocol, TypeVar

import msgspec

from seatrial.gateway.chat.call import Call
from seatrial.gateway.chat.failures import StreamCut, TimedOut
from seatrial.gateway.chat.provider import Chunks
from seatrial.gateway.policies.shared_stream import SharedStream
from seatrial.kernel.errors import DeadlineExceeded, Denied, LimitExceeded, SeatrialError

T = TypeVar("T")
S = TypeVar("S")


class _Joinable(Protocol):
    @property
    def joinable(self) -> bool: ...


J = TypeVar("J", bound=_Joinable)


class SharedCall(Generic[T]):
    """A call under way, for a whole answer.

    Args:
        work: the call.
    """

    __slots__ = ("_left", "_loop", "_task", "_waiting")

    def __init__(self, work: Callable[[], Coroutine[object, object, T]]) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: list[asyncio.Future[None]] = []
        self._left = False
        self._task = self._loop.create_task(self._made(work))

    @property
    def joinable(self) -> bool:
        """Whether it is still under way."""
        return not (self._left or self._task.done())

    async def result(self) -> T:
        """What the call gives.   Raises: what it raises."""
        task = self._task
        if not task.done():
            ended = self._loop.create_future()
            self._waiting.append(ended)
            try:
                await ended
            except BaseException:
                self._waiting.remove(ended)
                if not self._waiting:
                    task.add_done_callback(_seen)
                    if not task.done():
                        self._left = True
                        task.cancel()
                        await asyncio.wait((task,))
                raise
        return task.result()

    async def _made(self, work: Callable[[], Coroutine[object, object, T]]) -> T:
        """The call; those who wait are told by its last step, which costs less than a callback."""
        try:
            return await work()
        finally:
            for ended in self._waiting:
                if not ended.done():
                    ended.set_result(None)


def _seen(task: asyncio.Task[T]) -> None:
    """Everybody has left: a failure concerns nobody."""
    if not task.cancelled():
        task.exception()


class _Flight(msgspec.Struct, Generic[S], frozen=True):
    shared: S
    by: Call


class Flights(Generic[T]):
    """All calls and streams under way, by key.

    Args:
        provider: its name, for failures.
        now: monotonic, in s; the running loop's time.
        max_bytes: of the pieces that are held of one stream, about.
    """

    def __init__(self, provider: str, *, now: Callable[[], float], max_bytes: int) -> None:
        self._provider = provider
        self._now = now
        self._max_bytes = max_bytes
        self._calls: dict[str, _Flight[SharedCall[T]]] = {}
        self._streams: dict[str, _Flight[SharedStream]] = {}

    @property
    def n_under_way(self) -> int:
        """Calls and streams."""
        return len(self._calls) + len(self._streams)

    def calls(self, key: str) -> bool:
        """Whether a call for this key is under way that can be joined."""
        flight = self._calls.get(key)
        return flight is not None and flight.shared.joinable

    def streams(self, key: str) -> bool:
        """Whether a stream for this key is under way that can be joined."""
        flight = self._streams.get(key)
        return flight is not None and flight.shared.joinable

    async def call(
        self,
        key: str,
        call: Call,
        work: Callable[[], Coroutine[object, object, T]],
        *,
        joined: Callable[[Call], None],
    ) -> T:
        """The answer of the call for this key, which is made unless it is under way.

        Args:
            call: of who asks; nobody waits for another's call beyond their own deadline.
            work: the call.
            joined: told when it is another's call that is waited for.
        Raises: what the call raises; TimedOut.
        """
        while True:
            flight = self._calls.get(key)
            leads = flight is None or not flight.shared.joinable
            if flight is None or leads:
                flight = self._calls[key] = _Flight(SharedCall(work), call)
            else:
                joined(call)
            shared = flight.shared
            try:
                if leads:
                    return await shared.result()
                async with asyncio.timeout(call.deadline - self._now()):
                    return await shared.result()
            except TimeoutError:
                raise self._late() from None
            except SeatrialError as error:
                if leads:
                    raise
                if not self._concerns_another(error, flight.by, call):
                    raise copy.copy(error) from error
            finally:
                _land(self._calls, key, flight)

    async def stream(
        self,
        key: str,
        call: Call,
        source: Callable[[], Chunks],
        *,
        joined: Callable[[Call], None],
    ) -> Chunks:
        """The stream for this key, which is begun unless it is under way; see `call`.

        Raises: StreamCut where the deadline passes after the first piece.
        """
        while True:
            flight = self._streams.get(key)
            leads = flight is None or not flight.shared.joinable
            if flight is None or leads:
                shared = SharedStream(source(), max_bytes=self._max_bytes)
                flight = self._streams[key] = _Flight(shared, call)
            else:
                joined(call)
            begun = False
            try:
                with flight.shared.seat() as seat:
                    while True:
                        if leads or flight.shared.ready(seat):
                            chunk = await flight.shared.read(seat)
                        else:
                            async with asyncio.timeout(call.deadline - self._now()):
                                chunk = await flight.shared.read(seat)
                        if chunk is None:
                            return
                        begun = True
                        yield chunk
            except TimeoutError:
                raise (self._cut() if begun else self._late()) from None
            except SeatrialError as error:
                if leads:
                    raise
                if begun or not self._concerns_another(error, flight.by, call):
                    raise copy.copy(error) from error
            finally:
                _land(self._streams, key, flight)
                await flight.shared.settled()

    def _concerns_another(self, error: SeatrialError, theirs: Call, mine: Call) -> bool:
        if mine.deadline <= self._now():
            return False
        if isinstance(error, TimedOut | DeadlineExceeded):
            return theirs.deadline < mine.deadline
        if isinstance(error, LimitExceeded | Denied):
            return (theirs.key, theirs.user, theirs.tags) != (mine.key, mine.user, mine.tags)
        return False

    def _late(self) -> TimedOut:
        return TimedOut(
            f"An equal call to {self._provider} is under way and was not answered in time.",
            remedy="Give it a longer deadline, or ask again.",
            provider=self._provider,
        )

    def _cut(self) -> StreamCut:
        return StreamCut(
            f"The deadline passed before the answer of {self._provider} was complete.",
            remedy="Give it a longer deadline, or ask again.",
            provider=self._provider,
        )


def _land(flights: dict[str, _Flight[J]], key: str, flight: _Flight[J]) -> None:
    if not flight.shared.joinable and flights.get(key) is flight:
        del flights[key]
