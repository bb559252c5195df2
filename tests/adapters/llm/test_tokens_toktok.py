"""Counts against a table that tiktoken 0.14.0 made with the vocabularies OpenAI publishes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.adapters.llm.tokens_toktok import ToktokEncoder
from seatrial.gateway.tokens.encodings import Encoding

# Text, tokens in cl100k_base, tokens in o200k_base.
TABLE = [
    ("", 0, 0),
    ("hello world", 2, 2),
    (" ", 1, 1),
    ("   \n\n\t  x", 3, 3),
    ("I'll can't we've DON'T", 8, 4),
    ("antidisestablishmentarianism", 6, 6),
    ("0123456789 3.14159 1,000,000", 15, 15),
    ("def f(x):\n    return {'a': [x ** 2 for _ in range(10)]}\n", 22, 22),
    ('{"name": "Ada", "tags": ["x", "y"], "n": null}', 20, 20),
    ("Привет, как дела?", 8, 6),
    ("Καλημέρα κόσμε", 14, 6),
    ("שלום עולם", 10, 2),
    ("مرحبا بالعالم", 10, 4),
    ("नमस्ते दुनिया", 13, 5),
    ("สวัสดีชาวโลก", 13, 7),
    ("안녕하세요 세계", 9, 3),
    ("今天天气很好,我们去公园吧。", 17, 11),
    ("こんにちは世界", 4, 2),
    ("Größenwahn naïve façade Straße", 11, 9),
    (
        "\U0001f469\u200d\U0001f4bb\U0001f680\U0001f1e9\U0001f1ea\U0001f3f3\ufe0f\u200d\U0001f308",
        25,
        17,
    ),
    ("<|endoftext|><|im_start|>system", 13, 13),
    ("e\u0301 vs \xe9 \u200b\ufeff", 6, 6),
    ("\U0001d573\U0001d58a\U0001d591\U0001d591\U0001d594 \U0010fffd", 20, 20),
    ("http://example.com/a?b=c&d=%20#frag", 14, 14),
    ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 6, 6),
    ("\r\n\r\n--\r\n", 2, 3),
    ("ﷺ ﷽ ½ Ⅷ ㎏", 15, 13),
]
LONG = (
    "The ship is tried at sea before it carries anybody. "
    "Корабль испытывают в море. 船は海で試される。\n"
) * 200


@pytest.fixture(scope="module")
def encoders():
    return {encoding: ToktokEncoder(encoding) for encoding in Encoding}


@pytest.mark.parametrize(("text", "cl100k", "o200k"), TABLE)
def test_counts_are_those_of_tiktoken(encoders, text, cl100k, o200k):
    assert encoders[Encoding.CL100K].count(text) == cl100k
    assert encoders[Encoding.O200K].count(text) == o200k
    # The harmony encoding differs in its special tokens only, which are text here.
    assert encoders[Encoding.HARMONY].count(text) == o200k


def test_long_texts_count_like_tiktoken(encoders):
    assert encoders[Encoding.CL100K].count(LONG) == 7400
    assert encoders[Encoding.O200K].count(LONG) == 5800


def test_it_is_exact_and_its_bound_is_the_count(encoders):
    encoder = encoders[Encoding.O200K]
    assert encoder.exact
    assert encoder.bound("hello world") == 2


def test_a_lone_surrogate_counts_as_what_replaces_it(encoders):
    encoder = encoders[Encoding.O200K]
    assert encoder.count("a\ud800b") == encoder.count("a\ufffdb")
    assert encoder.cut("a\ud800b", 1) == "a"


@given(text=st.text(max_size=60), most=st.integers(0, 40))
def test_a_cut_text_is_a_beginning_that_fits(encoders, text, most):
    for encoder in encoders.values():
        cut = encoder.cut(text, most)
        assert text.startswith(cut)
        assert encoder.count(cut) <= most
        if encoder.count(text) <= most:
            assert cut == text


def test_a_cut_splits_no_character(encoders):
    encoder = encoders[Encoding.CL100K]
    brain = "a\U0001f9e0"
    assert encoder.count("\U0001f9e0") == 3
    assert [encoder.cut(brain, most) for most in range(5)] == ["", "a", "a", "a", brain]


def test_a_cut_stands_between_tokens(encoders):
    cut = encoders[Encoding.O200K].cut(LONG, 1000)
    assert encoders[Encoding.O200K].count(cut) == 1000
