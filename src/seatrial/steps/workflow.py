"""A workflow: a named sequence of steps, and what a step may answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from seatrial.kernel.errors import Invalid

if TYPE_CHECKING:
    from seatrial.steps.context import Context

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_KEY = re.compile(r"[A-Za-z0-9._:@-]{1,120}")

FINISHED = "finished"
"""How a run ends that went through all its steps, where its workflow has no better word."""


class BadWorkflow(Invalid):
    """A workflow, or the key of a run, is named as none may be."""

    code = "steps.bad_workflow"


@dataclass(frozen=True, slots=True)
class Done:
    """The step has its output, an instance of what the step gives."""

    output: object


@dataclass(frozen=True, slots=True)
class Wait:
    """The step asks to be called again.

    Args:
        seconds: at the latest in so many, >= 0; None: not before a person takes it over. After a
            restart it may be called earlier.
        reason: what it waits for, for a person.
        memo: JSON-able; `Context.memo` of the next call. A fact is kept only where it or the
            reason changed.
    """

    seconds: float | None
    reason: str
    memo: object = None


@dataclass(frozen=True, slots=True)
class End:
    """The run is over.

    Args:
        outcome: one word.
        reason: why, for a person.
        data: what more there is to know.
    """

    outcome: str
    reason: str
    data: Mapping[str, object] = field(default_factory=dict)


Answer: TypeAlias = Done | Wait | End


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Whether a failed step is begun again by itself, and when.

    Args:
        attempts: in all, >= 1.
        first_s, longest_s: the wait after the first failure, and the longest; it doubles.
        lost: so many attempts may end without a word (their process was killed) before the step
            counts as failed: what it does may be what kills the process.
    """

    attempts: int = 1
    first_s: float = 1.0
    longest_s: float = 300.0
    lost: int = 20

    def wait_s(self, n_failed: int) -> float | None:
        """Seconds to wait after ``n_failed`` >= 1 failures; None: no more attempts."""
        if n_failed >= self.attempts:
            return None
        return min(self.longest_s, self.first_s * 2.0 ** min(n_failed - 1, 64))


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step.

    Args:
        name: unique in the workflow.
        gives: type of its output: a dataclass or `msgspec.Struct`.
        act: does it. Called on a thread of its own, again after a crash: what it does outside must
            bear that, with the help of `Context.effect_key`.
        retry: what happens when it raises.
        timeout_s: one call may last so long; None: any time.
    """

    name: str
    gives: type
    act: Callable[[Context], Answer]
    retry: Retry = Retry()
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """A sequence of steps.

    Args:
        kind: its name.
        takes: type of its input.
        steps: at least one.
        outcome: the word a run ends with that went through all steps.
    Raises: BadWorkflow.
    """

    kind: str
    takes: type
    steps: Sequence[Step]
    outcome: str = FINISHED

    def __post_init__(self) -> None:
        names = [step.name for step in self.steps]
        if not names or len(set(names)) < len(names):
            raise _bad(f"The steps of the workflow {self.kind!r} are {names}", "Name each once.")
        for name in (self.kind, *names):
            if not _NAME.fullmatch(name):
                raise _bad(
                    f"{name!r} names a workflow or a step",
                    "Use a lower-case word of letters, digits, '-' and '_'.",
                )

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its steps, in order."""
        return tuple(step.name for step in self.steps)

    def step(self, name: str) -> Step:
        """A step by name.   Raises: KeyError."""
        return {step.name: step for step in self.steps}[name]


def check_key(key: str) -> None:
    """Refuse a key that cannot be part of a stream's name.   Raises: BadWorkflow."""
    if not _KEY.fullmatch(key):
        raise _bad(
            f"The run has the key {key[:60]!r}",
            "Use 1 to 120 letters, digits, '.', '_', ':', '@' and '-'.",
        )


def _bad(problem: str, remedy: str) -> BadWorkflow:
    facts: dict[str, Any] = {"field": "workflow"}
    return BadWorkflow(f"{problem}.", remedy=remedy, **facts)
