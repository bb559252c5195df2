"""What was asked and what was reached, one line each. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.serving.goals import Result


@dataclass(frozen=True, slots=True)
class Goal:
    """One goal and how it stands.

    Args:
        what: is measured.
        goal: in words.
        reached: in words.
        met: None where it was not measured.
    """

    what: str
    goal: str
    reached: str
    met: bool | None

    @property
    def result(self) -> Result:
        """In a word."""
        if self.met is None:
            return Result.NOT_MEASURED
        return Result.MET if self.met else Result.MISSED


def at_most(what: str, value: float, limit: float, unit: str, *, full: bool = True) -> Goal:
    """A figure that is to stay within a limit.

    Args: ``full``: whether it was measured at the size that the limit is for.
    """
    return Goal(
        what=what,
        goal=f"<= {limit:g} {unit}".strip(),
        reached=f"{value:.3g} {unit}".strip(),
        met=value <= limit if full else None,
    )


def goal_table(goals: Iterable[Goal]) -> str:
    """Goal, reached, met: a Markdown table."""
    rows = [(one.what, one.goal, one.reached, _shown(one.result)) for one in goals]
    return markdown_table(("what", "goal", "reached", ""), rows)


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, its first column to the left, the others to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _shown(result: Result) -> str:
    return f"**{result}**" if result is Result.MISSED else str(result)
