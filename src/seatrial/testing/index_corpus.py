"""Documents, conditions and questions made by chance, for the suites of indexes."""

from __future__ import annotations

import re
from random import Random

import numpy as np
from numpy.typing import NDArray

from seatrial.rag.chunking.chunk import Chunk
from seatrial.rag.index.conditions import And, Condition, Equals, In, Not, Or, Range, Scalar
from seatrial.rag.index.postings import Analysis
from seatrial.rag.index.reading import Scope
from seatrial.rag.index.writing import IndexedDocument, Recipe
from seatrial.rag.text.document import Document, Metadata, MetaValue, Section, Span

_WORD = re.compile(r"\w+")
PLAIN_WORDS = Analysis("plain", lambda text: _WORD.findall(text.lower()))
"""Runs of letters and digits in lower case: what the suites expect of a store."""

DIMENSIONS = 8
RECIPE = Recipe(embedder="chance", dimensions=DIMENSIONS, chunker="halves")

_WORDS = ["Sea", "trial", "the", "the", "the", "ship", "hull", "keel", "naïve", "船", "海试", "🚢"]
_VALUES: list[MetaValue] = [
    *("a", "b", "", "2024-01-02T03:04:05Z", "2025", "é", "\U0001f6a2"),
    *(-1, 0, 1, 2, 2**53 + 1, 2**63 - 1, -0.0, 0.5, 1.0, float(2**53), float("inf")),
    *(True, False),
    *((), ("a",), ("a", "b"), ("b", "c", "b")),
]
_PLAIN_VALUES: list[MetaValue] = ["a", "b", "2025", 0, 1, 2, 0.5, True, False, ("a",), ("a", "b")]
_FIELDS = ["year", "tag", "语言"]
_READERS = ["alice", "bob", "staff"]


def unit_vectors(random: Random, n: int) -> NDArray[np.float32]:
    """Vectors (n, DIMENSIONS) of unit length."""
    vectors = np.array([[random.gauss(0, 1) for _ in range(DIMENSIONS)] for _ in range(n)])
    vectors = vectors.reshape(n, DIMENSIONS)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32)


def metadata(random: Random, *, rich: bool = True) -> Metadata:
    """Values of any kind; of the commonest kinds alone, where they are not to be rich."""
    values = _VALUES if rich else _PLAIN_VALUES
    return {field: random.choice(values) for field in _FIELDS if random.random() < 0.7}


def document(random: Random, name: str) -> IndexedDocument:
    """A document of none to four chunks, each a half of a parent."""
    n_parents = random.randint(0, 2)
    text, chunks, sections = "", [], []
    for number in range(n_parents):
        sections.append(Section(level=1, title=f"Part {number} 章", start=len(text)))
        start = len(text)
        halves = [" ".join(random.choices(_WORDS, k=random.randint(1, 9))) for _ in range(2)]
        text += "\r\n".join(halves) + "\n"
        parent = Span(start, start + len(halves[0]) + 2 + len(halves[1]))
        spans = (
            Span(start, start + len(halves[0])),
            Span(parent.end - len(halves[1]), parent.end),
        )
        chunks += [
            Chunk(
                span=span,
                parent=random.choice([span, parent]),
                n_tokens=span.end - span.start,
                section=(f"Part {number} 章",) if number else (),
                page=random.choice([None, 1, 7]),
            )
            for span in spans
        ]
    readers = random.choice([None, None, frozenset[str](), frozenset(random.sample(_READERS, 2))])
    return IndexedDocument(
        document=Document(
            id=name,
            text=text,
            title=f"Title of {name}",
            source=f"folder/{name}.md",
            format="markdown",
            language=random.choice(["en", "zh", None]),
            digest=f"{random.getrandbits(256):064x}",
            metadata={field: random.choice(_VALUES) for field in _FIELDS if random.random() < 0.7},
            sections=tuple(sections),
            pages=(0, 5) if random.random() < 0.5 else (),
            readers=readers,
        ),
        chunks=chunks,
        vectors=unit_vectors(random, len(chunks)),
    )


def documents(random: Random, n: int, *, prefix: str = "doc") -> list[IndexedDocument]:
    """As many documents, some of them with vectors that are equal."""
    made = [document(random, f"{prefix}-{number}") for number in range(n)]
    for one, other in zip(made[::5], made[3::5], strict=False):
        n_equal = min(len(one.chunks), len(other.chunks))
        if n_equal and one.vectors is not None and other.vectors is not None:
            other.vectors[:n_equal] = one.vectors[:n_equal]
    return made


def condition(random: Random, depth: int = 0, *, rich: bool = True) -> Condition:
    """A condition on the fields of these documents."""
    kind = random.randrange(3 if depth > 2 else 6)
    field = random.choice([*_FIELDS, "absent"])
    match kind:
        case 0:
            return Equals(field, _scalar(random, rich=rich))
        case 1:
            scalars = [_scalar(random, rich=rich) for _ in range(random.randint(0, 3))]
            return In(field, tuple(scalars))
        case 2:
            limits = [_bound(random, rich=rich) for _ in range(4)]
            return Range(field=field, gt=limits[0], gte=limits[1], lt=limits[2], lte=limits[3])
        case 3:
            return Not(condition(random, depth + 1, rich=rich))
        case _:
            n_parts = random.randint(0, 3)
            parts = tuple(condition(random, depth + 1, rich=rich) for _ in range(n_parts))
            return And(parts) if kind == 4 else Or(parts)


def scope(random: Random, *, rich: bool = True) -> Scope:
    """Whose question it is, and about what."""
    readers = random.choice([None, frozenset(random.sample(_READERS, random.randint(0, 3)))])
    return Scope(where=random.choice([None, condition(random, rich=rich)]), readers=readers)


def question(random: Random) -> str:
    """Words that documents have, in any case, some twice, and one that none has."""
    return " ".join([*random.choices(_WORDS, k=random.randint(0, 4)), "nowhere"]).upper()


def _scalar(random: Random, *, rich: bool) -> Scalar:
    values = _VALUES if rich else _PLAIN_VALUES
    return random.choice([value for value in values if not isinstance(value, tuple)])


def _bound(random: Random, *, rich: bool) -> str | float | None:
    values = _VALUES if rich else _PLAIN_VALUES
    bounds = [value for value in values if not isinstance(value, tuple | bool)]
    return random.choice([None, None, *bounds])
