"""Conditions for stores that cannot evaluate all of them, with the same results.

A store is asked for what it can judge, the weakest condition that everything sought satisfies, and
what it finds is held against the whole condition here. Where that leaves too few, more is asked
for, until there are enough or there is no more: the best k of the scope, whatever the store knows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar

from seatrial.kernel.errors import LimitExceeded
from seatrial.rag.index.conditions import And, Condition, Equals, In, Not, Or, Range

Leaf: TypeAlias = Equals | In | Range
Can: TypeAlias = Callable[[Leaf, bool], bool]
"""Whether a store judges a comparison (or its complement, where the second is true) as
`conditions.satisfies` does."""

EVERYTHING = And(())
NOTHING = Or(())

_MORE = 4

F = TypeVar("F")


class ScopeTooNarrow(LimitExceeded):
    """A vector store cannot judge a condition and gives too few candidates to judge it here."""

    code = "rag.scope_too_narrow"


def weakened(condition: Condition, can: Can) -> tuple[Condition, bool]:
    """A condition that the store judges, and whether it means the same.

    Everything that satisfies the given one satisfies it. Complements stand only before
    comparisons; `EVERYTHING` and `NOTHING` stand alone or not at all.
    """
    return _pushed(condition, can, negated=False)


def _pushed(condition: Condition, can: Can, *, negated: bool) -> tuple[Condition, bool]:
    match condition:
        case Not(part):
            return _pushed(part, can, negated=not negated)
        case And(parts) | Or(parts):
            pushed = [_pushed(part, can, negated=negated) for part in parts]
            exact = all(same for _, same in pushed)
            all_of = isinstance(condition, And) is not negated
            return _joined([part for part, _ in pushed], all_of=all_of), exact
        case _:
            if not can(condition, negated):
                return EVERYTHING, False
            return (Not(condition) if negated else condition), True


def _joined(parts: Sequence[Condition], *, all_of: bool) -> Condition:
    decides, neutral = (NOTHING, EVERYTHING) if all_of else (EVERYTHING, NOTHING)
    if decides in parts:
        return decides
    kept = tuple(part for part in parts if part != neutral)
    if len(kept) == 1:
        return kept[0]
    return And(kept) if all_of else Or(kept)


def best(
    find: Callable[[int], Sequence[F]], k: int, keep: Callable[[F], bool], *, most: int
) -> list[F]:
    """The best k that are kept.

    Args:
        find: the best so many candidates of the store, the best first; fewer where it has no more.
        most: that the store gives at once.
    Raises: ScopeTooNarrow.
    """
    n_asked = min(2 * k, most)
    while True:
        found = find(n_asked)
        kept = [one for one in found if keep(one)]
        if len(kept) >= k or len(found) < n_asked:
            return kept[:k]
        if n_asked == most:
            raise ScopeTooNarrow(
                f"The store gives {most} candidates at most, and of these {len(kept)} satisfy the "
                "condition, which it cannot judge itself.",
                remedy="Ask by equality or by numbers instead of by ranges over text.",
                n_kept=len(kept),
            )
        n_asked = min(_MORE * n_asked, most)
