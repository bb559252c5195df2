"""A worker process of `test_steps_killed`: takes the store's URL, and where effects are kept.

Each step leaves its effect in a file named for its key, made exclusively, and says so on stdout
before and after; that is where the test kills it.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from seatrial.kernel.clock import SystemClock
from seatrial.steps.context import Context
from seatrial.steps.run import PREFIX
from seatrial.steps.worker import Worker
from seatrial.steps.workflow import Answer, Done, Step, Wait, Workflow
from seatrial.wiring.workspace import open_store

NAMES = ("prepare", "train", "judge", "release")


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    value: int


def say(word: str) -> None:
    os.write(1, f"{word}\n".encode())  # in one piece: two threads speak


def flow(effects: Path) -> Workflow:
    def act(context: Context) -> Answer:
        name = context.step.name
        say(f"begun {name}")
        if name == "judge" and context.memo is None:
            return Wait(0.05, "evidence is awaited", memo="asked")
        before = NAMES.index(name)
        value = context.output(NAMES[before - 1], Count).value if before else 0
        try:
            with (effects / context.effect_key.replace("/", "_")).open("x") as file:
                file.write(str(os.getpid()))
        except FileExistsError:
            context.log("done before")
        say(f"done {name}")
        time.sleep(0.05)
        return Done(Count(value=value + 1))

    steps = tuple(Step(name=name, gives=Count, act=act) for name in NAMES)
    return Workflow(kind="killed", takes=Count, steps=steps, outcome="released")


def main(url: str, effects: Path) -> None:
    store = open_store(url)
    holder = f"w-{os.getpid()}"
    worker = Worker(store, [flow(effects)], clock=SystemClock(), holder=holder, lease_ttl_s=0.4)
    seen = store.head()
    while True:
        worker.tick()
        head = store.head()
        for fact in store.read(after=seen):
            if fact.stream.startswith(PREFIX):
                say(f"fact {fact.kind} {fact.data.get('step', '')}")
        seen = head
        time.sleep(0.01)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
