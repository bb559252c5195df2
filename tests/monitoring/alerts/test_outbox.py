"""The outbox of a sink as a fold over facts."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.kernel.events import Draft, Fact
from seatrial.kernel.plain import decode, encode
from seatrial.monitoring.alerts.alert import Phase
from seatrial.monitoring.alerts.facts import UnknownFact
from seatrial.monitoring.alerts.finding import Level
from seatrial.monitoring.alerts.notify import Notification, Receipt
from seatrial.monitoring.alerts.outbox import (
    Backoff,
    Outbox,
    delivered,
    failed,
    fold,
    next_to_send,
    queue,
    refused,
)
from seatrial.testing.notifier_suite import _AT as NOW
from seatrial.testing.notifier_suite import sample_alert, sample_notification

BACKOFF = Backoff(first_s=10, longest_s=100)


def after(outbox: Outbox, drafts) -> Outbox:
    """The outbox once drafts are facts, as the store gives them back."""
    facts = [
        Fact(
            seq=n,
            stream="notify/ops",
            revision=n,
            kind=draft.kind,
            schema=draft.schema,
            data=decode(encode(draft.data, draft.kind)),
            at=NOW,
            by=draft.by,
        )
        for n, draft in enumerate(drafts, 1)
    ]
    return fold(outbox, facts)


def message(group: str = "a", *, at: float = 0, **more) -> Notification:
    alerts = more.pop("alerts", (sample_alert(feature=group),))
    id_ = f"{group}-{at}"
    sent = sample_notification(*alerts, id=id_)
    return replace(sent, group=group, at=NOW + timedelta(seconds=at), **more)


def filled(*messages: Notification, limit: int = 10) -> Outbox:
    outbox = Outbox(sink="ops")
    for one in messages:
        outbox = after(outbox, queue(outbox, [one], limit=limit))
    return outbox


def test_what_is_queued_waits_and_is_marked_as_told():
    outbox = filled(message("a"))
    assert list(outbox.waiting) == ["a-0"]
    assert outbox.told.groups == {"a": NOW}
    assert outbox.told.marks[sample_alert(feature="a").key].episode == 1


def test_an_urgent_one_does_not_begin_an_interval_of_the_group():
    assert filled(message("a", urgent=True)).told.groups == {}


def test_the_oldest_goes_first_but_a_critical_one_before_it():
    warning = (sample_alert(feature="w", severity=Level.WARNING),)
    outbox = filled(message("w", alerts=warning), message("b", at=2), message("c", at=1))
    order = []
    while one := next_to_send(outbox, NOW, backoff=BACKOFF):
        order.append(one.group)
        outbox = after(outbox, delivered(one, Receipt(detail="ok"), NOW))
    assert order == ["c", "b", "w"]
    assert outbox.n_delivered == 3


def test_newer_word_of_a_group_takes_the_place_of_what_waits_and_keeps_what_it_said():
    ended = sample_alert(feature="x", phase=Phase.RESOLVED)
    outbox = filled(
        message("a", alerts=(sample_alert(feature="x"), sample_alert(feature="y"))),
        message("a", at=1, alerts=(ended,)),
    )
    (waiting,) = outbox.waiting.values()
    assert [(a.labels.feature, a.phase) for a in waiting.alerts] == [
        ("x", Phase.RESOLVED),
        ("y", Phase.FIRING),
    ]


def test_an_episode_that_could_not_be_told_is_told_as_ended_beside_the_newer():
    first = sample_alert(feature="x")
    second = replace(first, episode=2)
    outbox = filled(message("a", alerts=(first,)), message("a", at=1, alerts=(second,)))
    (waiting,) = outbox.waiting.values()
    assert [(a.episode, a.phase) for a in waiting.alerts] == [
        (2, Phase.FIRING),
        (1, Phase.RESOLVED),
    ]
    assert outbox.told.marks[first.key].episode == 2


def test_a_full_backlog_holds_new_groups_and_throws_nothing_away():
    outbox = filled(message("a"), message("b"), limit=2)
    queued = queue(outbox, [message("c"), message("a", at=1)], limit=2)
    grown = after(outbox, queued)
    assert {one.group for one in grown.waiting.values()} == {"a", "b"}
    assert sample_alert(feature="c").key not in grown.told.marks


def test_messages_too_long_to_join_wait_beside_each_other():
    def long(at: float) -> Notification:
        many = tuple(
            replace(
                a,
                finding=replace(a.finding, evidence={f"k{i}": "x" * 290 for i in range(50)}),
            )
            for a in (sample_alert(feature=f"{at}-{i}") for i in range(80))
        )
        return message("a", at=at, alerts=many)

    assert len(filled(long(0), long(1)).waiting) == 2


def test_a_failure_waits_longer_each_time_and_success_forgets():
    outbox = filled(message("a"))
    now, waits = NOW, []
    for _ in range(6):
        one = next_to_send(outbox, now, backoff=BACKOFF)
        drafts = failed(outbox, one, problem="down", now=now, chance=0.5, backoff=BACKOFF)
        outbox = after(outbox, drafts)
        waits.append((outbox.retry_at - now).total_seconds())
        assert next_to_send(outbox, now, backoff=BACKOFF) is None
        now = outbox.retry_at
    assert waits == [5, 10, 20, 40, 50, 50]
    outbox = after(outbox, delivered(one, Receipt(), now))
    assert (outbox.n_failures, outbox.retry_at, outbox.problem) == (0, None, "")


def test_a_sink_may_ask_for_more_time_up_to_the_longest_wait():
    outbox = filled(message("a"))
    for asked, granted in [(60.0, 60), (1e9, 100)]:
        (draft,) = failed(
            outbox,
            message("a"),
            problem="busy",
            now=NOW,
            chance=0.0,
            backoff=BACKOFF,
            retry_after_s=asked,
        )
        assert draft.data["retry_at"] == (NOW + timedelta(seconds=granted)).isoformat()


def test_a_clock_set_back_does_not_make_a_sink_wait_for_ever():
    outbox = filled(message("a"))
    drafts = failed(outbox, message("a"), problem="down", now=NOW, chance=0.9, backoff=BACKOFF)
    outbox = after(outbox, drafts)
    assert next_to_send(outbox, NOW - timedelta(days=365), backoff=BACKOFF) is not None


def test_what_a_sink_refuses_is_dropped_and_counted():
    outbox = filled(message("a"), message("b"))
    outbox = after(outbox, refused(message("a"), problem="bad body", now=NOW))
    assert (outbox.n_refused, outbox.problem) == (1, "bad body")
    assert [one.group for one in outbox.waiting.values()] == ["b"]


def test_what_was_replaced_while_it_was_sent_does_no_harm():
    outbox = filled(message("a"), message("a", at=1))
    outbox = after(outbox, delivered(message("a"), Receipt(), NOW))
    assert (len(outbox.waiting), outbox.n_delivered) == (1, 1)


def test_a_fact_nobody_knows_is_refused():
    with pytest.raises(UnknownFact):
        after(Outbox(sink="ops"), [Draft(kind="notification.invented")])


@given(n=st.integers(1, 10_000), chance=st.floats(0, 1, exclude_max=True))
def test_a_wait_is_never_longer_than_the_longest(n, chance):
    assert 0 <= BACKOFF.wait_s(n, chance) < BACKOFF.longest_s
