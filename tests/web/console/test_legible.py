"""Texts of others as a reader sees them."""

from __future__ import annotations

from markupsafe import Markup

from seatrial.web.console.legible import cut, visible


def test_signs_that_turn_or_end_a_line_are_shown_not_done() -> None:
    assert visible("a\u202eb\x00c\u2066") == "a\ufffdb\ufffdc\ufffd"
    assert visible("line\nline") == "line\nline"
    assert visible("名字 é 😀") == "名字 é 😀"
    assert visible(3) == 3
    assert visible(Markup("<b>\x00</b>")) == "<b>\x00</b>"


def test_long_names_keep_their_ends() -> None:
    shown = cut("begin" + "x" * 400 + "end")
    assert len(shown) == 60
    assert shown.startswith("begin")
    assert shown.endswith("end")
    assert cut("short") == "short"
