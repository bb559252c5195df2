import pytest
from pydantic import ValidationError

from seatrial.gateway.tokens.config import WindowConfig
from seatrial.gateway.tokens.windows import ChainedWindows, Window, WindowTable


def test_what_is_configured_comes_before_what_is_known():
    said = WindowConfig(model="gpt-4o", context_tokens=32_000)
    windows = ChainedWindows([WindowTable([said.entry()]), WindowTable()])
    expected = Window(context_tokens=32_000, max_output_tokens=16_384)
    assert windows.window("openai", "gpt-4o-2024-08-06") == expected


@pytest.mark.parametrize(
    "wrong",
    [
        {"context_tokens": 0},
        {"max_output_tokens": 101},
        {"max_output_tokens": 0},
        {"model": ""},
        {"window": 5},
    ],
)
def test_a_window_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValidationError):
        WindowConfig.model_validate({"model": "m", "context_tokens": 100, **wrong})
