"""The page of a staging report, for people."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from seatrial.packaging.staging_page import page
from seatrial.packaging.staging_report import StagingReport, TestResult

HOSTILE = "<script>alert('x')</script>&\"'"
MEASURED = {
    "p50_ms": 1.234,
    "p95_ms": 58.7,
    "p99_ms": 1234.5,
    "requests_per_s": 1234.5,
    "n": 12345.0,
    "n_failed": 0.0,
    "rss_idle_bytes": 8.167e7,
    "rss_bytes": 9.0e7,
    "cpu_s_per_request": 0.0003675,
    "cold_start_s": 2.13,
}


def report(*tests: TestResult, **measured: float) -> StagingReport:
    return StagingReport(
        endpoint=HOSTILE, version=2, digest="a" * 64, tests=tests, measured=measured
    )


def result(name: str = "health", *, passed: bool = True, detail: str = "fine") -> TestResult:
    return TestResult(name=name, passed=passed, detail=detail, seconds=2.25)


class Parsed(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data + "\n"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_escapes_whatever_a_name_or_a_server_says(language: str) -> None:
    tests = [result(HOSTILE, passed=False, detail=HOSTILE)]
    parsed = Parsed(page(report(*tests, **{HOSTILE: 1.0}), language, back=HOSTILE))
    assert "script" not in {tag for tag, _ in parsed.tags}
    assert parsed.text.count("<script>alert") >= 4


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_asks_nothing_of_another_address(language: str) -> None:
    text = page(report(result(), **MEASURED), language)
    assert not re.search(r"https?:|src=|url\(|@import", text)


def test_figures_are_for_people() -> None:
    text = Parsed(page(report(result(), **MEASURED))).text
    for name, value in (
        ("memory before the load", "82 MB"),
        ("processor time per request", "0.37 ms"),
        ("from process start to ready", "2.1 s"),
        ("latency p50", "1.2 ms"),
        ("latency p95", "59 ms"),
        ("latency p99", "1,234 ms"),
        ("requests per second", "1,234"),
    ):
        assert f"{name}\n{value}\n" in text
    assert not re.search(r"e[+-]\d\d|_bytes|_s_per", text)


def test_a_figure_nobody_knows_is_shown_as_it_is() -> None:
    assert "new_thing\n12.5\n" in Parsed(page(report(result(), new_thing=12.5))).text


def test_the_chinese_page_is_chinese() -> None:
    tests = [result(detail="6 addresses answer 200"), result("start", detail="/readyz answers 200")]
    text = page(report(*tests, **MEASURED), "zh")
    assert '<html lang="zh">' in text
    shown = Parsed(text).text.replace(HOSTILE, "")
    assert "2 项测试全部通过；p95 58.7 ms" in shown
    assert "6 个地址都返回 200" in shown
    assert "2.2 秒" in shown
    for english in ("passed", "latency", "memory", "requests", "answers", "health"):
        assert english not in shown, english


def test_each_page_links_to_the_other_language_and_only_a_served_one_to_the_console() -> None:
    def links(text: str) -> list[str | None]:
        return [attributes.get("href") for tag, attributes in Parsed(text).tags if tag == "a"]

    assert links(page(report(result()))) == ["staging.zh-CN.html"]
    assert links(page(report(result()), "zh")) == ["staging.html"]
    served = page(report(result()), languages={"en": "/en", "zh": "/zh"}, back="/endpoints/x")
    assert links(served) == ["/endpoints/x", "/zh"]


def test_without_measurements_there_is_no_table_of_them() -> None:
    assert "<dl>" not in page(report(result(passed=False)))
