"""Who is told of what, and when."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.monitoring.alerts.alert import Alert, Phase
from seatrial.monitoring.alerts.finding import Finding, Labels, Level
from seatrial.monitoring.alerts.lifecycle import Timing, step
from seatrial.monitoring.alerts.notify import Notification
from seatrial.monitoring.alerts.routing import DuringRelease, Policy, Told, due, marks_of, mutes
from seatrial.monitoring.alerts.silence import Matcher, Silence

START = datetime(2030, 1, 1, tzinfo=UTC)
POLICY = Policy(sink="ops", wait_s=30, interval_s=300, repeat_s=3600)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def alert(
    feature: str | None = "income",
    *,
    fired: float = 0,
    severity: Level = Level.WARNING,
    ended: float | None = None,
    endpoint: str = "churn",
    kind: str = "input_drift",
    **more,
) -> Alert:
    labels = Labels(endpoint=endpoint, kind=kind, feature=feature, version=more.pop("version", 1))
    return Alert(
        labels=labels,
        phase=Phase.FIRING if ended is None else Phase.RESOLVED,
        episode=more.pop("episode", 1),
        severity=severity,
        fired_at=at(fired),
        severity_at=at(fired),
        resolved_at=None if ended is None else at(ended),
        **more,
    )


def tell(told: Told, notifications: list[Notification]) -> Told:
    """As the outbox does when notifications are queued."""
    marks, groups = dict(told.marks), dict(told.groups)
    for one in notifications:
        marks |= marks_of(one)
        if not one.urgent:
            groups[one.group] = one.at
    return Told(marks=marks, groups=groups)


def told_at(alerts: list[Alert], seconds: float, policy: Policy = POLICY) -> Told:
    notifications = due(alerts, Told(), policy, at(seconds))
    assert notifications
    return tell(Told(), notifications)


def features(notifications: list[Notification]) -> list[list[str | None]]:
    return [[a.labels.feature for a in n.alerts] for n in notifications]


def test_alerts_of_a_group_wait_for_each_other_and_go_in_one_message():
    two = [alert("income"), alert("age", fired=20)]
    assert due(two, Told(), POLICY, at(29)) == []
    (message,) = due(two, Told(), POLICY, at(30))
    assert {a.labels.feature for a in message.alerts} == {"income", "age"}


def test_groups_are_by_endpoint_and_kind():
    several = [alert(), alert(kind="latency"), alert(endpoint="loans")]
    groups = [n.group for n in due(several, Told(), POLICY, at(30))]
    assert groups == ["churn / input_drift", "churn / latency", "loans / input_drift"]


def test_the_same_news_is_told_once_and_again_after_the_repeat():
    told = told_at([alert()], 30)
    assert due([alert()], told, POLICY, at(3629)) == []
    (again,) = due([alert()], told, POLICY, at(3630))
    assert due([alert()], tell(told, [again]), POLICY, at(7229)) == []


def test_more_of_a_group_waits_for_the_interval():
    told = told_at([alert()], 30)
    two = [alert(), alert("age", fired=40)]
    assert due(two, told, POLICY, at(329)) == []
    (message,) = due(two, told, POLICY, at(330))
    assert len(message.alerts) == 2


def test_a_critical_alert_does_not_wait_for_the_interval_and_goes_alone():
    told = told_at([alert()], 30)
    two = [alert(), alert("age", fired=40, severity=Level.CRITICAL)]
    assert due(two, told, POLICY, at(69)) == []
    (message,) = due(two, told, POLICY, at(70))
    assert (features([message]), message.urgent) == ([["age"]], True)


def test_an_escalation_is_told_at_once():
    told = told_at([alert()], 30)
    worse = replace(alert(), severity=Level.CRITICAL, severity_at=at(40))
    (message,) = due([worse], told, POLICY, at(40))
    assert message.urgent
    assert due([worse], tell(told, [message]), POLICY, at(41)) == []


def test_the_end_is_told_after_the_interval():
    told = told_at([alert()], 30)
    over = alert(ended=100)
    assert due([over], told, POLICY, at(329)) == []
    (message,) = due([over], told, POLICY, at(330))
    assert (message.firing, message.ended) == ((), (over,))
    assert due([over], tell(told, [message]), POLICY, at(9999)) == []


def test_the_end_is_not_told_to_who_does_not_want_it():
    policy = replace(POLICY, tell_ended=False)
    assert due([alert(ended=100)], told_at([alert()], 30), policy, at(330)) == []


def test_what_began_and_ended_untold_is_told():
    (message,) = due([alert(ended=10)], Told(), POLICY, at(40))
    assert len(message.ended) == 1


def test_what_was_muted_is_not_told_and_neither_is_its_end():
    assert due([alert(muted="why")], Told(), POLICY, at(60)) == []
    assert due([alert(muted="why", ended=50)], Told(), POLICY, at(90)) == []


def test_whoever_was_told_the_begin_is_told_the_end_though_it_is_muted_now():
    told = told_at([alert()], 30)
    assert len(due([alert(muted="why", ended=50)], told, POLICY, at(330))) == 1


def test_what_is_muted_no_more_is_told_at_once():
    assert len(due([alert(fired=-5000)], Told(), POLICY, at(0))) == 1


def test_muted_alerts_are_not_repeated():
    told = told_at([alert()], 30)
    assert due([alert(muted="why")], told, POLICY, at(9999)) == []


def test_what_people_care_for_is_not_repeated():
    told = told_at([alert(), alert("age")], 30)
    mine = alert(acknowledged_by="ana")
    assert due([mine, replace(alert("age"), acknowledged_by="bob")], told, POLICY, at(9999)) == []
    assert len(due([mine, alert("age")], told, POLICY, at(9999))) == 1
    stubborn = replace(POLICY, repeat_acknowledged=True)
    assert len(due([mine], told, stubborn, at(9999))) == 1


def test_a_sink_is_told_only_of_what_it_asked_for():
    policy = replace(POLICY, matcher=Matcher({"severity": ("critical",)}))
    two = [alert(), alert("age", severity=Level.CRITICAL)]
    assert features(due(two, Told(), policy, at(30))) == [["age"]]


def test_pending_alerts_are_told_to_nobody():
    pending = Alert(labels=alert().labels, phase=Phase.PENDING, pending_at=START)
    assert due([pending], Told(), POLICY, at(9999)) == []


def test_a_long_group_is_told_in_parts_the_worst_first():
    many = [alert(f"f{i}") for i in range(7)] + [alert("last", severity=Level.CRITICAL, fired=-40)]
    policy = replace(POLICY, max_alerts=3)
    told, seen, now = Told(), [], 30
    for _ in range(5):
        news = due(many, told, policy, at(now))
        told = tell(told, news)
        seen += [feature for one in features(news) for feature in one]
        now += 300
    assert seen[0] == "last"
    assert set(seen) == {a.labels.feature for a in many}


def test_a_message_fits_a_record_of_the_store():
    heavy = [
        replace(a, finding=Finding(labels=a.labels, level=Level.WARNING, evidence={"x": "y" * 400}))
        for a in (alert(f"f{i:04}") for i in range(3000))
    ]
    policy = replace(POLICY, max_alerts=3000)
    (message,) = due(heavy, Told(), policy, at(30))
    assert 100 < len(message.alerts) < 3000


def test_the_id_is_the_same_for_the_same_news_and_another_for_other_news():
    (one,) = due([alert()], Told(), POLICY, at(30))
    (same,) = due([alert()], Told(), POLICY, at(30))
    (later,) = due([alert()], Told(), POLICY, at(31))
    (elsewhere,) = due([alert()], Told(), replace(POLICY, sink="b"), at(30))
    assert one.id == same.id
    assert len({one.id, later.id, elsewhere.id}) == 3


def test_a_clock_set_back_by_a_year_silences_nobody():
    told = told_at([alert()], 30)
    assert len(due([alert()], told, POLICY, at(-365 * 86400))) == 1


def mutes_of(*alerts: Alert, **given) -> dict[str, str]:
    defaults = {"silences": [], "on_trial": {}, "during_release": DuringRelease.WARNINGS}
    return mutes(alerts, now=at(0), **(defaults | given))


def test_a_silence_mutes_with_its_reason():
    silence = Silence(id="1", matcher=Matcher({"feature": ("inc*",)}), until=at(60), by="ana")
    reasons = mutes_of(alert(), alert("age"), silences=[silence])
    assert list(reasons) == [alert().key]
    assert "silenced by ana" in reasons[alert().key]


def test_a_critical_alert_inhibits_warnings_of_the_same_thing():
    whole = alert(None, severity=Level.CRITICAL)
    part, elsewhere = alert("income"), alert("income", kind="latency")
    reasons = mutes_of(whole, part, elsewhere)
    assert list(reasons) == [part.key]
    assert whole.key in reasons[part.key]


def test_a_critical_part_does_not_inhibit_the_whole_nor_other_parts():
    assert mutes_of(alert("income", severity=Level.CRITICAL), alert(None), alert("age")) == {}


@pytest.mark.parametrize(
    ("during", "muted"),
    [
        (DuringRelease.NONE, set()),
        (DuringRelease.ON_TRIAL, {"canary", "canary critical"}),
        (DuringRelease.WARNINGS, {"canary", "canary critical", "stable"}),
        (DuringRelease.ALL, {"canary", "canary critical", "stable", "stable critical"}),
    ],
)
def test_a_release_under_way_mutes_what_its_gates_watch(during, muted):
    alerts = {
        "canary": alert("canary", version=2),
        "canary critical": alert("canary critical", version=2, severity=Level.CRITICAL),
        "stable": alert("stable", version=1),
        "stable critical": alert("stable critical", version=1, severity=Level.CRITICAL),
        "elsewhere": alert("elsewhere", endpoint="loans", version=2),
    }
    reasons = mutes_of(*alerts.values(), on_trial={"churn": 2}, during_release=during)
    assert {name for name, a in alerts.items() if a.key in reasons} == muted


def test_alerts_that_do_not_fire_need_no_mute():
    silence = Silence(id="1", matcher=Matcher(), until=at(60))
    assert mutes_of(alert(ended=10), silences=[silence]) == {}


NAMES = ("income", "age", None)


@settings(max_examples=200, deadline=None)
@given(
    ticks=st.lists(
        st.tuples(
            st.integers(0, 200),
            st.dictionaries(st.sampled_from(NAMES), st.sampled_from(list(Level)), max_size=3),
        ),
        max_size=60,
    ),
    n_asked=st.integers(1, 3),
)
def test_no_order_of_findings_tells_an_alert_twice_within_an_interval(ticks, n_asked):
    """At most one notification per alert, severity and interval in which it fires."""
    timing = Timing(for_s=0, keep_s=0, update_s=0)
    alerts: dict[str | None, Alert] = {}
    told, now, sent = Told(), START, []
    for wait_s, findings in ticks:
        now += timedelta(seconds=wait_s)
        for name, level in findings.items():
            labels = Labels(endpoint="churn", kind="input_drift", feature=name)
            known = alerts.get(name, Alert(labels=labels))
            finding = Finding(labels=labels, level=level)
            alerts[name], _ = step(known, finding, now, timing=timing)
        for _ in range(n_asked):
            news = due(alerts.values(), told, POLICY, now)
            told = tell(told, news)
            sent += news
    last: dict[object, datetime] = {}
    for one in sent:
        for a in one.firing:
            key = a.key, a.severity
            if key in last:
                assert (one.at - last[key]).total_seconds() >= POLICY.interval_s
            last[key] = one.at


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 400), st.sampled_from(list(Level))), max_size=40))
def test_in_the_end_the_sink_knows_how_things_are(looks):
    timing = Timing(for_s=0, keep_s=50, update_s=0)
    labels = Labels(endpoint="churn", kind="latency")
    state, told, now = Alert(labels=labels), Told(), START
    for wait_s, level in looks:
        now += timedelta(seconds=wait_s)
        state, _ = step(state, Finding(labels=labels, level=level), now, timing=timing)
        told = tell(told, due([state], told, POLICY, now))
    now += timedelta(seconds=POLICY.interval_s + POLICY.wait_s)
    told = tell(told, due([state], told, POLICY, now))
    if state.told_as is not Phase.QUIET:
        mark = told.marks[state.key]
        assert (mark.episode, mark.phase) == (state.episode, state.told_as)
        assert mark.phase is Phase.RESOLVED or mark.severity is state.severity
