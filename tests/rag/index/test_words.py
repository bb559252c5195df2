"""The words of a question are those that its text is indexed under."""

from hypothesis import given
from hypothesis import strategies as st

from seatrial.rag.index.words import WORDS

_texts = st.text("aZ09'., -_\n\t\x1c\x00") | st.text() | st.from_regex(r"[ -~]{30,50} it's 1,000")


@given(_texts)
def test_words_found_by_what_stands_between_spaces_are_those_of_the_text(text: str) -> None:
    for _ in range(2):  # the second time they are remembered
        assert WORDS.words(text) == list(map(WORDS.form, WORDS.split(text)))
