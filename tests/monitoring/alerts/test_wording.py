"""What people read."""

from dataclasses import replace
from datetime import timedelta

import pytest

from seatrial.monitoring.alerts import wording
from seatrial.monitoring.alerts.alert import Alert, Phase
from seatrial.monitoring.alerts.finding import Finding, Kind, Labels, Level, Phrase
from seatrial.monitoring.alerts.wording import LANGUAGES, SHOWN, compose, kind_name, steps_of
from seatrial.testing.notifier_suite import sample_alert, sample_notification


def test_a_message_in_english():
    message = compose(sample_notification(), "en", link="http://console.example")
    assert message.title == "[CRITICAL] churn: input drift (1 firing, 0 resolved)"
    assert message.text() == (
        "[CRITICAL] churn · version 3 · input drift · income · country=DE\n"
        "  What moved: PSI of income is 0.31 against the reference\n"
        "  Since: 2030-01-01 11:00 UTC (1 h)\n"
        "  How sure: false alarm in 1 of 10,000 windows\n"
        "  Features: income, age\n"
        "  Segments: country=DE\n"
        "  What to do next:\n"
        "  1. Look at the histograms of the features named above: a fault upstream, or a new "
        "population?\n"
        "  2. Evaluate the model on recent labelled rows; retrain when it got worse.\n\n"
        "http://console.example"
    )


def test_a_message_in_chinese():
    message = compose(sample_notification(sample_alert(phase=Phase.RESOLVED)), "zh")
    assert message.title == "【已恢复】churn：输入漂移（0 条触发中，1 条已恢复）"
    assert "恢复时间：2030-01-01 12:00 UTC" in message.text()
    assert "下一步" not in message.text()


def test_a_message_about_several_things_names_none_of_them_as_the_one():
    other = Alert(labels=Labels(endpoint="loans", kind=Kind.LATENCY), phase=Phase.FIRING, episode=1)
    message = compose(sample_notification(sample_alert(), other), "en")
    assert message.title == "[CRITICAL] several endpoints (2 firing, 0 resolved)"


def test_what_is_not_shown_is_counted():
    many = [sample_alert(feature=f"f{i}") for i in range(SHOWN + 5)]
    message = compose(sample_notification(*many), "en")
    assert (len(message.sections), message.more) == (SHOWN, "And 5 more alerts.")


def test_a_title_is_one_line_whatever_the_data_is_called():
    labels = Labels(endpoint="a\r\nBcc: x", kind="own\nkind")
    bare = Alert(labels=labels, phase=Phase.FIRING, episode=1)
    assert compose(sample_notification(bare), "en").title.isprintable()


def test_steps_of_a_finding_come_before_those_of_its_kind():
    labels = Labels(endpoint="a", kind=Kind.LATENCY)
    own = Finding(labels=labels, level=Level.WARNING, steps=(Phrase("Do this.", "做这个。"),))
    alert = Alert(labels=labels, finding=own)
    assert steps_of(alert, "zh") == ("做这个。",)
    assert steps_of(Alert(labels=labels), "en")[0].startswith("See whether it began")
    assert steps_of(Alert(labels=Labels(endpoint="a", kind="own")), "en") == ()


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_has_a_name_and_steps_in_every_language(kind):
    alert = Alert(labels=Labels(endpoint="a", kind=kind))
    names = {kind_name(kind, language) for language in LANGUAGES}
    steps = {steps_of(alert, language) for language in LANGUAGES}
    assert len(names) == len(steps) == len(LANGUAGES)
    assert all(steps)


def test_every_language_has_the_same_words():
    assert set(wording._WORDS) == set(LANGUAGES)
    assert len({frozenset(words) for words in wording._WORDS.values()}) == 1


def test_a_message_about_what_was_not_looked_at_for_long_says_so():
    seen_at = sample_notification().at - timedelta(hours=5, minutes=12)
    said = {
        one: compose(sample_notification(replace(sample_alert(), seen_at=seen_at)), one).text()
        for one in LANGUAGES
    }
    assert "  Age of it: about 5 h old, of 2030-01-01 06:48 UTC: whether it lasts" in said["en"]
    assert "数据时效：约 5 小时前（2030-01-01 06:48 UTC）" in said["zh"]
    fresh = sample_notification(replace(sample_alert(), seen_at=sample_notification().at))
    assert "Age of it" not in compose(fresh, "en").text()
