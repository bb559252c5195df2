"""Graphs with their tokenizer: what a text becomes, and that no text moves another's answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

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
        "👍🏽",
        "e\u0301",
        "\x1c",
    ]
)


@pytest.mark.parametrize("content", [tokenizer(), pairs_of_bytes()], ids=["words", "bytes"])
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
    assert seen == [MAX_TOKENS * 64, MAX_TOKENS * 64, 1_000]


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
