"""Nothing sensitive is left in what is logged, traced or kept."""

import io
import logging
import sys

from seatrial.gateway.policies.mask import MAX_CHARS, Mask, MaskingFormatter

KEY = "sk-proj-3f9a7c1e5b2d8f4a6c0e9b7d"


def test_what_is_sensitive_is_written_over_and_the_rest_is_left():
    said = f"Ask ana@example.com at 13812345678, key {KEY}."
    assert Mask().text(said) == "Ask [EMAIL] at [PHONE], key [API_KEY]."
    assert Mask().text("nothing") == "nothing"


def test_a_text_that_is_too_long_to_be_read_is_cut():
    masked = Mask().text("x " * MAX_CHARS + KEY)
    assert len(masked) < MAX_CHARS + 20
    assert masked.endswith("[...]")


def test_data_is_masked_at_any_depth():
    data = {
        "error": {"message": f"Incorrect API key provided: {KEY}", "code": 401, "ok": None},
        "to": ["ana@example.com", ("bob@example.com", 1.5)],
        "Authorization": "whatever it is",
        "password": 12345,
        "ana@example.com": True,
        "raw": b"bytes",
    }
    assert Mask().data(data) == {
        "error": {"message": "Incorrect API key provided: [API_KEY]", "code": 401, "ok": None},
        "to": ["[EMAIL]", ["[EMAIL]", 1.5]],
        "Authorization": "[SECRET]",
        "password": "[SECRET]",
        "[EMAIL]": True,
        "raw": "[5 bytes]",
    }


def test_a_log_shows_neither_arguments_nor_traces_with_secrets_in_them():
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(MaskingFormatter(logging.Formatter("%(levelname)s %(message)s")))
    log = logging.Logger("test")
    log.addHandler(handler)
    try:
        raise ValueError(f"bad key {KEY}")
    except ValueError:
        log.warning("call of %s failed", "ana@example.com", exc_info=sys.exc_info())
    text = out.getvalue()
    assert text.startswith("WARNING call of [EMAIL] failed")
    assert "ValueError: bad key [API_KEY]" in text
    assert KEY not in text
