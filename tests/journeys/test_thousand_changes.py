"""A thousand split changes, promotions and rollbacks under full load over HTTP, on two workers.

A version may answer a request only if some split that was in force while the request was under way
gives it a share. A split is in force from the moment its facts are being appended until every
worker was seen to serve a later one: no allowance for lag is made beyond that.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
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
SETTLE_EVERY = 20
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

    def settle(self, until: Callable[..., Any]) -> None:
        """Wait until every worker serves the newest split; then no earlier one is in force."""
        until("both workers to follow", lambda: self.home.settled(2))
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

    @staticmethod
    def _decide(event: Any) -> Callable[[EndpointState], list[Draft]]:
        def decision(state: EndpointState) -> list[Draft]:
            assert state.rollout is not None
            return decide(state.rollout, event, stable=state.stable)

        return decision


def test_a_thousand_changes_lose_no_request_and_none_is_answered_by_a_version_out_of_force(
    home: Any, bundles: Any, lab: Any
) -> None:
    first = home.in_production(bundles.onnx(1.0))
    made = {home.publish(b): b.digest for b in map(bundles.onnx, (1.0, 10.0, 100.0))}
    assert home.store.acquire("controller", "the test", ttl_s=3600) is not None
    up = home.up("--workers", "2")
    lab.until("both workers", lambda: home.settled(2))
    captain = Captain(home, lab.NAME, made)
    with lab.Traffic(up.port, n_clients=16) as traffic:
        n_moves = 0
        while len(captain.splits) <= N_CHANGES:
            captain.move()
            n_moves += 1
            if n_moves % SETTLE_EVERY == 0:
                captain.settle(lab.until)
        captain.settle(lab.until)
    assert traffic.bad() == []
    assert len(traffic.asked) > N_CHANGES
    assert {a.version for a in traffic.asked} == set(made)
    for asked in traffic.asked:
        in_force = {
            version
            for split in captain.splits
            if split.begun <= asked.ended and asked.begun <= split.ended
            for version in split.answering
        }
        assert asked.version in in_force, asked
    assert captain.state.stable == home.desk.state(lab.NAME).stable
    assert first in made
    assert up.stop() == 0
    lab.until("every process ended", up.gone)
