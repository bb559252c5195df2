"""docs/reference/alerts.md and the watch's part of events.md, found by letting things happen.

A small history is played on a store in memory: alerts that come, worsen, ease and go, a sink that
fails, silences, triggers. What the facts of it hold is what the tables say.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from pages.text import page, table
from seatrial.kernel.events import Fact
from seatrial.monitoring.alerts import alert, outbox, silence
from seatrial.monitoring.alerts.alert import TRANSITIONS, Phase
from seatrial.monitoring.alerts.book import PREFIX, AlertBook
from seatrial.monitoring.alerts.courier import Courier
from seatrial.monitoring.alerts.finding import Finding, Labels, Level
from seatrial.monitoring.alerts.lifecycle import Timing
from seatrial.monitoring.alerts.routing import Policy
from seatrial.monitoring.alerts.silence import Matcher, Silence
from seatrial.monitoring.triggers import fold as triggers
from seatrial.monitoring.triggers.book import TriggerBook
from seatrial.monitoring.triggers.cron import parse_cron
from seatrial.monitoring.triggers.rule import DriftRule, LabelsRule, Quorum, ScheduleRule, Window
from seatrial.testing.clock import FakeClock
from seatrial.testing.memory_store import MemoryStore
from seatrial.testing.recording_notifier import RecordingNotifier

KINDS = (*alert.KINDS, *silence.KINDS, *outbox.KINDS, *triggers.KINDS)
"""Every kind of fact of the watch."""

MEANING = {
    "alert.raised": "There is trouble; nobody is told yet.",
    "alert.dropped": "It was gone before it had lasted long enough.",
    "alert.fired": "It has lasted: people are told.",
    "alert.escalated": "A warning became critical.",
    "alert.eased": "Findings are under the severity; the alert keeps it for a while.",
    "alert.returned": "They are back at it.",
    "alert.lowered": "They were under it long enough: a critical alert is a warning now.",
    "alert.updated": "Other features, segments or figures, or hourly that it still shows the same.",
    "alert.acknowledged": "A person cares for it: it is not repeated.",
    "alert.muted": "People are not told, and why: a silence, a release, a worse alert.",
    "alert.unmuted": "They are told again.",
    "alert.resolved": "The trouble was gone long enough, or a person closed the alert.",
    "silence.added": "Nobody wants to hear of some alerts until a time.",
    "silence.ended": "A silence was ended before its time.",
    "notification.queued": "A sink is to be told; it may take the place of one that waited.",
    "notification.delivered": "The sink has taken it.",
    "notification.failed": "It has not, and is tried again from `retry_at` on.",
    "notification.refused": "It never will; what still fires is told at its repeat.",
    "trigger.began": "A rule was looked at first, or what it starts from changed: labels, a clock.",
    "trigger.window": "A window that counts for a quorum, or better evidence of one that did.",
    "evaluation.requested": "Inputs drift: is the model worse?",
    "evaluation.completed": "The answer.",
    "retraining.requested": "A cause to retrain, once.",
}

_STREAMS = {
    PREFIX: "alerts/NAME",
    silence.STREAM: "silences",
    outbox.PREFIX: "notify/SINK",
    triggers.PREFIX: "triggers/NAME",
}

_NOW = datetime(2030, 1, 1, tzinfo=UTC)
_LABELS = Labels(endpoint="m", kind="input_drift", feature="f", version=1)


def event_rows() -> list[list[str]]:
    """The rows of the watch in events.md."""
    facts = played()
    return [
        [
            f"`{kind}`",
            f"`{_stream(next(f for f in facts if f.kind == kind))}`",
            MEANING[kind],
            ", ".join(f"`{key}` {shape}" for key, shape in shapes(facts, kind).items()),
        ]
        for kind in KINDS
    ]


def alerts_page() -> str:
    """The phases of an alert, as a diagram and a table."""
    edges = [
        (phase, kind, after) for (phase, kind), goals in TRANSITIONS.items() for after in goals
    ]
    moves = [(phase, kind, after) for phase, kind, after in edges if phase is not after]
    diagram = [
        "stateDiagram-v2",
        f"    [*] --> {Phase.QUIET}",
        *(f"    {phase} --> {after}: {kind}" for phase, kind, after in moves),
    ]
    rows = [[p.value, f"`{kind}`", MEANING[kind], after.value] for p, kind, after in edges]
    return page(
        "Alerts",
        [
            "The phases of an alert, made from the table that the code obeys. Trouble that",
            "passes before it fired leaves a former episode `resolved`, and an alert that never",
            "fired `quiet`. No data is neither good nor bad: it changes nothing.",
        ],
        ["```mermaid", *diagram, "```"],
        table(["in phase", "fact", "meaning", "then in"], rows),
        ["What each fact holds: [events.md](events.md)."],
    )


def shapes(facts: list[Fact], kind: str) -> dict[str, str]:
    """What the facts of a kind hold, by key."""
    found: dict[str, set[str]] = {}
    for fact in facts:
        if fact.kind == kind:
            for key, value in fact.data.items():
                found.setdefault(key, set()).add(_shape(value))
    return {key: " or ".join(sorted(names)) for key, names in found.items()}


def played() -> list[Fact]:
    """The facts of a history in which everything happens."""
    store = MemoryStore()
    _alerts(store)
    logging.disable(logging.ERROR)  # that the sink fails is wanted here
    try:
        _sinks(store)
    finally:
        logging.disable(logging.NOTSET)
    _triggers(store)
    return store.read(limit=10_000)


def _alerts(store: MemoryStore) -> None:
    book = AlertBook(store, timing=lambda _: Timing(for_s=60, keep_s=60, update_s=0))
    levels = ["warning", "clear", "warning", "warning", "warning", "critical", "warning"]
    levels += ["critical", "warning", "warning", "clear", "clear", "warning", "warning"]
    for minute, level in enumerate(levels):
        finding = Finding(
            labels=_LABELS, level=Level(level), since=_NOW, evidence={"minute": minute}
        )
        now = _NOW + timedelta(minutes=minute)
        (changed,) = book.observe([finding], now=now) or [book.find(_LABELS.key)]
        if changed.phase is Phase.FIRING:
            book.acknowledge(changed.key, by="person", now=now)
            book.mute({changed.key: "why"}, now=now)
            book.mute({}, now=now)
    matcher = Matcher({"kind": ("latency",)})
    until = _NOW + timedelta(hours=1)
    asked = Silence(id="", matcher=matcher, since=_NOW, until=until, by="person", why="why")
    book.silence(replace(asked, since=None), now=_NOW)
    begun = book.silence(asked, now=_NOW)
    book.end_silence(begun.id, by="person", now=_NOW)


def _sinks(store: MemoryStore) -> None:
    clock = FakeClock(_NOW + timedelta(hours=1))
    book = AlertBook(store)
    book.refresh()
    sink = RecordingNotifier(fails=lambda attempt: attempt == 0)
    for name in ("s", "refusing"):
        sink.refuses = name == "refusing"
        policy = Policy(sink=name, repeat_acknowledged=True)
        courier = Courier(store, sink, policy, clock=clock, chance=lambda: 0.5)
        courier.offer(book.alerts())
        courier.deliver()
        clock.advance(8 * 3600)
        courier.offer(book.alerts())
        courier.deliver()


def _triggers(store: MemoryStore) -> None:
    book = TriggerBook(store)
    rules = [
        DriftRule(name="drift", quorum=Quorum(k=1, n=1)),
        ScheduleRule(name="nightly", cron=parse_cron("@daily")),
        LabelsRule(name="labels", n_rows=1000),
    ]
    window = Window(version=1, end=_NOW, psi={"f": 0.3})
    book.look("m", rules, now=_NOW, window=window, n_labelled=0)
    book.look("m", rules, now=_NOW + timedelta(days=1))
    book.evaluated("m", "drift-1", worse=True, reason="r", evidence={}, by="training", now=_NOW)


def _stream(fact: Fact) -> str:
    return next(shown for prefix, shown in _STREAMS.items() if fact.stream.startswith(prefix))


def _shape(value: object) -> str:
    names = {str: "text", int: "integer", float: "number", dict: "object", bool: "boolean"}
    return names.get(type(value), "null" if value is None else "list")
