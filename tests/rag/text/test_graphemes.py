"""Texts are cut between the characters that a reader sees."""

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from seatrial.rag.text.graphemes import grapheme_before

WHOLE = [
    "\r\n",
    "e\u0301\u0323",
    "\U0001f469\u200d\U0001f4bb",
    "\U0001f44b\U0001f3fd",
    "\U0001f1e8\U0001f1f3",
    "\u2764\ufe0f",
    "\u1112\u1161\u11ab",
    "각\u11a8",
    "か\u3099",
    "ﾊﾟ",
    "नि",
    "\U0001f3f4\U000e0067\U000e0062\U000e007f",
]
_marks = st.sampled_from(
    "a \n\r\u0301\u200d\ufe0f\U0001f469\U0001f4bb\U0001f3fd"
    "\U0001f1e8\U0001f1f3가각\u1100\u1161\u11a8ﾞ図\u093f©"
)


@pytest.mark.parametrize("whole", [*WHOLE, "\ud83d\ude00"])
def test_what_is_seen_as_one_is_not_cut(whole: str) -> None:
    text = f"x{whole}y"
    for at in range(2, len(whole) + 1):
        assert grapheme_before(text, at, 0) == 1
    assert grapheme_before(text, 1, 0) == 1
    assert grapheme_before(text, len(text), 0) == len(text)


def test_it_gives_up_at_the_bounds() -> None:
    marks = "a" + "\u0301" * 50
    assert grapheme_before(marks, 30, 5) == 5


@given(st.lists(_marks, max_size=12).map("".join))
def test_boundaries_are_those_of_unicode_and_none_too_many_after_a_joiner(text: str) -> None:
    clusters = regex.findall(r"\X", text)
    expected = [sum(map(len, clusters[:n])) for n in range(1, len(clusters) + 1)]
    found = [at for at in range(1, len(text) + 1) if grapheme_before(text, at, 0) == at]
    assert set(found) <= set(expected)
    assert found == expected or "\u200d" in text
