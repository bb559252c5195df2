"""From bytes to text."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.adapters.documents.encoding_detect import detect
from seatrial.rag.loading.decoding import decoded
from seatrial.rag.loading.outcome import Reason, Unloadable

CHINESE = "海试是对成品船在航行中的检验。它在任何人登船之前进行，也在货物装上之前进行。\n"
TRADITIONAL = "海試是對成品船在航行中的檢驗。它在任何人登船之前進行，也在貨物裝上之前進行。\n"
JAPANESE = "試運転とは、完成した船を航行させて行う検査です。誰かを乗せる前に行います。\n"
GERMAN = "Größere Schiffe prüft man länger, kleinere dürfen früher übers Meer fahren.\n"
READABLE = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co"], include_characters="\n\r\t"),
    min_size=1,
)


def never(content: bytes) -> str | None:
    raise AssertionError("nothing is left to detect")


def none(content: bytes) -> str | None:
    return None


@given(READABLE)
def test_utf_8_comes_back_as_it_was(text):
    assert decoded(text.encode(), never) == (text.removeprefix("\ufeff"), "utf-8")


@given(READABLE, st.sampled_from(["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"]))
def test_a_mark_decides_and_is_no_text(text, encoding):
    mark = "\ufeff".encode(encoding)
    if encoding == "utf-16-le" and text.startswith("\0"):
        return
    assert decoded(mark + text.encode(encoding), never) == (text, encoding)


@given(READABLE, st.sampled_from(["utf-8", "utf-16-le", "gb18030"]))
def test_an_encoding_that_is_named_is_used(text, encoding):
    if text.encode(encoding).startswith((b"\xff\xfe", b"\xfe\xff", codecs.BOM_UTF8)):
        return
    assert decoded(text.encode(encoding), never, encoding=encoding) == (text, encoding)


@given(st.binary())
def test_any_bytes_are_text_or_refused(content):
    refused = ""
    try:
        text, encoding = decoded(content, none)
    except Unloadable as error:
        refused, text, encoding = error.reason, "", "utf-8"
    assert refused in {"", Reason.WRONG_ENCODING, Reason.BINARY}
    assert "\0" not in text
    assert codecs.lookup(encoding)


@pytest.mark.parametrize(
    ("text", "encoding", "found"),
    [
        (CHINESE, "gbk", "gb18030"),
        (CHINESE, "gb18030", "gb18030"),
        (TRADITIONAL, "big5", "big5"),
        (JAPANESE, "shift_jis", "cp932"),
        (GERMAN * 3, "latin-1", "cp1252"),
        (CHINESE, "utf-16-le", "utf-16-le"),
        (CHINESE, "utf-16-be", "utf-16-be"),
        (GERMAN, "utf-16-le", "utf-16-le"),
        ("Ships only.\n", "utf-16-le", "utf-16-le"),
        (GERMAN, "utf-16-be", "utf-16-be"),
    ],
)
def test_the_usual_encodings_are_found_out(text, encoding, found):
    assert decoded(text.encode(encoding), detect) == (text, found)


def test_newlines_and_characters_stay():
    text = "a\r\nb\rc\n\ne\u0301\ufb01 \u2028"
    assert decoded(text.encode(), never).text == text


def test_utf_8_with_a_wrong_byte_is_damaged_not_latin():
    content = CHINESE.encode() + b"\xff" + CHINESE.encode()
    with pytest.raises(Unloadable, match=f"byte {len(CHINESE.encode())} is wrong") as caught:
        decoded(content, never)
    assert caught.value.reason is Reason.WRONG_ENCODING
    assert decoded(content, never, replace=True).text == f"{CHINESE}\ufffd{CHINESE}"


def test_what_fits_no_encoding_is_refused_with_what_to_do():
    with pytest.raises(Unloadable, match=r"byte 1 is wrong.*name its encoding") as caught:
        decoded(b"a\xff", none)
    assert caught.value.reason is Reason.WRONG_ENCODING


@pytest.mark.parametrize(
    "content",
    [b"a\0b", b"\x7fELF\0\0\0" * 40, bytes(range(256)), b"\x01\x02\x03text", b"%PDF\0\xff\xfe\xfd"],
)
def test_binary_data_are_no_text(content):
    with pytest.raises(Unloadable) as caught:
        decoded(content, none)
    assert caught.value.reason is Reason.BINARY


@pytest.mark.parametrize("text", ["One zero \0 in a text of an even length..", "Ein Z\0 ä ö ü, ß."])
def test_a_text_with_a_zero_byte_is_not_taken_for_utf_16(text):
    with pytest.raises(Unloadable) as refused:
        decoded(text.encode(), detect)
    assert refused.value.reason is Reason.BINARY


def test_colours_of_a_terminal_are_text():
    text = "\x1b[31mred\x1b[0m\n"
    assert decoded(text.encode(), never).text == text


def test_a_codec_that_makes_no_text_is_refused():
    with pytest.raises(Unloadable, match="hex"):
        decoded(b"ff", never, encoding="hex")


def test_only_the_beginning_is_looked_at_to_detect():
    seen = []

    def looking(content: bytes) -> str:
        seen.append(len(content))
        content.decode("gb18030")
        return "gb18030"

    text = CHINESE * 3000
    assert decoded(text.encode("gb18030"), looking).text == text
    assert seen[0] <= 1 << 16
