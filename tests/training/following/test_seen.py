"""What was seen of a model in a registry, and which events follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from seatrial.kernel.events import Draft, Fact
from seatrial.kernel.store import StreamChanged
from seatrial.registry.catalog import read_stream
from seatrial.testing import MemoryStore
from seatrial.training.following.seen import (
    LATE,
    Cause,
    Seen,
    announce,
    ask_again,
    decide,
    fold,
    packaged,
)

STREAM = "followed/mlflow/churn"


def facts_of(*drafts: Draft) -> list[Fact]:
    return [
        Fact(
            seq=i,
            stream=STREAM,
            revision=i,
            kind=draft.kind,
            schema=1,
            data=draft.data,
            at=datetime(2030, 1, 1, tzinfo=UTC),
            by=draft.by,
        )
        for i, draft in enumerate(drafts, start=1)
    ]


def arrivals(drafts: Sequence[Draft]) -> list[tuple[Cause, int]]:
    return [(one.cause, one.number) for one in fold(facts_of(*drafts)).arrivals]


def test_at_the_first_look_the_newest_version_is_an_event() -> None:
    drafts = decide(Seen(), numbers=[1, 2, 5], every=True)
    assert arrivals(drafts) == [(Cause.REGISTERED, 5)]
    assert fold(facts_of(*drafts)).numbers == {1, 2, 5}


def test_of_our_own_registry_every_version_is() -> None:
    drafts = decide(Seen(), numbers=[2, 1], every=True, from_the_start=True)
    assert arrivals(drafts) == [(Cause.REGISTERED, 1), (Cause.REGISTERED, 2)]


def test_where_an_alias_counts_it_is_an_event_and_versions_are_not() -> None:
    drafts = decide(Seen(), numbers=[1, 2], every=False, alias="champion", at=1)
    assert arrivals(drafts) == [(Cause.ALIAS, 1)]
    seen = fold(facts_of(*drafts))
    assert decide(seen, numbers=[1, 2], every=False, alias="champion", at=1) == []
    more = decide(seen, numbers=[3], every=False, alias="champion", at=2)
    assert arrivals([*drafts, *more]) == [(Cause.ALIAS, 1), (Cause.ALIAS, 2)]


def test_an_alias_that_is_taken_away_is_no_event_and_back_it_is_one() -> None:
    drafts = decide(Seen(), numbers=[1], every=False, alias="c", at=1)
    for at in (None, 1):
        seen = fold(facts_of(*drafts))
        drafts += decide(seen, numbers=[1], every=False, alias="c", at=at)
    assert arrivals(drafts) == [(Cause.ALIAS, 1), (Cause.ALIAS, 1)]
    assert fold(facts_of(*drafts)).arrivals[-1].came_from is None


def test_an_alias_that_seatrial_moves_is_no_event() -> None:
    drafts = decide(Seen(), numbers=[1, 2], every=False, alias="c", at=1)
    drafts.append(announce("c", 2))
    before = fold(facts_of(*drafts))
    assert decide(before, numbers=[1, 2], every=False, alias="c", at=1) == []  # not yet moved
    drafts += decide(before, numbers=[1, 2], every=False, alias="c", at=2)
    after = fold(facts_of(*drafts))
    assert arrivals(drafts) == [(Cause.ALIAS, 1)]
    assert (after.alias, after.announced) == (2, None)
    drafts += decide(after, numbers=[1, 2], every=False, alias="c", at=1)
    assert arrivals(drafts)[-1] == (Cause.ALIAS, 1)


def test_somebody_who_moves_it_elsewhere_meanwhile_is_heard() -> None:
    drafts = decide(Seen(), numbers=[1, 2, 3], every=False, alias="c", at=1)
    drafts.append(announce("c", 2))
    drafts += decide(fold(facts_of(*drafts)), numbers=[1, 2, 3], every=False, alias="c", at=3)
    assert arrivals(drafts)[-1] == (Cause.ALIAS, 3)


def test_a_version_that_gets_ready_late_is_met() -> None:
    drafts = decide(Seen(), numbers=[1, 3], every=True)
    seen = fold(facts_of(*drafts))
    assert seen.after == 0
    drafts += decide(seen, numbers=[2], every=True)
    assert arrivals(drafts) == [(Cause.REGISTERED, 3), (Cause.REGISTERED, 2)]
    assert fold(facts_of(*decide(Seen(), numbers=[500], every=True))).after == 500 - LATE


def test_a_person_may_ask_again_and_what_was_packaged_is_known() -> None:
    drafts = [*decide(Seen(), numbers=[4], every=True), packaged(4, 2), ask_again(4, by="me")]
    seen = fold(facts_of(*drafts))
    assert seen.packaged == {4: 2}
    assert [(one.cause, one.revision) for one in seen.arrivals] == [
        (Cause.REGISTERED, 2),
        (Cause.ASKED, 4),
    ]


def test_facts_of_later_versions_change_nothing() -> None:
    seen = fold(facts_of(Draft(kind="registry.unheard_of", data={"x": 1})))
    assert seen == Seen(revision=1)


@given(st.lists(st.sets(st.integers(1, 40)), max_size=8))
def test_every_version_is_one_event_however_it_is_met(looks: list[set[int]]) -> None:
    drafts: list[Draft] = []
    for numbers in [set(), *looks, *looks]:
        drafts += decide(fold(facts_of(*drafts)), numbers=numbers, every=True, from_the_start=True)
    met = [number for _, number in arrivals(drafts)]
    assert sorted(met) == sorted(set().union(*looks))


@dataclass
class Registry:
    numbers: list[int] = field(default_factory=list)
    alias: int | None = None
    moves: list[int] = field(default_factory=list)


class TwoServers(RuleBasedStateMachine):
    """Two servers look, each with an outdated view, and are killed between look and append."""

    def __init__(self) -> None:
        super().__init__()
        self.store = MemoryStore()
        self.registry = Registry()
        self.known: dict[int, tuple[Seen, list[int]]] = {}

    @rule()
    def register(self) -> None:
        self.registry.numbers.append(len(self.registry.numbers) + 1)

    @rule(server=st.sampled_from([0, 1]))
    def look(self, server: int) -> None:
        seen = fold(read_stream(self.store, STREAM))
        self.known[server] = (seen, list(self.registry.numbers))

    @rule(server=st.sampled_from([0, 1]))
    def die(self, server: int) -> None:
        self.known.pop(server, None)

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def append(self, data: st.DataObject) -> None:
        server = data.draw(st.sampled_from(sorted(self.known)))
        seen, numbers = self.known.pop(server)
        drafts = decide(seen, numbers=numbers, every=True, from_the_start=True)
        if drafts:
            try:
                self.store.append(STREAM, drafts, expected=seen.revision)
            except StreamChanged:
                return

    @invariant()
    def each_once(self) -> None:
        met = [one.number for one in fold(read_stream(self.store, STREAM)).arrivals]
        assert len(met) == len(set(met))
        assert set(met) <= set(self.registry.numbers)

    def teardown(self) -> None:
        self.look(0)
        seen, numbers = self.known.pop(0)
        drafts = decide(seen, numbers=numbers, every=True, from_the_start=True)
        if drafts:
            self.store.append(STREAM, drafts, expected=seen.revision)
        met = [one.number for one in fold(read_stream(self.store, STREAM)).arrivals]
        assert sorted(met) == self.registry.numbers


TestTwoServers = TwoServers.TestCase
