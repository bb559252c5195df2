"""Facts as lines for a reader."""

from __future__ import annotations

from typing import Any

from seatrial.web.console.story import reason, reasons_told, story

AT = "2026-01-02T03:04:05+00:00"


def fact(kind: str, **data: Any) -> dict[str, Any]:
    return {
        "seq": 1,
        "revision": 1,
        "at": AT,
        "kind": kind,
        "by": "ann",
        "data": data,
        "readable": True,
    }


def evidence(outcome: str, watched_s: float = 10.0) -> dict[str, Any]:
    judgement = {"outcome": outcome, "reason": f"because {outcome}", "verdicts": []}
    return fact("evidence.recorded", version=2, watched_s=watched_s, judgement=judgement)


def test_the_newest_fact_comes_first() -> None:
    lines = story([fact("release.started", version=1), fact("canary.warming", version=1)], "en")
    assert [line.kind for line in lines] == ["canary.warming", "release.started"]
    assert (lines[1].what, lines[1].by, lines[1].details) == ("release started", "ann", "version 1")


def test_looks_with_the_same_outcome_are_one_line_with_the_newest_numbers() -> None:
    looks = [evidence("inconclusive", s) for s in (10.0, 20.0, 30.0)]
    lines = story([*looks, evidence("pass", 40.0), evidence("inconclusive", 50.0)], "en")
    assert [(line.times, line.details) for line in lines] == [
        (1, "version 2 · inconclusive · 50 s"),
        (1, "version 2 · pass · 40 s"),
        (3, "version 2 · inconclusive · 30 s"),
    ]


def test_looks_with_another_fact_between_them_stay_apart() -> None:
    lines = story(
        [evidence("pass"), fact("step.entered", version=2, share=0.5), evidence("pass")], "en"
    )
    assert [line.times for line in lines] == [1, 1, 1]
    assert lines[1].details == "version 2 · 50 %"


def test_only_the_newest_facts_are_told() -> None:
    lines = story([fact("release.started", version=n) for n in range(100)], "en")
    assert len(lines) == 60
    assert lines[0].details == "version 99"


def test_a_kind_nobody_knows_is_shown_as_it_is() -> None:
    assert story([fact("moon.landed")], "zh")[0].what == "moon.landed"


def verdict(outcome: str, *, dry_run: bool = False) -> dict[str, Any]:
    return {
        "gate": "error_rate",
        "quantity": "error_rate",
        "outcome": outcome,
        "code": "gate.over_limit",
        "interval": {"lower": 0.01, "upper": 0.1},
        "limit": 0.001,
        "canary": {"n": 100, "n_events": 5, "value": 0.05},
        "stable": None,
        "dry_run": dry_run,
    }


JUDGEMENT = {
    "outcome": "fail",
    "reason": "too many errors",
    "verdicts": [verdict("fail"), verdict("pass"), verdict("fail", dry_run=True)],
}


def test_a_reason_taken_from_the_evidence_is_said_again_in_chinese() -> None:
    looks = fact("evidence.recorded", version=2, watched_s=1.0, judgement=JUDGEMENT)
    aborted = fact("release.aborted", version=2, reason="too many errors")
    newest = story([looks, aborted], "zh")[0]
    assert newest.what == "中止"
    assert newest.details.count("错误率 5%") == 1
    assert "too many errors" not in newest.details


def test_what_a_person_wrote_stays_as_it_is() -> None:
    assert reason("I do not like it", "zh", judgement=JUDGEMENT) == "I do not like it"


def test_english_reasons_are_the_stored_ones() -> None:
    assert reason("too many errors", "en", judgement=JUDGEMENT) == "too many errors"


def test_a_failed_staging_is_said_in_chinese_with_what_was_seen() -> None:
    report = {
        "endpoint": "churn",
        "version": 2,
        "digest": "a" * 64,
        "reason": "memory failed: grew",
        "tests": [{"name": "memory", "passed": False, "detail": "grew", "seconds": 1.0}],
        "measured": {},
    }
    assert reason("memory failed: grew", "zh", staging=report) == "内存未通过：grew"


def test_nothing_is_read_out_of_a_fact_that_could_not_be_read() -> None:
    broken = [{**evidence("pass"), "data": {"judgement": 7, "version": []}, "readable": False}]
    broken += [{**fact("release.teleported", share="far"), "readable": False}]
    lines = story([evidence("pass"), *broken], "en")
    assert [(line.what, line.details) for line in lines[:2]] == [
        ("release.teleported", "not read"),
        ("evidence", "not read"),
    ]
    assert story(broken, "zh")[0].details == "未读取"


def test_chinese_lines_have_chinese_durations_and_percents() -> None:
    lines = story([fact("step.entered", version=2, share=0.05), evidence("pass", 75.0)], "zh")
    assert [line.details for line in lines] == ["版本 2 · 通过 · 1 分钟 15 秒", "版本 2 · 5%"]


def test_all_reasons_are_told_by_what_they_are_in_english() -> None:
    judged = fact("evidence.recorded", version=2, watched_s=1.0, judgement=JUDGEMENT)
    odd = fact("release.aborted", reason="unread") | {"readable": False}
    facts = [judged, fact("release.aborted", reason="too many errors"), odd]
    told = reasons_told([*facts, fact("release.aborted", reason="aborted by a person")], "zh")
    assert told == {
        "too many errors": reason("too many errors", "zh", judgement=JUDGEMENT),
        "aborted by a person": "人工中止",
    }
    assert "错误" in told["too many errors"]
