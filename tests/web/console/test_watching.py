"""What the page of the watch and the mailed report say of a window."""

from __future__ import annotations

import html
import re
from copy import deepcopy
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest

from seatrial.web.console.report_columns import (
    SHOWN,
    columns_of,
    figures,
    line_of,
    tally,
    value_names,
)
from seatrial.web.console.watching import (
    alarm_sentence,
    began,
    headline,
    overall,
    report_page,
    silences_shown,
)
from seatrial.web.console.words import words

HOSTILE = ("<img src=x onerror=alert(1)>\"'", "a\u202eb\x00c", "x" * 400)


class Tags(HTMLParser):
    """Tags and attributes of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def page(record: dict[str, Any], **options: Any) -> str:
    return report_page(record, title="July", reference="june", window="july", **options)


def watch(*alerts: tuple[str, str, str]) -> dict[str, Any]:
    return {
        "alerts": [
            {"phase": phase, "severity": severity, "labels": {"kind": kind}}
            for phase, severity, kind in alerts
        ],
        "versions": {},
        "service": [{"level": "ok"}],
    }


@pytest.fixture(scope="module")
def drifted(request: pytest.FixtureRequest) -> dict[str, Any]:
    make = request.getfixturevalue("make_scene")
    return make(n_columns=20).reports(0.0, 1.0, 1.0)[-1]


def test_what_moved_comes_first_and_the_rest_is_folded(drifted: dict[str, Any]) -> None:
    found = columns_of(drifted, "features", "en")
    assert {line.column["name"] for line in found.first[:3]} == {"income", "age", "city"}
    assert all(line.flagged for line in found.first[:3])
    assert not any(line.flagged for line in found.rest)
    assert len(found.first) == SHOWN
    assert len(found.first) + len(found.rest) == 23


def test_two_hundred_columns_that_all_moved_are_still_a_page(drifted: dict[str, Any]) -> None:
    moved = drifted["features"][0]
    many = {**drifted, "features": [{**moved, "name": f"c{i}"} for i in range(200)]}
    found = columns_of(many, "features", "en")
    assert (len(found.first), len(found.rest)) == (50, 150)
    assert len(page(many)) < 2_000_000


def test_a_slow_drift_that_the_alarm_found_stands_before_what_is_quiet(make_scene: Any) -> None:
    *_, report = make_scene(n_columns=20).reports(*[0.12] * 20, n=1_000)
    assert report["alarm"]["outcome"] == "drift"
    [income] = [c for c in report["features"] if c["name"] == "income"]
    assert income["severity"] == "none"
    names = [line.column["name"] for line in columns_of(report, "features", "en").first]
    line = columns_of(report, "features", "en").first[names.index("income")]
    assert names.index("income") <= 1
    assert (line.flagged, line.severity) == (True, "warning")
    assert "up" in line.moved
    assert line.since is not None
    zh = columns_of(report, "features", "zh").first[names.index("income")]
    assert "上升" in zh.moved


def test_vectors_show_the_area_and_what_the_alarm_found_of_any_part_of_them(
    drifted: dict[str, Any],
) -> None:
    record = deepcopy(drifted)
    column = record["features"][0]
    column |= {"auc": 0.734, "severity": "none"}
    assert figures(column)[0] == {"name": "auc", "value": 0.734}
    assert figures(column | {"parts": []}) == [{"name": "auc", "value": 0.734}]
    assert "auc" not in {f["name"] for f in figures(record["features"][1])}
    older = {k: v for k, v in column.items() if k not in {"auc", "classifier"}}
    assert {f["name"] for f in figures(older)} <= {"ks", "js", "chi_square"}
    movement = record["alarm"]["movements"][0] | {
        "column": f"{column['name']}/classifier",
        "moved": "told apart by level",
        "found": True,
        "effect": 0.1,
    }
    record["alarm"] |= {"outcome": "drift", "movements": [movement]}
    line = line_of(record, column, "features", "en")
    assert (line.flagged, line.moved) == (True, "told apart by level")
    assert words("en")["figure.auc"] in page(record)
    assert words("zh")["figure.auc"] in page(record, language="zh")


def test_the_tally_counts_and_names_what_moved(drifted: dict[str, Any], scene: Any) -> None:
    assert re.fullmatch(
        r"\d of 24 columns moved: income, age, city and 1 more\.", tally(drifted, "en")
    )
    assert tally(drifted, "zh").startswith("24 列中有 ")
    assert tally(scene.reports(0.0)[0], "en") == "None of 8 columns moved."


def test_rarities_beyond_a_million_are_a_million(drifted: dict[str, Any]) -> None:
    alarm = drifted["alarm"] | {"windows_per_false_alarm": 1e12}
    assert "once in a million windows" in alarm_sentence(alarm, "en")
    assert "12,345" not in alarm_sentence(alarm | {"windows_per_false_alarm": 12_345.6}, "en")
    assert "10,000 windows" in alarm_sentence(alarm | {"windows_per_false_alarm": 12_345.6}, "en")
    assert "每 1,000,000 个窗口" in alarm_sentence(alarm, "zh")


def test_the_headline_says_what_fires() -> None:
    firing = watch(("firing", "warning", "latency"), ("firing", "critical", "input_drift"))
    assert headline(firing, "en") == "2 alerts fire: Latency, Input drift."
    assert overall(firing) == "critical"
    calm = watch(("pending", "warning", "latency"), ("resolved", "critical", "errors"))
    assert headline(calm, "en") == "Nothing fires. 1 more may fire soon."
    assert overall(calm) == "clear"
    blind = watch() | {"service": []}
    assert (headline(blind, "en"), overall(blind)) == ("Nothing was looked at yet.", "unknown")
    assert headline(firing, "zh") == "2 条告警触发中：延迟、输入漂移。"


def test_trouble_is_as_old_as_its_first_finding() -> None:
    alert: dict[str, Any] = {
        "finding": {"since": "2026-03-01T12:00:00+00:00"},
        "pending_at": "2026-03-01T10:00:00.500000+00:00",
        "fired_at": "2026-03-01T11:00:00+00:00",
    }
    assert began(alert) == alert["pending_at"]
    earlier = {"since": "2026-03-01T09:00:00+00:00"}
    assert began(alert | {"finding": earlier}) == earlier["since"]
    assert began({"finding": None, "pending_at": None, "fired_at": None}) is None


def test_bins_that_stand_for_many_values_are_named_in_words() -> None:
    w = words("en")
    assert value_names(["a", "new", "missing"], w) == ["a", "new values", "missing"]
    assert value_names(["new", "a", "…", "missing"], w) == ["new", "a", "all others", "missing"]
    assert value_names([], w) == []


def test_silences_of_other_endpoints_are_not_shown() -> None:
    some = [
        {"id": "1", "match": {"endpoint": ["churn"], "kind": ["latency"]}},
        {"id": "2", "match": {"endpoint": ["price"]}},
        {"id": "3", "match": {}},
        {"id": "4", "match": {"endpoint": ["ch*"], "feature": ["age"]}},
    ]
    shown = silences_shown(some, "churn", "en")
    assert [(one["id"], one["subject"]) for one in shown] == [
        ("1", "Latency"),
        ("3", "all alerts"),
        ("4", "feature age"),
    ]


def test_the_report_needs_nothing_else(drifted: dict[str, Any]) -> None:
    for tag, attributes in Tags(page(drifted)).found:
        assert tag not in {"script", "link", "img", "iframe", "object", "base", "form"}
        for name in ("src", "href", "action", "style", "srcset", "xlink:href"):
            assert name not in attributes, (tag, name)
        assert not any(name.startswith(("on", "hx-")) for name in attributes)
    style = re.search(r"<style>(.*?)</style>", page(drifted), re.DOTALL)
    assert style is not None
    assert "url(" not in style[1]
    assert "@import" not in style[1]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_equal_reports_are_equal_files(drifted: dict[str, Any], language: str) -> None:
    assert page(drifted, language=language) == page(drifted, language=language)
    at = datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert "2026-03-01 10:00 UTC" in page(drifted, language=language, made_at=at)


def test_a_chinese_report_has_no_english_sentence(drifted: dict[str, Any]) -> None:
    said = re.sub(
        r"<style>.*?</style>|<title>.*?</title>|<[^>]+>",
        " ",
        page(drifted, language="zh"),
        flags=re.S,
    )
    for english in ("missing", "values", "columns", "reference", "evidence", "since", "rows"):
        assert english not in said.lower(), english


@pytest.mark.parametrize("language", ["en", "zh"])
def test_hostile_names_and_values_are_text(make_scene: Any, language: str) -> None:
    report = make_scene(names=HOSTILE).reports(0.0, 1.0, 1.0)[-1]
    report["segments"][0]["value"] = "</style><script>alert(1)</script>"
    text = page(report, language=language)
    assert not {tag for tag, _ in Tags(text).found} & {"img", "script"}
    assert not any("onerror" in attributes for _, attributes in Tags(text).found)
    assert "\u202e" not in text
    assert "\x00" not in text
    names = re.findall(r"<bdi[^>]*>(.*?)</bdi>", text)
    assert names
    assert all(len(html.unescape(name)) <= 60 for name in names)


def test_an_empty_window_is_a_report_too(scene: Any) -> None:
    [report] = scene.reports(0.0, n=0)
    assert "The window has no rows, so nothing was judged." in page(report)
