"""Finding the report of a version among the facts."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.web.console.staging import NoStagingReport, address, newest_report, served_page

REPORT = {"endpoint": "a/b", "version": 2, "digest": "d", "tests": [], "measured": {}}


def fact(
    kind: str = "staging.passed", *, version: int = 2, readable: bool = True, **report: Any
) -> dict[str, Any]:
    return {
        "kind": kind,
        "readable": readable,
        "data": {"version": version, "report": REPORT | report},
    }


def test_the_newest_report_of_the_version_is_taken() -> None:
    facts = [fact(digest="old"), fact("staging.failed", digest="new"), fact(version=3)]
    assert newest_report(facts, endpoint="a/b", version=2).digest == "new"


@pytest.mark.parametrize(
    "facts",
    [
        [],
        [fact(version=3)],
        [fact(readable=False)],
        [fact("release.staged")],
        [fact() | {"data": {"version": 2, "report": {}}}],
    ],
)
def test_without_one_the_version_is_named(facts: list[dict[str, Any]]) -> None:
    with pytest.raises(NoStagingReport, match="Version 2 of 'a/b'") as missing:
        newest_report(facts, endpoint="a/b", version=2)
    assert "history" in missing.value.remedy


def test_a_name_with_a_slash_keeps_its_place_in_the_address() -> None:
    assert address("a/b", 2) == "/endpoints/a%2Fb/versions/2/staging"
    page = served_page(newest_report([fact()], endpoint="a/b", version=2), "a/b", "en")
    assert 'href="/endpoints/a%2Fb"' in page
    assert "back=/endpoints/a%252Fb/versions/2/staging" in page
