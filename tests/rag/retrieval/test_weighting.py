"""What dense search is worth, by language."""

import pytest

from seatrial.rag.retrieval.found import DenseUse
from seatrial.rag.retrieval.weighting import dense_use

ENGLISH = frozenset({"en"})


@pytest.mark.parametrize(
    ("question", "language", "known", "indexed", "use"),
    [
        ("Who?", "en", ENGLISH, {"en": 1.0}, DenseUse.FULL),
        ("海试是什么？", "zh", ENGLISH, {"en": 1.0}, DenseUse.LANGUAGE),
        ("海试是什么？", "zh", None, {"en": 1.0}, DenseUse.FULL),
        ("2019?", None, ENGLISH, {"en": 1.0}, DenseUse.FULL),
        # "Autophagy declines in aged organisms" is taken for Slovenian: a guess over few words
        ("Autophagy declines", "sl", ENGLISH, {"en": 1.0}, DenseUse.FULL),
        ("Wer war das?", "de", ENGLISH, {"de": 0.9, "en": 0.1}, DenseUse.WEAK),
        ("Nassau-Saarbrücken", None, ENGLISH, {"de": 0.9, "en": 0.1}, DenseUse.WEAK),
        ("Nassau-Saarbrücken", None, ENGLISH, {"": 0.9, "en": 0.1}, DenseUse.FULL),
        ("Wer war das?", "de", ENGLISH, {"de": 0.01, "en": 0.99}, DenseUse.FULL),
    ],
)
def test_the_language_of_a_question_decides(question, language, known, indexed, use):
    assert dense_use(question, language, known, indexed) is use
