"""What every counter of others' rollouts must do; see `release.counted.Counters`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from seatrial.release.counted import Counted, Counters, Seen

READ_S = 15
"""Seconds between two readings of a counter."""

_SLACK_S = 120
"""How much longer than the canary stable may have been looked at: readings are that far apart."""

SLOW_S = 0.1
"""The edge at which answers are slow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """What one replica counted from its start on, the same between any two readings.

    Args:
        endpoint: what it serves.
        variant: what tells its counters from those of others.
        replica: its name; the same one again is a replica that was started anew.
        began_s: how long ago it began, in seconds, a multiple of `READ_S`.
        ended_s: how long ago it ended, likewise; 0: it is there still.
        ok: good answers between two readings.
        errors: answers in error between two readings.
        slow: those among both that took longer than `SLOW_S`.
        refused: requests refused between two readings.
    """

    endpoint: str
    variant: str
    replica: str = "a"
    began_s: int
    ended_s: int = 0
    ok: int
    errors: int = 0
    slow: int = 0
    refused: int = 0

    def readings(self) -> Iterator[tuple[int, Counted]]:
        """How long ago each reading was taken, and what it was."""
        for ago_s in range(self.began_s, self.ended_s - 1, -READ_S):
            yield ago_s, self.counted((self.began_s - ago_s) // READ_S)

    def counted(self, n: int | None = None) -> Counted:
        """What it had counted after n spans between readings, or in all."""
        n = (self.began_s - self.ended_s) // READ_S if n is None else n
        requests = n * (self.ok + self.errors)
        return Counted(
            requests=requests,
            errors=n * self.errors,
            refused=n * self.refused,
            at_most_s={SLOW_S: requests - n * self.slow, math.inf: requests},
        )


_OLD_S = 6 * 3600
_CANARY = (
    Life(endpoint="churn", variant="3", began_s=1800, ok=30, errors=2, slow=3, refused=1),
    Life(endpoint="churn", variant="3", replica="b", began_s=900, ok=7, slow=1),
)
_STABLE = Life(endpoint="churn", variant="2", began_s=_OLD_S, ok=300, errors=1, refused=2)
_OLDER = Life(endpoint="churn", variant="1", replica="c", began_s=_OLD_S, ok=40)
_RESTARTED = (
    Life(endpoint="restarted", variant="3", began_s=1800, ended_s=900, ok=20, errors=1),
    Life(endpoint="restarted", variant="3", began_s=885, ok=20, errors=1),
    Life(endpoint="restarted", variant="3", replica="b", began_s=1500, ended_s=1200, ok=11),
)
_ALONE = Life(endpoint="alone", variant="3", began_s=600, ok=5)

LIVES = (
    *_CANARY,
    _STABLE,
    _OLDER,
    *_RESTARTED,
    _ALONE,
    Life(endpoint="neighbour", variant="3", began_s=1200, ok=1000, errors=999),
    Life(endpoint="neighbour", variant="2", began_s=_OLD_S, ok=1000, errors=999),
)
"""What was counted before now; whoever is tested must have seen all of it."""

_BREAKING_OUT = (
    '"} or {x!="',
    ".*",
    "3|2",
    "\\",
    'a\\"',
    "$variant",
    "$endpoint",
    "line\nbreak",
    "数据",
)


class CountersSuite:
    """Subclass it as ``Test...`` with a fixture ``counters`` that has seen `LIVES`, and looks back
    an hour or more for the first counter of a canary."""

    def seen(
        self, counters: Counters, endpoint: str = "churn", stable: str | None = "2"
    ) -> tuple[Seen, Counted]:
        """What was seen of the version 3, and of the stable beside it."""
        found = counters.seen(endpoint, canary="3", stable=stable)
        assert found.stable is not None
        return found, found.stable

    def test_a_canary_is_counted_whole_from_its_first_request(self, counters: Counters) -> None:
        """All its replicas, to the last request, and nobody else's."""
        canary, one, other = self.seen(counters)[0].canary, *(life.counted() for life in _CANARY)
        assert canary.requests == one.requests + other.requests
        assert canary.errors == one.errors + other.errors
        assert canary.refused == (one.refused or 0) + (other.refused or 0)
        edges = canary.at_most_s or {}
        both = (one.at_most_s or {}, other.at_most_s or {})
        assert edges[SLOW_S] == sum(found[SLOW_S] for found in both)

    def test_stable_is_counted_over_the_same_time(self, counters: Counters) -> None:
        """Not over its whole life."""
        _, stable = self.seen(counters)
        spans = stable.requests / (_STABLE.ok + _STABLE.errors)
        assert 1800 / READ_S <= spans <= (1800 + _SLACK_S) / READ_S
        assert stable.errors == pytest.approx(spans * _STABLE.errors, abs=1)
        assert (stable.refused or 0) == pytest.approx(spans * _STABLE.refused, abs=2)

    def test_stable_is_everybody_else_where_none_is_named(self, counters: Counters) -> None:
        """And else only the one that is."""
        _, named = self.seen(counters)
        _, others = self.seen(counters, stable=None)
        ratio = (_STABLE.ok + _STABLE.errors + _OLDER.ok) / (_STABLE.ok + _STABLE.errors)
        assert others.requests == pytest.approx(ratio * named.requests, rel=0.01)

    def test_a_replica_that_began_again_or_ended_loses_nothing(self, counters: Counters) -> None:
        """Its counters begin at nothing again, or are not read any more."""
        canary = self.seen(counters, "restarted")[0].canary
        assert canary.requests == sum(life.counted().requests for life in _RESTARTED)
        assert canary.errors == sum(life.counted().errors for life in _RESTARTED)

    def test_it_was_watched_since_it_appeared_and_no_longer(self, counters: Counters) -> None:
        """Rather for too short than for too long: a release waits for it."""
        for endpoint, began_s in (("churn", 1800), ("restarted", 1800), ("alone", 600)):
            found, _ = self.seen(counters, endpoint)
            assert began_s - _SLACK_S <= found.watched_s <= began_s

    @pytest.mark.parametrize("endpoint", ["churn", "nobody serves this"])
    def test_a_canary_that_nobody_has_seen_did_nothing(
        self, counters: Counters, endpoint: str
    ) -> None:
        """For no time at all; nor did anybody beside it."""
        found = counters.seen(endpoint, canary="4", stable="2")
        assert (found.canary.requests, found.canary.errors, found.watched_s) == (0, 0, 0)
        assert found.stable is not None
        assert found.stable.requests == 0

    @pytest.mark.parametrize("stable", ["2", None])
    def test_a_canary_may_be_alone(self, counters: Counters, stable: str | None) -> None:
        """Beside it nothing was counted."""
        found, beside = self.seen(counters, "alone", stable)
        assert found.canary.requests == _ALONE.counted().requests
        assert (beside.requests, beside.errors) == (0, 0)

    @pytest.mark.parametrize("name", _BREAKING_OUT)
    def test_a_name_is_a_name_whatever_it_holds(self, counters: Counters, name: str) -> None:
        """It names no other's counters, wherever it stands."""
        assert counters.seen(name, canary="3", stable="2").canary.requests == 0
        assert counters.seen("churn", canary=name, stable="2").canary.requests == 0
        found, beside = self.seen(counters, stable=name)
        assert found.canary.requests > 0
        assert beside.requests == 0

    def test_to_look_changes_nothing(self, counters: Counters) -> None:
        """As often as a rollout wants to know."""
        assert len({repr(self.seen(counters)) for _ in range(3)}) == 1
