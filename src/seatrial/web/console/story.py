"""The facts of an endpoint as lines for a reader, newest first, in a language.

Reasons are stored in English. Where one comes from numbers or from seatrial itself it is said again
in the reader's language; what a person wrote stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from seatrial.kernel.duration import show_duration
from seatrial.packaging.staging_report import StagingReport
from seatrial.web.console.evidence import sentence
from seatrial.web.console.reason_words import reason_zh
from seatrial.web.console.words import percent, words

_N_LINES = 60
_EVIDENCE = "evidence.recorded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One fact, or several looks at the same evidence in a row.

    Args:
        at: ISO 8601 in UTC, of the newest of them.
        kind: of fact.
        what: the same for a reader.
        by: who decided.
        details: version, share, outcome, reason.
        times: how many facts the line stands for.
    """

    at: str
    kind: str
    what: str
    by: str
    details: str
    times: int = 1


def story(facts: Sequence[Mapping[str, Any]], language: str) -> list[Line]:
    """The newest facts.

    Args:
        facts: as `release.view.history` gives them, oldest first.
        language: of the lines.
    """
    lines: list[Line] = []
    outcome = ""
    judgement: Mapping[str, Any] = {}
    for fact in facts:
        if not fact["readable"]:
            lines.append(_unread(fact, language))
            continue
        line = _line(fact, language, judgement)
        if fact["kind"] == _EVIDENCE:
            judgement = fact["data"]["judgement"]
            same = outcome == judgement["outcome"] and lines[-1].kind == _EVIDENCE
            outcome = judgement["outcome"]
            if same:
                line = replace(line, times=lines.pop().times + 1)
        lines.append(line)
    return lines[: -_N_LINES - 1 : -1]


def reasons_told(facts: Sequence[Mapping[str, Any]], language: str) -> dict[str, str]:
    """The reasons of an endpoint's facts in a language, by what they are in English."""
    told: dict[str, str] = {}
    judgement: Mapping[str, Any] = {}
    for fact in facts:
        data = fact["data"] if fact["readable"] else {}
        if fact["kind"] == _EVIDENCE:
            judgement = data.get("judgement", {})
        if text := data.get("reason"):
            told[text] = _reason_of(data, language, judgement)
    return told


def _reason_of(data: Mapping[str, Any], language: str, judgement: Mapping[str, Any]) -> str:
    report = data.get("report")
    return reason(data["reason"], language, judgement=judgement, staging=report, evaluation=report)


def reason(
    text: str,
    language: str,
    *,
    judgement: Mapping[str, Any] | None = None,
    staging: Mapping[str, Any] | None = None,
    evaluation: Mapping[str, Any] | None = None,
) -> str:
    """A reason in a language.

    Args:
        text: as stored.
        judgement: newest evidence, which the reason may have been taken from.
        staging: report of the staging tests, which it may have been taken from.
        evaluation: what came of a comparison, which it may have been taken from.
    """
    if language != "zh" or not text:
        return text
    if judgement and text == judgement.get("reason"):
        deciding = [v for v in judgement["verdicts"] if v["outcome"] == judgement["outcome"]]
        return "；".join(sentence(v, language) for v in deciding if not v["dry_run"])
    if staging and text == staging.get("reason"):
        return StagingReport.from_dict(staging).said(language)
    told = (evaluation or {}).get("reason")
    if isinstance(told, Mapping) and text == told.get("en"):
        return str(told.get(language, text))
    return reason_zh(text)


def _line(fact: Mapping[str, Any], language: str, judgement: Mapping[str, Any]) -> Line:
    w = words(language)
    data = fact["data"]
    parts = [f"{w['version']} {data['version']}"] if "version" in data else []
    if data.get("share") is not None:
        parts.append(percent(f"{100 * data['share']:g}", language))
    if fact["kind"] == _EVIDENCE:
        parts.append(w[data["judgement"]["outcome"]])
        parts.append(show_duration(data["watched_s"], language=language))
    if data.get("reason"):
        parts.append(_reason_of(data, language, judgement))
    kind = fact["kind"]
    return Line(
        at=fact["at"],
        kind=kind,
        what=w.get(f"fact.{kind}", kind),
        by=fact["by"],
        details=" · ".join(parts),
    )


def _unread(fact: Mapping[str, Any], language: str) -> Line:
    w = words(language)
    kind = fact["kind"]
    return Line(
        at=fact["at"],
        kind=kind,
        what=w.get(f"fact.{kind}", kind),
        by=fact["by"],
        details=w["not_read"],
    )
