"""Which loaded version answers a request: routing tables that are swapped whole.

Everything here is called on the event loop; nothing waits. A table never changes, so a request
keeps the split it was picked under, whatever is applied while it runs.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from seatrial.kernel.errors import NotFound, Unavailable
from seatrial.release.position import position
from seatrial.release.trial import Trial
from seatrial.release.variant import Split
from seatrial.serving.enrolment import Enrolment
from seatrial.serving.record import OUTSIDE, Observe, Recorder

V = TypeVar("V")
"""A loaded version of whatever answers requests here."""

if TYPE_CHECKING:
    from seatrial.release.measurement import Quality
    from seatrial.serving.counting import Seen
    from seatrial.serving.record import Appraise


class UnknownModel(NotFound):
    """No model is served under this name."""

    code = "serving.unknown_model"


class UnknownVersion(NotFound):
    """This version of the model is not loaded."""

    code = "serving.unknown_version"


class NothingLive(Unavailable):
    """The model exists, but no version of it answers requests yet."""

    code = "serving.nothing_live"


class StillLoading(Unavailable):
    """The model exists, and this worker has not loaded it yet; ``facts["retry_after_s"]``."""

    code = "serving.still_loading"


def _nowhere(_quality: Quality) -> None:
    """Where the quality of answers goes that have none."""


def _nobody(_endpoint: str) -> None:
    """Who is told that a table is replaced, when nobody counts rows."""


class Pick(Generic[V]):
    """Who answers a request, and where what happened is recorded.

    Args:
        version: answers.
        shadow: gets a copy whose answer is dropped, or None.
        revision: of the endpoint's stream, under which the request was picked.
        observe: records latency in seconds and outcome of the answer; to be called once.
        observe_copy: the same for the shadow's answer; None without a shadow.
        rival: the other version of a trial, or None: whether a request that is refused says
            something about the version depends on whether the rival takes it.
        observe_outside: records what is no evidence; None without a rival.
        seen: keeps rows and answers to be counted; None where nobody counts.
        appraise: records the quality of the answer, where it has one.
    """

    __slots__ = (
        "appraise",
        "observe",
        "observe_copy",
        "observe_outside",
        "revision",
        "rival",
        "seen",
        "shadow",
        "version",
    )

    def __init__(
        self,
        version: V,
        shadow: V | None,
        revision: int,
        observe: Observe,
        observe_copy: Observe | None = None,
        *,
        rival: V | None = None,
        observe_outside: Observe | None = None,
        seen: Seen | None = None,
        appraise: Appraise = _nowhere,
    ) -> None:
        self.version = version
        self.shadow = shadow
        self.revision = revision
        self.observe = observe
        self.observe_copy = observe_copy
        self.rival = rival
        self.observe_outside = observe_outside
        self.seen = seen
        self.appraise = appraise


@dataclass(frozen=True, slots=True, kw_only=True)
class Table(Generic[V]):
    """The routes of one endpoint at one revision.

    Args:
        revision: of the endpoint's stream.
        split: who gets what.
        loaded: every version that is loaded, by number.
        edges: where a segment of [0, 1) ends and the next begins, ascending, without 0 and 1.
        picks: the pick of each segment, one more than edges; None where nobody answers.
        forced: the pick of a tester who names a version.
        enrolment: who answers keys while experiments run; None without one.
    """

    revision: int
    split: Split
    loaded: Mapping[int, V]
    edges: tuple[float, ...]
    picks: tuple[Pick[V] | None, ...]
    forced: Mapping[int, Pick[V]]
    enrolment: Enrolment[Pick[V]] | None = None


class Router(Generic[V]):
    """Routing tables by endpoint, of versions of one kind.

    Args:
        recorder: gives each version the place where its answers are recorded.
        seen: gives a version under a revision the place where its rows are kept to be counted;
            None where nobody counts.
        retired: is told of an endpoint whose table is replaced.
        chance: a position in [0, 1) for requests without a key.
    """

    def __init__(
        self,
        recorder: Recorder,
        *,
        seen: Callable[[V, int], Seen | None] | None = None,
        retired: Callable[[str], None] = _nobody,
        chance: Callable[[], float] | None = None,
    ) -> None:
        self._recorder = recorder
        self._seen = seen
        self._retired = retired
        self._chance = chance or random.Random().random
        self._tables: dict[str, Table[V]] = {}
        self._expected: frozenset[str] = frozenset()

    def pick(self, endpoint: str, key: bytes | None = None, version: int | None = None) -> Pick[V]:
        """Who answers a request.

        Args:
            key: the same key gets the same version as long as the shares stay; None for chance,
                or where experiments run for the version in production.
            version: a tester's wish: this loaded version and no other, and no shadow.
        Raises: UnknownModel; StillLoading; UnknownVersion: ``version`` is not loaded; NothingLive.
        """
        table = self._tables.get(endpoint)
        if table is None:
            raise self._unknown_model(endpoint)
        if version is not None:
            return self._forced(endpoint, table, version)
        if table.enrolment is not None and key is not None:
            return table.enrolment.known(key) or table.enrolment.meet(key)
        if not table.edges:
            pick = table.picks[0]
        else:
            place = position(table.split.salt, key) if key is not None else self._chance()
            pick = table.picks[bisect_right(table.edges, place)]
        if pick is None:
            raise NothingLive(
                f"No version of {endpoint!r} answers requests yet.",
                remedy="Wait until its release is promoted; `seatrial status` shows how far it is.",
                endpoint=endpoint,
            )
        return pick

    def apply(self, endpoint: str, revision: int, split: Split, loaded: Mapping[int, V]) -> None:
        """Replace an endpoint's table; requests from now on are picked by the new one.

        Args:
            split: every version it names must be in ``loaded``.
            loaded: may hold more versions, which only testers reach.
        """
        self._recorder.retire(endpoint)
        self._retired(endpoint)
        self._tables[endpoint] = self._table(endpoint, revision, split, loaded)

    def expect(self, endpoints: Iterable[str]) -> None:
        """Say which endpoints exist, loaded or not; may be called on any thread."""
        self._expected = frozenset(endpoints)

    def expected(self) -> list[str]:
        """The endpoints that exist but are not served here yet, sorted."""
        return sorted(self._expected - self._tables.keys())

    def models(self) -> list[str]:
        """The endpoints served, sorted."""
        return sorted(self._tables)

    def table(self, endpoint: str) -> Table[V]:
        """The present table of an endpoint.   Raises: UnknownModel."""
        table = self._tables.get(endpoint)
        if table is None:
            raise self._unknown_model(endpoint)
        return table

    def get(self, endpoint: str, version: int | None = None) -> V:
        """A loaded version: the one named, else the stable one, else the newest.

        Raises: UnknownModel; UnknownVersion; NothingLive: none is loaded.
        """
        table = self.table(endpoint)
        if version is not None:
            return self._forced(endpoint, table, version).version
        if not table.loaded:
            raise NothingLive(
                f"No version of {endpoint!r} is loaded.",
                remedy="See `seatrial status` for what became of its release.",
                endpoint=endpoint,
            )
        stable = table.split.stable
        return table.loaded[stable if stable is not None else max(table.loaded)]

    def versions(self, endpoint: str) -> list[int]:
        """The loaded versions of an endpoint, ascending.   Raises: UnknownModel."""
        return sorted(self.table(endpoint).loaded)

    def loaded(self) -> dict[tuple[str, int], V]:
        """Every version that some table reaches, by endpoint and number; for any thread."""
        return {
            (endpoint, version): live
            for endpoint, table in list(self._tables.items())
            for version, live in table.loaded.items()
        }

    def _table(
        self, endpoint: str, revision: int, split: Split, loaded: Mapping[int, V]
    ) -> Table[V]:
        """The routes that follow from a split; `Split` alone knows who gets which position."""
        shares = {split.canary_share, split.shadow_share}
        starts = [0.0, *sorted(share for share in shares if 0.0 < share < 1.0)]
        return Table(
            revision=revision,
            split=split,
            loaded=dict(loaded),
            edges=tuple(starts[1:]),
            picks=tuple(self._pick(endpoint, revision, split, loaded, start) for start in starts),
            forced={
                version: Pick(
                    live,
                    None,
                    revision,
                    self._outside(endpoint, version),
                    appraise=self._recorder.appraiser(endpoint, version, OUTSIDE),
                )
                for version, live in loaded.items()
            },
            enrolment=self._enrolment(endpoint, revision, split, loaded),
        )

    def _enrolment(
        self, endpoint: str, revision: int, split: Split, loaded: Mapping[int, V]
    ) -> Enrolment[Pick[V]] | None:
        outside = self._pick(endpoint, revision, split, loaded, 0.0) if split.trials else None
        if outside is None:
            return None
        return Enrolment(
            split.trials,
            {
                trial.experiment: [
                    self._arm(endpoint, revision, trial, place, loaded)
                    for place in range(len(trial.arms))
                ]
                for trial in split.trials
            },
            outside,
            {t.experiment: self._recorder.exposures(t.experiment) for t in split.trials},
        )

    def _arm(
        self, endpoint: str, revision: int, trial: Trial, place: int, loaded: Mapping[int, V]
    ) -> Pick[V]:
        """Who answers for an arm: a version, whose answers are also counted for the experiment."""
        version = trial.arms[place].version
        rival = trial.arms[0 if place else 1].version
        counted = (trial.experiment, place)
        return Pick(
            loaded[version],
            None,
            revision,
            self._recorder.observer(endpoint, version, revision, arm=counted),
            rival=None if rival == version else loaded[rival],
            observe_outside=None if rival == version else self._outside(endpoint, version),
            seen=None if self._seen is None else self._seen(loaded[version], revision),
            appraise=self._recorder.appraiser(endpoint, version, revision, arm=counted),
        )

    def _pick(
        self,
        endpoint: str,
        revision: int,
        split: Split,
        loaded: Mapping[int, V],
        start: float,
    ) -> Pick[V] | None:
        """Who answers the positions from ``start`` on, and gets copies of them."""
        answers, copied = split.pick(start), split.copies(start)
        if answers is None:
            return None
        observer = self._recorder.observer
        rival = split.stable if answers == split.canary else split.canary
        pick = Pick(
            loaded[answers],
            None,
            revision,
            observer(endpoint, answers, revision, watched=answers == split.canary),
            rival=None if rival is None else loaded[rival],
            observe_outside=None if rival is None else self._outside(endpoint, answers),
            seen=None if self._seen is None else self._seen(loaded[answers], revision),
            appraise=self._recorder.appraiser(endpoint, answers, revision),
        )
        if copied is None or copied == answers:
            return pick
        # Copies are evidence only where the version answers nobody: a slice never holds both.
        apart = copied in (split.stable, split.canary if split.canary_share else None)
        pick.shadow = loaded[copied]
        pick.observe_copy = (
            self._outside(endpoint, copied)
            if apart
            else observer(endpoint, copied, revision, watched=True)
        )
        return pick

    def _outside(self, endpoint: str, version: int) -> Observe:
        """Counts what is no evidence about a version."""
        return self._recorder.observer(endpoint, version, OUTSIDE)

    def _forced(self, endpoint: str, table: Table[V], version: int) -> Pick[V]:
        pick = table.forced.get(version)
        if pick is None:
            known = ", ".join(str(v) for v in sorted(table.loaded)) or "none"
            raise UnknownVersion(
                f"Version {version} of {endpoint!r} is not loaded.",
                remedy=f"Choose one of: {known}; or leave the version out.",
                endpoint=endpoint,
                version=version,
            )
        return pick

    def _unknown_model(self, endpoint: str) -> UnknownModel | StillLoading:
        if endpoint in self._expected:
            return StillLoading(
                f"The model {endpoint!r} is being loaded.",
                remedy="Send the request again in a second; `seatrial status` shows how far it is.",
                retry_after_s=1.0,
                endpoint=endpoint,
            )
        known = ", ".join(self.models()) or "none yet"
        return UnknownModel(
            f"There is no model {endpoint!r} here.",
            remedy=f"Choose one of: {known}.",
            model=endpoint,
        )
