"""Tokens are found where the tokenizer puts them, with few calls of it."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.rag.chunking.token_starts import TokenFinder
from seatrial.testing.fake_tokenizers import (
    ByteTokenizer,
    JoiningTokenizer,
    Offsets,
    PieceTokenizer,
)

TEXT = "The ship's (3.14) captain re-read: 图书馆 in 2021, naïve Zürich; the ship's captain again."


class Counted(PieceTokenizer):
    """Counts the characters that it is given."""

    def __init__(self) -> None:
        self.n_characters = 0

    def offsets(self, texts: Sequence[str]) -> list[Offsets]:
        self.n_characters += sum(map(len, texts))
        return super().offsets(texts)


@given(st.text(alphabet="abcdefgh  .,'-_3é图。\n\t\u2003“”€\U0001f600", max_size=80))
def test_tokens_of_words_put_together_are_those_of_the_text(text: str) -> None:
    whole = PieceTokenizer().offsets([text])[0][:, 0]
    assert TokenFinder(PieceTokenizer()).find(text).starts.tolist() == whole.tolist()


def test_a_word_is_tokenized_once() -> None:
    tokenizer = Counted()
    finder = TokenFinder(tokenizer)
    finder.find(TEXT)
    before = tokenizer.n_characters
    finder.find(" ".join([TEXT] * 50))
    assert tokenizer.n_characters == before


@pytest.mark.parametrize("tokenizer", [JoiningTokenizer(), ByteTokenizer()])
def test_a_tokenizer_that_knows_no_words_sees_every_text_and_no_part_is_exact(
    tokenizer: JoiningTokenizer | ByteTokenizer,
) -> None:
    found = TokenFinder(tokenizer).find(TEXT)
    assert found.starts.tolist() == tokenizer.offsets([TEXT])[0][:, 0].tolist()
    assert not found.exact(0, len(TEXT))


def test_a_part_is_exact_where_no_word_is_cut() -> None:
    exact = TokenFinder(PieceTokenizer()).find(TEXT).exact
    assert exact(0, 8)  # The ship
    assert exact(8, 10)  # 's
    assert not exact(0, 6)
    assert not exact(5, len(TEXT))


def test_long_texts_are_taken_in_blocks_that_do_not_cut_words() -> None:
    for text in (TEXT + " " + "captain ship " * 12_000, "图书馆Python" * 15_000):
        starts = TokenFinder(PieceTokenizer()).find(text).starts
        assert starts.tolist() == PieceTokenizer().offsets([text])[0][:, 0].tolist()


def test_surrogates_do_not_reach_the_tokenizer() -> None:
    class Strict(PieceTokenizer):
        def offsets(self, texts: Sequence[str]) -> list[Offsets]:
            for text in texts:
                text.encode()
            return super().offsets(texts)

    assert TokenFinder(Strict()).find("a\ud800 \udc00b").starts.tolist() == [0, 1, 3, 4]


def test_words_are_forgotten_before_they_take_much_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seatrial.rag.chunking.token_starts._MAX_KEPT", 1000)
    tokenizer = Counted()
    finder = TokenFinder(tokenizer)
    for n in range(300):
        text = f"{TEXT} word{n} other{n}"
        assert len(finder.find(text).starts) == len(PieceTokenizer().offsets([text])[0])
    assert tokenizer.n_characters > 300 * 12 + len(TEXT)


def test_threads_share_it() -> None:
    finder = TokenFinder(PieceTokenizer())
    many = [f"{TEXT} ship{n % 7} captain{n % 11}" for n in range(200)]
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda text: finder.find(text).starts.tolist(), many))
    assert found == [PieceTokenizer().offsets([text])[0][:, 0].tolist() for text in many]
