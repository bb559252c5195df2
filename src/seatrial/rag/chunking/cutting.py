"""Cutting a text into spans of bounded length at the best places.

One pass from the start: of the text that still fits, the last place of the highest level is taken
that leaves the chunk reasonably full, so nothing is looked at twice and a chunk is as long as its
limit and the structure of the text allow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seatrial.rag.chunking.edges import bare, next_start
from seatrial.rag.chunking.levels import Level, may_part
from seatrial.rag.chunking.ruler import Ruler
from seatrial.rag.text.document import Span
from seatrial.rag.text.graphemes import grapheme_before
from seatrial.rag.text.sentences import first_sentence_end

_A_LITTLE_MORE = 1.25
_MORE_THAN_HALF = 0.6


@dataclass(frozen=True, slots=True)
class Rule:
    """When a level is taken.

    Args:
        fill: how full its place must leave a span, as a share of what fits, in [0, 1).
        severs: nothing is repeated beyond its places.
    """

    level: Level
    fill: float = 0.0
    severs: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How spans are cut.

    Args:
        length: none is longer, in the unit of the ruler; >= 1.
        overlap: how much of a span the next one repeats at most; below half of `length`.
        rules: the first whose level has a place is taken; where none has, a word is cut.
    """

    length: int
    overlap: int
    rules: Sequence[Rule]


def spans(text: str, start: int, end: int, ruler: Ruler, plan: Plan) -> list[Span]:
    """Spans that together hold all of ``text[start:end]`` but white space.

    Returns: in order of their start and of their end, each without white space around it, none
        blank; empty where the text is.
    """
    found: list[Span] = []
    at = reached = next_start(text, start, end)
    little_more = int(plan.length * _A_LITTLE_MORE)
    while at < end:
        furthest = ruler.reach(at, plan.length)
        if furthest >= end:
            found.append(bare(text, at, end))
            break
        place, rule = _place(text, at, reached, furthest, plan.rules)
        if place is None and at < reached:
            at = reached
            continue
        if rule and not rule.severs and ruler.reach(at, little_more) >= end:
            evenly = ruler.reach(at, int(ruler.count(at, end) * _MORE_THAN_HALF) + 1)
            as_good = plan.rules[: plan.rules.index(rule) + 1]
            even, _ = _place(text, at, reached, min(furthest, evenly), as_good)
            place = even or place
        if place is None:
            place = grapheme_before(text, furthest, at)
            place = place if place > at else max(furthest, at + 1)
        span = bare(text, at, place)
        at = reached = next_start(text, place, end)
        if span.end > span.start:
            found.append(span)
            if plan.overlap and not (rule and rule.severs):
                at = _repeated_from(text, span, reached, ruler, plan)
    return found


def _place(
    text: str, at: int, reached: int, furthest: int, rules: Sequence[Rule]
) -> tuple[int | None, Rule | None]:
    for rule in rules:
        after = at + int((furthest - at) * rule.fill)
        after = max(after, reached)
        if after < furthest:
            place = rule.level.last(after, furthest)
            if place is not None and (place := grapheme_before(text, place, after)) > after:
                return place, rule
    return None, None


def _repeated_from(text: str, last: Span, reached: int, ruler: Ruler, plan: Plan) -> int:
    """Where the next span begins, which repeats the end of the last one."""
    first = max(ruler.reach_back(reached, plan.overlap), last.start + 1)
    if first >= last.end:
        return reached
    place = first_sentence_end(text, first, last.end)
    if place is None:
        place = first
        while place < last.end and not may_part(text[place - 1], text[place]):
            place += 1
    place = next_start(text, place, reached)
    return place if grapheme_before(text, place, last.start) == place else reached
