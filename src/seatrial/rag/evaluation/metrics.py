"""How good a ranking is, against judgements: nDCG, recall, precision, reciprocal rank.

A ranking is a list of ids, the best first; judgements are grades by id, 0 and unjudged meaning
not relevant. Given scores as well, items of equal score count as in every order at once: what a
metric would be on average if ties were broken by chance.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from itertools import groupby, pairwise
from typing import TypeVar

from seatrial.kernel.errors import Invalid

Id = TypeVar("Id", bound=Hashable)


class BadRanking(Invalid):
    """A ranking or its judgements cannot be scored."""

    code = "rag.bad_ranking"


def ndcg(
    ranking: Sequence[Id],
    grades: Mapping[Id, float],
    k: int,
    *,
    scores: Sequence[float] | None = None,
) -> float:
    """Normalised discounted cumulative gain of the first k, in [0, 1]; the gain is the grade.

    Args:
        grades: >= 0, at least one above 0.
        scores: of the ranking, falling; None: its order is meant.
    Raises: BadRanking.
    Source: Jarvelin, Kekalainen 2002, ACM TOIS 20:422, as trec_eval's ndcg_cut has it; ties as in
        McSherry, Najork 2008, Computing IR Measures Efficiently in the Presence of Tied Scores.

    Example:
        >>> round(ndcg(["b", "a"], {"a": 1}, 10), 4)
        0.6309
    """
    gains = _shared([grades.get(one, 0.0) for one in ranking], _groups(ranking, k, scores))
    ideal = sorted(grades.values(), reverse=True)
    _check(grades)
    return _discounted(gains[:k]) / _discounted(ideal[:k])


def recall(
    ranking: Sequence[Id],
    grades: Mapping[Id, float],
    k: int,
    *,
    scores: Sequence[float] | None = None,
) -> float:
    """Share in [0, 1] of what is relevant that lies among the first k. Arguments as of `ndcg`."""
    _check(grades)
    return _n_found(ranking, grades, k, scores) / sum(grade > 0 for grade in grades.values())


def precision(
    ranking: Sequence[Id],
    grades: Mapping[Id, float],
    k: int,
    *,
    scores: Sequence[float] | None = None,
) -> float:
    """Share in [0, 1] of the first k places that hold something relevant; places that a short
    ranking leaves empty do not. Arguments as of `ndcg`."""
    _check(grades)
    return _n_found(ranking, grades, k, scores) / k


def reciprocal_rank(
    ranking: Sequence[Id],
    grades: Mapping[Id, float],
    k: int,
    *,
    scores: Sequence[float] | None = None,
) -> float:
    """1 / the place of the first relevant item among the first k, 0 without one. Its mean over
    questions is MRR@k. Arguments as of `ndcg`."""
    _check(grades)
    for start, size in _groups(ranking, k, scores):
        n_relevant = sum(grades.get(one, 0.0) > 0 for one in ranking[start : start + size])
        if n_relevant:
            return _first_of_tied(start, size, n_relevant, k)
    return 0.0


def _first_of_tied(start: int, size: int, n_relevant: int, k: int) -> float:
    """Mean of 1 / place of the first of `n_relevant` among `size` items in random order."""
    ways = math.comb(size, n_relevant)
    return sum(
        math.comb(size - behind, n_relevant - 1) / ways / (start + behind)
        for behind in range(1, size - n_relevant + 2)
        if start + behind <= k
    )


def _n_found(
    ranking: Sequence[Id], grades: Mapping[Id, float], k: int, scores: Sequence[float] | None
) -> float:
    relevant = [float(grades.get(one, 0.0) > 0) for one in ranking]
    return sum(_shared(relevant, _groups(ranking, k, scores))[:k])


def _groups(ranking: Sequence[Id], k: int, scores: Sequence[float] | None) -> list[tuple[int, int]]:
    """Start and size of the runs of equal score that reach into the first k places."""
    if k < 1:
        raise BadRanking(f"k is {k}.", remedy="Give a k of 1 or more.", k=k)
    if len(set(ranking)) != len(ranking):
        raise BadRanking(
            "The ranking names an item twice.", remedy="Keep only the first place of each item."
        )
    if scores is None:
        return [(place, 1) for place in range(min(k, len(ranking)))]
    if len(scores) != len(ranking) or any(
        not later <= earlier for earlier, later in pairwise(scores)
    ):
        raise BadRanking(
            f"{len(scores)} scores of {len(ranking)} items do not fall from one to the next.",
            remedy="Give one score an item, the best first.",
        )
    groups, start = [], 0
    for _, run in groupby(scores):
        size = len(list(run))
        groups.append((start, size))
        start += size
        if start >= k:
            break
    return groups


def _shared(gains: Sequence[float], groups: Sequence[tuple[int, int]]) -> list[float]:
    """Gains by place, those of a tie spread evenly over its places."""
    return [sum(gains[start : start + size]) / size for start, size in groups for _ in range(size)]


def _discounted(gains: Sequence[float]) -> float:
    return sum(gain / math.log2(place + 2) for place, gain in enumerate(gains))


def _check(grades: Mapping[Id, float]) -> None:
    if not any(grade > 0 for grade in grades.values()) or any(
        not (0 <= grade < math.inf) for grade in grades.values()
    ):
        raise BadRanking(
            f"The grades {dict(list(grades.items())[:3])!r} hold nothing relevant, or a number "
            "that is no grade.",
            remedy="Leave out questions without a relevant document; grades are 0 or more.",
        )
