"""Tokens as vendors tell them.

OpenAI's ``prompt_tokens`` hold those of the cache, Anthropic's ``input_tokens`` do not; ours do.
"""

from __future__ import annotations

from seatrial.gateway.chat.response import Usage
from seatrial.gateway.dialects.fields import Body, count

_NONE: Body = {}
_PLAIN = frozenset({"prompt_tokens", "completion_tokens", "total_tokens"})
"""What OpenAI's form tells where no token is of a kind of its own."""


def _part(body: Body, name: str) -> Body:
    found = body.get(name)
    return found if type(found) is dict else _NONE


def read_openai_usage(body: object) -> Usage | None:
    """None for what tells no tokens.

    Some servers count reasoning beside ``completion_tokens`` and not in it; their total shows it.
    DeepSeek tells cached tokens in a field of its own.
    """
    if type(body) is not dict or not body:
        return None
    given, taken = body.get("prompt_tokens"), body.get("completion_tokens")
    if not (type(given) is int and given > 0 and type(taken) is int and taken > 0):
        given, taken = count(body, "prompt_tokens"), count(body, "completion_tokens")
    if _PLAIN.issuperset(body):
        return Usage(input_tokens=given, output_tokens=taken)
    if not (body.get("prompt_tokens_details") or body.get("completion_tokens_details")):
        cached = count(body, "prompt_cache_hit_tokens")
        return Usage(input_tokens=given, output_tokens=taken, cached_tokens=cached)
    of_input = _part(body, "prompt_tokens_details")
    of_output = _part(body, "completion_tokens_details")
    reasoning = count(of_output, "reasoning_tokens")
    if reasoning and count(body, "total_tokens") == given + taken + reasoning:
        taken += reasoning
    cached = count(of_input, "cached_tokens") or count(body, "prompt_cache_hit_tokens")
    return Usage(
        input_tokens=given,
        output_tokens=taken,
        cached_tokens=cached,
        cache_write_tokens=count(of_input, "cache_write_tokens"),
        reasoning_tokens=reasoning,
        input_audio_tokens=count(of_input, "audio_tokens"),
        output_audio_tokens=count(of_output, "audio_tokens"),
    )


def write_openai_usage(usage: Usage) -> dict[str, object]:
    """With both details, zeros included."""
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": {
            "cached_tokens": usage.cached_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
            "audio_tokens": usage.input_audio_tokens,
        },
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning_tokens,
            "audio_tokens": usage.output_audio_tokens,
        },
    }


def read_anthropic_usage(body: object) -> Usage | None:
    """None for what tells no tokens."""
    if type(body) is not dict or not body:
        return None
    cached = count(body, "cache_read_input_tokens")
    by_life = _part(body, "cache_creation")
    hour = count(by_life, "ephemeral_1h_input_tokens")
    told = hour + count(by_life, "ephemeral_5m_input_tokens")
    written = max(count(body, "cache_creation_input_tokens"), told)
    return Usage(
        input_tokens=count(body, "input_tokens") + cached + written,
        output_tokens=count(body, "output_tokens"),
        cached_tokens=cached,
        cache_write_tokens=written,
        cache_write_1h_tokens=hour,
        reasoning_tokens=count(_part(body, "output_tokens_details"), "thinking_tokens"),
    )


def write_anthropic_usage(usage: Usage) -> dict[str, object]:
    """What came from the cache beside the rest of the input."""
    written, hour = usage.cache_write_tokens, usage.cache_write_1h_tokens
    body: dict[str, object] = {
        "input_tokens": max(0, usage.input_tokens - usage.cached_tokens - written),
        "cache_read_input_tokens": usage.cached_tokens,
        "cache_creation_input_tokens": written,
        "output_tokens": usage.output_tokens,
    }
    if hour:
        lives = {"ephemeral_5m_input_tokens": written - hour, "ephemeral_1h_input_tokens": hour}
        body["cache_creation"] = lives
    if usage.reasoning_tokens:
        body["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    return body
