"""What is wrong with an answer and where; what was put right in it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

import msgspec

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


class Fault(StrEnum):
    """Kinds of problems."""

    NOTHING = "no_json"
    SYNTAX = "syntax"
    OPEN = "left_open"
    CUT = "cut"
    NOT_A_NUMBER = "not_a_number"
    DUPLICATE = "duplicate_key"
    AMBIGUOUS = "ambiguous"
    TOO_BIG = "too_big"
    SCHEMA = "schema"


class Repair(StrEnum):
    """What was put right without asking again; none of these changes a value."""

    FENCE = "code_fence"
    PROSE = "prose_around"
    TRAILING_COMMA = "trailing_comma"
    SINGLE_QUOTES = "single_quotes"
    SMART_QUOTES = "smart_quotes"
    COMMENT = "comment"
    UNQUOTED_KEY = "unquoted_key"
    LITERAL = "python_literal"
    NUMBER = "number_form"
    CONTROL = "control_character"
    PUNCTUATION = "wide_punctuation"
    CLOSED = "missing_brackets"
    DUPLICATE = "equal_duplicate_key"
    NOT_A_NUMBER = "nan_as_null"


class Problem(msgspec.Struct, frozen=True):
    """One thing that is wrong.

    Args:
        path: where, as a JSON path such as ``$.items[2].price``.
        message: what, without the value itself.
    """

    path: str
    fault: Fault
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


def json_path(parts: Iterable[str | int]) -> str:
    """Keys and indices from the root, written as RFC 9535 does."""
    written = ["$"]
    for part in parts:
        if isinstance(part, int):
            written.append(f"[{part}]")
        elif _PLAIN_KEY.match(part):
            written.append(f".{part}")
        else:
            escaped = part.replace("\\", "\\\\").replace("'", "\\'")
            written.append(f"['{escaped}']")
    return "".join(written)
