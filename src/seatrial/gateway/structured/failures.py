"""Answers that are not what was asked for, after all that may be done about it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from seatrial.gateway.chat.failures import BadReply
from seatrial.gateway.structured.problem import Problem
from seatrial.kernel.errors import Invalid

_SHOWN = 80
_LETTER = re.compile(r"[^\W\d_]")
_DIGIT = re.compile(r"\d")


class AnswerInvalid(BadReply):
    """The model's answer does not fit the schema, and asking again did not help."""

    code = "gateway.answer_invalid"
    retryable = False


class AnswerCut(BadReply):
    """The model's answer was cut off before it was complete; a part is not given for the whole."""

    code = "gateway.answer_cut"
    retryable = False


class AnswerFiltered(BadReply):
    """The provider withheld the answer, or a part of it."""

    code = "gateway.answer_filtered"
    retryable = False


class SchemaInvalid(Invalid):
    """The JSON schema of the answer cannot be used."""

    code = "gateway.schema_invalid"


def invalid(
    provider: str, problems: Sequence[Problem], *, text: str, n_asked: int, why_no_more: str
) -> AnswerInvalid:
    """The error of an answer that is given up.

    Args:
        text: the answer; only its outline gets into the error.
        n_asked: calls made, >= 1.
        why_no_more: such as "3 attempts are allowed".
    """
    more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
    return AnswerInvalid(
        f"The answer of {provider!r} is not what was asked for: {problems[0]}{more}.",
        remedy=f"Nothing more was tried: {why_no_more}. Simplify the schema, describe its fields, "
        "or use a stronger model.",
        provider=provider,
        problems=[{"path": p.path, "fault": p.fault.value, "message": p.message} for p in problems],
        n_asked=n_asked,
        outline=outline(text),
    )


def cut(provider: str, *, text: str, n_asked: int, max_tokens: int | None) -> AnswerCut:
    """The error of an answer that was cut off.

    Args: see `invalid`; max_tokens as it was asked for.
    """
    limit = "the provider's own limit" if max_tokens is None else f"max_tokens {max_tokens}"
    return AnswerCut(
        f"The answer of {provider!r} was cut off at {limit}.",
        remedy="Raise max_tokens, or ask for less in one answer.",
        provider=provider,
        n_asked=n_asked,
        outline=outline(text),
    )


def filtered(provider: str, *, n_asked: int) -> AnswerFiltered:
    """The error of an answer that the provider withheld."""
    return AnswerFiltered(
        f"The provider {provider!r} withheld the answer.",
        remedy="Change the request so that it does not meet the provider's filter.",
        provider=provider,
        n_asked=n_asked,
    )


def outline(text: str) -> str:
    """The form of a text without what it says: letters as x, digits as 0, the middle left out."""
    shown = text if len(text) <= 2 * _SHOWN else f"{text[:_SHOWN]} ... {text[-_SHOWN:]}"
    return _DIGIT.sub("0", _LETTER.sub("x", shown))
