"""The reason of an evaluation, which is kept in English, in another language.

Read by the forms that `card_words` writes, so that what was kept long ago is told too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from string import Formatter

from seatrial.training.evaluation.card_words import (
    finding_forms,
    metric_name,
    metric_names,
    words,
)
from seatrial.training.evaluation.decision import Kind

_VALUE = r"(?:< )?\S{1,40}?"
_NAME = r"[^\n]{1,120}?"
_NAMES = frozenset({"metric", "segment", "value"})
_LONGEST = 4000


def retold(text: str, language: str) -> str | None:
    """A reason in a language, as `card_content.reason` would give it; None where it is none."""
    if len(text) > _LONGEST:
        return None
    told, place = [], 0
    while place < len(text):
        found = _next(text, place)
        if found is None:
            return None
        kind, match = found
        told.append(_told(kind, match.groupdict(), language))
        place = match.end()
    space = "" if language == "zh" else " "
    return space.join(told) or None


def _next(text: str, place: int) -> tuple[Kind, re.Match[str]] | None:
    """The finding that begins there: the shortest, since a name could hold a sentence, and of
    those the one that says most.
    """
    found = [(kind, form.match(text, place)) for kind, form in _forms().items()]
    fit = [(kind, match) for kind, match in found if match is not None]
    return min(fit, key=lambda pair: (pair[1].end(), -pair[1].re.groups), default=None)


def _told(kind: Kind, facts: Mapping[str, str | None], language: str) -> str:
    w = words(language)
    known = {name: value for name, value in facts.items() if value is not None}
    if "metric" in known:
        known["metric"] = _metrics().get(known["metric"], known["metric"])
        known["metric"] = metric_name(known["metric"], language)
    said = finding_forms(language)[kind].format(**known)
    if "n_needed" in known:
        said += w["needed"].format(n=known["n_needed"])
    return said + (w["why"].format(why=known["why"]) if "why" in known else "")


@cache
def _forms() -> Mapping[Kind, re.Pattern[str]]:
    w = words("en")
    needed = _pattern(w["needed"].replace("{n}", "{n_needed}"))
    after = rf"(?:{needed})?(?: |$)"
    forms = {kind: _pattern(form) + after for kind, form in finding_forms("en").items()}
    forms[Kind.UNANSWERED] = _pattern(finding_forms("en")[Kind.UNANSWERED]) + (
        rf"(?:{re.escape(w['why'].format(why=''))}(?P<why>.+))?(?: |$)"  # it may say anything
    )
    return {kind: re.compile(form, re.DOTALL) for kind, form in forms.items()}


def _pattern(form: str) -> str:
    parts = []
    for literal, name, _, _ in Formatter().parse(form):
        parts.append(re.escape(literal))
        if name is not None:
            parts.append(f"(?P<{name}>{_NAME if name in _NAMES else _VALUE})")
    return "".join(parts)


@cache
def _metrics() -> Mapping[str, str]:
    """Metrics by what they are called in English."""
    return {called: name for name, called in metric_names("en").items()}
