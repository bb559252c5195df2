"""Hands what the calls of one event loop do to the ledger, many operations at a time.

A thread applies them, one batch after the other: all that came in one turn of the loop, and all
that came while the batch before was under way. So a transaction, and the disk's confirmation, is
paid once for many calls, and the loop waits for neither. Why a thread: docs/adr/0019.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
from collections import deque
from collections.abc import Callable, Collection, Sequence
from queue import Empty, SimpleQueue
from typing import TypeAlias
from uuid import uuid4

import msgspec

from seatrial.gateway.ledger.ledger import (
    Closed,
    Count,
    Granted,
    Ledger,
    Operation,
    Outcome,
    Refused,
    Release,
    Repeated,
    Reserve,
    Settle,
)
from seatrial.kernel.errors import SeatrialError, Unavailable

_log = logging.getLogger(__name__)

_MOST_AT_ONCE = 512
_DAY_US = 86_400_000_000

Answer: TypeAlias = Granted | Refused | Repeated
_Waiting: TypeAlias = "tuple[Operation, asyncio.Future[Answer] | None]"
_Told: TypeAlias = "list[tuple[asyncio.Future[Answer], Outcome | Exception]]"


class TellerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a teller works.

    Args:
        settle_within_s: how long a settlement may wait for a reservation to go along with, >= 0;
            one that a crash takes meanwhile counts at its worst case.
        sweep_every_s: how often reservations are looked for that nobody will settle, > 0.
        keep_days: how long records are kept, >= 32, so that no window is forgotten before its end.
        retry_s: how long to wait before a settlement that failed is tried again, > 0.
        most_waiting: settlements that may wait while the ledger is away, >= 1; what comes beyond is
            given up, and counts at its worst case.
    """

    settle_within_s: float = 0.05
    sweep_every_s: float = 30.0
    keep_days: int = 400
    retry_s: float = 1.0
    most_waiting: int = 100_000


class TellerClosed(Unavailable):
    """The gateway is stopping and reserves no more money."""

    code = "gateway.ledger_closed"


class LedgerUnusable(Unavailable):
    """The ledger cannot keep what calls cost, and none is made that it does not know of."""

    code = "gateway.ledger_unusable"


class Teller:
    """Reserves and settles for the calls of one event loop.

    Args:
        ledger: used by one thread at a time; closed at the end.
        wall: seconds since 1970.
        blocking: False for a ledger that never waits, such as one in memory: it is then asked on
            the loop.
        owner: names this process; None for its machine, number and a part by chance.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        wall: Callable[[], float],
        options: TellerOptions | None = None,
        blocking: bool = True,
        owner: str | None = None,
    ) -> None:
        self.ledger = ledger
        self.owner = owner or f"{socket.gethostname()}/{os.getpid()}/{uuid4().hex[:8]}"
        self._wall = wall
        self._options = options or TellerOptions()
        self._blocking = blocking
        self._waiting: list[_Waiting] = []
        self._timer: asyncio.TimerHandle | None = None
        self._due = False
        self._busy = False
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._idle: asyncio.Future[None] | None = None
        self._batches: SimpleQueue[list[_Waiting] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        # Of the thread alone:
        self._later: deque[Operation] = deque()
        self._lapsing: set[str] = set()
        """Allowances of settlements that were given up: what is left of them is not given back, so
        that they lapse, and count what was not kept."""
        self._swept_at_s = 0.0

    # --- on the loop

    async def reserve(self, asked: Reserve) -> Answer:
        """Set money aside. When the caller is cancelled meanwhile, it is given back.

        Raises: TellerClosed; LedgerUnusable and other kinds of Unavailable, and then nothing stays
            reserved; what the ledger raises that is no trouble of its store.
        """
        if self._closed:
            raise TellerClosed(
                "The gateway is stopping.", remedy="Send the request to another one."
            )
        if self._loop is None:
            self._begin()
        assert self._loop is not None
        future: asyncio.Future[Answer] = self._loop.create_future()
        self._waiting.append((asked, future))
        if not self._busy:
            self._soon(0.0)
        try:
            return await future
        except asyncio.CancelledError:
            self.post(Release(asked.id))
            raise
        except Unavailable:
            raise
        except SeatrialError as trouble:  # full, damaged, gone: no fault of who calls
            raise LedgerUnusable(
                f"The ledger of what calls cost cannot be used: {trouble.problem}",
                remedy=trouble.remedy,
                cause=trouble.code,
            ) from trouble

    def post(self, operation: Settle | Release | Count) -> None:
        """Settle, release or count, soon and surely: it is repeated until the ledger has it. To be
        called on the loop."""
        if self._loop is None:
            self._begin()
        self._waiting.append((operation, None))
        if self._timer is None and not self._busy:
            self._soon(self._options.settle_within_s)

    async def flush(self) -> None:
        """Return when all that was posted before was applied, or failed and waits to be tried
        again."""
        while self._waiting or self._busy:
            if self._idle is None:
                self._idle = asyncio.get_running_loop().create_future()
            if not self._busy:
                self._hand_over()
            else:
                await asyncio.shield(self._idle)

    async def close(self) -> None:
        """Keep what was posted, then close the ledger."""
        if self._closed:
            return
        self._closed = True
        await self.flush()
        if self._thread is not None:
            self._batches.put(None)
            await asyncio.to_thread(self._thread.join)
        self.ledger.close()

    def _begin(self) -> None:
        self._loop = asyncio.get_running_loop()
        if self._blocking:
            self._thread = threading.Thread(target=self._serve, name="seatrial-ledger", daemon=True)
            self._thread.start()

    def _soon(self, within_s: float) -> None:
        assert self._loop is not None
        if self._due:
            return
        if within_s > 0:
            if self._timer is None:
                self._timer = self._loop.call_later(within_s, self._hand_over)
        else:
            self._due = True
            self._loop.call_soon(self._hand_over)

    def _hand_over(self) -> None:
        self._due = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._busy or not self._waiting:
            return
        self._busy = True
        batch, self._waiting = self._waiting[:_MOST_AT_ONCE], self._waiting[_MOST_AT_ONCE:]
        if self._blocking:
            self._batches.put(batch)
        else:
            self._done(self._work(batch))

    def _done(self, told: _Told) -> None:
        self._busy = False
        for future, answer in told:
            if future.done():
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)  # type: ignore[arg-type]
        if self._waiting:
            asked = any(future is not None for _, future in self._waiting)
            self._soon(0.0 if asked else self._options.settle_within_s)
        elif self._idle is not None:
            self._idle.set_result(None)
            self._idle = None

    # --- in the thread

    def _serve(self) -> None:
        assert self._loop is not None
        while True:
            try:
                wait_s = self._options.retry_s if self._later else self._options.sweep_every_s
                batch = self._batches.get(timeout=wait_s)
            except Empty:
                self._work([])
                continue
            if batch is None:
                break
            told = self._work(batch)
            try:
                self._loop.call_soon_threadsafe(self._done, told)
            except RuntimeError:  # the loop is closed: nobody waits, and what was granted lapses
                return
        while self._later:
            n = len(self._later)
            self._work([])
            if len(self._later) >= n:
                self._give_up(self._later)
                return

    def _work(self, batch: Sequence[_Waiting]) -> _Told:
        self._sweep()
        again = [self._later.popleft() for _ in range(min(len(self._later), _MOST_AT_ONCE))]
        if self._later:
            # An allowance is given back after what was paid out of it: all keep their order.
            self._later.extend(operation for operation, future in batch if future is None)
            self._bound()
            batch = [one for one in batch if one[1] is not None]
        again = [one for one in again if not self._lapses(one)]
        batch = [one for one in batch if not self._lapses(one[0])]
        operations = [*again, *(operation for operation, _ in batch)]
        told: _Told = []
        if operations:
            answers: Sequence[Outcome | Exception]
            try:
                outcomes = self.ledger.apply(operations)
                _warn_of_excess(operations, outcomes)
                answers = outcomes[len(again) :]
            except Exception as error:  # noqa: BLE001 - the border: an adapter's call
                self._failed(operations, error)
                answers = [error] * len(batch)
            told = [
                (future, answer)
                for (_, future), answer in zip(batch, answers, strict=True)
                if future is not None
            ]
        return told

    def _failed(self, operations: Sequence[Operation], error: Exception) -> None:
        # Whether a commit that broke was kept is not known: what may be reserved is released.
        again = [Release(one.id) if isinstance(one, Reserve) else one for one in operations]
        if isinstance(error, SeatrialError):
            _log.warning("The ledger keeps nothing: %s", error)
            self._keep(again)
            return
        _log.error("The ledger failed.", exc_info=error)
        left: list[Operation] = []
        for operation in again:  # one of them may be what it cannot take
            if self._lapses(operation):
                continue
            if left:
                left.append(operation)
                continue
            try:
                self.ledger.apply([operation])
            except SeatrialError:
                left.append(operation)
            except Exception as refusal:  # noqa: BLE001 - as in _work
                _log.error("The ledger cannot take %r.", operation, exc_info=refusal)
                self._give_up([operation])
        self._keep(left)

    def _keep(self, operations: Sequence[Operation]) -> None:
        """Try again before all that came after them."""
        self._later.extendleft(reversed(operations))
        self._bound()

    def _bound(self) -> None:
        excess = len(self._later) - self._options.most_waiting
        if excess > 0:
            self._give_up([self._later.popleft() for _ in range(excess)])

    def _give_up(self, operations: Collection[Operation]) -> None:
        for one in operations:
            if isinstance(one, Settle) and one.allowance is not None:
                self._lapsing.add(one.allowance)
        _log.error("%d settlements are not kept; they count at their worst case.", len(operations))

    def _lapses(self, operation: Operation) -> bool:
        """Whether it would give back what a settlement that was given up should have cost."""
        if not isinstance(operation, Release) or operation.id not in self._lapsing:
            return False
        self._lapsing.discard(operation.id)
        return True

    def _sweep(self) -> None:
        now_s = self._wall()
        if abs(now_s - self._swept_at_s) < self._options.sweep_every_s:
            return
        self._swept_at_s = now_s
        now_us = int(now_s * 1e6)
        try:
            lapsed = self.ledger.sweep(
                now_us=now_us, keep_since_us=now_us - self._options.keep_days * _DAY_US
            )
        except Exception as error:  # noqa: BLE001 - as in _work
            _log.warning("The ledger could not be swept: %s", error)
            return
        for one in lapsed:
            _log.warning(
                "The attempt %s of %s was never settled; it counts at its worst case, %d units.",
                one.id,
                one.owner,
                one.amount,
            )


def _warn_of_excess(operations: Sequence[Operation], outcomes: Sequence[Outcome]) -> None:
    for operation, outcome in zip(operations, outcomes, strict=True):
        if isinstance(outcome, Closed) and outcome.beyond and isinstance(operation, Settle):
            _log.warning(
                "The attempt %s cost %d units more than was reserved for it; the prices or the "
                "bound of its tokens are wrong.",
                operation.record.id,
                outcome.beyond,
            )
