"""The report of a staging run, for people and machines."""

from __future__ import annotations

import json
from html.parser import HTMLParser

from seatrial.packaging.staging_report import StagingReport, TestResult

HOSTILE = "<script>alert('x')</script>&\"'"


def report(*tests: TestResult, **measured: float) -> StagingReport:
    return StagingReport(
        endpoint=HOSTILE, version=2, digest="a" * 64, tests=tests, measured=measured
    )


def result(name: str = "health", *, passed: bool = True, detail: str = "fine") -> TestResult:
    return TestResult(name=name, passed=passed, detail=detail, seconds=0.25)


LOAD = {"p95_ms": 4.25, "n": 12345.0, "n_failed": 0.0, "requests_per_s": 1234.5}


class Tags(HTMLParser):
    """The tags of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_no_test_is_no_pass() -> None:
    assert not report().passed
    assert report().reason == "no test ran"


def test_one_broken_test_fails_all_and_is_the_reason() -> None:
    found = report(result(), result("memory", passed=False, detail="grew"), **LOAD)
    assert not found.passed
    assert found.reason == "memory failed: grew"


def test_further_broken_tests_are_counted() -> None:
    broken = [result(str(i), passed=False, detail="no") for i in range(3)]
    assert report(*broken).reason == "0 failed: no (and 2 more)"


def test_a_pass_says_what_was_measured() -> None:
    assert report(result(), **LOAD).reason == (
        "1 tests passed; p95 4.2 ms, 0 errors in 12,345 requests, 1,234 a second"
    )


def test_a_pass_without_a_load_says_so() -> None:
    assert report(result()).reason == "1 tests passed; no load was measured"


def test_the_record_is_plain_json_and_holds_everything() -> None:
    record = json.loads(json.dumps(report(result(detail=HOSTILE), **LOAD).as_dict()))
    assert record["passed"] is True
    assert record["measured"] == LOAD
    assert record["tests"] == [
        {"name": "health", "passed": True, "detail": HOSTILE, "seconds": 0.25}
    ]


def test_the_text_marks_what_failed() -> None:
    text = report(result(), result("memory", passed=False, detail="grew")).as_text()
    assert "  pass  health               fine\n" in text
    assert "  FAIL  memory               grew\n" in text
    assert text.endswith("FAILED: memory failed: grew\n")


def test_the_page_escapes_whatever_a_name_or_a_server_says() -> None:
    tests = [result(HOSTILE, passed=False, detail=HOSTILE)]
    page = Tags(report(*tests, **{HOSTILE: 1.0}).as_html())
    assert "script" not in page.tags
    assert page.text.count("<script>alert") >= 4


def test_the_page_asks_nothing_of_another_address() -> None:
    page = report(result(), **LOAD).as_html()
    assert "http:" not in page
    assert "https:" not in page
    assert "src=" not in page
