"""What a step knows of its run, and how it speaks."""

from __future__ import annotations

import threading
from typing import TypeVar

from seatrial.steps.live import Notes
from seatrial.steps.record import BadRecord, from_record
from seatrial.steps.run import DONE, Run, StepState

T = TypeVar("T")


class Stopping(BaseException):
    """The step was told to stop: its run was cancelled, taken over, or its process ends.

    No `Exception`: what handles the failures of a model or of a file on the way must not take it
    for one of them.
    """


class Context:
    """A step's view of its run.

    Args:
        run: as it was when the step was called.
        step: the step's own state.
        notes: where it speaks.
    """

    def __init__(self, run: Run, step: StepState, notes: Notes) -> None:
        self.run = run
        self.step = step
        self._notes = notes
        self._stop = threading.Event()
        self._why = ""

    @property
    def run_id(self) -> str:
        """The id of the run."""
        return self.run.id

    @property
    def effect_key(self) -> str:
        """The same in each attempt, and of no other step: give it to what must happen once."""
        return f"{self.run.id}/{self.step.name}"

    @property
    def attempt(self) -> int:
        """The number of this attempt, from 1."""
        return self.step.attempt

    @property
    def memo(self) -> object:
        """What the step left for itself when it last asked to wait; None in a new attempt."""
        return self.step.memo

    def input(self, type_: type[T]) -> T:
        """What the run was started with.   Raises: BadRecord."""
        return from_record(self.run.input, type_, f"input of {self.run.id}")

    def output(self, step: str, type_: type[T]) -> T:
        """What an earlier step gave.   Raises: BadRecord: nothing, or something else."""
        state = next((s for s in self.run.steps if s.name == step), None)
        if state is None or state.status not in DONE or state.output is None:
            raise BadRecord(
                f"The step {step!r} of {self.run.id} has given nothing.",
                remedy="Name a step before this one.",
                field=step,
            )
        return from_record(state.output, type_, f"output of {step}")

    def log(self, text: str) -> None:
        """Add to the log, which is bounded."""
        self._notes.say(text)

    def progress(self, share: float | None, note: str = "") -> None:
        """Say how much is done, in [0, 1] or None, and what is done now."""
        self._notes.progress(share, note)

    @property
    def stopping(self) -> bool:
        """Whether the step was told to stop."""
        return self._stop.is_set()

    def check(self) -> None:
        """Nothing, unless the step was told to stop.   Raises: Stopping."""
        if self._stop.is_set():
            raise Stopping(f"The step {self.step.name} of {self.run.id} was stopped: {self._why}.")

    def pause(self, seconds: float) -> None:
        """Wait, or less where the step is told to stop.   Raises: Stopping."""
        self._stop.wait(seconds)
        self.check()

    def stop(self, why: str) -> None:
        """Tell the step to stop; for the worker."""
        self._why = why
        self._stop.set()
