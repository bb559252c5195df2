from base64 import b64encode
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.gateway.tokens.image_size import HEAD_BYTES, size_of, size_of_base64

SIDES = st.integers(1, 16_000)


def png(w, h):
    return b"\x89PNG\r\n\x1a\n" + pack(">I4sII", 13, b"IHDR", w, h) + b"\x08\x06\0\0\0"


def gif(w, h):
    return b"GIF89a" + pack("<HH", w, h) + b"\xf7\0\0"


def jpeg(w, h, *, before=0, marker=0xC0):
    profile = b"\xff\xe2" + pack(">H", before + 2) + b"\0" * before if before else b""
    tables = b"\xff\xff\xdb" + pack(">H", 67) + b"\1" * 65  # with a fill byte before its marker
    frame = bytes([0xFF, marker]) + pack(">HBHH", 17, 8, h, w) + b"\3" + b"\0" * 9
    return b"\xff\xd8" + profile + tables + frame


def webp(form, body):
    chunk = form + pack("<I", len(body)) + body
    return b"RIFF" + pack("<I", len(chunk) + 4) + b"WEBP" + chunk


def lossy(w, h):
    return webp(b"VP8 ", b"\x30\x01\0\x9d\x01\x2a" + pack("<HH", w, h) + b"\0" * 8)


def lossless(w, h):
    return webp(b"VP8L", b"\x2f" + pack("<I", (w - 1) | (h - 1) << 14) + b"\0" * 8)


def extended(w, h):
    return webp(b"VP8X", b"\0\0\0\0" + pack("<I", w - 1)[:3] + pack("<I", h - 1)[:3])


@pytest.mark.parametrize("make", [png, gif, jpeg, lossy, lossless, extended])
@given(w=SIDES, h=SIDES)
def test_width_and_height_are_read(make, w, h):
    assert size_of(make(w, h)) == (w, h)
    assert size_of_base64(b64encode(make(w, h)).decode()) == (w, h)


@pytest.mark.parametrize("marker", [0xC1, 0xC2, 0xCF])
def test_every_kind_of_jpeg_is_read(marker):
    assert size_of(jpeg(640, 480, marker=marker)) == (640, 480)


def test_a_profile_may_stand_before_the_size():
    assert size_of_base64(b64encode(jpeg(640, 480, before=60_000)).decode()) == (640, 480)


def test_no_more_than_the_head_is_decoded():
    whole = b64encode(png(640, 480) + b"\0" * HEAD_BYTES * 2).decode() + "***"
    assert size_of_base64(whole) == (640, 480)


@pytest.mark.parametrize(
    "data",
    ["", "%%%", "AAAA", "é", b64encode(b"%PDF-1.7").decode(), b64encode(png(0, 5)).decode()],
)
def test_what_is_no_image_has_no_size(data):
    assert size_of_base64(data) is None


@given(st.binary(max_size=200), st.sampled_from([png, gif, jpeg, lossy]), st.integers(0, 60))
def test_broken_files_do_no_harm(noise, make, at):
    assert size_of(noise) is None or min(size_of(noise)) > 0
    for broken in (make(9, 9)[:at], make(9, 9)[:at] + noise):
        found = size_of(broken)
        assert found is None or min(found) > 0
