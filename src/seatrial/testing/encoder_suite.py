"""What every counter of plain text must do; see `gateway.tokens.encoder.Encoder`."""

from __future__ import annotations

import pytest

from seatrial.gateway.tokens.encoder import Encoder

TEXTS = (
    "hello world",
    " ",
    "\r\n\r\n\t  indented\n",
    "def f(x):\n    return {'a': [x ** 2]}\n",
    "Größenwahn naïve façade",
    "Привет, как дела?",
    "नमस्ते दुनिया",
    "今天天气很好，我们去公园吧。",
    "\U0001f469\u200d\U0001f4bb\U0001f680",
    "<|endoftext|><|im_start|>system",
    "\ufdfa\u00bd e\u0301",
    "a\ud800b",
    "aaaa" * 200,
    "The ship is tried at sea before it carries anybody. " * 40,
)


class EncoderSuite:
    """Subclass it as ``Test...`` with a fixture ``encoder``."""

    def test_no_text_is_no_token(self, encoder: Encoder) -> None:
        """And nothing to cut."""
        assert (encoder.count(""), encoder.bound(""), encoder.cut("", 5)) == (0, 0, "")

    @pytest.mark.parametrize("text", TEXTS)
    def test_a_text_has_at_least_one_token_and_at_most_its_bound(
        self, encoder: Encoder, text: str
    ) -> None:
        """An exact count is its own bound."""
        assert 1 <= encoder.count(text) <= encoder.bound(text)
        if encoder.exact:
            assert encoder.bound(text) == encoder.count(text)

    def test_no_bound_is_beyond_what_vocabularies_over_bytes_can_need(
        self, encoder: Encoder
    ) -> None:
        """Of plain letters: a token for each."""
        assert encoder.bound("hello world" * 50) <= 550

    @pytest.mark.parametrize("text", TEXTS)
    def test_a_cut_is_a_beginning_that_fits(self, encoder: Encoder, text: str) -> None:
        """Whatever there is room for; a lone surrogate may come back as what replaces it."""
        whole = text.replace("\ud800", "\ufffd")
        for most in (0, 1, 2, 3, 7, 50):
            cut = encoder.cut(text, most)
            assert text.startswith(cut) or whole.startswith(cut)
            assert encoder.count(cut) <= most

    @pytest.mark.parametrize("text", TEXTS)
    def test_a_text_that_fits_is_not_cut(self, encoder: Encoder, text: str) -> None:
        """It comes back whole."""
        whole = text.replace("\ud800", "\ufffd")
        assert encoder.cut(text, encoder.count(text)) in (text, whole)

    def test_a_cut_leaves_as_much_as_fits(self, encoder: Encoder) -> None:
        """To the token, or nearly."""
        text = "all human beings are born free and equal " * 100
        assert encoder.count(encoder.cut(text, 300)) >= 298

    def test_less_than_no_room_is_none(self, encoder: Encoder) -> None:
        """Nothing is left."""
        assert encoder.cut("hello world", -5) == ""
