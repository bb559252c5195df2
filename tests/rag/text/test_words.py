"""Words are normalised, keep their places, and are the same however a text is encoded."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.rag.text.words import normalised, terms, words

ANY = st.one_of(
    st.text(max_size=60),
    st.text(
        alphabet="aZ9é'’ s.,:+#_İßﬁ图書カガﾊﾞ\u3099\u0301한\u1112\u1161\u11abไทยनि\u200d\ud800",
        max_size=40,
    ),
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The CAFÉ's naïve Straße, ﬁne!", ["the", "cafe", "naive", "strasse", "fine"]),
        ("don't we'll they’re o'clock", ["don't", "we", "they", "o", "clock"]),
        ("1,000.50 USD at 10:30, 3.5mm", ["1000.50", "usd", "at", "10:30", "3.5", "mm"]),
        ("1,5 and v1.2.3 or 12,345", ["1,5", "and", "v1", "2.3", "or", "12345"]),
        ("C++, C# and foo_bar B12", ["c++", "c#", "and", "foo", "bar", "b12"]),
        ("ＡＢＣ １２３", ["abc", "123"]),
        ("İstanbul ILK øre Łódź", ["istanbul", "ilk", "ore", "lodz"]),
        ("图书馆在2021年", ["图书", "书馆", "馆在", "2021", "年"]),
        ("用Python编程", ["用", "python", "编程"]),
        ("東京のﾊﾞｽ", ["東京", "京の", "のバ", "バス"]),
        ("한국어 를", ["한국", "국어", "를"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("שָׁלוֹם", ["שלום"]),
        ("ที่", ["ที่"]),
        ("--- … \U0001f600", []),
    ],
)
def test_words_are_folded_and_scripts_without_spaces_paired(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


def test_a_word_knows_the_characters_that_it_stands_for() -> None:
    text = "Le Cafe\u0301 か\u3099く \u1112\u1161\u11ab국"
    places = [(word.text, text[word.start : word.end]) for word in words(text)]
    assert places == [
        ("le", "Le"),
        ("cafe", "Cafe\u0301"),
        ("がく", "か\u3099く"),
        ("한국", "\u1112\u1161\u11ab국"),
    ]


@given(ANY)
def test_words_and_terms_are_the_same_in_order_within_the_text(text: str) -> None:
    found = words(text)
    assert [word.text for word in found] == terms(text)
    assert [word.start for word in found] == sorted(word.start for word in found)
    for word in found:
        assert 0 <= word.start < word.end <= len(text)
        assert word.text
        assert not any(mark.isspace() for mark in word.text)


@given(st.text(alphabet="aé ö図がガバ한국ñ", max_size=20))
def test_composed_and_decomposed_texts_have_the_same_words(text: str) -> None:
    assert terms(unicodedata.normalize("NFD", text)) == terms(unicodedata.normalize("NFC", text))


@pytest.mark.parametrize(
    "many", ["1" * 200_000, "1." * 100_000, "a'" * 99_999, "图" * 99_999, "a\u0301" * 99_999]
)
def test_no_text_makes_it_slow(many: str) -> None:
    assert len(terms(many + "x")) <= len(many)


def test_a_word_is_normalised_alone_as_it_is_in_a_text() -> None:
    assert [normalised(word) for word in ("Zürich", "X’s", "9,999")] == ["zurich", "x", "9999"]
