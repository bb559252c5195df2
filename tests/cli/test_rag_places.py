"""What `seatrial rag` says of where an answer stands, and of conditions that nobody can read."""

from __future__ import annotations

from email.message import EmailMessage

import pytest

from seatrial.cli.exits import Exit
from tests.cli.conftest import Rag
from tests.conformance.loader_documents import pdf


def test_a_citation_tells_the_page_that_its_sentence_stands_on(rag: Rag) -> None:
    pages = ("The hull of the Plover is painted green.", "The anchor of the Plover weighs 40 kg.")
    (rag.documents / "plover.pdf").write_bytes(pdf(*pages))
    rag("build")
    for number, (question, said) in enumerate(
        zip(("What colour is the hull?", "What does the anchor weigh?"), pages, strict=True), 1
    ):
        _, reply, err = rag("ask", f"{question} of the Plover")
        (citation, *_) = reply["citations"]
        assert (citation["text"], citation["page"]) == (said, number)
        assert f"plover.pdf, page {number}, characters " in err


def test_a_citation_tells_the_section_that_its_sentence_stands_in(rag: Rag) -> None:
    rag.write("plover.md", "# Plover\n\nA yawl.\n\n## Anchor\n\nThe anchor weighs 40 kg.\n")
    rag("build")
    _, reply, _ = rag("ask", "What does the anchor of the Plover weigh?")
    assert reply["citations"][0]["section"] == ["Plover", "Anchor"]


def test_an_attachment_is_named_and_not_the_message_alone(rag: Rag) -> None:
    message = EmailMessage()
    message["Subject"] = "Survey"
    message.set_content("See the attachment.")
    message.add_attachment("The mast of the Plover is of ash.", filename="survey.txt")
    (rag.documents / "mail.eml").write_bytes(message.as_bytes())
    rag("build")
    assert "[1] mail.eml#survey.txt, characters" in rag("ask", "What is the Plover's mast of?")[2]
    assert "     mail.eml#survey.txt, characters" in rag("search", "mast of the Plover")[2]


@pytest.mark.parametrize("command", ["search", "ask"])
def test_a_condition_without_end_is_told_as_such(rag: Rag, command: str) -> None:
    rag("build")
    endless = '{"not":' * 20_000 + "{}" + "}" * 20_000
    code, _, err = rag(command, "Heron", "--filter", endless)
    assert code == Exit.USAGE
    assert "is not JSON" in err
    assert len(err) < 1_000
