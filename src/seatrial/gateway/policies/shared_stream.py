"""One stream that several read, each at its own pace."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing, contextmanager

from seatrial.gateway.chat.provider import Chunks
from seatrial.gateway.chat.response import Chunk, ReasoningDelta, TextDelta, ToolCallDelta

_PIECE_BYTES = 400
"""What a piece weighs without its text: its objects and its raw form, as measured."""


class SharedStream:
    """Reads a stream once and gives every reader all of it, from the first piece on.

    Whoever comes before more than ``max_bytes`` were read gets the pieces that were there already.
    Beyond that nobody can join any more; pieces that all have read are let go, and the reading
    waits while the slowest reader is further behind than that. The stream is closed when its last
    reader leaves.

    Args:
        source: the stream; belongs to this object from now on.
        max_bytes: of the pieces that are held, about.
    """

    def __init__(self, source: Chunks, *, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._held: list[Chunk] = []
        self._n_gone = 0
        self._weight = 0
        self._places: dict[int, int] = {}
        self._n_joined = 0
        self._waiting: list[asyncio.Future[None]] = []
        self._left = False
        self._task = asyncio.create_task(self._pump(source))
        self._task.add_done_callback(self._end)

    @property
    def joinable(self) -> bool:
        """Whether a new reader would still get all of it while it comes."""
        over = self._n_gone or self._left or self._task.done()
        return not over and self._weight <= self._max_bytes

    @contextmanager
    def seat(self) -> Iterator[int]:
        """A place among the readers, at the first piece."""
        number = self._n_joined
        self._n_joined += 1
        self._places[number] = 0
        try:
            yield number
        finally:
            del self._places[number]
            self._let_go()
            if not self._places:
                self._left = True
                self._task.cancel()

    async def settled(self) -> None:
        """For a reader that has left: wait until the stream is closed, if it was the last one."""
        if self._left:
            await asyncio.wait((self._task,))

    def ready(self, seat: int) -> bool:
        """Whether `read` would not wait for a piece."""
        return self._places[seat] < self._n_gone + len(self._held)

    async def read(self, seat: int) -> Chunk | None:
        """The next piece for a seat; None after the last.   Raises: what the stream raised."""
        while not self.ready(seat):
            if self._task.done():
                return self._task.result()
            await self._change()
        place = self._places[seat]
        chunk = self._held[place - self._n_gone]
        self._places[seat] = place + 1
        self._let_go()
        return chunk

    async def _pump(self, source: Chunks) -> None:
        async with aclosing(source) as stream:
            async for chunk in stream:
                self._held.append(chunk)
                self._weight += _weight(chunk)
                self._tell()
                while self._overfull():
                    await self._change()

    def _end(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            task.exception()  # seen, also where every reader has left
        self._tell()

    def _overfull(self) -> bool:
        self._let_go()
        return self._weight > self._max_bytes and len(self._held) > 1

    def _let_go(self) -> None:
        if self._weight <= self._max_bytes or not self._places:
            return
        n_read = min(self._places.values()) - self._n_gone
        if n_read <= 0:
            return
        self._weight -= sum(map(_weight, self._held[:n_read]))
        del self._held[:n_read]
        self._n_gone += n_read
        self._tell()

    async def _change(self) -> None:
        change = asyncio.get_running_loop().create_future()
        self._waiting.append(change)
        await change

    def _tell(self) -> None:
        waiting, self._waiting = self._waiting, []
        for change in waiting:
            if not change.done():
                change.set_result(None)


def _weight(chunk: Chunk) -> int:
    n_bytes = _PIECE_BYTES
    for event in chunk.events:
        match event:
            case TextDelta(text=text) | ReasoningDelta(text=text):
                n_bytes += len(text)
            case ToolCallDelta(arguments=arguments):
                n_bytes += len(arguments)
            case _:
                pass
    return n_bytes
