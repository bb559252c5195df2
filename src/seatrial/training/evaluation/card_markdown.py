"""The model card as Markdown, for repositories and registries that show it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import assert_never

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
from seatrial.training.evaluation.card_words import words
from seatrial.training.evaluation.evaluation import Evaluation

_MARKUP = re.compile(r"([\\`*_\[\]<>|#])")


def card_markdown(found: Evaluation, language: str = "en") -> str:
    """The card of an evaluation, with tables of GitHub's kind.

    Args: language: ``en`` or ``zh``.
    """
    w = words(language)
    lines = [
        f"# {_text(title(found, language))}",
        "",
        f"**{outcome(found, language)}**{w['colon']}{_text(reason(found, language))}",
    ]
    for section in sections(found, language):
        lines += ["", f"## {_text(section.title)}"]
        for block in section.blocks:
            lines += _block(block, w)
    return "\n".join(lines) + "\n"


def _block(block: Block, w: Mapping[str, str]) -> Iterator[str]:
    match block:
        case Said():
            yield from ("", _text(block.text))
        case Tabled():
            yield ""
            yield from _table(block.heads, block.rows, n_texts=block.n_texts)
        case Termed():
            yield ""
            yield from (f"- {_text(name)}: {_text(value)}" for name, value in block.pairs)
        case Drawn():
            for name, curve in block.curves.items():
                rows = [(f"{b.stated:.3f}", f"{b.occurred:.3f}", f"{b.n:,}") for b in curve.bins]
                yield ""
                yield from _table(
                    (f"{w[name]}: {w['stated']}", w["occurred"], w["n"]), rows, n_texts=0
                )
        case _:
            assert_never(block)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, n_texts: int) -> Iterator[str]:
    yield _row(heads)
    yield _row(["---" if place < n_texts else "---:" for place in range(len(heads))])
    for row in rows:
        yield _row([_text(cell) for cell in row])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _text(text: str) -> str:
    """A text that nothing in it can turn into markup."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))
