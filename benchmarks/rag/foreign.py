"""Questions asked of corpora that answer them, and of corpora that do not, with what tells them
apart.

Every question set is cut in two by its titles (SQuAD's articles; single documents elsewhere): a
half is asked its own questions, those of the other half, and those of other sets. SQuAD's
unanswerable
questions are told apart: a passage on the subject exists, and leaves just them open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.rag.lexical import Bm25
from benchmarks.rag.sets import Question, corpus, questions
from seatrial.rag.answering.confidence import N_READ, question_signals
from seatrial.rag.text.language import language_of

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question asked of half a set: what it told, and of which kind it was.

    Args: kind: ``answered``, ``foreign``, ``elsewhere`` (of another set) or ``subtle``.
    """

    set: str
    kind: str
    signals: dict[str, float]


@dataclass(frozen=True, slots=True)
class _Set:
    name: str
    ids: list[str]
    titles: list[str]
    texts: list[str]
    questions: list[Question]
    documents: Vectors | None
    queries: Vectors | None


def read(name: str, data: Path, vectors: Path | None) -> _Set:
    """A question set, with MiniLM's vectors of its documents and questions where they are there."""
    held = corpus(data / name)
    made: list[Vectors | None] = [None, None]
    if vectors is not None:
        for place, part in enumerate(("docs", "queries")):
            file = vectors / f"{name}-{part}-fp32.npy"
            made[place] = np.load(file) if file.exists() else None
    return _Set(
        name,
        list(held),
        [title for title, _ in held.values()],
        [text for _, text in held.values()],
        questions(data / name),
        made[0],
        made[1],
    )


def asked(sets: Sequence[_Set], *, n: int, dense: bool, seed: int) -> list[Asked]:
    """About n questions of each kind for each half of each set.

    Args: dense: only sets and questions with vectors, whose cosines are told, too.
    """
    chance = np.random.default_rng(seed)
    rows: list[Asked] = []
    usable = [one for one in sets if not dense or one.documents is not None]
    for one in usable:
        groups = sorted(set(one.titles)) if len(set(one.titles)) * 4 < len(one.titles) else None
        for half in (0, 1):
            kept = [
                i
                for i, title in enumerate(one.titles)
                if (groups.index(title) if groups else i) % 2 == half
            ]
            corpus_half = _Half(one, kept, dense)
            for kind, owner, among in _kinds(one, corpus_half.ids, sets, dense):
                drawn = chance.choice(among, min(n, len(among)), replace=False)
                rows += [
                    Asked(one.name, kind, corpus_half.signals(owner, int(row))) for row in drawn
                ]
    return rows


def _kinds(
    one: _Set, ids: set[str], sets: Sequence[_Set], dense: bool
) -> list[tuple[str, _Set, list[int]]]:
    own = list(enumerate(one.questions))
    found = [
        ("answered", one, [i for i, q in own if q.answerable and q.relevant & ids]),
        (
            "foreign",
            one,
            # Claims without answers (SciFact) of one field are not foreign to its other half.
            [i for i, q in own if q.answers and q.relevant and not q.relevant & ids],
        ),
        ("subtle", one, [i for i, q in own if not q.answerable and q.relevant & ids]),
    ]
    found += [
        ("elsewhere", other, list(range(len(other.questions))))
        for other in sets
        if other is not one and not (dense and other.queries is None)
    ]
    return [(kind, owner, among) for kind, owner, among in found if among]


class _Half:
    """Some documents of a set, and their search."""

    def __init__(self, whole: _Set, kept: list[int], dense: bool) -> None:
        self.ids = {whole.ids[i] for i in kept}
        self._titles = [whole.titles[i] for i in kept]
        self._texts = [whole.texts[i] for i in kept]
        pairs = zip(self._titles, self._texts, strict=True)
        self._bm25 = Bm25([f"{title}. {text}" for title, text in pairs])
        self._vectors = whole.documents[kept] if dense and whole.documents is not None else None

    def signals(self, owner: _Set, row: int) -> dict[str, float]:
        text = owner.questions[row].text
        bm25 = self._bm25.scores(text)
        score, cosine = bm25, None
        if self._vectors is not None and owner.queries is not None:
            cosines = self._vectors @ owner.queries[row]
            cosine = float(cosines.max())
            score = 0.7 * (cosines + 1) / (cosine + 1) + 0.3 * bm25 / max(bm25.max(), 1e-9)
        top = np.argsort(-score)[:N_READ]
        return question_signals(
            text,
            language_of(text),
            [(self._titles[i], self._texts[i]) for i in top],
            bm25=float(bm25.max()),
            dense=cosine,
        )
