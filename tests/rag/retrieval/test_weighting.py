"""What dense search is worth, by language."""

import pytest

from seatrial.rag.retrieval.found import DenseUse
from seatrial.rag.retrieval.weighting import LanguagesHeld, dense_use

ENGLISH = frozenset({"en"})


@pytest.mark.parametrize(
    ("question", "indexed", "language"),
    [
        ("Who was the captain?", {"en": 1.0}, "en"),
        ("海试是什么？", {"en": 1.0}, "zh"),
        # looks Slovenian, and "Nassau-Saarbrücken" like nothing
        ("Autophagy declines in aged organisms.", {"en": 1.0}, "en"),
        ("Nassau-Saarbrücken", {"de": 0.9, "en": 0.1}, "de"),
        ("Wer war das und was ist es?", {"de": 0.5, "en": 0.5}, "de"),
        ("Wer war das und was ist es?", {"en": 0.97, "de": 0.03}, "en"),
        ("Wer war das und was ist es?", {"zh": 1.0}, "de"),
        ("Who was the captain?", {"zh": 1.0}, "en"),
        ("2019?", {"en": 1.0}, None),
        ("X", {}, None),
        ("X", {"": 1.0}, None),
    ],
)
def test_a_short_question_is_read_in_the_language_of_the_index(question, indexed, language):
    assert LanguagesHeld(indexed).asked(question) == language


@pytest.mark.parametrize(
    ("language", "known", "use"),
    [
        ("en", ENGLISH, DenseUse.FULL),
        ("zh", ENGLISH, DenseUse.LANGUAGE),
        ("zh", None, DenseUse.FULL),
        (None, ENGLISH, DenseUse.FULL),
        ("de", ENGLISH, DenseUse.WEAK),
        ("ru", ENGLISH, DenseUse.LANGUAGE),
    ],
)
def test_the_language_of_a_question_decides(language, known, use):
    assert dense_use(language, known) is use
