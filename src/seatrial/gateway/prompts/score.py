"""What an answer is worth, held against what was expected: a number in [0, 1]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import assert_never

import orjson

from seatrial.gateway.prompts.variant import Compare


def compared(how: Compare, answer: str, expected: object) -> float:
    """How good an answer is.

    EXACT: 1 for the same text, but for blanks at the ends. CONTAINS: the share of the expected
    texts (one, or a list) that are in it, whatever the case. JSON: the share of the expected fields
    that the answer has with equal values; of what is no object, 1 for an equal value.

    Args:
        expected: a text or JSON.
    Returns: in [0, 1]; 0 for an answer that is not JSON and has to be.
    """
    match how:
        case Compare.EXACT:
            return float(answer.strip() == str(expected).strip())
        case Compare.CONTAINS:
            wanted = [expected] if isinstance(expected, str) else expected
            texts = list(wanted) if isinstance(wanted, Sequence) else [wanted]
            found = [str(text).casefold() in answer.casefold() for text in texts]
            return sum(found) / len(found) if found else 1.0
        case Compare.JSON:
            return _as_json(answer, expected)
        case _:
            assert_never(how)


def _as_json(answer: str, expected: object) -> float:
    given = answer_value(answer)
    if not isinstance(expected, Mapping) or not expected:
        return float(_same(given, expected))
    if not isinstance(given, Mapping):
        return 0.0
    equal = [key in given and _same(given[key], value) for key, value in expected.items()]
    return sum(equal) / len(equal)


def answer_value(answer: str) -> object:
    """The value of an answer in JSON; None for one that is none."""
    try:
        return orjson.loads(answer)
    except orjson.JSONDecodeError:
        return None


def _same(given: object, expected: object) -> bool:
    """Equal, where true is not 1."""
    return isinstance(given, bool) == isinstance(expected, bool) and given == expected
