from decimal import Decimal
from itertools import count

import numpy as np
import pytest
from msgspec.structs import replace

from seatrial.rag.answering.extractive import ExtractiveAnswerer
from seatrial.rag.answering.reply import Refusal
from seatrial.rag.answering.replying import reply
from seatrial.rag.retrieval.found import DenseUse, Retrieved
from seatrial.rag.retrieval.rewriting import Rewriting
from seatrial.rag.text.document import Outline, Section


def idf(words):
    """Of a corpus in which every word is as rare as any."""
    return np.full(len(words), 3.0)


def retrieved(question, language, passages, rewriting):
    return Retrieved(
        questions=(question,),
        language=language,
        found=tuple(
            replace(one.best, lexical=2.0 if one.best.passage.language == language else None)
            for one in passages
        ),
        dense_use=DenseUse.NO_EMBEDDER,
        index="docs",
        version=3,
        rewriting=rewriting,
        seconds={"lexical": 0.5},
    )


def plain(_key):
    """A document without sections and pages."""
    return Outline()


async def asked(question, language, passages, rewriting=None, outlines=plain, **options):
    ticks = count()
    return await reply(
        retrieved(question, language, passages, rewriting),
        passages,
        ExtractiveAnswerer(),
        embedder=None,
        idf=idf,
        outlines=outlines,
        clock=lambda: float(next(ticks)),
        **options,
    )


@pytest.mark.parametrize(
    ("question", "language", "answer"),
    [
        ("Who swore fealty to King Charles III?", "en", "Rollo"),
        ("本作共有多少张战场地图？", "zh", "20张"),
    ],
)
async def test_a_reply_says_what_was_asked_of_what_and_how_long_it_took(
    passages, question, language, answer
):
    made = await asked(question, language, passages)
    assert answer in made.text
    assert (made.question, made.index, made.version) == (question, "docs", 3)
    assert made.answered_by == "extractive"
    assert made.refusal is None
    assert made.confidence > 0.5
    assert made.seconds == {"lexical": 0.5, "confidence": 1.0, "answer": 1.0}


async def test_a_question_that_the_corpus_does_not_answer_is_refused_unless_told_otherwise(
    passages,
):
    question = "What is the boiling point of mercury in an oven?"
    refused = await asked(question, "en", passages)
    assert refused.refusal is Refusal.NOT_ANSWERED
    assert refused.citations == ()
    answered = await asked(question, "en", passages, refuse=False)
    assert answered.refusal is None


@pytest.mark.parametrize(("cost", "told"), [(Decimal("0.02"), Decimal("0.02")), (None, None)])
@pytest.mark.parametrize("refuse", [True, False])
async def test_what_other_wordings_cost_is_part_of_what_the_answer_costs(
    passages, refuse, cost, told
):
    rewriting = Rewriting(
        by="m", wordings=("other",), n_tokens={"input": 7, "output": 3}, cost_usd=cost
    )
    made = await asked(
        "What is the boiling point of mercury in an oven?",
        "en",
        passages,
        rewriting=rewriting,
        refuse=refuse,
    )
    assert (made.refusal is Refusal.NOT_ANSWERED) == refuse
    assert (made.n_tokens, made.cost_usd) == ({"input": 7, "output": 3}, told)
    assert made.rewriting is rewriting


async def test_a_citation_tells_section_and_page_of_its_own_first_character(passages, normans):
    starts = [normans.text.index(one) for one in ("The Normans", "Under their leader")]
    outline = Outline(
        sections=tuple(
            Section(level=level, title=title, start=start)
            for level, (title, start) in enumerate(zip(("Name", "Fealty"), starts, strict=True), 1)
        ),
        pages=(0, starts[1]),
    )
    keys = {one.best.passage.key: one.best.passage.document for one in passages}
    made = await asked(
        "Who swore fealty to King Charles III?",
        "en",
        passages,
        outlines=lambda key: outline if keys[key] == "normans" else Outline(),
    )
    cited = next(one for one in made.citations if one.document == "normans")
    assert cited.span.start >= starts[1]
    assert (cited.section, cited.page) == (("Name", "Fealty"), 2)


async def test_nothing_found_is_told_apart():
    made = await asked("谁？", "zh", [])
    assert made.refusal is Refusal.NOTHING_FOUND
    assert made.confidence == 0
