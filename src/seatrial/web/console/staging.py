"""The report of a version's staging tests, from the facts: as complete as the store is."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from seatrial.kernel.errors import NotFound
from seatrial.packaging.staging_page import STYLE, page
from seatrial.packaging.staging_report import StagingReport
from seatrial.web.console.words import LANGUAGES

_KINDS = ("staging.passed", "staging.failed")


class NoStagingReport(NotFound):
    """No staging tests of that version have left a report."""

    code = "console.no_staging_report"


def address(endpoint: str, version: int) -> str:
    """Where the page of a version's report is."""
    return f"/endpoints/{quote(endpoint, safe='')}/versions/{version}/staging"


def newest_report(
    facts: Sequence[Mapping[str, Any]], *, endpoint: str, version: int
) -> StagingReport:
    """The newest report of a version.

    Args: facts: of the endpoint, oldest first.   Raises: NoStagingReport.
    """
    for fact in reversed(facts):
        if not fact["readable"] or fact["kind"] not in _KINDS:
            continue
        report = fact["data"].get("report")
        if fact["data"].get("version") == version and report:  # none where tests could not run
            return StagingReport.from_dict(report)
    raise NoStagingReport(
        f"Version {version} of {endpoint!r} has no report of staging tests.",
        remedy="Wait until they have ended, or look at the history of the endpoint.",
    )


def served_page(report: StagingReport, endpoint: str, language: str) -> str:
    """The page as the console serves it: with ways to the other language and back."""
    at = address(endpoint, report.version)
    return page(
        report,
        language,
        languages={code: f"/console/language/{code}?back={quote(at)}" for code in LANGUAGES},
        back=f"/endpoints/{quote(endpoint, safe='')}",
    )


def style_source() -> str:
    """What a content security policy names the page's style by."""
    digest = hashlib.sha256(STYLE.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
