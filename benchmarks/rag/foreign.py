"""Questions asked of corpora that answer them, and of corpora that do not, with what tells them
apart.

Every question set is cut in two by its titles (SQuAD's articles; single documents elsewhere), and
each half is built into an index with default settings. It is asked its own questions, those of the
other half, and those of other sets. A set may be built once more without its titles, which other
documents lack. SQuAD's unanswerable questions are told apart: a passage on the
subject exists, and leaves just them open.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.rag.sets import Question, corpus, questions
from seatrial.rag.answering.confidence import confidence
from seatrial.rag.answering.signals import han_signals, word_signals
from seatrial.rag.index.reading import Scope
from seatrial.wiring.all_settings import workspace_of
from seatrial.wiring.knowledge.here import retriever_of
from seatrial.wiring.knowledge.indexes import build_index, index_store, knowledge_config
from seatrial.wiring.workspace import Workspace

RELATED = {("scifact", "squad2"): frozenset({"Immune system"})}
"""Articles of one set on the very subject of another: what they are asked is not foreign to it."""
_EVERYTHING = Scope(readers=None)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question asked of half a set.

    Args:
        kind: ``answered``, ``foreign``, ``elsewhere`` (of another set), ``related`` (of another
            set, on this one's subject) or ``subtle``.
        half: that was asked.
        row: of the question in its set, which is that of `owner`.
        probability, answers, signals: what was told of it.
        others: the signals of the models that did not judge it: by words alone, and of a question
            in Chinese.
    """

    set: str
    half: int
    kind: str
    owner: str
    row: int
    probability: float
    answers: bool
    signals: dict[str, float]
    others: dict[str, float]

    def told(self, name: str) -> float:
        """A signal, whichever model it is of."""
        return self.signals.get(name, self.others.get(name, 0.0))

    def tells(self, name: str) -> bool:
        """Whether a signal was looked at."""
        return name in self.signals or name in self.others


@dataclass(frozen=True, slots=True)
class _Set:
    name: str
    documents: dict[str, tuple[str, str]]
    questions: list[Question]
    titled: bool = True

    def untitled(self) -> _Set:
        """The same, whose documents are indexed without their titles."""
        return replace(self, name=f"{self.name}-untitled", titled=False)

    def half(self, half: int) -> dict[str, tuple[str, str]]:
        """Its documents by id."""
        titles = sorted({title for title, _ in self.documents.values()})
        grouped = len(titles) * 4 < len(self.documents)
        return {
            name: (title, text)
            for number, (name, (title, text)) in enumerate(self.documents.items())
            if (titles.index(title) if grouped else number) % 2 == half
        }

    def titles_of(self, row: int) -> set[str]:
        """Of the documents that answer a question, or would if it had an answer."""
        return {self.documents[name][0] for name in self.questions[row].relevant}


def read(name: str, data: Path) -> _Set:
    """A question set."""
    return _Set(name, corpus(data / name), questions(data / name))


def built(sets: Sequence[_Set], home: Path) -> Workspace:
    """Indexes of all halves; those that `home` has are not made again."""
    home.mkdir(parents=True, exist_ok=True)
    lines = ["knowledge:\n"]
    names = [(one, half, f"{one.name}-{half}") for one in sets for half in (0, 1)]
    for one, half, name in names:
        rows = (
            json.dumps({"id": i, "title": title if one.titled else "", "text": text})
            for i, (title, text) in one.half(half).items()
        )
        (home / f"{name}.jsonl").write_text("\n".join(rows) + "\n", "utf-8")
        lines.append(f"  {name}: {{documents: {{sources: [{{path: {name}.jsonl}}]}}}}\n")
    (home / "seatrial.yaml").write_text("".join(lines), "utf-8")
    workspace = workspace_of(home=home / "home", config=home / "seatrial.yaml")
    for _, _, name in names:
        build_index(workspace, name)
    return workspace


def asked(sets: Sequence[_Set], workspace: Workspace, *, n: int, seed: int) -> list[Asked]:
    """At most n questions of each kind and other set for each half of each set."""
    chance = np.random.default_rng(seed)
    rows: list[Asked] = []
    for one in sets:
        for half in (0, 1):
            name = f"{one.name}-{half}"
            index = index_store(workspace).open(name)
            retriever = retriever_of(workspace, knowledge_config(workspace, name)[1], index)
            for kind, owner, among in _kinds(one, one.half(half).keys(), sets):
                for row in chance.choice(among, min(n, len(among)), replace=False).tolist():
                    text = owner.questions[row].text
                    found = retriever.search(text, _EVERYTHING)
                    if not found.found:
                        continue  # refused without looking
                    sure = confidence(text, found, embedder=index.facts.embedder, idf=index.idf)
                    others = word_signals(text, found.language, found.found, index.idf)
                    if found.language == "zh":
                        others |= han_signals(text, found.found, index.idf)
                    related = owner.titles_of(row) & RELATED.get((one.name, owner.name), set())
                    rows.append(
                        Asked(
                            one.name,
                            half,
                            "related" if related else kind,
                            owner.name,
                            row,
                            sure.probability,
                            sure.answers,
                            dict(sure.signals),
                            others,
                        )
                    )
    return rows


def _kinds(
    one: _Set, ids: Iterable[str], sets: Sequence[_Set]
) -> list[tuple[str, _Set, list[int]]]:
    held = frozenset(ids)
    own = list(enumerate(one.questions))
    found = [
        ("answered", one, [i for i, q in own if q.answerable and q.relevant & held]),
        (
            "foreign",
            one,
            # Claims without answers (SciFact) of one field are not foreign to its other half.
            [i for i, q in own if q.answers and q.relevant and not q.relevant & held],
        ),
        ("subtle", one, [i for i, q in own if not q.answerable and q.relevant & held]),
    ]
    found += [
        ("elsewhere", other, list(range(len(other.questions))))
        for other in sets
        if other.titled and other.questions is not one.questions
    ]
    return [(kind, owner, among) for kind, owner, among in found if among]
