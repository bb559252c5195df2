"""The model card as one HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import assert_never

from seatrial.kernel.report_page import page, table, terms
from seatrial.training.evaluation.card_content import (
    Block,
    Drawn,
    Said,
    Tabled,
    Termed,
    outcome,
    reason,
    sections,
    title,
)
from seatrial.training.evaluation.card_drawing import diagram
from seatrial.training.evaluation.card_words import words
from seatrial.training.evaluation.decision import Outcome
from seatrial.training.evaluation.evaluation import Evaluation

_MARKS: Mapping[Outcome, str] = {
    Outcome.BETTER: "ok",
    Outcome.NOT_WORSE: "ok",
    Outcome.CANNOT_TELL: "quiet",
    Outcome.WORSE: "bad",
}


def card_page(
    found: Evaluation, language: str = "en", *, languages: Mapping[str, str] | None = None
) -> str:
    """The page of an evaluation.

    Args:
        language: ``en`` or ``zh``.
        languages: address of the page in each language, where there are several.
    """
    w = words(language)
    body = (
        f'<p class="sum {_MARKS[found.decision.outcome]}">{outcome(found, language)}{w["colon"]}'
        f"{escape(reason(found, language))}</p>"
    )
    for section in sections(found, language):
        body += f"<h2>{escape(section.title)}</h2>"
        body += "".join(_block(block, w) for block in section.blocks)
    return page(title(found, language), body, language, languages or {})


def _block(block: Block, w: Mapping[str, str]) -> str:
    match block:
        case Said():
            return f"<p>{escape(block.text)}</p>"
        case Tabled():
            return table(block.heads, block.rows, n_texts=block.n_texts)
        case Termed():
            return terms(block.pairs)
        case Drawn():
            return diagram(block.curves, w)
        case _:
            assert_never(block)
