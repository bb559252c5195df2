"""A corpus in figures, and what chunkers make of it."""

import numpy as np

from seatrial.rag.chunking.chunk import Chunk
from seatrial.rag.evaluation.corpus import Lengths, chunker_facts, corpus_facts
from seatrial.rag.text.document import Document, Span
from seatrial.testing.index_corpus import PLAIN_WORDS


class Words:
    name = "words"

    def offsets(self, texts):
        return [np.zeros((len(PLAIN_WORDS.words(text)), 2), np.int32) for text in texts]


def document(name, text, *, kind="text", language="en"):
    return Document(
        id=name, text=text, title=name, source=name, format=kind, language=language, digest=name
    )


class Fixed:
    """Cuts where it is told."""

    name = "told"

    def __init__(self, *spans):
        self.spans = spans

    def chunks(self, document):
        return [Chunk(span=Span(*s), parent=Span(*s), n_tokens=0) for s in self.spans]


def test_lengths_are_those_of_real_documents():
    assert Lengths.of([]) == Lengths(n=0, total=0, quantiles=())
    found = Lengths.of([30, 10, 20])
    assert (found.n, found.total) == (3, 60)
    assert found.quantiles == (10, 10, 10, 20, 30, 30, 30)


def test_a_corpus_is_described():
    documents = [
        document("a", "one two three", kind="pdf"),
        document("b", "one two  three"),
        document("c", "海试", language="zh"),
        document("d", " ", language=None),
    ]
    facts = corpus_facts(documents, documents[:1], Words())
    assert facts.n_documents == 4
    assert facts.formats == {"text": 3, "pdf": 1}
    assert facts.languages == {"en": 2, "": 1, "zh": 1}
    assert facts.n_empty == 1
    assert facts.duplicates == facts.near_duplicates == (("a", "b"),)
    assert facts.tokens.total == 3
    assert facts.n_tokens == round(3 * facts.characters.total / 13)


def test_a_chunker_is_held_against_the_text():
    text = "One two three. Four five six seven. Eight."
    facts = chunker_facts([document("a", text)], Fixed((0, 14), (0, 23), (15, 42)), Words(), 4)
    assert facts.tokens.n == 3
    assert facts.tokens.quantiles[-1] == 5
    assert facts.repeated_share == 1 - 42 / (14 + 23 + 27)
    assert facts.cut_share == 0.5  # "One two three." ends a sentence, "Four fiv" does not
    assert facts.too_long_share == 2 / 3
    assert facts.unseen_share == 2 / 13


def test_a_document_of_one_chunk_cuts_nothing():
    facts = chunker_facts([document("a", "One two. ")], Fixed((0, 8)), Words(), 100)
    assert (facts.cut_share, facts.repeated_share, facts.unseen_share) == (0, 0, 0)


def test_a_chunker_without_documents_makes_nothing():
    facts = chunker_facts([], Fixed(), Words(), 100)
    assert facts.tokens == Lengths.of([])
