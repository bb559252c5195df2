"""What `seatrial rag` tells who uses it of where an answer stands, what a corpus is, and of what is
asked in a way that finds nothing."""

from __future__ import annotations

import json
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


def test_questions_that_name_documents_otherwise_are_told(rag: Rag) -> None:
    rag("build")
    questions = rag.folder / "questions.jsonl"
    for named, told in (("ships/heron.md", True), ("heron.md", False)):
        asked = {"question": "How long is the Heron?", "documents": [named]}
        questions.write_text(json.dumps(asked), "utf-8")
        for words in ((), ("--answers",)):
            err = rag("eval", str(questions), *words)[2]
            assert ("such as 'ships/heron.md'" in err) == told


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ("formats: markdown 4, pdf 1", "copies of another document: 1", "1,000 questions")),
        ("zh", ("格式：markdown 4、pdf 1", "与其他文档相同：1", "1,000 个问题 ")),
    ],
)
def test_an_analysis_tells_on_the_terminal_what_its_page_does(
    rag: Rag, language: str, said: tuple[str, ...]
) -> None:
    rag.configure(embedding={"kind": "minilm"})
    rag.write("crew.md", (rag.documents / "heron.md").read_text("utf-8"))
    (rag.documents / "plover.pdf").write_bytes(pdf("The Plover is a yawl that Ana rigged in May."))
    for number in range(7):
        (rag.documents / f"empty{number}.txt").write_bytes(b"")
    code, found, err = rag("analyze", "--language", language)
    assert code == Exit.DONE
    assert all(text in err for text in said)
    assert "text-embedding-3-small" in err
    assert "MRR" in err
    assert "ms  " in err
    assert "skipped" in err
    assert "and 2 more" in err
    assert len(found["skipped"]) == 7
