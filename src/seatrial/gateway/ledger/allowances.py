"""Money reserved ahead, out of which attempts are granted without asking the ledger.

A call that has to wait for the disk before it may be sent waits longer than all else here takes. So
where calls follow each other that are charged to the same accounts, their process reserves an
allowance for those to come, and grants these at once. It holds at most a hundredth of what every
budget has left, and nothing where a tenth is reserved (`ledger.AHEAD_SHARE`): near its end a budget
is reserved call by call, as it is for the first call. An allowance serves for some seconds, then it
is given back, and another one was asked for meanwhile. When its process dies, it lapses as other
reservations do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count

import msgspec
from msgspec.structs import replace

from seatrial.gateway.ledger.budget import Charge
from seatrial.gateway.ledger.ledger import (
    Granted,
    Refused,
    Release,
    Repeated,
    Reserve,
    Settle,
    attempt_id,
)
from seatrial.gateway.ledger.teller import Teller
from seatrial.gateway.ledger.usage import Record
from seatrial.kernel.errors import SeatrialError


class AllowanceOptions(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How much to hold ahead, and for how long.

    Args:
        calls: how many calls like the one at hand to reserve for at first, >= 0; 0 reserves each
            for itself. One that is used up early is followed by one for twice as many.
        most_calls: how many to reserve for at most, >= calls.
        serves_s: how long calls are granted out of one, > 0.
        idle_s: how soon calls must follow each other; after so long without one it is given back,
            > 0.
    """

    calls: int = 64
    most_calls: int = 1024
    serves_s: float = 5.0
    idle_s: float = 1.0


_MOST_REMEMBERED = 4096


class Allowance:
    """What is left of one; amounts in units, times in microseconds since 1970."""

    __slots__ = (
        "charges",
        "ended",
        "expires_us",
        "held",
        "id",
        "left",
        "low",
        "renewed_from_us",
        "used_us",
    )

    def __init__(self, asked: Reserve, left: int, serves_us: int) -> None:
        self.id, self.charges, self.expires_us = asked.id, asked.charges, asked.expires_us
        self.left, self.held = left, 0
        self.low = left // 2
        """With less left, the next one is asked for."""
        self.used_us = asked.at_us
        self.renewed_from_us = self.expires_us - serves_us // 2
        """Calls that expire later ask for the next one."""
        self.ended = False


class Grant(msgspec.Struct, frozen=True, gc=False):
    """What an attempt may cost.

    Args:
        amount: in units.
        allowance: out of which it is paid; None for a reservation of its own.
    """

    amount: int
    allowance: Allowance | None = None


class Allowances:
    """Reserves and settles for the calls of one event loop, ahead where that is right.

    Args:
        teller: of this process; closed with them.
        wall: seconds since 1970.
    """

    def __init__(
        self,
        teller: Teller,
        options: AllowanceOptions | None = None,
        *,
        wall: Callable[[], float],
    ) -> None:
        self.teller = teller
        self._options = options or AllowanceOptions()
        self._serves_us = int(self._options.serves_s * 1e6)
        self._idle_us = int(self._options.idle_s * 1e6)
        self._wall = wall
        self._open: dict[tuple[Charge, ...], Allowance] = {}
        self._asking: set[tuple[Charge, ...]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._last_us: dict[tuple[Charge, ...], int] = {}
        self._not_before_us: dict[tuple[Charge, ...], int] = {}
        self._n_calls: dict[tuple[Charge, ...], int] = {}
        self._numbers = count(1)
        self._round: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def owner(self) -> str:
        """Names this process."""
        return self.teller.owner

    def granted(self, asked: Reserve) -> Grant | None:
        """All that is asked, at once, out of what is held ahead; None where that is too little."""
        allowance = self._open.get(asked.charges)
        if allowance is not None and self._draws(allowance, asked, asked.most):
            return Grant(asked.most, allowance)
        return None

    async def reserve(self, asked: Reserve) -> Grant | Refused | Repeated:
        """Set money aside for an attempt. When the caller is cancelled meanwhile, it is given back.

        Raises: TellerClosed; what the ledger raises, and then nothing stays reserved.
        """
        if (grant := self.granted(asked)) is not None:
            return grant
        allowance = self._open.get(asked.charges)
        self._look_ahead(asked)
        answer = await self.teller.reserve(asked)
        if isinstance(answer, Granted):
            return Grant(answer.amount)
        if isinstance(answer, Refused) and allowance is not None:
            # The ledger has nothing left: what this process holds may do for a shorter answer.
            amount = min(allowance.left, asked.most)
            if amount >= asked.least and self._draws(allowance, asked, amount):
                return Grant(amount, allowance)
        return answer

    def settle(self, record: Record, grant: Grant | None) -> None:
        """Pay for an attempt, soon and surely.

        Args: grant: what was reserved for it; None where nothing was.
        """
        allowance = None if grant is None else grant.allowance
        if grant is None or allowance is None:
            self.teller.post(Settle(record))
            return
        self.teller.post(Settle(record, allowance.id))
        allowance.held -= grant.amount
        allowance.left += grant.amount - (record.cost or 0)
        self._given_back(allowance)

    async def flush(self) -> None:
        """Give back what is held ahead; return when all that was done before is kept."""
        await asyncio.gather(*self._tasks)
        for allowance in tuple(self._open.values()):
            self._end(allowance)
        await self.teller.flush()

    async def close(self) -> None:
        """Hold nothing ahead any more, and close the teller. What attempts under way may cost stays
        reserved."""
        self._closed = True
        if self._round is not None:
            self._round.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for allowance in tuple(self._open.values()):
            self._end(allowance)
        await self.teller.close()

    def _draws(self, allowance: Allowance, asked: Reserve, amount: int) -> bool:
        """Whether an allowance pays for an attempt."""
        if allowance.ended or allowance.left < amount or asked.expires_us > allowance.expires_us:
            return False
        allowance.left -= amount
        allowance.held += amount
        allowance.used_us = asked.at_us
        if asked.expires_us > allowance.renewed_from_us or allowance.left < allowance.low:
            self._look_ahead(asked)
        return True

    def _look_ahead(self, asked: Reserve) -> None:
        """Ask for the next allowance, if calls like this one follow each other."""
        charges, at_us, calls = asked.charges, asked.at_us, self._options.calls
        if len(self._last_us) >= _MOST_REMEMBERED:
            self._last_us.clear()
            self._not_before_us.clear()
            self._n_calls.clear()
        last_us, self._last_us[charges] = self._last_us.get(charges), at_us
        if last_us is None or not 0 <= at_us - last_us < self._idle_us:
            return
        if at_us < self._not_before_us.get(charges, 0) or charges in self._asking:
            return
        if calls and asked.most and not self._closed:
            self._asking.add(asked.charges)
            asking = asyncio.ensure_future(self._ask_ahead(asked))
            self._tasks.add(asking)
            asking.add_done_callback(self._tasks.discard)

    async def _ask_ahead(self, asked: Reserve) -> None:
        """If there is none to be had now, it is asked for again in a while."""
        number, n_calls = next(self._numbers), self._size(asked)
        ahead = replace(
            asked,
            id=attempt_id(asked.at_us, f"ahead/{self.owner}", number),
            most=n_calls * asked.most,
            least=asked.most,
            expires_us=asked.expires_us + self._serves_us,
            ahead=True,
        )
        try:
            answer = await self.teller.reserve(ahead)
        except SeatrialError:
            answer = None
        finally:
            self._asking.discard(asked.charges)
        if isinstance(answer, Granted):
            self._begin(Allowance(ahead, answer.amount, self._serves_us))
        else:
            self._not_before_us[asked.charges] = asked.at_us + self._idle_us

    def _size(self, asked: Reserve) -> int:
        """For how many calls: more where the former one is used up before its time, and less where
        it is not."""
        options, former = self._options, self._open.get(asked.charges)
        n_calls = self._n_calls.get(asked.charges, options.calls)
        if former is not None and asked.expires_us <= former.renewed_from_us:
            n_calls = min(2 * n_calls, max(options.calls, options.most_calls))
        elif former is not None and former.left > former.low:
            n_calls = max(n_calls // 2, options.calls)
        self._n_calls[asked.charges] = n_calls
        return n_calls

    def _begin(self, allowance: Allowance) -> None:
        former = self._open.get(allowance.charges)
        if former is not None:
            self._end(former)
        self._open[allowance.charges] = allowance
        if self._round is None:
            loop = asyncio.get_running_loop()
            self._round = loop.call_later(self._options.idle_s, self._looked_round)

    def _looked_round(self) -> None:
        """End those that nobody used for a while."""
        self._round = None
        idle_since_us = int(self._wall() * 1e6) - self._idle_us
        for allowance in tuple(self._open.values()):
            if allowance.used_us <= idle_since_us:
                self._end(allowance)
        if self._open:
            loop = asyncio.get_running_loop()
            self._round = loop.call_later(self._options.idle_s, self._looked_round)

    def _end(self, allowance: Allowance) -> None:
        """Grant nothing more out of it."""
        if self._open.get(allowance.charges) is allowance:
            del self._open[allowance.charges]
        if not allowance.ended:
            allowance.ended = True
            self._given_back(allowance)

    def _given_back(self, allowance: Allowance) -> None:
        if allowance.ended and allowance.held == 0:
            self.teller.post(Release(allowance.id))
