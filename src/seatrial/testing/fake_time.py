"""An event loop whose time jumps to the next thing that is waited for.

`asyncio.sleep`, `asyncio.timeout` and all that builds on them take no time here and happen in the
order they would have happened in; a wait for something that cannot come any more is an error
instead of a test that hangs. Threads and connections are not for this loop: it does not wait for
them.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_START_S = 1000.0


class LeftRunning(AssertionError):
    """A task outlived what started it."""


class NothingWillHappen(RuntimeError):
    """Everything waits, and nothing is due: in real time this would hang."""


class _Jumping(selectors.DefaultSelector):
    """Never waits; tells how long a real one would have waited."""

    def __init__(self, jump: Callable[[float], None]) -> None:
        super().__init__()
        self._jump = jump

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """See BaseSelector."""
        ready: list[tuple[selectors.SelectorKey, int]] = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise NothingWillHappen("all tasks wait, and no timer runs that could wake one")
        self._jump(timeout)
        return []


class FakeTimeLoop(asyncio.SelectorEventLoop):
    """An event loop that is never late: `time` moves only when every task waits.

    Time starts at 1000 and is kept to the nanosecond.
    """

    def __init__(self) -> None:
        self._moment = _START_S
        self.uncaught: list[str] = []
        """What went wrong where nobody was told, such as a task's error that none retrieved."""
        super().__init__(_Jumping(self._pass))
        self.set_exception_handler(lambda _, context: self.uncaught.append(repr(context)))

    def time(self) -> float:
        """Seconds since an arbitrary origin."""
        return self._moment

    def _pass(self, seconds: float) -> None:
        self._moment = round(self._moment + seconds, 9)


def now() -> float:
    """The time of the running loop, in s: what policies under test take as ``now``."""
    return asyncio.get_running_loop().time()


def run_in_fake_time(work: Coroutine[object, object, T]) -> T:
    """Run a coroutine to its end in a loop of its own.

    Raises: LeftRunning: it left a task behind, or an error nobody saw. NothingWillHappen.
    """
    with asyncio.Runner(loop_factory=FakeTimeLoop) as runner:
        result = runner.run(_alone(work))
        loop = runner.get_loop()
        assert isinstance(loop, FakeTimeLoop)
        if loop.uncaught:
            raise LeftRunning(f"nobody saw {loop.uncaught}")
        return result


async def _alone(work: Coroutine[object, object, T]) -> T:
    result = await work
    left = asyncio.all_tasks() - {asyncio.current_task()}
    if left:
        raise LeftRunning(f"still running: {sorted(task.get_name() for task in left)}")
    return result


def in_fake_time(test: Callable[P, Coroutine[object, object, T]]) -> Callable[P, T]:
    """Decorate an async test so that it runs by `run_in_fake_time`."""

    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return run_in_fake_time(test(*args, **kwargs))

    return run
