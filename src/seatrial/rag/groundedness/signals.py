"""What can be measured between a sentence and passages without any model."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from seatrial.rag.groundedness.material import Material
from seatrial.rag.groundedness.names import Name, names
from seatrial.rag.groundedness.numbers import Date, Number, dates, numbers
from seatrial.rag.groundedness.polarity import Opposites, denied, opposites, turned_round
from seatrial.rag.groundedness.rarity import rarity
from seatrial.rag.groundedness.terms import terms
from seatrial.rag.text.document import Span
from seatrial.rag.text.words import Word

_ALIKE = 0.6
_N_CANDIDATES = 16
_N_COVER = 3
_WHOLE = 0.8
_ADDS = 0.15
_WINDOW = 3
_ADDRESS = re.compile(
    r"(?:https?://|www\.)[^\s<>\"'()（）\[\]，。]+|[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64})+",
    re.IGNORECASE,
)
_OWN_VOICE = re.compile(r"\b(?:i|my|me|mine|we|our|us|you|your)\b|[我你您咱]", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A sentence beside passages.

    Args:
        best: the piece of the material that comes nearest; None where nothing is shared.
        window: that piece and up to two others that add to it, in their order.
        values: the signals, by the names of `SIGNALS`.
        missing: what the passages lack: characters of the sentence, the weightiest first.
        missing_numbers, missing_dates, missing_names: as they stand in the sentence.
        opposite: a word whose opposite stands in the evidence.
        denied: a term that just one of sentence and evidence denies.
        turned: whether a comparison is turned round.
    """

    best: int | None
    window: tuple[int, ...]
    values: dict[str, float]
    missing: tuple[Span, ...]
    missing_numbers: tuple[str, ...]
    missing_dates: tuple[str, ...]
    missing_names: tuple[str, ...]
    opposite: Opposites | None
    denied: str | None
    turned: bool


Likeness: TypeAlias = Callable[[str, Sequence[str]], NDArray[np.float32]]
"""The cosine in [-1, 1] of a sentence to each of some texts."""


def compare(sentence: str, material: Material, *, likeness: Likeness | None = None) -> Comparison:
    """Measure a sentence against passages.

    Args: likeness: helps to find the evidence among the likeliest pieces; no signal depends on it
        but through what was found.
    Cost: linear in the length of both, times the sentence's terms for what they share.
    """
    found = terms(sentence)
    unique = list(dict.fromkeys(term.text for term in found))
    weights = np.array([rarity(term) for term in unique])
    read_dates = dates(sentence)
    read_numbers = numbers(sentence, read_dates)
    lacking_dates = [date for date in read_dates if not _dated(date, material)]
    lacking_numbers = [number for number in read_numbers if not _counted(number, material)]
    presence = _presence(unique, material)
    told = [Span(one.start, one.end) for one in read_dates if one not in lacking_dates]
    told += [Span(one.start, one.end) for one in read_numbers if one not in lacking_numbers]
    _count_as_present(told, found, unique, presence)
    n_pieces = len(material.pieces)
    total = float(weights.sum()) or 1.0
    held = presence.max(axis=1) if n_pieces else np.zeros(len(unique))
    cover, chosen = _cover(weights, presence)
    window = _window(weights, presence)
    ranked = _rank(found, unique, weights, presence, material)
    if likeness is not None and ranked:
        ranked = _reranked(sentence, ranked[:_N_CANDIDATES], material, likeness)
    best = ranked[0][0] if ranked else None
    evidence = _evidence(best, chosen)
    text = material.text(best) if best is not None else ""
    called = names(sentence)
    shares = [_name_share(name, material) for name in called]
    lacking_names = [
        name.text for name, share in zip(called, shares, strict=True) if share < _WHOLE
    ]
    lacking_names += [url for url in _ADDRESS.findall(sentence) if not material.holds(url)]
    context = " ".join(material.text(i) for i in evidence)
    near = cover / total >= 0.5
    denies = denied(sentence, text) if near else None
    opposite = opposites(sentence, text) if near else None
    turned = near and turned_round(sentence, [text])
    values = {
        "cover": cover / total,
        "window": window,
        "missing": math.log(float((weights * (1 - held)).sum()) + 0.3),
        "phrases": _phrases(found, [piece for piece, _ in ranked[:_N_CANDIDATES]], material),
        "names": float(np.mean(shares)) if shares else float((weights @ held) / total),
        "names_missing": min(2.0, float(len(lacking_names))),
        "numbers_missing": min(2.0, float(len(lacking_numbers) + len(lacking_dates))),
        "own_voice": float(bool(_OWN_VOICE.search(sentence) and not _OWN_VOICE.search(context))),
        "contradicted": float(opposite is not None) + float(turned),
        "denied": float(denies is not None),
    }
    return Comparison(
        best=best,
        window=evidence,
        values=values,
        missing=_missing(found, dict(zip(unique, weights * (1 - held), strict=True))),
        missing_numbers=tuple(sentence[n.start : n.end].strip() for n in lacking_numbers),
        missing_dates=tuple(sentence[d.start : d.end].strip() for d in lacking_dates),
        missing_names=tuple(lacking_names),
        opposite=opposite,
        denied=denies,
        turned=turned,
    )


def nearest(text: str, material: Material) -> list[tuple[int, float, float]]:
    """The pieces that share something with a text, the nearest first.

    Returns: of each its number, a score comparable within this list, and the share in [0, 1] of
        the text's weight that it holds.
    """
    found = terms(text)
    unique = list(dict.fromkeys(term.text for term in found))
    weights = np.array([rarity(term) for term in unique])
    presence = _presence(unique, material)
    total = float(weights.sum()) or 1.0
    return [
        (piece, score, float(weights @ presence[:, piece]) / total)
        for piece, score in _rank(found, unique, weights, presence, material)
    ]


def _presence(unique: Sequence[str], material: Material) -> NDArray[np.float64]:
    """How far each term (rows) is in each piece (columns): 1, or less for a word of one stem."""
    presence = np.zeros((len(unique), len(material.pieces)))
    for row, term in enumerate(unique):
        held = material.postings.get(term)
        if held is not None:
            presence[row, held] = 1.0
        elif len(term) > _N_COVER + 1 and term.isalpha() and term.isascii():
            for other in material.by_prefix.get(term[:4], ()):
                alike = _shared_prefix(term, other) / max(len(term), len(other))
                if alike >= _ALIKE:
                    places = material.postings[other]
                    presence[row, places] = np.maximum(presence[row, places], alike)
    return presence


def _count_as_present(
    told: Sequence[Span],
    found: Sequence[Word],
    unique: Sequence[str],
    presence: NDArray[np.float64],
) -> None:
    """Dates and numbers that the passages have in other words are missing nowhere."""
    rows = {term: row for row, term in enumerate(unique)}
    for one in told:
        for word in found:
            if word.start >= one.start and word.end <= one.end:
                row = rows[word.text]
                if not presence[row].any():
                    presence[row] = 1.0


def _shared_prefix(left: str, right: str) -> int:
    n = 0
    for a, b in zip(left, right, strict=False):
        if a != b:
            break
        n += 1
    return n


def _window(weights: NDArray[np.float64], presence: NDArray[np.float64]) -> float:
    """The greatest share of the weight that three neighbours hold."""
    total = float(weights.sum())
    if not total:
        return 1.0
    joined = presence.copy()
    for step in range(1, min(_WINDOW, presence.shape[1])):
        joined[:, :-step] = np.maximum(joined[:, :-step], presence[:, step:])
    return float((weights @ joined).max(initial=0.0)) / total


def _cover(
    weights: NDArray[np.float64], presence: NDArray[np.float64]
) -> tuple[float, tuple[int, ...]]:
    """The weight that up to three pieces hold, each chosen for what it adds, and those of them
    that add something to speak of."""
    covered = np.zeros(len(weights))
    chosen: list[int] = []
    for _ in range(min(_N_COVER, presence.shape[1]) if len(weights) else 0):
        gain = weights @ np.maximum(presence, covered[:, None])
        best = int(gain.argmax())
        added = gain[best] - weights @ covered
        if added <= 1e-9:
            break
        if added >= _ADDS * weights.sum():
            chosen.append(best)
        covered = np.maximum(covered, presence[:, best])
    return float(weights @ covered), tuple(chosen)


def _rank(
    found: Sequence[Word],
    unique: Sequence[str],
    weights: NDArray[np.float64],
    presence: NDArray[np.float64],
    material: Material,
) -> list[tuple[int, float]]:
    """The pieces that share something with the sentence, the likeliest support first.

    Rare terms count more, in general and among these pieces; shared pairs of terms, neighbours
    that share something and short pieces are preferred.
    """
    n = presence.shape[1]
    if not n or not unique:
        return []
    frequency = (presence >= 1).sum(axis=1)
    local = np.log((n + 1) / (frequency + 0.5)) / math.log(n + 1.5)
    importance = weights * np.maximum(local, 0.02)
    lengths = np.array([len(piece.terms) for piece in material.pieces])
    score: NDArray[np.float64] = importance @ presence
    weight_of = dict(zip(unique, importance, strict=True))
    pairs = set(pairwise(term.text for term in found))
    for index in np.argsort(-score, kind="stable")[:_N_CANDIDATES]:
        shared = pairs & material.bigrams[index]
        score[index] += 0.3 * sum(weight_of[a] + weight_of[b] for a, b in shared)
    score /= 1 + 0.35 * np.log1p(lengths / 15)
    beside = np.zeros(n)
    beside[1:] += score[:-1]
    beside[:-1] += score[1:]
    total = score + 0.1 * beside
    order = np.argsort(-total, kind="stable")
    return [(int(i), float(total[i])) for i in order[: 4 * _N_CANDIDATES] if score[i] > 0]


def _reranked(
    sentence: str, ranked: Sequence[tuple[int, float]], material: Material, likeness: Likeness
) -> list[tuple[int, float]]:
    """The likeliest pieces by what they share and by cosine, the most of each counting alike."""
    cosines = likeness(sentence, [material.text(piece) for piece, _ in ranked])
    most = ranked[0][1]
    mixed = [
        (piece, score / most + float(cosine))
        for (piece, score), cosine in zip(ranked, cosines, strict=True)
    ]
    return sorted(mixed, key=lambda one: -one[1])


def _evidence(best: int | None, chosen: Sequence[int]) -> tuple[int, ...]:
    if best is None:
        return ()
    return tuple(sorted({best, *[i for i in chosen if i != best][: _N_COVER - 1]}))


def _phrases(found: Sequence[Word], ranked: Sequence[int], material: Material) -> float:
    """The share of neighbouring terms, by weight, that the best piece has as neighbours, too."""
    pairs = list(pairwise(term.text for term in found))
    if not pairs:
        return float(len(ranked) > 0)
    weights = [rarity(a) + rarity(b) for a, b in pairs]
    most = max(
        (
            sum(w for w, pair in zip(weights, pairs, strict=True) if pair in material.bigrams[i])
            for i in ranked
        ),
        default=0.0,
    )
    return most / sum(weights)


def _dated(date: Date, material: Material) -> bool:
    """Whether some date of the passages has every part of this one; a month and a year may stand
    apart, as in a page that is dated once."""
    for other in material.dates:
        parts = zip(date[:3], other[:3], strict=True)
        if all(a is None or a == b for a, b in parts):
            return True
    if date.day is None and date.month is None:
        return any(number.value == date.year for number in material.numbers)
    return False


def _counted(number: Number, material: Material) -> bool:
    slack = 0.05 if number.rough else 1e-6
    for other in material.numbers:
        if number.dimension and other.dimension and number.dimension != other.dimension:
            continue
        if "%" in (number.dimension, other.dimension) and number.dimension != other.dimension:
            continue
        far = abs(number.value - other.value)
        if far <= max(slack, 0.05 if other.rough else 0.0) * max(abs(number.value), 1e-12):
            return True
    if number.dimension:
        return False
    return any(number.value == date.year for date in material.dates)


def _name_share(name: Name, material: Material) -> float:
    """The share of a name, by weight, that the passages or their titles hold."""
    parts = {term.text for term in terms(name.text)}
    total = sum(map(rarity, parts))
    if not total:
        return 1.0
    known = material.postings.keys() | material.about if material.about else material.postings
    return sum(rarity(part) for part in parts if part in known) / total


def _missing(found: Sequence[Word], lacking: dict[str, float]) -> tuple[Span, ...]:
    """What is missing, as the longest runs of the sentence, the weightiest first."""
    runs: list[tuple[float, Span]] = []
    last = -1
    for position, term in enumerate(found):
        weight = lacking[term.text]
        if weight < 0.3:
            continue
        if runs and last == position - 1:
            sums, span = runs[-1]
            runs[-1] = (sums + weight, Span(span.start, term.end))
        else:
            runs.append((weight, Span(term.start, term.end)))
        last = position
    return tuple(span for _, span in sorted(runs, key=lambda run: -run[0]))
