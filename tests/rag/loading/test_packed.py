"""Unpacking within bounds."""

from __future__ import annotations

import gzip
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.rag.loading.outcome import Reason, Unloadable
from seatrial.rag.loading.packed import Unpacked, check_office_archive
from seatrial.rag.loading.settings import LimitsConfig

from ...conformance.loader_documents import changed_zip, docx, xlsx, zipped

LIMITS = LimitsConfig()


def unpacked(packed: bytes, **limits: float) -> bytes:
    stream = Unpacked(
        io.BytesIO(packed),
        packed_bytes=len(packed),
        limits=LimitsConfig(**limits),
        limit="unpacked_bytes",
    )
    return io.BufferedReader(stream, 1 << 16).read()


@given(st.binary(max_size=2000), st.integers(1, 2000))
def test_what_was_packed_comes_out_within_the_bound(content, limit):
    packed = gzip.compress(content)
    if len(content) <= limit:
        assert unpacked(packed, unpacked_bytes=limit) == content
    else:
        with pytest.raises(Unloadable, match=r"raise limits\.unpacked_bytes"):
            unpacked(packed, unpacked_bytes=limit)


def test_a_bomb_is_told_before_it_is_large():
    packed = gzip.compress(bytes(30_000_000))
    with pytest.raises(Unloadable, match="far beyond its size") as caught:
        unpacked(packed)
    assert caught.value.reason is Reason.TOO_LARGE
    assert caught.value.facts["unpacked"] < 15_000_000
    assert len(unpacked(packed, unpacked_ratio=2000)) == 30_000_000


@pytest.mark.parametrize(
    "packed", [b"no gzip", gzip.compress(b"text", mtime=0)[:-6], b"\x1f\x8b\x08"]
)
def test_what_is_damaged_is_told(packed):
    with pytest.raises(Unloadable) as caught:
        unpacked(packed)
    assert caught.value.reason is Reason.UNREADABLE


def test_an_office_file_is_let_through():
    check_office_archive(docx(), LIMITS)
    check_office_archive(xlsx({"a": [[1]]}), LIMITS)


def refused(content: bytes, limits: LimitsConfig = LIMITS) -> Unloadable:
    with pytest.raises(Unloadable) as caught:
        check_office_archive(content, limits)
    return caught.value


def test_a_zip_bomb_is_refused_by_its_directory():
    content = changed_zip(docx(), {"word/media/a.bin": bytes(30_000_000)})
    assert refused(content).reason is Reason.TOO_LARGE
    assert "unpacked_ratio" in refused(content).remedy
    assert "unpacked_bytes" in refused(content, LimitsConfig(unpacked_bytes=20_000_000)).remedy


def test_a_zip_of_too_many_members_is_refused():
    assert refused(zipped({f"{i}": b"" for i in range(20_001)})).reason is Reason.TOO_LARGE


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
def test_xml_with_entities_of_its_own_is_refused(encoding):
    bomb = '<?xml version="1.0"?>\n<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>'
    content = changed_zip(docx(), {"word/document.xml": bomb.encode(encoding)})
    assert "document type declaration in 'word/document.xml'" in refused(content).problem


def test_what_needs_a_password_is_told_from_what_is_old():
    old = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100)
    assert refused(old).reason is Reason.UNSUPPORTED
    assert refused(old + "EncryptedPackage".encode("utf-16-le")).reason is Reason.ENCRYPTED


@pytest.mark.parametrize("content", [b"", b"PK", docx()[:-30]])
def test_what_is_no_archive_is_told(content):
    assert refused(content).reason is Reason.UNREADABLE
