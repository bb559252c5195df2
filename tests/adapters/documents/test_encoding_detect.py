"""Encodings by name and by bytes."""

from __future__ import annotations

import sys

import pytest

from seatrial.adapters.documents.encoding_detect import detect, library_version, named_encoding
from seatrial.kernel.errors import MissingExtra


@pytest.mark.parametrize(
    ("named", "encoding"),
    [
        ("GB2312", "gb18030"),
        ("Latin-1", "cp1252"),
        ("utf8", "utf-8"),
        ("x-unknown", None),
        ("\0", None),
        ("", None),
        (None, None),
    ],
)
def test_a_name_stands_for_the_larger_encoding(named, encoding):
    assert named_encoding(named) == encoding


@pytest.mark.parametrize(
    ("text", "encoding", "found"),
    [
        ("海试是对成品船在航行中的检验。" * 3, "gbk", "gb18030"),
        ("試運転とは、完成した船を航行させて行う検査です。" * 2, "euc_jp", "euc_jp"),
        ("船の検査です", "euc_jp", "euc_jp"),
        ("船の検査です", "shift_jis", "cp932"),
        ("시운전은 완성된 배를 항해시켜 하는 검사이다. " * 2, "euc_kr", "cp949"),
        ("Испытания проводят до того, как судно примет груз. " * 2, "cp1251", "cp1251"),
        ("L'été dernier, on a essayé le bateau près de la forêt. " * 2, "latin-1", "cp1252"),
    ],
)
def test_older_encodings_are_told_apart(text, encoding, found):
    assert detect(text.encode(encoding)) == found


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "charset_normalizer", None)
    with pytest.raises(MissingExtra, match="documents"):
        detect(b"\xff")


def test_a_version_is_a_name_and_a_number():
    assert library_version("pypdf").startswith("pypdf/")
    assert library_version("no-such-package") == "no-such-package"
