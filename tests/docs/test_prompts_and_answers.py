"""The examples of prompts and structured answers run, and print what they say."""

from __future__ import annotations

import docs_blocks as docs
import pytest

from benchmarks.structured.__main__ import repaired
from benchmarks.structured.cases import cases
from seatrial.gateway.prompts.filters import NAMES
from seatrial.gateway.prompts.template import FrontMatter, Prompt, PromptKind
from seatrial.gateway.prompts.variables import Variable, VariableType

ANSWERS = docs.ROOT / "docs" / "how-to" / "structured-answers.md"
PROMPTS = docs.ROOT / "docs" / "how-to" / "prompts.md"


@pytest.mark.parametrize("page", [ANSWERS, PROMPTS], ids=lambda page: page.name)
def test_the_example_prints_what_it_says(page, capsys):
    (block,) = (b for b in docs.blocks(page) if b.language == "python")
    exec(compile(block.text, page.name, "exec", dont_inherit=True), {"__name__": "example"})
    assert capsys.readouterr().out.strip() == block.text.rpartition("# ")[2].strip()


def test_the_prompt_on_the_page_is_one():
    (block,) = (b for b in docs.blocks(PROMPTS) if b.language == "text")
    messages = Prompt("sort", block.text).messages({"letter": "Hello", "orders": ["a", "b"]})
    assert messages[0].text.rstrip().endswith("Orders of the customer: a, b.")
    assert [m.text for m in messages[-3:]] == ["I want my money back.", "refund", "Hello"]


def test_the_page_names_all_that_a_prompt_may_have():
    text = PROMPTS.read_text(encoding="utf-8")
    words = [*FrontMatter.__struct_fields__, *Variable.__struct_fields__, *NAMES]
    words += [*PromptKind, *VariableType]
    assert [word for word in words if f"`{word}`" not in text and word != "description"] == []


async def test_the_page_says_what_the_benchmark_says():
    every = (await repaired(cases()))[-1]
    text = " ".join(ANSWERS.read_text(encoding="utf-8").split())
    assert f"{every.n} bad outputs of twelve kinds, of which {every.without_call} are" in text
    assert f"read {every.by_json} rightly and {every.wrong_by_json} wrongly" in text
    assert (every.with_call + every.without_call, every.wrong) == (every.n, 0)
