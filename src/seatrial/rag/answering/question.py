"""What a question asks for: a person, a time, a number, a place."""

from __future__ import annotations

import re
from enum import StrEnum

from seatrial.rag.groundedness.names import names
from seatrial.rag.groundedness.numbers import dates, numbers
from seatrial.rag.groundedness.terms import plain, terms


class Sought(StrEnum):
    """The kind of answer."""

    NAME = "name"
    TIME = "time"
    NUMBER = "number"
    ANYTHING = "anything"


_TIME = re.compile(
    r"\bwhen\b|\b(?:what|which|in what|in which|during what) (?:\w+ )?(?:years?|dates?|days?"
    r"|months?|century|centuries|decades?|times?|period)\b|\bhow long ago\b"
    r"|什么时候|何时|哪一?年|哪一?天|哪个?月|几年|几月|几日|几号|何年|什么时间|哪个?(?:朝代|世纪|年代|时期)|日期",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"\bhow (?:many|much|long|old|tall|high|far|large|big|deep|wide|fast|often|heavy)\b"
    r"|\bwhat (?:\w+ )?(?:percentage|percent|number|amount|proportion|population|size|temperature|"
    r"distance|speed|age|rate)\b"
    r"|多少|几[个位名人种次条部座所层岁]|多[大长高远久重深宽]|百分之几|占比",
    re.IGNORECASE,
)
_NAME = re.compile(
    r"\b(?:who|whom|whose|where)\b|\b(?:what|which) (?:\w+ )?(?:city|country|countries|state"
    r"|company|person|people|team|place|name|organi[sz]ation|university|school|river|king|president|author|"
    r"language|religion|group|scientist|region|island|ocean|war|battle)\b"
    r"|谁|哪位|何人|哪里|哪儿|何处|何地|什么地方|哪个|哪家|哪座|哪所|哪些?国家?|哪国|名字|叫什么|称为什么",
    re.IGNORECASE,
)
_CENTURY = re.compile(r"centur|decade|\d{4}|\bin \d{3}\b|世纪|年代|朝|年", re.IGNORECASE)


def sought_by(question: str) -> Sought:
    """The kind of answer that a question asks for."""
    level = plain(question)
    for kind, pattern in ((Sought.TIME, _TIME), (Sought.NUMBER, _NUMBER), (Sought.NAME, _NAME)):
        if pattern.search(level):
            return kind
    return Sought.ANYTHING


def offers(sentence: str, sought: Sought, asked: frozenset[str]) -> bool:
    """Whether a sentence has something of the kind that the question does not have itself.

    Args: asked: the terms of the question.
    """
    match sought:
        case Sought.TIME:
            return bool(_CENTURY.search(sentence) or dates(sentence))
        case Sought.NUMBER:
            return any(sentence[n.start : n.end] not in asked for n in numbers(sentence))
        case Sought.NAME:
            return any(
                any(term.text not in asked for term in terms(name.text)) for name in names(sentence)
            )
        case Sought.ANYTHING:
            return True
