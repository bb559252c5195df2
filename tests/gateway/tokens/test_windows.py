import pytest

from seatrial.gateway.tokens.windows import ChainedWindows, Window, WindowEntry, WindowTable

BOTH = WindowTable()


@pytest.mark.parametrize(
    ("model", "context", "output"),
    [
        ("gpt-4", 8_192, 8_192),
        ("gpt-4-0613", 8_192, 8_192),
        ("gpt-4-turbo-2024-04-09", 128_000, 4_096),
        ("gpt-4o-2024-08-06", 128_000, 16_384),
        ("gpt-4o-2024-05-13", 128_000, 4_096),
        ("openai/GPT-4o-mini", 128_000, 16_384),
        ("claude-3-5-sonnet-latest", 200_000, 8_192),
        ("claude-3-5-sonnet@20240620", 200_000, 8_192),
        ("claude-opus-4-20250514", 200_000, 32_000),
        ("claude-opus-4-5-20251101", 200_000, 64_000),
    ],
)
def test_known_models_have_their_windows(model, context, output):
    assert BOTH.window("", model) == Window(context_tokens=context, max_output_tokens=output)


@pytest.mark.parametrize("model", ["gpt-4o-audio", "claude-opus-4-9", "gpt-5.4", "llama", "gpt"])
def test_a_name_says_nothing_of_other_models(model):
    """A later one of a family may read and write more."""
    assert BOTH.window("", model) is None


def table(**windows):
    return WindowTable(WindowEntry(model=m, window=w) for m, w in windows.items())


def test_the_longest_name_counts():
    short, long = Window(context_tokens=1), Window(context_tokens=2)
    assert table(a=short, ab=long).window("", "ab") == long


def test_what_one_source_does_not_say_another_may():
    own = table(m=Window(context_tokens=1_000), n=Window(context_tokens=5))
    other = table(
        m=Window(context_tokens=9_000, max_output_tokens=400),
        n=Window(context_tokens=9_000, max_output_tokens=400),
        o=Window(context_tokens=7),
    )
    both = ChainedWindows([own, other])
    assert both.window("", "m") == Window(context_tokens=1_000, max_output_tokens=400)
    assert both.window("", "n") == Window(context_tokens=5, max_output_tokens=5)
    assert both.window("", "o") == Window(context_tokens=7)
    assert both.window("", "p") is None
