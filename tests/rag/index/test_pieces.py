"""No word goes across two pieces, so that pieces have the words of their text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.rag.index.pieces import pieces
from seatrial.rag.text.words import terms

ANY = st.one_of(
    st.text(max_size=60),
    st.text(
        alphabet="aZ9é'’ s.,:+#_-İKßﬁ图カﾊﾞ\u3099\u0301한\u1112\u1161\u11abไท٣१\u200d\ud800\n\x00",
        max_size=40,
    ),
    st.text(alphabet="cCfF19.,:．+#'’_sd é", max_size=20),
)


def cut(text: str) -> list[str]:
    folded, starts, ends = pieces(text.encode("utf-8", "surrogatepass"))
    spans = zip(starts.tolist(), ends.tolist(), strict=True)
    return [folded[start:end].decode("utf-8", "surrogatepass") for start, end in spans]


@given(ANY)
def test_the_words_of_a_text_are_those_of_its_pieces(text: str) -> None:
    assert [word for piece in cut(text) for word in terms(piece)] == terms(text)


@given(ANY)
def test_pieces_stand_apart_in_order_and_hold_no_gap(text: str) -> None:
    encoded = text.encode("utf-8", "surrogatepass")
    folded, starts, ends = pieces(encoded)
    assert len(folded) == len(encoded)
    assert all(start < end for start, end in zip(starts, ends, strict=True))
    assert all(end < start for end, start in zip(ends[:-1], starts[1:], strict=True))
    assert not any(set(piece) & set(" \n\t()-\x00") for piece in cut(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The cell.This is", ["the", "cell", "this", "is"]),
        ("3.5, 1,000 at 10:30.", ["3.5", "1,000", "at", "10:30"]),
        ("Don't use (C++) foo_bar", ["don't", "use", "c++", "foo_bar"]),
        ("图书馆，ABC", ["图书馆，abc"]),
        (".", []),
        ("", []),
    ],
)
def test_what_no_word_holds_parts_them(text: str, expected: list[str]) -> None:
    assert cut(text) == expected
