"""The page on loading documents does what it says."""

import re

import docs_blocks as docs

from seatrial.rag.loading.outcome import Reason

PAGE = docs.ROOT / "docs/how-to/load-documents.md"


def test_the_example_prints_what_its_comments_say(capsys):
    (block,) = (b for b in docs.blocks(PAGE) if b.language == "python")
    exec(compile(block.text, str(PAGE), "exec"), {})
    said = re.findall(r"print\(.*\)  # (.+)", block.text)
    assert capsys.readouterr().out.splitlines() == said


def test_every_reason_is_on_the_page():
    told = re.findall(r"^\| `(\w+)` \| ", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert told == list(Reason)
