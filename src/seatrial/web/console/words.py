"""Every word of the console in every language it speaks; templates hold keys only."""

from __future__ import annotations

from collections.abc import Mapping

from seatrial.web.console import (
    event_words,
    experiment_words,
    feature_words,
    knowledge_words,
    model_words,
    page_words,
    performance_words,
    retraining_words,
    runs_words,
    segment_words,
    spend_words,
    variant_words,
    watch_words,
)

LANGUAGES: Mapping[str, str] = {"en": "English", "zh": "中文"}

_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        **page_words.EN,
        **watch_words.EN,
        **performance_words.EN,
        **segment_words.EN,
        **runs_words.EN,
        **spend_words.EN,
        **experiment_words.EN,
        **knowledge_words.EN,
        **model_words.EN,
        **feature_words.EN,
        **event_words.EN,
        **variant_words.EN,
        **retraining_words.EN,
    },
    "zh": {
        **page_words.ZH,
        **watch_words.ZH,
        **performance_words.ZH,
        **segment_words.ZH,
        **runs_words.ZH,
        **spend_words.ZH,
        **experiment_words.ZH,
        **knowledge_words.ZH,
        **model_words.ZH,
        **feature_words.ZH,
        **event_words.ZH,
        **variant_words.ZH,
        **retraining_words.ZH,
    },
}


def words(language: str) -> Mapping[str, str]:
    """The words of a language; English for one that is not known."""
    return _WORDS.get(language, _WORDS["en"])


def choose(cookie: str | None, accepted: str) -> str:
    """The language for a request: as chosen before, else the first the browser asks for.

    Args:
        cookie: the language chosen before, or None.
        accepted: the header Accept-Language.
    """
    if cookie in LANGUAGES:
        return str(cookie)
    for part in accepted.split(","):
        wanted = part.partition(";")[0].strip().lower().partition("-")[0]
        if wanted in LANGUAGES:
            return wanted
    return "en"


def percent(number: str, language: str) -> str:
    """A number of percent as the language writes it."""
    return f"{number}%" if language == "zh" else f"{number} %"
