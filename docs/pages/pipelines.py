"""The facts of durable steps and of retraining, as runs that are played leave them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from seatrial.kernel.events import Draft, Fact
from seatrial.steps.context import Context
from seatrial.steps.fold import KINDS as STEP_KINDS
from seatrial.steps.runs import Runs
from seatrial.steps.worker import Worker
from seatrial.steps.workflow import Answer, Done, Step, Wait, Workflow
from seatrial.testing.clock import FakeClock
from seatrial.testing.memory_store import MemoryStore
from seatrial.training.retraining.agenda import KINDS as RETRAINING_KINDS
from seatrial.training.retraining.agenda import (
    Agenda,
    Cause,
    Limits,
    by_hand,
    decide,
    ended,
    fold,
    revived,
)

MEANING = {
    "run.started": "A workflow is on its way; a second start with its key is none.",
    "step.begun": "A worker with the lease of the run took the step up; `lost`: the attempt before "
    "ended without a word.",
    "step.waiting": "The step is asked again at `due_at`, or waits for a person.",
    "step.finished": "It has its output.",
    "step.failed": "It failed: it is begun again at `due_at`, or rests until a person decides.",
    "step.interrupted": "The process was told to end: the attempt counts for nothing.",
    "step.retried": "A person lets a failed step begin again.",
    "step.taken_over": "A person gave its output.",
    "run.ended": "Nothing more happens to it.",
    "run.cancelled": "A person ended it.",
    "retraining.began": "Triggers, or a person, begin a run.",
    "retraining.joined": "Triggers that asked while a run was under way belong to it.",
    "retraining.held": "Something was asked for and nothing begins: quorum, cooldown or budget.",
    "retraining.ended": "The run came to its end, or rests as failed.",
    "retraining.revived": "A person lets the newest run, which failed, go on.",
}
KINDS = (*STEP_KINDS, *RETRAINING_KINDS)

_NOW = datetime(2030, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Number:
    value: int


def pipeline_rows() -> list[list[str]]:
    """The rows of durable steps and retrainings in events.md."""
    facts = played()
    found = {fact.kind: fact for fact in reversed(facts)}
    return [
        [
            f"`{kind}`",
            "`retraining/NAME`" if kind.startswith("retraining.") else "`run/WORKFLOW/KEY`",
            MEANING[kind],
            ", ".join(f"`{key}` {_shape(value)}" for key, value in found[kind].data.items()),
        ]
        for kind in KINDS
    ]


def played() -> list[Fact]:
    """Facts of every kind."""
    # What fails here does so on purpose, and is told to nobody.
    logging.getLogger("seatrial.steps").addHandler(logging.NullHandler())
    store, clock = MemoryStore(FakeClock(_NOW)), FakeClock(_NOW)
    _play_steps(store, clock)
    _play_retraining(store)
    return store.read()


def _play_steps(store: MemoryStore, clock: FakeClock) -> None:
    def wait(context: Context) -> Answer:
        return Wait(1.0, "evidence") if context.memo is None else Done(_Number(value=1))

    def fail(_: Context) -> Answer:
        raise ValueError("no")

    flow = Workflow(
        kind="example",
        takes=_Number,
        steps=(
            Step(name="give", gives=_Number, act=lambda _: Done(_Number(value=1))),
            Step(name="fail", gives=_Number, act=fail),
            Step(name="wait", gives=_Number, act=wait),
        ),
    )
    runs = Runs(store, clock=clock)
    for key in ("a", "b"):
        runs.start(flow, key=key, input=_Number(value=0), reason="shown", by="person")
    worker = Worker(store, [flow], clock=clock, holder="w", spawn=lambda work, _: work())
    for _ in range(6):
        worker.tick()
    runs.retry("example/a", by="person")
    runs.take_over("example/a", flow, _Number(value=2), by="person")
    runs.cancel("example/b", by="person")
    for _ in range(2):
        worker.tick()
    runs.take_over("example/a", flow, _Number(value=3), by="person")
    runs.start(flow, key="c", input=_Number(value=0), reason="shown", by="person")
    stopping = Worker(store, [flow], clock=clock, holder="v", spawn=lambda _work, _: None)
    stopping.tick()
    stopping.close(grace_s=0.0)


def _play_retraining(store: MemoryStore) -> None:
    agenda = Agenda()

    def append(drafts: Sequence[Draft]) -> None:
        nonlocal agenda
        known = store.read(stream="retraining/churn")
        agenda = fold(agenda, store.append("retraining/churn", drafts, expected=len(known)))

    def cause(key: str) -> Cause:
        return Cause(id=key, rule="drift", reason="it moved", at=_NOW)

    limits = Limits()
    append(decide("churn", agenda, [cause("1")], limits, now=_NOW).drafts)
    append(decide("churn", agenda, [cause("2")], limits, now=_NOW).drafts)
    end = {"outcome": "promoted", "reason": "it is better", "trained_s": 1.5}
    active = agenda.active
    assert active is not None
    append([ended(active, now=_NOW, **end)])  # type: ignore[arg-type]
    append(decide("churn", agenda, [cause("3")], limits, now=_NOW).drafts)
    append([revived(agenda.begun[-1], by="person", now=_NOW)])
    append([ended(agenda.begun[-1], now=_NOW, **end)])  # type: ignore[arg-type]
    append([by_hand("churn", agenda, cause("4"), by="person")])


def _shape(value: object) -> str:
    names = {str: "text", int: "integer", float: "number", dict: "object", bool: "boolean"}
    return names.get(type(value), "null" if value is None else "list")
