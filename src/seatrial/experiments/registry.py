"""The experiments of a store: how each stands, kept up to date from their stream of facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from seatrial.experiments.assignment import check_disjoint
from seatrial.experiments.config import ExperimentFile
from seatrial.experiments.lifecycle import STREAM, Standing, fold
from seatrial.kernel.config import validated
from seatrial.kernel.errors import NotFound
from seatrial.kernel.events import Draft
from seatrial.kernel.store import FactLog, StreamChanged

_ATTEMPTS = 20


class UnknownExperiment(NotFound):
    """Nobody has written down an experiment of this name."""

    code = "experiment.unknown"


class Experiments:
    """Reads the stream forward and folds it; one instance per thread."""

    def __init__(self, log: FactLog) -> None:
        self._log = log
        self._head = self._seen = self._revision = 0
        self._standings: dict[str, Standing] = {}
        self._files: dict[str, tuple[Mapping[str, object], ExperimentFile]] = {}

    def refresh(self) -> None:
        """Fold what was appended since the last call.

        Raises: StoreUnavailable; ExperimentsUnreadable.
        """
        head = self._log.head()
        if head == self._head:
            return
        while facts := self._log.read(stream=STREAM, after=self._seen):
            for fact in facts:
                self._standings = fold(self._standings, fact)
                self._seen, self._revision = fact.seq, fact.revision
        self._head = head

    def all(self) -> list[Standing]:
        """All of them, the newest first."""
        return sorted(self._standings.values(), key=lambda one: one.drafted_at, reverse=True)

    def find(self, name: str) -> Standing | None:
        """One of them, as of the last refresh."""
        return self._standings.get(name)

    def get(self, name: str) -> Standing:
        """One of them, as of the last refresh.   Raises: UnknownExperiment."""
        standing = self._standings.get(name)
        if standing is None:
            known = ", ".join(sorted(self._standings)[:12]) or "none yet"
            raise UnknownExperiment(
                f"There is no experiment {name[:100]!r}.",
                remedy=f"Choose one of: {known}; or write one down with `seatrial experiment "
                "start --design experiment.yaml`.",
                experiment=name[:100],
            )
        return standing

    def file(self, standing: Standing) -> ExperimentFile:
        """The design of an experiment.   Raises: ConfigInvalid: a later seatrial wrote it."""
        known = self._files.get(standing.name)
        if known is None or known[0] is not standing.design:
            where = f"the design of {standing.name}"
            known = (standing.design, validated(ExperimentFile, dict(standing.design), where))
            self._files[standing.name] = known
        return known[1]

    def change(
        self, name: str, decision: Callable[[Standing | None], list[Draft]]
    ) -> Standing | None:
        """Append what ``decision`` says of the newest state, deciding anew if somebody was faster.

        Raises: StreamChanged: the stream changed under every attempt; what ``decision`` raises.
        """
        for attempts_left in reversed(range(_ATTEMPTS)):
            self.refresh()
            drafts = decision(self.find(name))
            try:
                if drafts:
                    self._log.append(STREAM, drafts, expected=self._revision)
                    self.refresh()
                return self.find(name)
            except StreamChanged:
                if not attempts_left:
                    raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    def check_room(self, standing: Standing) -> None:
        """Raises: SlotsTaken: one that is active has slots of its exclusion group in common."""
        others = [one for one in self.all() if one.phase.active and one.name != standing.name]
        check_disjoint(self.file(one).design() for one in (standing, *others))
