"""Questions made from the text itself, where nobody has written any.

A question is what stays of a sentence when its rarest word and every other word are taken out, or
a heading with the title of its document. Equal corpora give equal questions. They are no questions
of people: their words are copied from what answers them, so search by words looks better than it
is, and one sentence fits into a small chunk, so small chunks do. What they can tell is which of
two chunkers loses sentences.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from seatrial.rag.evaluation.near_duplicates import hash_of
from seatrial.rag.evaluation.questions import Question
from seatrial.rag.text.document import Document, Span
from seatrial.rag.text.sentences import sentences
from seatrial.rag.text.words import Word, words

_LEAST_WORDS = 8
_MOST_WORDS = 60
_LEAST_SECTION = 80
"""Characters under a heading below which it is no question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A question and where its answer lies.

    Args:
        span: of the answer in its document; None where only documents are judged.
    """

    question: Question
    span: Span | None = None


def probes_of(questions: Iterable[Question]) -> list[Probe]:
    """Questions of people as probes of documents."""
    return [Probe(question=question) for question in questions]


def generated(documents: Sequence[Document], n: int) -> list[Probe]:
    """At most n questions, spread over the documents: first one of each, then a second; none of a
    copy, in whose place a search finds the first.

    Args:
        n: >= 1.
    """
    counts = Counter(
        word for document in documents for word in {word.text for word in words(document.text)}
    )
    ordered = sorted(_originals(documents), key=lambda document: hash_of(document.id))
    askable = [(document, _askable(document)) for document in ordered]
    most = max((len(spans) for _, spans in askable), default=0)
    turns = (
        _probe(document, *spans[turn], counts)
        for turn in range(most)
        for document, spans in askable
        if turn < len(spans)
    )
    return list(islice(turns, n))


def _originals(documents: Sequence[Document]) -> Iterable[Document]:
    """Of documents of equal text the first by id."""
    ordered = sorted(documents, key=lambda document: document.id, reverse=True)
    return {document.text: document for document in ordered}.values()


def _askable(document: Document) -> list[tuple[str, Span]]:
    """What can be asked of a document, in an order by chance: a heading or "", and the answer."""
    spans = [*_headings(document), *_sentences(document)]
    return sorted(spans, key=lambda item: hash_of(f"{document.id} {item[1].start} {item[0]}"))


def _probe(document: Document, heading: str, span: Span, counts: Counter[str]) -> Probe:
    question = Question(
        id=f"{document.id}#{span.start}-{span.end}{'h' if heading else ''}",
        text=heading or _cloze(document.text[slice(*span)], counts),
        relevant={document.id: 1.0},
    )
    return Probe(question=question, span=span)


def _headings(document: Document) -> list[tuple[str, Span]]:
    found = []
    ends = [section.start for section in document.sections[1:]] + [len(document.text)]
    for section, end in zip(document.sections, ends, strict=False):
        body = document.text.find("\n", section.start, end)
        if section.title.strip() and body >= 0 and end - body >= _LEAST_SECTION:
            path = " ".join(dict.fromkeys((document.title, section.title)))
            first = sentences(document.text[body:end])[:1]
            found += [(path, Span(body + one.start, body + one.end)) for one in first]
    return found


def _sentences(document: Document) -> list[tuple[str, Span]]:
    return [
        ("", span)
        for span in sentences(document.text)
        if _LEAST_WORDS <= len(words(document.text[slice(*span)])) <= _MOST_WORDS
    ]


def _cloze(sentence: str, counts: Counter[str]) -> str:
    """Half of the words of a sentence in their order, without its rarest one."""
    found = words(sentence)
    rarest = min(found, key=lambda word: (counts[word.text], word.start)).text
    left: list[Word] = []
    for word in found:
        if word.text != rarest and (not left or word.start >= left[-1].end):
            left.append(word)  # pairs of characters overlap: every second one is enough
    return " ".join(sentence[word.start : word.end] for word in left[::2])
