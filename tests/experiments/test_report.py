"""Reports: every sentence in both languages, whole pages, records that are JSON."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from experiment_units import LATENCY, SHARE, an_experiment, part, some_units

from seatrial.experiments.design import Experiment, Horizon, Unit, Variant
from seatrial.experiments.judge import judge
from seatrial.experiments.report import experiment_page, headline, judgement_record, lines
from seatrial.experiments.tally import Units, tally
from seatrial.experiments.verdicts import Judgement, Why
from seatrial.experiments.words import _EN, _ZH, days_said, said


def judged(experiment: Experiment, units: Units) -> Judgement:
    return judge(experiment, tally(experiment, units))


def every_reason() -> dict[Why, Judgement]:
    units = some_units(lift=0.05)
    lost = part(units, np.flatnonzero((units.variant == 0) | (np.arange(10_000) % 8 > 0)))
    tight = an_experiment(metrics=(SHARE, replace(LATENCY, margin=2.0)))
    none = an_experiment(horizon=Horizon(units=2_000))
    found = [
        judged(an_experiment(3), some_units(2_000)),
        judged(an_experiment(), lost),
        judged(an_experiment(), some_units(3_000, slower=40.0)),
        judged(an_experiment(), units),
        judged(tight, some_units(lift=0.04, slower=3.0)),
        judged(an_experiment(), some_units(lift=-0.04)),
        judged(an_experiment(horizon=Horizon(units=38_000)), some_units(40_000)),
        judged(an_experiment(), some_units(5_000)),
        judged(none, some_units(2_100, lift=0.01)),
        judged(an_experiment(3), some_units(n_variants=3, lift=-0.05)),
    ]
    return {one.reason.why: one for one in found}


JUDGEMENTS = every_reason()


def test_every_reason_is_met() -> None:
    assert set(JUDGEMENTS) == set(Why)


@pytest.mark.parametrize("why", Why)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_reason_is_said_and_every_page_is_whole(why: Why, language: str) -> None:
    judgement = JUDGEMENTS[why]
    sentence = said(judgement, judgement.reason, language)
    assert "{" not in sentence
    assert sentence.endswith("." if language == "en" else "。")
    page = experiment_page(judgement, language)
    assert re.findall(r"(?:https?:)?//[^\s\"'<>]+|<script|<link|@import", page) == []
    assert re.findall(r"\bnan\b|\bNone\b|\{\w+\}", page) == []
    assert page.count("<svg") == page.count("</svg>") > 2
    assert bool(re.search("[一-鿿]", page.replace("中文", "").replace("Noto Sans SC", ""))) == (
        language == "zh"
    )


def test_both_languages_have_the_same_words_with_the_same_places() -> None:
    places = re.compile(r"\{\w+\}")
    assert set(_EN) == set(_ZH)
    differing = [
        key
        for key in _EN
        if key not in ("why.no_units", "why.mismatch", "over_time_note", "n")
        and set(places.findall(_EN[key])) != set(places.findall(_ZH[key]))
    ]
    assert differing == []


@pytest.mark.parametrize("why", Why)
def test_a_record_is_json_and_has_no_number_that_is_none(why: Why) -> None:
    text = json.dumps(judgement_record(JUDGEMENTS[why]), allow_nan=False)
    record = json.loads(text)
    assert record["reason"] == why.value
    assert set(record["said"]) == {"en", "zh"}
    assert len(record["metrics"]) == len(JUDGEMENTS[why].comparisons)


def test_a_sentence_has_the_figures() -> None:
    better = JUDGEMENTS[Why.BETTER]
    sentence = said(better, better.reason)
    assert re.fullmatch(
        r"variant-1 is better in bought: \+\d\.\d+ points \(\+\d\.\d+ … \+\d\.\d+ points\)\.",
        sentence,
    )
    assert headline(better) == "Ship variant-1"
    harm = JUDGEMENTS[Why.HARM]
    assert "where 10 is the most" in said(harm, harm.reason)


def test_sessions_are_called_sessions() -> None:
    running = judged(an_experiment(unit=Unit.SESSION), some_units(5_000))
    assert "3,000 sessions are still to come" in said(running, running.reason)
    days = judged(an_experiment(horizon=Horizon(days=21)), some_units(5_000))
    assert "11 days are still to come" in said(days, days.reason)


def test_names_break_out_of_nothing() -> None:
    bad = "<script>alert(1)</script>"
    experiment = an_experiment(
        name=bad,
        hypothesis=bad,
        variants=(Variant(name="control"), Variant(name=bad)),
        metrics=(replace(SHARE, name="bought"), LATENCY),
    )
    page = experiment_page(judged(experiment, some_units(lift=0.05)))
    assert "<script" not in page
    assert page.count("&lt;script&gt;") > 3


def test_the_table_in_text_is_one_line_a_comparison() -> None:
    found = lines(JUDGEMENTS[Why.BETTER])
    assert len(found) == 4
    assert "guards (kept)" in found[2]
    assert "< 0.0001" in found[1]


def test_few_units_are_drawn_and_not_known() -> None:
    few = judged(an_experiment(), some_units(60))
    page = experiment_page(few)
    assert "−∞" in page
    assert judgement_record(few)["metrics"][1]["interval"] == [None, None]


def test_a_series_of_one_day_is_not_drawn() -> None:
    day = judged(an_experiment(), some_units(5_000, days=1))
    assert "How it became known" not in experiment_page(day)
    assert day.series["variant-1"][0].at.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("days", "en", "zh"),
    [
        (0.0417, "1 h", "1 小时"),
        (0.958, "23 h", "23 小时"),
        (1.0, "1 day", "1 天"),
        (7.0, "7 days", "7 天"),
        (10.55, "10.6 days", "10.6 天"),
    ],
)
def test_less_than_a_day_is_said_in_hours(days: float, en: str, zh: str) -> None:
    assert (days_said(days), days_said(days, "zh")) == (en, zh)
