"""Tokens as vendors tell them, and as we count them."""

import pytest
from bodies import ANTHROPIC_USAGE, OPENAI_USAGE
from hypothesis import given
from hypothesis import strategies as st

from seatrial.gateway.chat.response import Usage
from seatrial.gateway.dialects.usage import (
    read_anthropic_usage,
    read_openai_usage,
    write_anthropic_usage,
    write_openai_usage,
)

COUNT = st.integers(0, 10**6)


@st.composite
def usages(draw):
    cached, written, other = draw(COUNT), draw(COUNT), draw(COUNT)
    reasoning, rest = draw(COUNT), draw(COUNT)
    return Usage(
        input_tokens=cached + written + other,
        output_tokens=reasoning + rest,
        cached_tokens=cached,
        cache_write_tokens=written,
        cache_write_1h_tokens=draw(st.integers(0, written)),
        reasoning_tokens=reasoning,
    )


@given(usages())
def test_anthropic_gets_back_what_it_told(usage):
    assert read_anthropic_usage(write_anthropic_usage(usage)) == usage


@given(usages())
def test_openai_gets_back_what_it_told_but_for_the_life_of_a_cache(usage):
    read = read_openai_usage(write_openai_usage(usage))
    told = {name: getattr(usage, name) for name in Usage.__struct_fields__}
    told["cache_write_1h_tokens"] = 0
    assert read == Usage(**told)


def test_the_input_holds_what_came_from_a_cache():
    theirs = {
        "input_tokens": 10,
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 30,
        "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 10},
        "output_tokens": 5,
        "output_tokens_details": {"thinking_tokens": 3},
    }
    assert read_anthropic_usage(theirs) == Usage(
        input_tokens=140,
        output_tokens=5,
        cached_tokens=100,
        cache_write_tokens=30,
        cache_write_1h_tokens=10,
        reasoning_tokens=3,
    )
    ours = {
        "prompt_tokens": 140,
        "completion_tokens": 5,
        "total_tokens": 145,
        "prompt_tokens_details": {"cached_tokens": 100, "audio_tokens": 7},
        "completion_tokens_details": {"reasoning_tokens": 3, "audio_tokens": 1},
    }
    assert read_openai_usage(ours) == Usage(
        input_tokens=140,
        output_tokens=5,
        cached_tokens=100,
        reasoning_tokens=3,
        input_audio_tokens=7,
        output_audio_tokens=1,
    )


def test_reasoning_told_beside_the_output_is_counted_in_it():
    told = {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "total_tokens": 45,
        "completion_tokens_details": {"reasoning_tokens": 30},
    }
    assert read_openai_usage(told).output_tokens == 35


def test_a_cache_told_in_a_field_of_its_own():
    told = {"prompt_tokens": 10, "completion_tokens": 5, "prompt_cache_hit_tokens": 8}
    assert read_openai_usage(told).cached_tokens == 8


@pytest.mark.parametrize("read", [read_openai_usage, read_anthropic_usage])
@pytest.mark.parametrize("told", [None, {}, [], "many", 3])
def test_what_tells_nothing_is_unknown(read, told):
    assert read(told) is None


@given(OPENAI_USAGE, ANTHROPIC_USAGE)
def test_no_count_is_negative_or_missing(ours, theirs):
    for usage in (read_openai_usage(ours), read_anthropic_usage(theirs)):
        assert all(getattr(usage, name) >= 0 for name in Usage.__struct_fields__)


@pytest.mark.parametrize("bad", [None, -5, "7", True, 1.5, [1]])
def test_a_count_that_is_none_counts_nothing(bad):
    assert read_openai_usage({"prompt_tokens": bad, "completion_tokens": 1}).input_tokens == 0
