"""Messages, and what may be wrong with them."""

from __future__ import annotations

from contextlib import suppress

import pytest

from seatrial.adapters.documents.loaders import document_loaders
from seatrial.rag.loading.loader import About, Flaw, Parsed, Piece, Splitter
from seatrial.rag.loading.outcome import Reason, Unloadable
from seatrial.rag.loading.reading import pieces

from ...conformance.loader_documents import CHINESE, message


def load(content: bytes) -> list[Piece]:
    loader = document_loaders()["email"]
    assert not isinstance(loader, Splitter)
    return list(pieces(loader, content, About(name="a.eml")))


def body(content: bytes) -> str:
    [parsed] = load(content)
    assert isinstance(parsed, Parsed)
    return parsed.text


@pytest.mark.parametrize("charset", ["utf-8", "gb2312", "gb18030", "latin-1"])
def test_a_body_is_read_in_the_encoding_it_names(charset):
    mail = message()
    text = "Größe" if charset == "latin-1" else CHINESE
    mail.set_content(text, charset=charset)
    assert body(mail.as_bytes()).strip() == text


@pytest.mark.parametrize("named", ["us-ascii", "x-unknown", "utf-8", "koi8"])
def test_a_body_that_names_a_wrong_encoding_is_read_in_the_right_one(named):
    head = f"Subject: x\nContent-Type: text/plain; charset={named}\nContent-Transfer-Encoding: 8bit"
    content = head.encode() + b"\n\n" + (CHINESE * 5).encode("gbk")
    if named == "us-ascii":  # what is no ASCII is taken for Latin first, as browsers do
        content = head.encode() + b"\n\n" + "Größe".encode("latin-1")
        assert body(content) == "Größe"
    else:
        assert body(content) == CHINESE * 5


def test_plain_text_is_preferred_and_newlines_stay():
    mail = message(body="Plain.\n", html="<p>Rich.")
    content = mail.as_bytes().replace(b"\n", b"\r\n")
    assert body(content) == "Plain.\r\n"


def test_a_message_that_is_only_an_attachment_is_its_attachment():
    mail = message()
    mail.set_content(CHINESE, charset="gb18030", filename="注记.txt", disposition="attachment")
    [parsed] = load(mail.as_bytes())
    assert isinstance(parsed, Parsed)
    assert (parsed.part, parsed.format) == ("注记.txt", "text")
    assert CHINESE in parsed.text


def test_an_attachment_that_is_broken_does_not_stop_the_others():
    mail = message()
    mail.add_attachment(b"no pdf", maintype="application", subtype="pdf", filename="a.pdf")
    mail.add_attachment(b"x", maintype="application", subtype="gzip", filename="a.txt.gz")
    mail.add_attachment(b"{}", maintype="application", subtype="json", filename="a.jsonl")
    mail.add_attachment("Good.", filename="b.txt")
    _, *attached = load(mail.as_bytes())
    assert [(one.part, getattr(one, "reason", None)) for one in attached] == [
        ("a.pdf", Reason.UNREADABLE),
        ("a.txt.gz", Reason.UNSUPPORTED),
        ("a.jsonl", Reason.UNSUPPORTED),
        ("b.txt", None),
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n" + b"--b\n" * 3000,
        b"Subject: x\n"
        + b"".join(
            b"Content-Type: multipart/mixed; boundary=%d\n\n--%d\n" % (n, n) for n in range(2000)
        ),
        b"Subject: =?utf-8?b?////?=\n\nx",
        b"Subject: =?x-unknown?q?a?=\nDate: nonsense\nFrom: <<>>@@,;\n\nx",
        b"Subject: x\nContent-Transfer-Encoding: base64\n\n!!!!",
        b"Subject: " + b"x" * 100_000 + b"\n\nx",
        b"A: b\n" * 5000,
    ],
)
def test_hostile_messages_are_read_or_refused(content):
    found: list[Piece] = []
    with suppress(Unloadable):
        found = load(content)
    assert all(isinstance(piece, Parsed | Flaw) for piece in found)
