"""One sentence for people about a verdict, in English and in Chinese."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seatrial.rag.groundedness.signals import Comparison

_SHOWN = 3
_LENGTH = 60


@dataclass(frozen=True, slots=True)
class Reason:
    """The same sentence twice."""

    en: str
    zh: str


NOTHING_SAID = Reason("It claims nothing.", "这句话没有提出可核实的内容。")
VERBATIM = Reason("It stands in the passage word for word.", "它与原文一字不差。")
ROW = Reason(
    "It is a row of a table, each cell with the name of its column.",
    "它是表格中的一行，每个单元格前是该列的名称。",
)
NO_PASSAGES = Reason("There is no passage that could support it.", "没有可以支持它的段落。")


def too_long(n: int, most: int) -> Reason:
    """Of a sentence of n characters."""
    return Reason(
        f"It has {n:,} characters; no more than {most:,} can be checked.",
        f"它有 {n} 个字符，最多只能核对 {most} 个。",
    )


def reason_of(
    sentence: str, found: Comparison, *, supported: bool, entailed: float | None
) -> Reason:
    """What decided: first what rules support out, then what is there, then what is missing."""
    ruled_out = _contradicted(found) or _nowhere(found)
    if ruled_out is not None:
        return ruled_out
    if supported:
        share = round(100 * found.values["cover"])
        return Reason(
            f"The passages hold {share} % of what it says.", f"段落包含其内容的 {share}%。"
        )
    if entailed is not None and entailed < 0.5:
        return Reason(
            "The entailment model does not see it follow from the passages.",
            "蕴含模型认为它不能由段落推出。",
        )
    missing = [sentence[span.start : span.end] for span in found.missing]
    if missing:
        return Reason(
            f"No passage says {_quoted(missing)}.", f"没有段落提到{_quoted_zh(missing)}。"
        )
    return Reason(
        "Its words are in the passages, but not together.",
        "其中的词散见于各处，但没有放在一起说。",
    )


def _contradicted(found: Comparison) -> Reason | None:
    if found.opposite is not None:
        said, other = found.opposite
        return Reason(
            f'The passage says the opposite of "{said}": "{other}".',
            f"原文的说法与“{said}”相反：“{other}”。",
        )
    if found.turned:
        return Reason(
            "The passage compares the same things the other way round.", "原文的比较方向与此相反。"
        )
    if found.denied is not None:
        return Reason(
            f'Only one of the sentence and the passage denies "{found.denied}".',
            f"关于“{found.denied}”，句子与原文一方肯定，一方否定。",
        )
    return None


def _nowhere(found: Comparison) -> Reason | None:
    for lacking, en, zh in (
        (found.missing_numbers, "The number", "数字"),
        (found.missing_dates, "The date", "日期"),
        (found.missing_names, "The name", "名称"),
    ):
        if lacking:
            several, verb = ("s", "are") if len(lacking) > 1 else ("", "is")
            return Reason(
                f"{en}{several} {_quoted(lacking)} {verb} in no passage.",
                f"{zh}{_quoted_zh(lacking)}在段落中找不到。",
            )
    return None


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LENGTH else text[: _LENGTH - 1] + "…"


def _quoted(texts: Sequence[str]) -> str:
    return ", ".join(f'"{_short(text)}"' for text in texts[:_SHOWN])


def _quoted_zh(texts: Sequence[str]) -> str:
    return "、".join(f"“{_short(text)}”" for text in texts[:_SHOWN])
