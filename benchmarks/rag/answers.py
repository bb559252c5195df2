"""Answers that are quoted, and refusals, on SQuAD 2.0 with default settings."""

from __future__ import annotations

import json
import re
import string
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.monitor.goals import Goal, markdown_table
from benchmarks.rag.part import APPS, Part, Plan, RunFailed, said_by
from benchmarks.rag.sets import Question, corpus, questions
from seatrial.stats.bootstrap import bootstrap_mean

SET = "squad2"
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NUMBERS = re.compile(r"\s*\[\d+\]")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True, slots=True)
class Replied:
    """What a question got.

    Args:
        text: without its ``[n]``; empty for a refusal.
        citations: document, cited text, and its span in the document.
    """

    refused: bool
    text: str
    citations: Sequence[tuple[str, str, tuple[int, int]]]
    cpu_ms: float


def normalised(text: str) -> str:
    """As SQuAD's own script: lower case, no punctuation, no articles, single spaces.

    Source: Rajpurkar et al. 2016, evaluate-v2.0.py.
    """
    bare = text.lower().translate(_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", bare).split())


def token_f1(said: str, answer: str) -> float:
    """Harmonic mean of precision and recall of normalised words, in [0, 1]; as `normalised`."""
    one, other = normalised(said).split(), normalised(answer).split()
    if not one or not other:
        return float(one == other)
    common = sum((Counter(one) & Counter(other)).values())
    return 2 * common / (len(one) + len(other))


def scores(
    question: Question, reply: Replied, held: Mapping[str, tuple[str, str]]
) -> dict[str, float]:
    """What one reply counts, by name; a refusal of an answerable question counts 0.

    Args: held: titles and texts of the corpus, by id.
    """
    found = {}
    if reply.citations:
        exact = [held[name][1][slice(*span)] == text for name, text, span in reply.citations]
        found["exact citations"] = sum(exact) / len(exact)
    if not question.answerable:
        return found | {"refused, unanswerable": float(reply.refused)}
    found["refused, answerable"] = float(reply.refused)
    said = "" if reply.refused else reply.text
    found["exact match"] = max(float(normalised(said) == normalised(x)) for x in question.answers)
    found["token F1"] = max(token_f1(said, x) for x in question.answers)
    quoted = [text for name, text, _ in reply.citations if name in question.relevant]
    found["answer quoted"] = float(any(x in text for x in question.answers for text in quoted))
    if not reply.refused:
        found["answer quoted, where answered"] = found["answer quoted"]
        found["right paragraph cited, where answered"] = float(bool(quoted))
    return found


def report(plan: Plan) -> Part:
    """Every question, or every so many."""
    if plan.data is None:
        return Part(text="Not measured: it needs `--data`.")
    held = corpus(plan.data / SET)
    chosen = [one for one in questions(plan.data / SET) if one.answers or not one.answerable]
    chosen = chosen[:: plan.every * (20 if plan.quick else 1)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = ({"id": i, "title": title, "text": text} for i, (title, text) in held.items())
        (folder / "documents.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        (folder / "questions.json").write_text(json.dumps([one.text for one in chosen]))
        print(f"  {len(chosen):,} questions", file=sys.stderr, flush=True)
        try:
            said_by(Path(sys.executable), APPS / "ask.py", name)
        except RunFailed as error:
            return Part(text="Not measured.", failures=[f"answers: {error}"])
        replies = [_replied(one) for one in json.loads((folder / "replies.json").read_text())]
    by_name: dict[str, list[float]] = {}
    for question, reply in zip(chosen, replies, strict=True):
        for what, score in scores(question, reply, held).items():
            by_name.setdefault(what, []).append(score)
    asked = f"{len(held)} paragraphs, {len(chosen):,} questions"
    cost = median(one.cpu_ms for one in replies)
    text = f"{table(by_name)}\n\n{asked}; the median question takes {cost:.0f} CPU ms, all told."
    return Part(text=text, goals=goals(by_name))


def table(by_name: Mapping[str, Sequence[float]]) -> str:
    """Means with intervals of 95 %."""
    rows = []
    for name in sorted(by_name):
        found = bootstrap_mean(by_name[name])
        interval = f"[{found.interval.lower:.3f}, {found.interval.upper:.3f}]"
        rows.append((name, f"{found.n:,}", f"{found.mean:.3f}", interval))
    return markdown_table(("SQuAD 2.0", "n", "mean", "95 %"), rows)


def goals(by_name: Mapping[str, Sequence[float]]) -> list[Goal]:
    """Citations are what they say; other figures have no goal."""
    exact = by_name.get("exact citations")
    if not exact:
        return []
    share = sum(exact) / len(exact)
    return [
        Goal(
            what="citations whose text is what their document has there",
            goal="1",
            reached=f"{share:.4g} of {len(exact):,} replies'",
            met=share == 1,
        )
    ]


def _replied(row: dict[str, object]) -> Replied:
    citations = row["citations"]
    assert isinstance(citations, list)
    refused = bool(row["refused"])
    return Replied(
        refused=refused,
        text="" if refused else _NUMBERS.sub("", str(row["text"])),
        citations=[(x["document"], x["text"], tuple(x["span"])) for x in citations],
        cpu_ms=float(str(row["cpu_ms"])),
    )
