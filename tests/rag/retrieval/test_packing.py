"""Contexts within a budget."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from seatrial.rag.index.passage import Passage
from seatrial.rag.retrieval.found import Found
from seatrial.rag.retrieval.packing import pack
from seatrial.rag.text.document import Span

TEXT = " ".join(f"w{n:02}" for n in range(100))  # a word is four characters with its space


def found(start, end, parent, *, document="a", score=0.5):
    span, around = Span(start * 4, end * 4 - 1), Span(parent[0] * 4, parent[1] * 4 - 1)
    return Found(
        passage=Passage(
            key=start,
            document=document,
            title="",
            source="",
            language="en",
            metadata={},
            span=span,
            text=TEXT[slice(*span)],
            parent=around,
            parent_text=TEXT[slice(*around)],
            n_tokens=end - start,
        ),
        score=score,
    )


def packed(hits, max_tokens=1000, *, parents=True, order="best_first"):
    return pack(
        hits,
        max_tokens=max_tokens,
        count=lambda text: len(text.split()),
        parents=parents,
        order=order,
    )


def test_parents_that_overlap_are_merged_and_cited_once():
    context = packed([found(12, 14, (10, 20)), found(50, 52, (50, 60)), found(16, 18, (15, 25))])
    assert [passage.span for passage in context.passages] == [Span(40, 99), Span(200, 239)]
    assert [hit.passage.key for hit in context.passages[0].hits] == [12, 16]
    assert context.passages[0].best.passage.key == 12
    assert context.n_tokens == 25


def test_equal_spans_of_other_documents_stay_apart():
    context = packed([found(1, 2, (0, 4)), found(1, 2, (0, 4), document="b")])
    assert len(context.passages) == 2


def test_a_parent_without_room_gives_way_to_its_chunk():
    context = packed([found(0, 2, (0, 5)), found(42, 44, (40, 60)), found(80, 90, (80, 90))], 8)
    assert [passage.text for passage in context.passages] == [TEXT[0:19], TEXT[168:175]]
    assert context.n_left_out == 1


def test_what_is_too_long_leaves_room_for_what_comes_behind():
    context = packed([found(0, 50, (0, 50)), found(60, 62, (60, 62))], 10)
    assert [passage.best.passage.key for passage in context.passages] == [60]


def test_the_weakest_lie_in_the_middle():
    hits = [found(n * 10, n * 10 + 1, (n * 10, n * 10 + 1)) for n in range(5)]
    order = [p.best.passage.key // 10 for p in packed(hits, order="edges").passages]
    assert order == [0, 2, 4, 3, 1]


def test_without_parents_chunks_stand_alone():
    assert packed([found(12, 14, (10, 20))], parents=False).passages[0].span == Span(48, 55)


spans = st.tuples(st.integers(0, 95), st.integers(1, 5), st.integers(0, 6), st.integers(0, 6))


@given(st.lists(spans, max_size=12), st.integers(1, 60), st.booleans())
def test_a_context_is_true_to_its_documents_and_its_budget(given_spans, budget, parents):
    hits = [
        found(
            start, min(100, start + size), (max(0, start - before), min(100, start + size + behind))
        )
        for start, size, before, behind in given_spans
    ]
    context = packed(hits, budget, parents=parents)
    assert context.n_tokens <= budget
    for passage in context.passages:
        assert passage.text == TEXT[slice(*passage.span)]
        assert all(passage.span.start <= hit.passage.span.start for hit in passage.hits)
        assert all(hit.passage.span.end <= passage.span.end for hit in passage.hits)
    ordered = sorted(context.passages, key=lambda passage: passage.span)
    assert all(a.span.end < b.span.start for a, b in pairwise(ordered))
    assert context.n_left_out + sum(len(p.hits) for p in context.passages) == len(hits)
