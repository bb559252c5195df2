"""Reports on evaluations and comparisons."""

import json

import pytest

from seatrial.kernel.report_page import LANGUAGES
from seatrial.rag.evaluation.comparison import compare
from seatrial.rag.evaluation.evaluation import Evaluation, Metric
from seatrial.rag.evaluation.evaluation_page import (
    comparison_page,
    comparison_record,
    evaluation_page,
    evaluation_record,
    verdict,
)
from seatrial.rag.evaluation.report_words import words
from seatrial.stats.roc import RocAuc


def evaluation(name, score):
    ids = [f"q{n}" for n in range(20)]
    return Evaluation(
        name=name,
        index="kb",
        version=4,
        k=10,
        scores={metric: dict.fromkeys(ids, score) for metric in Metric},
        texts={name: f"<question {name}>" for name in ids},
        abstention=RocAuc(value=0.9, standard_error=0.01, p_value=0.0),
    )


def test_all_languages_have_the_same_words_with_the_same_blanks():
    english, chinese = words("en"), words("zh")
    assert english.keys() == chinese.keys()
    for key, text in english.items():
        blanks = {part.partition("}")[0] for part in text.split("{")[1:]}
        assert blanks == {part.partition("}")[0] for part in chinese[key].split("{")[1:]}, key


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_metric_has_its_line(language):
    page = evaluation_page(evaluation("new", 0.5), language)
    assert page.count("0.500 … 0.500") == len(Metric)
    assert "nDCG@10" in page
    assert "0.900" in page
    assert "&lt;question q0&gt;" in page
    assert "<question" not in page
    assert 'href="evaluation' in page


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "new is better than old in nDCG@10: +0.250 (0.250 … 0.250)."),
        ("zh", "new 好于 old（nDCG@10）：+0.250 (0.250 … 0.250)。"),
    ],
)
def test_the_verdict_is_a_sentence(language, said):
    found = compare(evaluation("old", 0.5), evaluation("new", 0.75))
    assert verdict(found, language) == said
    assert said in comparison_page(found, language)


def test_records_are_json_without_infinities():
    one = Evaluation(
        name="one", index="kb", version=1, k=5, scores={Metric.NDCG: {"q": 0.5}}, texts={"q": "?"}
    )
    assert "∞" not in evaluation_page(one)
    record = json.loads(json.dumps(evaluation_record(one), allow_nan=False))
    assert record["metrics"]["ndcg"]["interval"] == [None, None]
    compared = json.loads(json.dumps(comparison_record(compare(one, one)), allow_nan=False))
    assert compared["outcome"] == "inconclusive"
    assert compared["said"]["en"] == (
        "Whether one is better than one in nDCG@5 is not clear from 1 questions: +0.000 (−∞ … ∞)."
    )
