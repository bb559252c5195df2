import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.gateway.tokens.estimate import CLAUDE, RECENT, EstimatingEncoder

# The first article of the Universal Declaration of Human Rights and some code, with counts by the
# tokenizer Anthropic published for Claude 2, and by those of DeepSeek V4 and Qwen 3.5.
TEXTS = {
    row.pop("name"): tuple(row.values())
    for row in json.loads(
        Path(__file__).with_name("counted_texts.json").read_text(encoding="utf-8")
    )
}
ENCODERS = {"claude": EstimatingEncoder(CLAUDE), "recent": EstimatingEncoder(RECENT)}


@pytest.mark.parametrize(("text", "claude", "deepseek", "qwen"), TEXTS.values(), ids=TEXTS.keys())
def test_an_estimate_is_near_what_the_tokenizers_count(text, claude, deepseek, qwen):
    assert ENCODERS["claude"].count(text) == pytest.approx(claude, rel=0.35)
    assert ENCODERS["recent"].count(text) == pytest.approx((deepseek + qwen) / 2, rel=0.35)


def test_estimates_are_closer_than_a_quarter_of_the_bytes():
    """In the sum of errors relative to the count, over all texts."""
    mine = bytes_over_four = 0.0
    for text, claude, deepseek, qwen in TEXTS.values():
        recent = (deepseek + qwen) / 2
        mine += abs(ENCODERS["claude"].count(text) / claude - 1)
        mine += abs(ENCODERS["recent"].count(text) / recent - 1)
        for count in (claude, recent):
            bytes_over_four += abs(len(text.encode()) / 4 / count - 1)
    assert mine < bytes_over_four / 2.5


@given(st.text())
def test_an_estimate_lies_between_one_and_the_bytes(text):
    for encoder in ENCODERS.values():
        assert bool(text) <= encoder.count(text) <= encoder.bound(text)


def test_a_character_that_a_vocabulary_writes_out_is_bound_by_what_it_becomes():
    """The tokenizer of Claude 2 makes 17 tokens of these 3 bytes."""
    assert len("\ufdfa".encode()) == 3
    assert EstimatingEncoder(CLAUDE).bound("\ufdfa") == 33


def test_a_lone_surrogate_is_counted_like_any_character():
    for encoder in ENCODERS.values():
        assert 1 <= encoder.count("\ud800") <= encoder.bound("\ud800") == 3


def test_it_says_that_it_is_not_exact():
    assert not EstimatingEncoder().exact


@given(st.text(max_size=80), st.integers(0, 60))
def test_a_cut_text_is_a_beginning_that_fits(text, most):
    for encoder in ENCODERS.values():
        cut = encoder.cut(text, most)
        assert text.startswith(cut)
        assert encoder.count(cut) <= most
        if encoder.count(text) <= most:
            assert cut == text


def test_a_cut_leaves_as_much_as_fits():
    encoder = ENCODERS["recent"]
    text = "all human beings are born free and equal " * 100
    cut = encoder.cut(text, 300)
    assert encoder.count(cut) in (299, 300)
