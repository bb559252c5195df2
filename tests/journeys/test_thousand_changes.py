"""A thousand split changes, promotions and rollbacks under full load over HTTP, on two workers.

A version may answer a request only if some split that was in force while the request was under way
gives it a share. A split is in force from the moment its facts are being appended until every
worker was seen to serve a later one: no allowance for lag is made beyond that.
"""

from __future__ import annotations

import math
import random
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import pytest

from seatrial.kernel.events import Draft
from seatrial.release.endpoint import EndpointState, ask, roll_back, start
from seatrial.release.projection import Endpoints
from seatrial.release.rollout import Looked, Plan, Staged, Step, Warmed, decide
from seatrial.release.variant import Split
from seatrial.release.verdict import Outcome

pytestmark = [pytest.mark.integration, pytest.mark.slow]

N_CHANGES = 1_000
STRENGTHS = (0.1, 1.0, 10.0, 100.0, 1000.0)
PLAN = Plan(steps=(Step(share=0.05, watch_s=0), Step(share=0.5, watch_s=0)))


@dataclass
class InForce:
    """A split, and from when to when some worker may have served it."""

    split: Split
    begun: float
    ended: float = math.inf

    @property
    def answering(self) -> set[int]:
        canary = {self.split.canary} if self.split.canary_share else set()
        return {v for v in ({self.split.stable} | canary) if v is not None}


@dataclass
class Captain:
    """Changes what is served through the facts, as a controller and people in a hurry would."""

    home: Any
    name: str
    digests: dict[int, str]
    until: Callable[..., Any]
    chance: random.Random = field(default_factory=lambda: random.Random(5))
    splits: list[InForce] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._endpoints = Endpoints(self.home.store)
        self._endpoints.refresh()
        self.splits.append(InForce(self.state.split, time.monotonic()))

    @property
    def state(self) -> EndpointState:
        return self._endpoints.get(self.name)

    def change(self, decision: Callable[[EndpointState], list[Draft]]) -> None:
        begun = time.monotonic()
        state = self._endpoints.change(self.name, decision)
        if state.split != self.splits[-1].split:
            self.splits.append(InForce(state.split, begun))
        if self.chance.random() < 0.3:
            self.settle()

    def settle(self) -> None:
        """Wait until every worker serves the newest split; then no earlier one is in force."""
        self.until("both workers to follow", lambda: self.home.settled(2))
        for earlier in self.splits[:-1]:
            earlier.ended = min(earlier.ended, time.monotonic())

    def move(self) -> None:
        """One release, from its start to wherever chance takes it, and perhaps back."""
        version = self.chance.choice([v for v in self.digests if v != self.state.stable])
        digest = self.digests[version]
        self.change(
            lambda s: start(s, version=version, digest=digest, target="production", plan=PLAN)
        )
        self.change(self._decide(Staged(passed=True, reason="fine")))
        self.change(self._decide(Warmed()))
        wish = self.chance.random()
        if wish < 0.3:
            self.change(lambda s: ask(s, "abort", by="test"))
        elif wish < 0.5:
            self.change(lambda s: ask(s, "promote", by="test"))
        else:
            passed = Looked(outcome=Outcome.PASS, reason="fine", watched_s=1.0, judgement={})
            self.change(self._decide(passed))
            self.change(self._decide(passed))
        if self.state.former and self.chance.random() < 0.3:
            self.change(lambda s: roll_back(s, to=None, by="test"))

    def in_force(self, begun: float, ended: float) -> set[int]:
        """The versions that some split in force in a span of time gives a share."""
        first = bisect_left(self.splits, begun, key=lambda s: s.ended)
        last = bisect_right(self.splits, ended, key=lambda s: s.begun)
        return {version for split in self.splits[first:last] for version in split.answering}

    @staticmethod
    def _decide(event: Any) -> Callable[[EndpointState], list[Draft]]:
        def decision(state: EndpointState) -> list[Draft]:
            assert state.rollout is not None
            return decide(state.rollout, event, stable=state.stable)

        return decision


def test_a_thousand_changes_lose_no_request_and_none_is_answered_by_a_version_out_of_force(
    home: Any, bundles: Any, lab: Any
) -> None:
    home.in_production(bundles.onnx(STRENGTHS[0]))
    made = {home.publish(b): b.digest for b in map(bundles.onnx, STRENGTHS)}
    assert home.store.acquire("controller", "the test", ttl_s=3600) is not None
    up = home.up("--workers", "2")
    lab.until("both workers", lambda: home.settled(2))
    captain = Captain(home, lab.NAME, made, lab.until)
    with lab.Traffic(up.port, n_clients=16) as traffic:
        while len(captain.splits) <= N_CHANGES:
            captain.move()
        captain.settle()
    assert traffic.bad() == []
    assert {a.version for a in traffic.asked} == set(made)
    n_choices = []
    for asked in traffic.asked:
        in_force = captain.in_force(asked.begun, asked.ended)
        assert asked.version in in_force, asked
        n_choices.append(len(in_force))
    assert median(n_choices) <= 3, "too many versions were right to prove anything"
    assert captain.state.stable == home.desk.state(lab.NAME).stable
    assert up.stop() == 0
    lab.until("every process ended", up.gone)
