"""The section of segments: the worst first, in words, on the page and in what is mailed."""

from __future__ import annotations

import re
from typing import Any

import pytest

from seatrial.monitoring.summaries.segments import MISSING, NEW, OTHER
from seatrial.web.console.segment_lines import (
    SHOWN,
    equals,
    segment_lines,
    segment_value,
    segment_versions,
)
from seatrial.web.console.segment_words import EN, ZH
from seatrial.web.console.watching import report_page
from seatrial.web.console.words import words

HOSTILE = "<img src=x onerror=alert(1)>\u202e"


def verdict(value: str, **more: Any) -> dict[str, Any]:
    return {
        "column": "town",
        "value": value,
        "level": "clear",
        "n": 200,
        "windows": 4,
        "performance": 0.8,
        "lower": 0.75,
        "upper": 0.85,
        "reference": 0.82,
        "reference_of_whole": False,
        "drop": 0.02,
        "p_value": 1.0,
        **more,
    }


def drift(value: str, **more: Any) -> dict[str, Any]:
    return {
        "column": "town",
        "value": value,
        "n": 120,
        "n_reference": 900,
        "severity": "none",
        "not_compared": None,
        "moved": [],
        "quality": [],
        **more,
    }


def performance(
    *measured: dict[str, Any],
    estimated: tuple[dict[str, Any], ...] = (),
    n_more: tuple[int, int] = (0, 0),
) -> dict[str, Any]:
    return {
        "columns": ["town"],
        "estimated": list(estimated),
        "measured": list(measured),
        "n_more": list(n_more),
    }


def window(*segments: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "schema": 1,
        "endpoint": "churn",
        "version": 1,
        "columns": ["town"],
        "problem": None,
        "filling": 70,
        "start": "2026-03-01T10:00:00+00:00",
        "end": "2026-03-01T10:10:00+00:00",
        "n": 1_200,
        "segments": list(segments),
        "n_more": 0,
        **more,
    }


def test_words_are_the_same_in_both_languages() -> None:
    assert set(EN) == set(ZH)
    for key, text in EN.items():
        assert sorted(re.findall(r"{\w+}", text)) == sorted(re.findall(r"{\w+}", ZH[key]))


def test_scores_and_labels_of_a_segment_are_one_line_and_the_worst_comes_first() -> None:
    found = segment_lines(
        performance(
            verdict("Oslo"),
            verdict("Lima", level="critical", drop=0.3),
            verdict("Bonn", level="unknown", performance=None, drop=None),
            estimated=(
                verdict("Oslo", level="warning", drop=0.04, n=900),
                verdict("Bonn", drop=0.01, n=950),
                verdict("Wuhan", drop=-0.02),
            ),
        )
    )
    assert [line.value for line in found.first] == ["Lima", "Oslo", "Bonn", "Wuhan"]
    assert [line.level for line in found.first] == ["critical", "warning", "clear", "clear"]
    by_value = {line.value: line for line in found.first}
    assert by_value["Oslo"].leading["n"] == 200  # labels go before scores,
    assert by_value["Bonn"].leading["n"] == 950  # unless they say nothing yet
    assert by_value["Lima"].estimated is None
    assert found.rest == []


def test_many_quiet_segments_are_folded_away_and_none_in_trouble() -> None:
    quiet = segment_lines(performance(*(verdict(f"t{i}") for i in range(20))))
    assert (len(quiet.first), len(quiet.rest)) == (SHOWN, 20 - SHOWN)
    bad = segment_lines(performance(*(verdict(f"t{i}", level="warning") for i in range(20))))
    assert (len(bad.first), len(bad.rest)) == (20, 0)


def test_segments_that_no_record_holds_are_counted_once() -> None:
    both = (verdict("Oslo"), verdict("Lima"))
    assert segment_lines(performance(*both, estimated=both, n_more=(30, 30))).n_more == 30
    # Of scores nothing is said where labels contradict them.
    assert segment_lines(performance(verdict("Oslo"), n_more=(0, 30))).n_more == 30
    assert segment_lines(performance(*both, estimated=both[:1], n_more=(1, 0))).n_more == 0


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_stands_for_the_rest_is_in_words(language: str) -> None:
    w = words(language)
    told = [segment_value(value, w) for value in (OTHER, MISSING, NEW, "Oslo")]
    assert told == [w["segments.other"], w["segments.missing"], w["segments.new"], "Oslo"]
    assert [equals(value) for value in ("Oslo", "<= 31", "> 31", "31 to 45")] == [
        " = ",
        " ",
        " ",
        " = ",
    ]


def test_versions_known_by_segment_are_listed_the_newest_first() -> None:
    watch = {
        "performance": {"2": {"segments": performance()}, "9": {"segments": None}, "4": {}},
        "segments": {"10": window(), "2": window()},
    }
    assert segment_versions(watch) == ["10", "2"]


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_the_page_shows_where_it_does_worse_what_moved_and_what_is_lacking(
    language: str, world: Any, browse: Any
) -> None:
    world.start("churn", 1)
    moved = {"name": "b", "effect": 2.1, "evidence": 0.0, "reason": "PSI 2.10 +- 0.32."}
    wrong = {
        "check": "missing",
        "column": "plan",
        "value": "30.0% missing",
        "expected": "1.0%",
        "severity": "critical",
        "remedy": "",
    }
    world.store.beat(
        "segments/churn/1",
        window(
            drift("Wuhan", severity="critical", moved=[moved], quality=[wrong]),
            drift(NEW, n=40, n_reference=0, not_compared="no_reference"),
            drift("rare", n=5, not_compared="few_rows"),
            drift("Oslo"),
            n_more=37,
            unjudged={"en": "How well by town is not judged.", "zh": "分组性能未作评判。"},
        ),
    )
    world.store.beat(
        "segments/churn/2",
        window(
            version=2,
            columns=[],
            start=None,
            segments=[],
            problem={"en": "Deploy with --segments town.", "zh": "请用 --segments town 重新部署。"},
        ),
    )
    world.store.beat(
        "performance/churn/1",
        {
            "endpoint": "churn",
            "version": 1,
            "metric": "accuracy",
            "series": [],
            "reference": {"value": 0.8, "flatters": False},
            "estimated": {"level": "unknown", "value": None, "reason": "no labels", "others": []},
            "measured": None,
            "n_seen": 1_200,
            "n_labelled": 0,
            "n_waiting": 0,
            "n_unknown": 0,
            "segments": performance(
                verdict(HOSTILE, level="critical", performance=0.5, drop=0.32),
                verdict(MISSING, reference_of_whole=True),
                n_more=(0, 41),
            ),
        },
    )
    async with browse(headers={"accept-language": language}) as http:
        page = (await http.get("/endpoints/churn/watch")).text
    w = words(language)
    assert w["segments.missing"] in page
    assert w["segments.of_whole"] in page
    assert w["segments.no_reference"].format(n="40") in page
    assert w["segments.few_rows"].format(n=1) in page
    assert w["segments.calm"].format(n=1) in page
    assert w["segments.more"].format(n=37) in page
    assert w["segments.more"].format(n=41) in page
    assert w["segments.filling"].format(n="70") in page
    assert ("How well by town is not judged." in page) is (language == "en")
    assert ("分组性能未作评判。" in page) is (language == "zh")
    assert ("30.0% missing" in page) is (language == "en")
    assert ("请用 --segments town 重新部署。" in page) is (language == "zh")
    assert "<img" not in page
    assert "\u202e" not in page


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_report_that_is_mailed_has_quality_and_what_was_not_compared(
    language: str, scene: Any
) -> None:
    report = scene.reports(0.0, 1.0)[-1]
    page = report_page(report, title="a", reference="b", window="c", language=language)
    w = words(language)
    n_new = next(s["n"] for s in report["segments"] if s["value"] == NEW)
    assert w["segments.new"] in page
    assert w["segments.no_reference"].format(n=n_new) in page
    assert any(s["quality"] for s in report["segments"])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_report_that_is_mailed_names_where_a_model_does_worse(language: str, scene: Any) -> None:
    segments = performance(
        verdict(HOSTILE, level="critical", performance=0.5, drop=0.32), verdict("Oslo")
    )
    record = {
        "metric": "accuracy",
        "series": [],
        "reference": {"value": 0.8, "flatters": False},
        "estimated": {"level": "unknown", "value": None, "reason": "no labels", "others": []},
        "measured": None,
        "n_seen": 1_200,
        "n_labelled": 0,
        "n_waiting": 0,
        "segments": segments,
    }

    def page(**more: Any) -> str:
        return report_page(
            scene.reports(0.0)[-1],
            title="a",
            reference="b",
            window="c",
            language=language,
            performance={"1": record | {"segments": segments | more}},
        )

    w = words(language)
    heading = re.search(rf"<h2>(?:(?!</h2>).)*{w['segments.performance']}.*?</h2>", page(), re.S)
    assert heading is not None
    assert w["severity.critical"] in heading[0]
    assert page().index(w["segments.performance"]) < page().index(w["input_drift"])
    assert w["segments.contradicted"] not in page()
    assert w["segments.contradicted"] in page(trusted=False)
    assert "<img" not in page()
    unjudged = page(measured=[], estimated=[])
    assert w["segments.unjudged"] in unjudged
    plain = report_page(
        scene.reports(0.0)[-1],
        title="a",
        reference="b",
        window="c",
        language=language,
        performance={"1": record | {"segments": None}},
    )
    assert w["segments.performance"] not in plain
