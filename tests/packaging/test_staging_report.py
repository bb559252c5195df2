"""The report of a staging run, for people and machines."""

from __future__ import annotations

import json

import pytest

from seatrial.packaging.staging_report import StagingReport, TestResult

HOSTILE = "<script>alert('x')</script>&\"'"


def report(*tests: TestResult, **measured: float) -> StagingReport:
    return StagingReport(
        endpoint=HOSTILE, version=2, digest="a" * 64, tests=tests, measured=measured
    )


def result(name: str = "health", *, passed: bool = True, detail: str = "fine") -> TestResult:
    return TestResult(name=name, passed=passed, detail=detail, seconds=0.25)


LOAD = {"p95_ms": 4.25, "n": 12345.0, "n_failed": 0.0, "requests_per_s": 1234.5}


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
        "1 test passed; p95 4.2 ms, 0 errors in 12,345 requests, 1,234 a second"
    )


def test_a_pass_without_a_load_says_so() -> None:
    assert report(result()).reason == "1 test passed; no load was measured"


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


def test_a_report_is_its_record_again() -> None:
    found = report(result(), result("memory", passed=False, detail="grew"), **LOAD)
    assert StagingReport.from_dict(json.loads(json.dumps(found.as_dict()))) == found


@pytest.mark.parametrize("record", [{}, {"passed": True}])
def test_a_record_that_is_none_is_refused(record: dict[str, object]) -> None:
    with pytest.raises(KeyError):
        StagingReport.from_dict(record)


def test_the_result_is_said_in_chinese() -> None:
    assert report(result(), **LOAD).said("zh") == (
        "1 项测试通过；p95 4.2 ms，12,345 个请求中 0 个错误，每秒 1,234 个请求"
    )
    broken = [result("memory", passed=False, detail="grew"), result(passed=False)]
    assert report(*broken).said("zh") == "内存未通过：grew（另有 1 项未通过）"
    assert report().said("zh") == "没有执行任何测试"
