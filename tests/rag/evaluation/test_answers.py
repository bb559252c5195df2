"""Scoring replies."""

import pytest

from seatrial.rag.answering.reply import AnswerSentence, Citation, Refusal, Reply
from seatrial.rag.evaluation.answers import evaluate_answers, exact, f1
from seatrial.rag.evaluation.evaluation import Metric
from seatrial.rag.evaluation.questions import Question, QuestionsInvalid
from seatrial.rag.groundedness.verdict import GroundednessVerdict, Support
from seatrial.rag.text.document import Span

TEXTS = {"log": "The keel was laid in May.", "book": "Masts are tall."}


def citation(number, document, start=0, end=8):
    return Citation(
        number=number, document=document, title="", source="", page=None, section=(),
        span=Span(start, end), text=TEXTS[document][start:end], score=0.5,
    )  # fmt: skip


def sentence(support, citations=(), *, withheld=False):
    verdict = GroundednessVerdict(
        support=support, score=0.5, evidence=None, reason="", reason_zh="", signals={}
    )
    return AnswerSentence(
        text="x", span=Span(0, 0), citations=citations, verdict=verdict, withheld=withheld
    )


def reply(text="", *, refusal=None, sentences=(), citations=(), confidence=0.5):
    return Reply(
        question="q", text=text, refusal=refusal, sentences=tuple(sentences),
        citations=tuple(citations), confidence=confidence, index="kb", version=2,
        answered_by="extractive", seconds={"search": 0.5, "check": 0.25},
    )  # fmt: skip


ASKED = Question(id="1", text="When?", relevant={"log": 1, "other": 1}, answers=("in May", "May"))


def scores(*replies):
    return evaluate_answers(replies, TEXTS.__getitem__, name="it").scores


def test_an_answer_is_scored_by_its_words_citations_and_support():
    answer = reply(
        "It was in May [1][2].",
        sentences=[
            sentence(Support.SUPPORTED, (1, 2)),
            sentence(Support.UNSUPPORTED, (1,)),
            sentence(Support.NOTHING_SAID),
            sentence(Support.UNSUPPORTED, (), withheld=True),
        ],
        citations=[citation(1, "log"), citation(2, "book"), citation(3, "book")],
    )
    found = {metric: by_id["1"] for metric, by_id in scores((ASKED, answer)).items()}
    assert found == {
        Metric.SECONDS: 0.75,
        Metric.FALSE_REFUSAL: 0,
        Metric.EXACT_MATCH: 0,
        Metric.F1: pytest.approx(2 * 2 / (4 + 2)),
        Metric.CITATION_EXACT: 1,
        Metric.CITATION_PRECISION: 0.5,
        Metric.CITATION_RECALL: 0.5,
        Metric.GROUNDEDNESS: 0.5,
        Metric.WITHHELD: pytest.approx(1 / 3),
    }


def test_a_citation_that_says_what_its_document_does_not_is_seen():
    wrong = Citation(
        number=1, document="log", title="", source="", page=None, section=(),
        span=Span(0, 3), text="Thx", score=1.0,
    )  # fmt: skip
    answer = reply("x", sentences=[sentence(Support.SUPPORTED, (1,))], citations=[wrong])
    assert scores((ASKED, answer))[Metric.CITATION_EXACT] == {"1": 0}


def test_refusals_count_against_the_answerable_and_for_the_others():
    refused = reply("I do not know.", refusal=Refusal.NOT_ANSWERED, confidence=0.1)
    foreign = Question(id="2", text="?", answerable=False)
    found = scores((ASKED, refused), (foreign, refused))
    assert found[Metric.FALSE_REFUSAL] == {"1": 1}
    assert found[Metric.REFUSAL] == {"2": 1}
    assert found[Metric.F1] == {"1": 0}
    assert Metric.CITATION_RECALL not in found


def test_abstention_needs_two_of_each():
    asked = [
        (Question(id=str(n), text="?", answerable=n % 2 == 0), reply(confidence=confidence))
        for n, confidence in enumerate([0.9, 0.2, 0.8, 0.85])
    ]
    evaluation = evaluate_answers(asked, TEXTS.__getitem__, name="it")
    assert evaluation.abstention.value == pytest.approx(0.75)
    assert evaluate_answers(asked[:3], TEXTS.__getitem__, name="it").abstention is None


@pytest.mark.parametrize(
    ("said", "answer", "same", "share"),
    [
        ("The Yard", "yard!", 1, 1),
        ("the old yard", "yard", 0, 2 / 3),
        ("1901年", "1901年", 1, 1),
        ("", "yard", 0, 0),
        ("mast", "yard", 0, 0),
    ],
)
def test_words_decide_and_articles_do_not(said, answer, same, share):
    assert exact(said, answer) == same
    assert f1(said, answer) == pytest.approx(share)


def test_without_replies_there_is_nothing_to_score():
    with pytest.raises(QuestionsInvalid, match="no reply"):
        scores()
