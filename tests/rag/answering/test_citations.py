from seatrial.rag.answering.citations import Citations
from seatrial.rag.groundedness.verdict import Evidence
from seatrial.rag.text.document import Span
from tests.rag.answering.conftest import context


def test_a_span_has_one_number_and_is_told_by_the_document(normans, ovens):
    citations = Citations([context(normans, 11), context(ovens, 4, score=0.5)])
    oven = Evidence(passage=1, span=Span(0, 4))
    assert [
        citations.number(one) for one in (oven, Evidence(passage=0, span=Span(0, 3)), oven)
    ] == [1, 2, 1]
    first, second = citations.all()
    assert (first.document, first.span, first.text, first.score) == ("ovens", (4, 8), "oven", 0.5)
    assert (second.span, second.text) == ((11, 14), normans.text[11:14])
