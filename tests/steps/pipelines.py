"""A workflow for tests, and a store that kills whoever uses it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from seatrial.steps.context import Context
from seatrial.steps.worker import Worker
from seatrial.steps.workflow import Answer, Done, End, Retry, Step, Wait, Workflow
from seatrial.testing.clock import FakeClock
from seatrial.testing.memory_store import MemoryStore

NOW = datetime(2030, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    value: int
    reason: str = ""


class Killed(BaseException):
    """As kill -9: nothing that runs afterwards runs."""


@dataclass
class World:
    """What steps do outside: by key, and how often each was asked for."""

    effects: dict[str, int] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)

    def do(self, key: str, value: int) -> int:
        self.asked[key] = self.asked.get(key, 0) + 1
        return self.effects.setdefault(key, value)


def now_and_here(work: Callable[[], None], _name: str) -> None:
    work()


def step(name: str, act: Callable[[Context], Answer], *, gives: type = Number, **more) -> Step:
    return Step(name=name, gives=gives, act=act, **more)


def workflow(*steps: Step, **more) -> Workflow:
    return Workflow(kind="sum", takes=Number, steps=steps, **more)


def adding(world: World, *, polls: int = 2) -> Workflow:
    """Doubles, waits for a while, then adds: 3 becomes 7."""

    def double(context: Context) -> Answer:
        context.log("doubling")
        return Done(Number(value=world.do(context.effect_key, 2 * context.input(Number).value)))

    def wait(context: Context) -> Answer:
        seen = context.memo if isinstance(context.memo, int) else 0
        if seen < polls:
            return Wait(5.0, "the world turns", memo=seen + 1)
        return Done(Number(value=world.do(context.effect_key, seen)))

    def add(context: Context) -> Answer:
        total = context.output("double", Number).value + 1
        return Done(Ended(value=world.do(context.effect_key, total), reason=f"it is {total}"))

    return workflow(
        step("double", double), step("wait", wait), step("add", add, gives=Ended), outcome="added"
    )


def failing(*problems: Exception, retry: Retry) -> Workflow:
    """Raises one after the other, then succeeds."""
    left = list(problems)

    def act(context: Context) -> Answer:
        context.log(f"attempt {context.attempt}")
        if left:
            raise left.pop(0)
        return Done(Number(value=context.attempt))

    return workflow(step("try", act, retry=retry))


def ending(outcome: str, reason: str) -> Workflow:
    def act(_: Context) -> Answer:
        return End(outcome, reason, {"p": 0.5})

    def never(_: Context) -> Answer:
        raise AssertionError("the run is over")

    return workflow(step("judge", act), step("after", never))


@dataclass
class Bench:
    """A store, a clock and a worker on them."""

    flow: Workflow
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW))
    n_workers: int = 0

    def __post_init__(self) -> None:
        self.store = MemoryStore(clock=self.clock)
        self.worker = self.new_worker()

    def new_worker(self, **more) -> Worker:
        self.n_workers += 1
        return Worker(
            self.store,
            [self.flow],
            clock=self.clock,
            holder=f"w{self.n_workers}",
            spawn=more.pop("spawn", now_and_here),
            **more,
        )

    def tick(self, times: int = 1, *, seconds: float = 0.0) -> None:
        for _ in range(times):
            self.worker.tick()
            self.clock.advance(seconds)
