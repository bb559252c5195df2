"""JSON Lines of numbers at once: the same as line by line, or left to that."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.adapters.scoring.json_columns import columns
from seatrial.adapters.scoring.parse import Reading, _any_json_rows, _plain_json_rows
from seatrial.adapters.scoring.rows import checked
from seatrial.registry.signature import Dtype
from seatrial.testing.models import matrix_signature

SIGNATURE = matrix_signature(("a", "b"), Dtype.FLOAT64)
READING = Reading(form="jsonl", sources=("a", "b"), kept=("id",))

_NUMBERS = [
    "1", "-0", "0.1", "1e-400", "1e308", "1e400", "null", "123456789012345678901234567890",
    "9007199254740993", "2.5E+3", "NaN", "Infinity", "01", "1.", "true", '"1"', "[1]", "{}",
]  # fmt: skip
_LINES = [
    '{"a": %s, "b": %s, "id": "x"}',
    '{"b": %s, "a": %s}',
    '{"a": %s, "a": %s}',
    '{"a": %s, "b": %s, "id": 7, "more": {"a": [1, null]}}',
    '{"a": %s, "b": %s, "id": 12345678901234567890123}',
    '{"a": %s, "b": %s, "id": 1.50}',
    '{"a": %s, "b": %s, "id": [1, {"z": true}]}',
    '{"a": %s, "b": %s, "more": "\\q"}',
    '{"a": %s, "b": %s, "more": "\\ud800"}',
    '{"a": %s, "b": %s, "more": "\t"}',
    '{"a": %s, "b": %s, "more": "\x00"}',
    '{"a": %s, "b": %s, "id": "å 好"}',
    '{"\\u0061": %s, "b": %s}',
    '{"a": %s, "b": %s} {"a": 1, "b": 2}',
    '{"a": %s, "b": %s}x',
    '{"a": %s,\n"b": %s}',
    ' {"a": %s, "b": %s} ',
    '{"a": %s, "b": %s}\r',
    "[%s, %s]",
    '{"a": %s, "b": %s',
    "",
]
_GOOD = st.sampled_from([*_NUMBERS[:5], "null", "2.5E+3"])
_PLAIN = st.builds(lambda line, a, b: line % (a, b), st.sampled_from(_LINES[:2]), _GOOD, _GOOD)
_ANY = st.builds(
    lambda line, a, b: line % (a, b) if line else line,
    st.sampled_from(_LINES), st.sampled_from(_NUMBERS), st.sampled_from(_NUMBERS),
)  # fmt: skip
_PIECES = st.one_of(
    st.lists(_PLAIN, min_size=1, max_size=5),
    st.lists(_PLAIN | _ANY, min_size=1, max_size=5),
)


def content_of(lines: list[str], raw: bytes = b"") -> bytes:
    return "\n".join(lines).encode() + raw


def told(rows: Any) -> Any:
    """All that can be known of rows."""
    found = checked(rows, SIGNATURE)
    batch = None if found.batch is None else np.asarray(found.batch).tolist()
    kept = {name: array.to_pylist() for name, array in rows.kept.items()}
    return rows.n, batch, found.rows.tolist(), found.flaws, kept


@given(_PIECES, st.sampled_from([b"", b"\n", b"\n\n", b"\xff", b'{"a": 1, "b": 2, "c": "\xff"}']))
@settings(max_examples=400)
def test_what_is_read_at_once_is_what_is_read_line_by_line(lines: list[str], end: bytes) -> None:
    content = content_of(lines, end)
    at_once = _plain_json_rows(content, READING, SIGNATURE.features)
    if at_once is not None:
        assert told(at_once) == told(_any_json_rows(content, READING, SIGNATURE.features))


def test_plain_lines_are_read_at_once() -> None:
    content = content_of([line % ("1", "null") for line in _LINES[:2]])
    found = columns(content, ("a", "b"), ("id",))
    assert found is not None
    np.testing.assert_array_equal(found.numbers, [[1, np.nan], [np.nan, 1]])
    assert found.kept == [["x", None]]
    one = columns(content, ("a",), ())
    assert one is not None
    assert one.numbers.shape == (2, 1)


@pytest.mark.parametrize("line", [*_LINES[2:3], *_LINES[4:11], *_LINES[12:-1]])
def test_a_line_with_a_doubt_leaves_all_of_them(line: str) -> None:
    content = content_of([_LINES[0] % ("1", "2"), line % ("1", "2"), _LINES[0] % ("1", "2")])
    found = _plain_json_rows(content, READING, SIGNATURE.features)
    assert found is None or line == _LINES[2]  # of two values under one name the last counts
