"""docs/reference/rollout.md and events.md: what a release can do, found by trying everything.

Every event is put to every state that can be reached, with the code that decides in production. So
the diagram and the table of facts are what the code does, not what somebody once wrote down.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from pages.events import journal_rows
from pages.experiments import experiment_rows
from pages.keys import key_rows
from pages.pipelines import pipeline_rows
from pages.registries import registry_rows
from pages.text import page, table
from pages.training import run_rows
from pages.watch import event_rows
from seatrial.kernel.errors import Conflict
from seatrial.kernel.events import Draft, Fact
from seatrial.registry.catalog import REGISTERED, Registration, register
from seatrial.registry.manifest import Framework
from seatrial.release.endpoint import EndpointState, roll_back, start
from seatrial.release.fold import CHANGES, fold
from seatrial.release.rollout import (
    Asked,
    Evaluated,
    Event,
    Looked,
    Phase,
    Plan,
    Rollout,
    Staged,
    Step,
    Warmed,
    decide,
)
from seatrial.release.trial import Arm, Trial
from seatrial.release.trying import enter, leave
from seatrial.release.verdict import Outcome
from seatrial.testing.memory_store import MemoryStore

_WATCH_S = 10.0
_EXTEND_S = 5.0
_PLAN = Plan(
    steps=(Step(share=0.05, watch_s=_WATCH_S), Step(share=0.5, watch_s=_WATCH_S)),
    extend_s=_EXTEND_S,
)
_EVALUATED = replace(_PLAN, evaluated=True)
_NOW = datetime(2000, 1, 1, tzinfo=UTC)


def _looked(outcome: Outcome, watched_s: float) -> Looked:
    return Looked(
        outcome=outcome, reason="evidence", watched_s=watched_s, judgement={}, worth_keeping=True
    )


_EVENTS: Mapping[str, Event] = {
    "the staging tests pass": Staged(passed=True, reason="passed"),
    "the staging tests fail": Staged(passed=False, reason="failed"),
    "it is not worse than the version in production": Evaluated(passed=True, reason="not worse"),
    "it is worse, or cannot be compared": Evaluated(passed=False, reason="worse"),
    "every worker has it loaded": Warmed(),
    "a worker cannot load it": Warmed(problem="cannot be loaded"),
    "verdict FAIL": _looked(Outcome.FAIL, 0.0),
    "verdict PASS, watch not over": _looked(Outcome.PASS, 0.0),
    "verdict PASS, watch over": _looked(Outcome.PASS, _WATCH_S),
    "INCONCLUSIVE, watch not over": _looked(Outcome.INCONCLUSIVE, 0.0),
    "INCONCLUSIVE, watch over": _looked(Outcome.INCONCLUSIVE, _WATCH_S),
    "INCONCLUSIVE, extension over": _looked(Outcome.INCONCLUSIVE, _WATCH_S + _EXTEND_S),
    "a person promotes": Asked(wish="promote", by="person", reason="wish"),
    "a person aborts": Asked(wish="abort", by="person", reason="wish"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What an event made true in a phase, and the phase it led to.

    Args:
        situation: what else was the case, as texts.
    """

    phase: Phase
    event: str
    facts: tuple[str, ...]
    after: Phase
    situation: frozenset[str]

    @property
    def outcome(self) -> tuple[tuple[str, ...], Phase]:
        """What came of it."""
        return self.facts, self.after


@dataclass(slots=True)
class Seen:
    """Everything that was found by trying."""

    moves: list[Move] = field(default_factory=list)
    shapes: dict[str, dict[str, str]] = field(default_factory=dict)


def explore() -> Seen:
    """Put every event to every state that can be reached."""
    seen = Seen()
    for state, target, plan in _beginnings(seen):
        begun = start(state, version=2, digest="d2", target=target, plan=plan)
        waiting = [_take(state, begun, seen)]
        known: set[object] = set()
        while waiting:
            now = waiting.pop()
            rollout = now.rollout
            assert rollout is not None
            place = (rollout.phase, rollout.step, rollout.extended)
            if place in known:
                continue
            known.add(place)
            waiting += _tried(now, seen)
    return seen


def _beginnings(seen: Seen) -> list[tuple[EndpointState, str, Plan]]:
    empty = EndpointState(name="m")
    plan = Plan(steps=(Step(share=1.0, watch_s=0.0),))
    first = _take(empty, start(empty, version=1, digest="d1", target="production", plan=plan), seen)
    assert first.rollout is not None
    served = _take(
        first, decide(first.rollout, _EVENTS["the staging tests pass"], stable=None), seen
    )
    _roll_back(served, seen)
    _try_out(served, seen)
    begun = [(served, "staging"), (empty, "production"), (served, "production")]
    return [(state, target, plan) for plan in (_PLAN, _EVALUATED) for state, target in begun]


def _roll_back(served: EndpointState, seen: Seen) -> None:
    """Promote a version over the one that is served and go back, to see that fact."""
    begun = start(served, version=3, digest="d3", target="production", plan=_PLAN)
    state = _take(served, begun, seen)
    for name in ("the staging tests pass", "every worker has it loaded", "a person promotes"):
        assert state.rollout is not None
        state = _take(state, decide(state.rollout, _EVENTS[name], stable=state.stable), seen)
    _take(state, roll_back(state, to=None, by="person"), seen)


def _try_out(served: EndpointState, seen: Seen) -> None:
    """Let the version that is served win over itself, and lose, to see those facts."""
    arms = tuple(Arm(name=name, version=1, share=1.0) for name in ("control", "other"))
    begun = _take(served, enter(served, Trial(experiment="e", arms=arms), by="person"), seen)
    _take(begun, leave(begun, "e", winner=2, by="judge"), seen)


def _way(state: EndpointState, rollout: Rollout) -> str:
    """Where it goes next but one."""
    compared = rollout.plan.evaluated and state.stable is not None
    if compared and rollout.phase is Phase.STAGING:
        return "to be evaluated"
    return "for production" if rollout.target == "production" else "for staging only"


def _situation(state: EndpointState, rollout: Rollout) -> frozenset[str]:
    last = rollout.step + 1 == len(rollout.plan.steps)
    return frozenset(
        {
            _way(state, rollout),
            "no stable version" if state.stable is None else "a stable version",
            "extended already" if rollout.extended else "not extended yet",
            "last step" if last else "not the last step",
        }
    )


def _tried(state: EndpointState, seen: Seen) -> Iterator[EndpointState]:
    rollout = state.rollout
    assert rollout is not None
    for name, event in _EVENTS.items():
        try:
            drafts = decide(rollout, event, stable=state.stable)
        except Conflict:
            continue
        if not drafts:
            continue
        after = _take(state, drafts, seen)
        assert after.rollout is not None
        move = Move(
            phase=rollout.phase,
            event=name,
            facts=tuple(draft.kind for draft in drafts),
            after=after.rollout.phase,
            situation=_situation(state, rollout),
        )
        seen.moves.append(move)
        yield after


def _take(state: EndpointState, drafts: Sequence[Draft], seen: Seen) -> EndpointState:
    """The state after the drafts became facts; what they held is remembered."""
    facts = []
    for number, draft in enumerate(drafts, start=state.revision + 1):
        shape = seen.shapes.setdefault(draft.kind, {})
        shape.update({key: _shape(value) for key, value in draft.data.items()})
        fact = Fact(
            seq=number,
            stream="endpoint/m",
            revision=number,
            kind=draft.kind,
            schema=draft.schema,
            data=draft.data,
            at=_NOW,
            by=draft.by,
        )
        facts.append(fact)
    return fold(state, facts)


def _shape(value: object) -> str:
    names = {str: "text", int: "integer", float: "number", dict: "object", bool: "boolean"}
    return names.get(type(value), "null" if value is None else "list")


def rollout_page() -> str:
    """The phases as a diagram, and what each event makes true in each."""
    moves = explore().moves
    return page(
        "Rollout",
        [
            "The phases of a release. The page is made by putting every event to every state",
            "that can be reached; what is not here cannot happen.",
        ],
        ["```mermaid", *_diagram(moves), "```"],
        [
            "`staged`, `rejected`, `promoted` and `aborted` are ends. A canary's steps are all",
            "in phase `canary`. The first version of an endpoint has no canary, which is shown as",
            "skipped: it has nothing to be compared with, no stable version to",
            "protect and goes to full traffic after staging. A release that follows a registry",
            "is [evaluated](../how-to/registry.md) where there is one. A held release still",
            "takes a verdict FAIL; PASS then needs a person.",
        ],
        table(["in phase", "when", "becomes true", "then in"], _rows(moves)),
        [
            "What each fact holds is in [events.md](events.md). After the end, `seatrial",
            "rollback` appends `endpoint.rolled_back`; it changes what is served and no",
            "rollout.",
        ],
    )


def _diagram(moves: Sequence[Move]) -> Iterator[str]:
    edges: dict[tuple[Phase, Phase], dict[str, None]] = {}
    for phase, when, (facts, after) in _told(moves):
        if phase is not after or "step.entered" in facts:
            edges.setdefault((phase, after), {})[when] = None
    yield "stateDiagram-v2"
    yield f"    [*] --> {Phase.STAGING}"
    for (phase, after), labels in edges.items():
        yield f"    {phase} --> {after}: {' / '.join(labels)}"
    yield from (f"    {phase} --> [*]" for phase in Phase if phase.over)


def _rows(moves: Sequence[Move]) -> Iterator[list[str]]:
    for phase, when, (facts, after) in _told(moves):
        yield [phase.value, when, ", ".join(f"`{fact}`" for fact in facts), after.value]


def _told(moves: Sequence[Move]) -> Iterator[tuple[Phase, str, tuple[tuple[str, ...], Phase]]]:
    """Phase, event and outcome, each once; with the situation where the outcome depends on it."""
    for phase in Phase:
        for event in _EVENTS:
            same = [m for m in moves if m.phase is phase and m.event == event]
            for outcome in dict.fromkeys(m.outcome for m in same):
                here = frozenset.intersection(*(m.situation for m in same if m.outcome == outcome))
                elsewhere = [m.situation for m in same if m.outcome != outcome]
                apart = here.difference(*elsewhere) if elsewhere else frozenset()
                yield phase, ", ".join([event.removeprefix("the "), *sorted(apart)]), outcome


_MEANING = {
    "version.registered": "A bundle got the model's next number.",
    "release.started": "A version is on its way, with the plan it keeps.",
    "staging.passed": "The integration tests passed; the report is in the fact.",
    "staging.failed": "They failed: the version is rejected.",
    "evaluation.awaited": "It is to be held against the version in production before it goes on.",
    "evaluation.passed": "It is not worse, or goes on nevertheless; the reason says which.",
    "evaluation.failed": "It is worse, or could not be compared: the version is rejected.",
    "release.staged": "The release ends after staging, as it was asked to.",
    "canary.warming": "Every worker loads the version.",
    "step.entered": "The version gets the share of a step; evidence counts from here.",
    "evidence.recorded": "What the gates say: at a decision, a change of mind, and every 10 s.",
    "step.extended": "The watch is over without a verdict: it goes on for a bounded time.",
    "release.held": "That time is over too: a person must decide.",
    "release.promoted": "The version gets all traffic.",
    "release.aborted": "The version gets no traffic any more.",
    "endpoint.rolled_back": "An earlier version gets all traffic again.",
    "experiment.entered": "An experiment splits the requests.",
    "experiment.left": "It does no longer.",
    "endpoint.won": "The winner of an experiment gets all traffic.",
}


def events_page() -> str:
    """Every kind of fact with what it holds."""
    seen = explore()
    shapes = {REGISTERED: _registered(), **seen.shapes}
    kinds = [REGISTERED, *CHANGES]
    others = [
        *run_rows(),
        *registry_rows(),
        *experiment_rows(),
        *event_rows(),
        *key_rows(),
        *pipeline_rows(),
        *journal_rows(),
    ]
    rows = [
        [
            f"`{kind}`",
            "`model/NAME`" if kind == REGISTERED else "`endpoint/NAME`",
            _MEANING[kind],
            ", ".join(f"`{key}` {shape}" for key, shape in shapes[kind].items()),
        ]
        for kind in kinds
    ]
    return page(
        "Events",
        [
            "Every change of state is a fact, appended to a stream and never altered. What is",
            "served follows from the facts of its endpoint alone, so a process that was killed",
            "reads them and goes on. A fact has `seq` (place in the whole log), `stream`,",
            "`revision` (place in its stream), `kind`, `schema` (1 for all of these), `at`,",
            "`by` and `data`. `seatrial history NAME --json` prints them.",
        ],
        table(["kind", "stream", "meaning", "data"], rows + others),
        ["Which follow which: [rollout.md](rollout.md), [alerts.md](alerts.md)."],
    )


def _registered() -> dict[str, str]:
    store = MemoryStore()
    registration = Registration(
        digest="d",
        framework=Framework(name="f", version="1"),
        source_name="m.pkl",
        source_sha256="s",
    )
    register(store, "m", registration, by="person")
    (fact,) = store.read()
    shapes = {key: _shape(value) for key, value in fact.data.items()}
    return shapes | {"label": "text or null"}
