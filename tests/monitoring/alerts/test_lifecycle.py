"""What findings and people make of an alert."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.monitoring.alerts.alert import TRANSITIONS, Alert, Phase, apply
from seatrial.monitoring.alerts.finding import Finding, Labels, Level, Phrase
from seatrial.monitoring.alerts.lifecycle import (
    AlertConflict,
    Timing,
    acknowledge,
    close,
    mute,
    retire,
    step,
)

START = datetime(2030, 1, 1, tzinfo=UTC)
LABELS = Labels(endpoint="churn", kind="input_drift", feature="income")
PATIENT = Timing(for_s=120, keep_s=600, update_s=300)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def found(level: Level, what: str = "PSI 0.3") -> Finding:
    return Finding(labels=LABELS, level=level, what=Phrase(what))


def live(looks: list[tuple[float, Level]], timing: Timing = PATIENT) -> tuple[Alert, list[str]]:
    """The alert after some looks, and the kinds of all facts on the way."""
    alert, kinds = Alert(labels=LABELS), []
    for seconds, level in looks:
        alert, drafts = step(alert, found(level), at(seconds), timing=timing)
        kinds += [draft.kind.removeprefix("alert.") for draft in drafts]
    return alert, kinds


CLEAR, UNKNOWN, WARNING, CRITICAL = Level.CLEAR, Level.UNKNOWN, Level.WARNING, Level.CRITICAL


def test_trouble_that_lasts_fires():
    alert, kinds = live([(0, WARNING), (60, WARNING), (120, WARNING)])
    assert kinds == ["raised", "fired"]
    assert (alert.phase, alert.severity, alert.episode) == (Phase.FIRING, WARNING, 1)
    assert (alert.pending_at, alert.fired_at) == (at(0), at(120))


def test_without_patience_it_fires_at_once():
    assert live([(0, CRITICAL)], Timing(for_s=0))[1] == ["raised", "fired"]


def test_trouble_that_passes_before_it_fires_leaves_nobody_bothered():
    alert, kinds = live([(0, WARNING), (60, CLEAR), (130, WARNING)])
    assert kinds == ["raised", "dropped", "raised"]
    assert (alert.phase, alert.pending_at) == (Phase.PENDING, at(130))


def test_it_resolves_after_it_was_gone_long_enough():
    looks = [(0, WARNING), (120, WARNING), (180, CLEAR), (779, CLEAR), (780, CLEAR)]
    assert live(looks[:-1])[0].phase is Phase.FIRING
    alert, kinds = live(looks)
    assert kinds == ["raised", "fired", "eased", "resolved"]
    assert (alert.phase, alert.resolved_at) == (Phase.RESOLVED, at(780))


def test_what_comes_and_goes_is_one_alert():
    flapping = [(120 + 60 * i, CLEAR if i % 2 else WARNING) for i in range(100)]
    alert, kinds = live([(0, WARNING), *flapping])
    assert kinds.count("fired") == 1
    assert "resolved" not in kinds
    assert alert.episode == 1


def test_no_data_neither_fires_nor_resolves():
    assert live([(0, UNKNOWN), (500, UNKNOWN)])[1] == []
    assert live([(0, WARNING), (500, UNKNOWN)])[0].phase is Phase.PENDING
    looks = [(0, WARNING), (120, WARNING), (180, UNKNOWN), (5000, UNKNOWN)]
    assert live(looks)[0].phase is Phase.FIRING


def test_worse_trouble_escalates_at_once():
    alert, kinds = live([(0, WARNING), (120, WARNING), (121, CRITICAL)])
    assert kinds[-1] == "escalated"
    assert (alert.severity, alert.severity_at, alert.fired_at) == (CRITICAL, at(121), at(120))


def test_severity_falls_only_after_a_while():
    looks = [(0, CRITICAL), (120, CRITICAL), (200, WARNING), (799, WARNING)]
    assert live(looks)[0].severity is CRITICAL
    alert, kinds = live([*looks, (800, WARNING)])
    assert kinds == ["raised", "fired", "eased", "lowered"]
    assert (alert.severity, alert.lower_at) == (WARNING, None)


def test_time_spent_as_a_warning_counts_not_as_clear():
    looks = [(0, CRITICAL), (120, CRITICAL), (200, WARNING), (700, CLEAR), (800, CLEAR)]
    alert, kinds = live(looks)
    assert kinds == ["raised", "fired", "eased", "eased", "lowered"]
    assert alert.phase is Phase.FIRING
    alert, _ = live([*looks, (1300, CLEAR)])
    assert (alert.phase, alert.resolved_at) == (Phase.RESOLVED, at(1300))


def test_trouble_that_returns_starts_the_wait_anew():
    looks = [(0, WARNING), (120, WARNING), (200, CLEAR), (700, WARNING), (900, CLEAR)]
    alert, kinds = live([*looks, (1400, CLEAR)])
    assert kinds[2:] == ["eased", "returned", "eased"]
    assert alert.phase is Phase.FIRING


def test_a_new_episode_counts_on():
    looks = [(0, WARNING), (120, WARNING), (180, CLEAR), (780, CLEAR)]
    again, _ = live([*looks, (900, WARNING)])
    assert (again.phase, again.told_as, again.episode) == (Phase.PENDING, Phase.RESOLVED, 1)
    dropped, _ = live([*looks, (900, WARNING), (910, CLEAR)])
    assert (dropped.phase, dropped.episode) == (Phase.RESOLVED, 1)
    fired, _ = live([*looks, (900, WARNING), (1020, CRITICAL)])
    assert (fired.phase, fired.episode, fired.resolved_at) == (Phase.FIRING, 2, None)


def test_new_figures_are_recorded_now_and_then():
    alert, _ = live([(0, WARNING), (120, WARNING)])
    for seconds, n_drafts in [(121, 0), (419, 0), (420, 1), (421, 0)]:
        alert, drafts = step(
            alert, found(WARNING, f"PSI at {seconds}"), at(seconds), timing=PATIENT
        )
        assert len(drafts) == n_drafts
    assert alert.finding.what.en == "PSI at 420"
    same = found(WARNING, "PSI at 420")
    assert step(alert, same, at(420 + 3599), timing=PATIENT)[1] == []
    again, drafts = step(alert, same, at(420 + 3600), timing=PATIENT)
    assert [draft.kind for draft in drafts] == ["alert.updated"]
    assert again.seen_at == at(420 + 3600)


def test_a_person_takes_care_until_it_gets_worse():
    alert, _ = live([(0, WARNING), (120, WARNING)])
    (draft,) = acknowledge(alert, by="ana", note="on it", now=at(130))
    assert (draft.by, draft.data["note"]) == ("ana", "on it")
    cared_for = apply(alert, draft.kind, draft.data)
    assert cared_for.acknowledged_by == "ana"
    worse, _ = step(cared_for, found(CRITICAL), at(140), timing=PATIENT)
    assert worse.acknowledged_by is None


def test_a_person_may_end_it():
    alert, _ = live([(0, WARNING), (120, WARNING)])
    (draft,) = close(alert, by="ana", reason="version 3 is gone", now=at(130))
    ended = apply(alert, draft.kind, draft.data)
    assert (ended.phase, ended.reason) == (Phase.RESOLVED, "version 3 is gone")


def test_what_is_watched_no_more_ends_wherever_it_stands():
    for looks, phase, kind in [
        ([(0, WARNING)], Phase.QUIET, "alert.dropped"),
        ([(0, WARNING), (120, WARNING)], Phase.RESOLVED, "alert.resolved"),
    ]:
        alert, _ = live(looks)
        (draft,) = retire(alert, reason="gone", now=at(130))
        assert draft.kind == kind
        ended = apply(alert, draft.kind, draft.data)
        assert ended.phase is phase
        assert retire(ended, reason="gone", now=at(131)) == []


def test_only_a_firing_alert_can_be_taken_care_of():
    alert, _ = live([(0, WARNING)])
    for wish in (
        lambda: acknowledge(alert, by="ana", note="", now=at(1)),
        lambda: close(alert, by="ana", reason="", now=at(1)),
    ):
        with pytest.raises(AlertConflict, match="is pending; only a firing one"):
            wish()


def test_muting_is_a_fact_only_when_it_changes():
    alert, _ = live([(0, WARNING), (120, WARNING)])
    (draft,) = mute(alert, "r" * 900, at(130))
    muted = apply(alert, draft.kind, draft.data)
    assert mute(muted, "r" * 900, at(140)) == []
    (draft,) = mute(muted, None, at(150))
    assert apply(muted, draft.kind, draft.data).muted is None
    assert mute(alert, None, at(150)) == []
    assert mute(live([(0, WARNING)])[0], "why", at(1)) == []


levels = st.sampled_from(list(Level))
looks = st.lists(st.tuples(st.integers(0, 400), levels), max_size=40)
timings = st.builds(
    Timing,
    for_s=st.sampled_from([0.0, 100.0]),
    keep_s=st.sampled_from([0.0, 300.0]),
    update_s=st.sampled_from([0.0, 500.0]),
)


@given(looks=looks, timing=timings)
def test_the_state_is_the_fold_of_its_facts_and_moves_only_as_the_table_says(looks, timing):
    alert = folded = Alert(labels=LABELS)
    now = START
    for wait_s, level in looks:
        now += timedelta(seconds=wait_s)
        alert, drafts = step(alert, found(level, str(now)), now, timing=timing)
        for draft in drafts:
            after = apply(folded, draft.kind, draft.data)
            assert after.phase in TRANSITIONS[folded.phase, draft.kind]
            folded = after
        assert folded == alert
        assert step(alert, found(level, str(now)), now, timing=timing)[1] == []


@given(looks=looks, timing=timings)
def test_an_alert_ends_only_after_it_was_clear_for_its_whole_patience(looks, timing):
    alert, now, clear_since = Alert(labels=LABELS), START, None
    for wait_s, level in looks:
        now += timedelta(seconds=wait_s)
        if level is CLEAR:
            clear_since = clear_since or now
        elif level.trouble:
            clear_since = None
        alert, drafts = step(alert, found(level), now, timing=timing)
        if any(draft.kind == "alert.resolved" for draft in drafts):
            assert clear_since is not None
            assert (now - clear_since).total_seconds() >= timing.keep_s


YEAR_S = 365 * 86_400


def test_a_clock_set_back_keeps_no_alert_from_resolving():
    looks = [(YEAR_S, WARNING), (YEAR_S + 120, WARNING), (YEAR_S + 180, CLEAR)]
    alert, kinds = live([*looks, (0, CLEAR), (599, CLEAR)])
    assert (alert.phase, kinds[-2:]) == (Phase.FIRING, ["eased", "eased"])
    alert, kinds = live([*looks, (0, CLEAR), (599, CLEAR), (600, CLEAR)])
    assert (alert.phase, alert.resolved_at) == (Phase.RESOLVED, at(600))


def test_trouble_that_lasts_while_the_clock_is_set_back_fires():
    assert live([(YEAR_S, WARNING), (0, WARNING)])[1] == ["raised", "fired"]


def test_what_a_clock_set_back_a_little_shows_is_patience():
    assert live([(50, WARNING), (0, WARNING)])[1] == ["raised"]


def test_evidence_is_old_two_hours_after_the_last_look_with_a_result():
    looks = [(0, WARNING), (120, WARNING)]
    alert, _ = live([*looks, (400, UNKNOWN), (9_000, UNKNOWN)])
    assert alert.stale_s(at(120 + 7_199)) is None
    assert alert.stale_s(at(120 + 7_200)) == 7_200
    seen = [(120 + 600 * i, WARNING) for i in range(1, 100)]
    alert, _ = live([*looks, *seen])
    assert alert.stale_s(at(seen[-1][0] + 3_600 - 1)) is None  # recorded within the hour
    assert live([*looks, (180, CLEAR)])[0].seen_at == at(180)
    assert live([*looks, (180, CLEAR), (190, WARNING)])[0].seen_at == at(190)


def test_only_an_alert_that_fires_can_rest_on_old_evidence():
    alert, _ = live([(0, WARNING)])
    assert alert.stale_s(at(YEAR_S)) is None
    ended, _ = live([(0, WARNING), (120, WARNING), (180, CLEAR), (780, CLEAR)])
    assert ended.stale_s(at(YEAR_S)) is None
