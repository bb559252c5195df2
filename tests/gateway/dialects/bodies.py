"""Bodies of both dialects, generated, with fields nobody knows at every level."""

from hypothesis import strategies as st

TEXTS = st.text(max_size=12)
NAMES = st.from_regex(r"[a-z]{1,8}", fullmatch=True)
PLAIN = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS
JSON = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2)
)
UNKNOWN = st.dictionaries(st.from_regex(r"x_[a-z]{1,6}", fullmatch=True), JSON, max_size=2)


def some(required, optional=None):
    """An object with its fields, some of the optional ones, and some that nobody knows."""
    known = st.fixed_dictionaries(required, optional=optional or {})
    return st.builds(lambda given, more: {**more, **given}, known, UNKNOWN)


def just(value):
    return st.just(value)


# --- OpenAI

_TEXT = some({"type": just("text"), "text": TEXTS})
_IMAGE = some(
    {
        "type": just("image_url"),
        "image_url": some({"url": just("https://h/i.png") | just("data:image/gif;base64,R0lG")}),
    }
)
_AUDIO = some({"type": just("input_audio"), "input_audio": JSON})
_ANY_PART = some({"type": just("x_new")})
_CONTENT = TEXTS | st.lists(_TEXT | _IMAGE | _AUDIO | _ANY_PART, min_size=1, max_size=3)
_FUNCTION_CALL = some({"name": NAMES, "arguments": TEXTS})
_CALL = some({"type": just("function"), "id": NAMES, "function": _FUNCTION_CALL}) | some(
    {"type": just("custom"), "id": NAMES, "custom": JSON}
)
OPENAI_ANSWER = some(
    {"role": just("assistant"), "content": st.none() | TEXTS},
    {
        "refusal": st.none() | TEXTS,
        "reasoning_content": TEXTS,
        "tool_calls": st.lists(_CALL, max_size=2),
        "audio": st.none() | some({"id": NAMES}),
    },
)
_OPENAI_MESSAGE = (
    some({"role": st.sampled_from(["system", "developer", "user"]), "content": _CONTENT})
    | OPENAI_ANSWER
    | some({"role": just("tool"), "tool_call_id": NAMES, "content": TEXTS | st.lists(_TEXT)})
    | some({"role": just("function"), "name": NAMES, "content": TEXTS})
)
_OPENAI_TOOL = some(
    {
        "type": just("function"),
        "function": some(
            {"name": NAMES},
            {"description": TEXTS, "parameters": JSON.filter(lambda x: type(x) is dict)},
        ),
    }
) | some({"type": just("custom"), "custom": some({"name": NAMES})})
_CHOICE = st.sampled_from(["auto", "none", "required"])
_OPENAI_CHOICE = (
    st.none()
    | _CHOICE
    | some({"type": just("function"), "function": some({"name": NAMES})})
    | some({"type": just("allowed_tools"), "allowed_tools": JSON})
)
_FORMAT = (
    st.none()
    | some({"type": st.sampled_from(["text", "json_object", "grammar"])})
    | some(
        {
            "type": just("json_schema"),
            "json_schema": some(
                {"name": NAMES, "schema": UNKNOWN},
                {"strict": st.booleans() | st.none(), "description": TEXTS},
            ),
        }
    )
)
_NUMBER = st.none() | st.floats(0, 2) | st.integers(0, 2)
_OPENAI_FIELDS = {
    "max_tokens": st.none() | st.integers(1, 9999),
    "max_completion_tokens": st.integers(1, 9999),
    "temperature": _NUMBER,
    "top_p": _NUMBER,
    "seed": st.none() | st.integers(),
    "stop": st.none() | TEXTS | st.lists(TEXTS, max_size=3),
    "n": st.none() | st.integers(1, 4),
    "tools": st.lists(_OPENAI_TOOL, max_size=2),
    "tool_choice": _OPENAI_CHOICE,
    "parallel_tool_calls": st.none() | st.booleans(),
    "response_format": _FORMAT,
    "user": st.none() | TEXTS,
}
_OPENAI_BASE = {"model": NAMES, "messages": st.lists(_OPENAI_MESSAGE, min_size=1, max_size=4)}
OPENAI_REQUESTS = some(
    {**_OPENAI_BASE, "stream": just(True), "stream_options": some({"include_usage": just(True)})},
    _OPENAI_FIELDS,
) | some(_OPENAI_BASE, {**_OPENAI_FIELDS, "stream": just(False)})
_COUNT = st.integers(0, 10**6)
OPENAI_USAGE = some(
    {"prompt_tokens": _COUNT, "completion_tokens": _COUNT, "total_tokens": _COUNT},
    {
        "prompt_tokens_details": st.none() | some({"cached_tokens": _COUNT}),
        "completion_tokens_details": st.none() | some({"reasoning_tokens": _COUNT}),
    },
)
OPENAI_REPLIES = some(
    {
        "id": NAMES,
        "model": NAMES,
        "object": just("chat.completion"),
        "choices": st.lists(
            some(
                {
                    "index": st.integers(0, 3),
                    "message": OPENAI_ANSWER,
                    "finish_reason": st.sampled_from(["stop", "length", "x_new", None]),
                }
            ),
            min_size=1,
            max_size=3,
        ),
    },
    {"created": st.integers(0, 2**40), "usage": st.none() | OPENAI_USAGE},
)

# --- Anthropic

_A_TEXT = some({"type": just("text"), "text": TEXTS})
_A_IMAGE = some(
    {
        "type": just("image"),
        "source": some({"type": just("base64"), "data": TEXTS, "media_type": just("image/png")})
        | some({"type": just("url"), "url": TEXTS})
        | some({"type": just("file"), "file_id": TEXTS}),
    }
)
_A_USE = some({"type": just("tool_use"), "id": NAMES, "name": NAMES, "input": UNKNOWN})
_A_RESULT = some(
    {"type": just("tool_result"), "tool_use_id": NAMES},
    {"content": TEXTS | st.lists(_A_TEXT | _A_IMAGE, max_size=2), "is_error": st.booleans()},
)
_A_THINKING = some({"type": just("thinking"), "thinking": TEXTS, "signature": TEXTS})
_A_OTHER = some({"type": st.sampled_from(["redacted_thinking", "document", "x_new"])})
_BLOCKS = st.lists(
    _A_TEXT | _A_IMAGE | _A_USE | _A_RESULT | _A_THINKING | _A_OTHER, min_size=1, max_size=4
)
_A_MESSAGE = some(
    {"role": st.sampled_from(["user", "assistant", "system"]), "content": TEXTS | _BLOCKS}
)
_A_TOOL = some(
    {"name": NAMES, "input_schema": UNKNOWN}, {"description": TEXTS, "strict": st.booleans()}
) | some({"type": just("web_search_20250305"), "name": NAMES})
_A_CHOICE = (
    some({"type": st.sampled_from(["auto", "any"])}, {"disable_parallel_tool_use": st.booleans()})
    | some({"type": just("tool"), "name": NAMES})
    | some({"type": st.sampled_from(["none", "x_new"])})
)
_A_FORM = some({"type": just("json_schema"), "schema": UNKNOWN}) | some({"type": just("x_new")})
ANTHROPIC_REQUESTS = some(
    {
        "model": NAMES,
        "max_tokens": st.integers(1, 9999),
        "messages": st.lists(_A_MESSAGE, min_size=1, max_size=4),
    },
    {
        "system": TEXTS | st.lists(_A_TEXT, max_size=2),
        "temperature": _NUMBER,
        "top_p": _NUMBER,
        "stop_sequences": st.lists(TEXTS, max_size=2),
        "tools": st.lists(_A_TOOL, max_size=2),
        "tool_choice": _A_CHOICE,
        "output_config": some({}, {"format": st.none() | _A_FORM, "effort": just("low")}),
        "output_format": _A_FORM,
        "stream": st.booleans(),
        "metadata": some({}, {"user_id": st.none() | TEXTS}),
        "thinking": JSON,
    },
)
ANTHROPIC_USAGE = some(
    {"input_tokens": _COUNT, "output_tokens": _COUNT},
    {
        "cache_read_input_tokens": st.none() | _COUNT,
        "cache_creation_input_tokens": st.none() | _COUNT,
        "cache_creation": st.none() | some({"ephemeral_1h_input_tokens": _COUNT}),
    },
)
ANTHROPIC_REPLIES = some(
    {
        "id": NAMES,
        "type": just("message"),
        "role": just("assistant"),
        "model": NAMES,
        "content": st.lists(_A_TEXT | _A_USE | _A_THINKING | _A_OTHER, max_size=4),
        "stop_reason": st.sampled_from(["end_turn", "tool_use", "max_tokens", "pause_turn"]),
        "usage": ANTHROPIC_USAGE,
    }
)
