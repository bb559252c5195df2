"""Runs as the store has them: begun, told of, ended, looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches

from seatrial.kernel.events import Draft, Fact
from seatrial.kernel.store import FactLog, StreamChanged
from seatrial.training.runs import facts as of_run
from seatrial.training.runs.failures import UnknownRun
from seatrial.training.runs.run import Point, Run

_PAGE = 1000
_ATTEMPTS = 20


class RunBook:
    """Reads the log forward and folds it; one instance per thread that looks at runs.

    Args: log: where the facts are.
    """

    def __init__(self, log: FactLog) -> None:
        self._log = log
        self._seen = 0
        self._runs: dict[str, Run] = {}
        self._revisions: dict[str, int] = {}

    def refresh(self) -> None:
        """Take in what was appended since the last call.   Raises: StoreUnavailable."""
        if self._log.head() == self._seen:
            return
        while page := self._log.read(after=self._seen, limit=_PAGE):
            for fact in page:
                if fact.stream.startswith(of_run.PREFIX):
                    self._take(fact)
            self._seen = page[-1].seq

    def all(self) -> list[Run]:
        """Every run, the newest first."""
        self.refresh()
        return sorted(self._runs.values(), key=lambda run: (run.started_at, run.id), reverse=True)

    def find(self, run_id: str) -> Run | None:
        """A run, or None."""
        self.refresh()
        return self._runs.get(run_id)

    def get(self, run_id: str) -> Run:
        """A run by its id, or by how its id begins where no other does.   Raises: UnknownRun."""
        self.refresh()
        like = [run_id] if run_id in self._runs else []
        like = like or [known for known in self._runs if run_id and known.startswith(run_id)]
        if len(like) == 1:
            return self._runs[like[0]]
        near = like or get_close_matches(run_id, self._runs, n=3)
        raise UnknownRun(
            f"There are {len(like)} runs whose id begins with {run_id!r}."
            if like
            else f"There is no run {run_id!r}.",
            remedy=f"Name one of: {', '.join(sorted(near)[:5])}."
            if near
            else "See them with `seatrial runs list`.",
            run=run_id,
        )

    def points(self, run_id: str) -> list[Point]:
        """The points of a run's newest attempt, the oldest first."""
        told = of_run.of_attempt(self._facts(run_id))
        return [point for fact in told for point in of_run.points_of(fact)]

    def n_left_out(self, run_id: str) -> int:
        """Points of its newest attempt that are not kept."""
        told = of_run.of_attempt(self._facts(run_id))
        return sum(int(str(fact.data.get("n_left_out", 0))) for fact in told)

    def append(self, run_id: str, drafts: Sequence[Draft]) -> Run:
        """Append to a run.   Raises: UnknownRun; what the log raises."""
        return self.change(run_id, lambda _: list(drafts))

    def change(self, run_id: str, decide: Callable[[Run | None], list[Draft]]) -> Run:
        """Append what ``decide`` says of the newest record, deciding anew if somebody was faster.

        Raises: UnknownRun: nothing was appended, and there is none; what the log raises.
        """
        for attempts_left in reversed(range(_ATTEMPTS)):
            self.refresh()
            drafts = decide(self._runs.get(run_id))
            try:
                if drafts:
                    expected = self._revisions.get(run_id, 0)
                    self._log.append(of_run.stream_of(run_id), drafts, expected=expected)
                return self.get(run_id)
            except StreamChanged:
                if not attempts_left:
                    raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _facts(self, run_id: str) -> Iterator[Fact]:
        after = 0
        while page := self._log.read(stream=of_run.stream_of(run_id), after=after, limit=_PAGE):
            yield from page
            after = page[-1].seq

    def _take(self, fact: Fact) -> None:
        run_id = fact.stream.removeprefix(of_run.PREFIX)
        self._revisions[run_id] = fact.revision
        run = of_run.fold(self._runs.get(run_id), [fact])
        if run is not None:
            self._runs[run_id] = run
