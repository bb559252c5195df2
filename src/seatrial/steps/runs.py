"""All runs of a store: started, read, and changed by people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime

from seatrial.kernel.clock import Clock, SystemClock
from seatrial.kernel.errors import NotFound, SeatrialError
from seatrial.kernel.events import Draft, Fact
from seatrial.kernel.store import FactLog, StreamChanged
from seatrial.steps.decide import SCHEMA, Cancel, Event, RetryNow, TakeOver, decide
from seatrial.steps.fold import fold
from seatrial.steps.record import to_record
from seatrial.steps.run import PREFIX, Run
from seatrial.steps.workflow import Workflow, check_key

_PAGE = 1000
_ATTEMPTS = 20


class UnknownRun(NotFound):
    """No run of this id was ever started."""

    code = "steps.unknown_run"


class Runs:
    """Reads the log forward and folds it; one instance per thread that looks at runs.

    Args:
        log: where the facts are.
        clock: dates what is decided.
    """

    def __init__(self, log: FactLog, *, clock: Clock | None = None) -> None:
        self._log = log
        self._clock = clock or SystemClock()
        self._seen = 0
        self._runs: dict[str, Run] = {}
        self.unreadable: dict[str, SeatrialError] = {}
        """Why a run stands still, by its id: a fact of it could not be understood."""

    def refresh(self) -> None:
        """Fold what was appended since the last call.   Raises: StoreUnavailable."""
        if self._log.head() == self._seen:
            return
        while facts := self._log.read(after=self._seen, limit=_PAGE):
            self._fold(facts)
            self._seen = facts[-1].seq

    def all(self, *, kind: str | None = None) -> list[Run]:
        """The runs as of the last refresh, the oldest first."""
        return [run for run in self._runs.values() if kind in (None, run.kind)]

    def find(self, run_id: str) -> Run | None:
        """A run as of the last refresh, or None."""
        return self._runs.get(run_id)

    def get(self, run_id: str) -> Run:
        """A run as of the last refresh.   Raises: UnknownRun; UnknownFact: it cannot be read."""
        if run_id in self.unreadable:
            raise self.unreadable[run_id]
        run = self._runs.get(run_id)
        if run is None:
            raise UnknownRun(
                f"There is no run {run_id!r}.",
                remedy="Look at the list of runs for its id, which is its kind, '/' and its key.",
                run=run_id,
            )
        return run

    def start(
        self,
        workflow: Workflow,
        *,
        key: str,
        input: object,  # noqa: A002
        reason: str,
        by: str,
        left_to: str = "",
        left_s: float = 0.0,
    ) -> tuple[Run, bool]:
        """Start a run, or find the one that has the key already.

        Args:
            left_to: who performs its steps from outside; "" for our workers.
            left_s: how long that one may be silent before our workers go on with it.
        Returns: the run, and whether this call started it.
        Raises: BadWorkflow: the key; BadRecord: the input; StoreUnavailable.
        """
        check_key(key)
        stream = f"{PREFIX}{workflow.kind}/{key}"
        data = {
            "at": self._clock.now().isoformat(),
            "input": to_record(input, workflow.takes, f"input of {workflow.kind}"),
            "steps": list(workflow.names),
            "cause": reason,
        } | ({"left_to": left_to, "left_s": left_s} if left_to else {})
        draft = Draft(kind="run.started", data=data, schema=SCHEMA, by=by)
        try:
            self._log.append(stream, [draft], expected=0)
        except StreamChanged:
            created = False
        else:
            created = True
        self.refresh()
        return self.get(f"{workflow.kind}/{key}"), created

    def retry(self, run_id: str, *, by: str, reason: str = "", left_to: str = "") -> Run:
        """Begin the failed step again.

        Args: left_to: who performs it, where that is not one of our workers.
        Raises: RunConflict, UnknownRun.
        """
        return self.person(run_id, lambda _: RetryNow(by=by, reason=reason, left_to=left_to))

    def take_over(
        self, run_id: str, workflow: Workflow, output: object, *, by: str, reason: str = ""
    ) -> Run:
        """Give the output of the step the run stands at, which is then not done by it.

        Raises: RunConflict, UnknownRun; BadRecord: it is not what the step gives.
        """

        def given(run: Run) -> Event:
            if run.current is None:
                return Cancel(by=by)  # refused like all that comes too late
            step = workflow.step(run.current.name)
            return TakeOver(
                step=step.name,
                output=to_record(output, step.gives, f"output of {step.name}"),
                by=by,
                reason=reason,
                outcome=workflow.outcome,
            )

        return self.person(run_id, given)

    def cancel(self, run_id: str, *, by: str, reason: str = "") -> Run:
        """End the run.   Raises: RunConflict, UnknownRun."""
        return self.person(run_id, lambda _: Cancel(by=by, reason=reason))

    def person(self, run_id: str, event: Callable[[Run], Event]) -> Run:
        """Append what follows from an event, decided anew if somebody was faster.

        Raises: as `decide`; StreamChanged: the stream changed under every attempt.
        """
        for attempts_left in reversed(range(_ATTEMPTS)):
            self.refresh()
            run = self.get(run_id)
            try:
                return self.apply(run, event(run), now=self._clock.now())
            except StreamChanged:
                if not attempts_left:
                    raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    def apply(self, run: Run, event: Event, *, now: datetime) -> Run:
        """Append what follows from an event to a run as it stands for us.

        Raises: StreamChanged: it stands elsewhere by now; as `decide`.
        """
        drafts = decide(run, event, now=now)
        if drafts:
            self._log.append(PREFIX + run.id, drafts, expected=run.revision)
            self.refresh()
        return self.get(run.id)

    def _fold(self, facts: list[Fact]) -> None:
        by_stream: dict[str, list[Fact]] = defaultdict(list)
        for fact in facts:
            if fact.stream.startswith(PREFIX):
                by_stream[fact.stream.removeprefix(PREFIX)].append(fact)
        for run_id, news in by_stream.items():
            try:
                run = fold(self._runs.get(run_id), news)
            except SeatrialError as problem:
                self.unreadable[run_id] = problem
                self._runs.pop(run_id, None)
            else:
                if run is not None and run_id not in self.unreadable:
                    self._runs[run_id] = run
