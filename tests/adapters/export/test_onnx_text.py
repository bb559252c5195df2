"""Graphs with their tokenizer: what a text becomes, and that no text moves another's answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from seatrial.adapters.export.onnx_text import MAX_TOKENS as TOGETHER
from seatrial.adapters.export.onnx_text import (
    TOKENIZER,
    Texts,
    TokenizerUnusable,
    _together,
    task_of,
)
from seatrial.adapters.serving.onnxruntime import GraphUnusable, OnnxEngine
from seatrial.registry.signature import Dtype, Feature, Signature, Task
from tests.adapters.text_graphs import MAX_TOKENS, SIGNATURE, text_graph, tokenizer

INT64 = np.dtype(np.int64)
INPUTS = {"input_ids": INT64, "attention_mask": INT64}


def batch(*texts: str | None) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]]:
    column = np.empty(len(texts), dtype=object)
    column[:] = texts
    return {"text": column}


@pytest.mark.parametrize("left", [False, True])
def test_texts_are_answered_by_name_whatever_runs_beside_them(left: bool) -> None:
    engine = OnnxEngine(text_graph(left=left), SIGNATURE)
    texts = ["good", "bad bad film", "", "很 good film", "film " * 99 + "good", None, "Good\ud800"]
    whole = engine.predict(batch(*texts))
    assert whole["label"].tolist() == [
        "good 好",
        "bad",
        "good 好",
        "good 好",
        "bad",
        "good 好",
        "good 好",
    ]
    for k, text in enumerate(texts):
        alone = engine.predict(batch(text))
        assert alone["label"].tolist() == [whole["label"][k]]
        np.testing.assert_allclose(alone["probabilities"][0], whole["probabilities"][k], atol=1e-6)
    assert whole["probabilities"].dtype == np.float32


def test_a_text_is_cut_at_the_length_of_its_tokenizer_and_filled_on_its_side() -> None:
    for left in (False, True):
        texts = Texts(tokenizer(left=left), INPUTS)
        ((rows, feed),) = texts.feeds(["good " * 20, "bad film"])
        assert rows.tolist() == [1, 0]  # the shortest first
        assert feed["input_ids"].shape == (2, MAX_TOKENS)
        filled = [1, 1, 0, 0, 0, 0, 0, 0]
        assert feed["attention_mask"][0].tolist() == (filled[::-1] if left else filled)


def test_a_text_of_no_token_is_one_of_padding() -> None:
    ((_, feed),) = Texts(tokenizer(), INPUTS).feeds([" "])
    assert feed["input_ids"].tolist() == [[0]]
    assert feed["attention_mask"].tolist() == [[1]]


def test_a_graph_that_scales_by_the_batch_runs_each_text_by_itself() -> None:
    texts = Texts(tokenizer(), INPUTS, alone=True)
    assert [rows.tolist() for rows, _ in texts.feeds(["good good", "bad", "film"])] == [
        [1],
        [2],
        [0],
    ]
    engine = OnnxEngine(text_graph({"made by": "DynamicQuantizeLinear"}), SIGNATURE)
    assert engine.predict(batch("good", "bad"))["label"].tolist() == ["good 好", "bad"]


def pairs_of_bytes() -> str:
    """Another kind of tokenizer.json: it knows no unknown word, and spaces are in its tokens."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, show_progress=False)
    made.train_from_iterator(["a good film, a bad film  一部好电影 aaaaaaaa"] * 9, trainer)
    made.enable_truncation(MAX_TOKENS)
    found: str = made.to_str()
    return found


PIECES = st.sampled_from(
    [
        "good",
        "film",
        " ",
        "\n",
        "  \t",
        "一部好电影",
        "，",
        ".",
        "a" * 99,
        "QUJD",
        "+/",
        "7" * 33,
        "[PAD]",
        "👍🏽",
        "e\u0301",
        "\x1c",
    ]
)


def pieces() -> str:
    """BERT's kind: words of more than 100 characters are unknown, and others are cut in pieces."""
    known = ["[PAD]", "[UNK]", "good", "film", "##film", "##good", "一", "部", "好", "，", "+", "q"]
    vocab = {word: k for k, word in enumerate([*known, "##u", "##j", "##d", "##7", "7"])}
    made = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.add_special_tokens(["[PAD]"])
    made.enable_truncation(MAX_TOKENS)
    found: str = made.to_str()
    return found


def composed() -> str:
    """Letters and the marks on them are sorted and joined; digits are words of their own."""
    made = Tokenizer(models.WordLevel({"[UNK]": 0, "film": 1, "\u00e9": 2, "7": 3}, "[UNK]"))
    made.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.Digits(individual_digits=True)]
    )
    made.enable_truncation(MAX_TOKENS)
    found: str = made.to_str()
    return found


TOKENIZERS = {
    "words": tokenizer(), "bytes": pairs_of_bytes(), "pieces": pieces(), "composed": composed()
}  # fmt: skip


@pytest.mark.parametrize("content", TOKENIZERS.values(), ids=TOKENIZERS)
@given(st.lists(st.tuples(PIECES, st.integers(1, 300)), max_size=6))
@settings(max_examples=150, deadline=None)
def test_a_long_text_is_told_by_its_beginning_as_by_the_whole(
    content: str, drawn: list[tuple[str, int]]
) -> None:
    text = "".join(piece * times for piece, times in drawn)
    ((_, feed),) = Texts(content, INPUTS).feeds([text])
    whole = Tokenizer.from_str(content)
    whole.no_padding()
    assert feed["input_ids"][0].tolist() == (whole.encode(text).ids or [0])


def test_the_end_of_a_long_text_is_not_looked_at() -> None:
    texts = Texts(tokenizer(), INPUTS)
    seen: list[int] = []
    library = texts._library

    class Watched:
        def encode(self, text: str) -> Any:
            seen.append(len(text))
            return library.encode(text)

    texts._library = Watched()  # type: ignore[assignment]
    list(texts.feeds(["good film " * 100_000, "x" * 1_000]))
    longest = max(map(len, Tokenizer.from_str(tokenizer()).get_vocab()))
    assert seen == [MAX_TOKENS * 8, longest + 1]  # of what is unknown, what it takes to be that


@pytest.mark.parametrize("kind", list(TOKENIZERS))
@pytest.mark.parametrize("piece", ["一部好电影，", "QUJD+/", "e\u0301，"])
def test_nor_is_that_of_a_text_without_spaces(kind: str, piece: str) -> None:
    texts = Texts(TOKENIZERS[kind], INPUTS)
    seen: list[int] = []
    library = texts._library

    class Watched:
        def encode(self, text: str) -> Any:
            seen.append(len(text))
            return library.encode(text)

    texts._library = Watched()  # type: ignore[assignment]
    list(texts.feeds([piece * 100_000]))
    assert seen[-1] <= MAX_TOKENS * 64


def test_of_a_word_without_end_as_much_is_looked_at_as_makes_it_unknown() -> None:
    texts = Texts(TOKENIZERS["pieces"], INPUTS)
    text = "a" * 1_000_000 + " film"
    assert texts._beginnings.shortened(text) == "a" * 101 + " film"
    ((_, feed),) = texts.feeds([text])
    assert feed["input_ids"].tolist() == [[1, 3]]


def test_an_added_token_of_letters_may_stand_within_a_word_so_none_is_shortened() -> None:
    made = Tokenizer.from_str(pieces())
    made.add_tokens(["qq"])
    texts = Texts(made.to_str(), INPUTS)
    assert texts._beginnings.shortened("q" * 10_000) == "q" * 10_000
    ((_, feed),) = texts.feeds(["q" * 10_000])
    assert feed["input_ids"].shape == (1, MAX_TOKENS)


@given(st.lists(st.integers(1, 600), min_size=1, max_size=40), st.integers(1, TOGETHER))
@settings(max_examples=60, deadline=None)
def test_every_text_runs_once_and_no_more_tokens_run_together(
    lengths: list[int], most: int
) -> None:
    tall = np.array(lengths)
    groups = list(_together(tall, most))
    assert sorted(np.concatenate(groups).tolist()) == list(range(len(lengths)))
    for rows in groups:
        assert len(rows) == 1 or len(rows) * tall[rows].max() <= most


def test_a_tokenizer_that_is_none_or_fits_no_graph_is_refused() -> None:
    with pytest.raises(TokenizerUnusable, match="cannot be read"):
        OnnxEngine(text_graph({TOKENIZER: "{}"}), SIGNATURE)
    with pytest.raises(TokenizerUnusable, match="The graph takes rows"):
        Texts(tokenizer(), {"rows": INT64})


def test_a_graph_of_texts_takes_one_text_a_row() -> None:
    number = Signature(
        features=(Feature(name="age", dtype=Dtype.FLOAT32),),
        outputs=SIGNATURE.outputs,
        task=Task.CLASSIFICATION,
        matrix=False,
    )
    with pytest.raises(GraphUnusable, match="one text a row, not age"):
        OnnxEngine(text_graph(), number)


def test_what_a_model_does_follows_from_its_answers() -> None:
    assert task_of(["label", "probabilities"]) is Task.CLASSIFICATION
    assert task_of(["prediction"]) is Task.REGRESSION
    assert task_of(["probabilities"]) is Task.OTHER
