import pytest

from seatrial.rag.embedding.recommendation import Choice, recommended


@pytest.mark.parametrize(
    ("languages", "installed", "choice"),
    [
        ({}, True, Choice.MINILM),
        ({"": 1.0}, False, Choice.MINILM),
        ({"en": 1.0}, True, Choice.MINILM),
        ({"en": 0.96, "zh": 0.04}, True, Choice.MINILM),
        ({"en": 0.9, "zh": 0.1}, True, Choice.MULTILINGUAL),
        ({"en": 0.9, "zh": 0.1}, False, Choice.MINILM),
        ({"zh": 0.8, "": 0.2}, True, Choice.MULTILINGUAL),
        ({"zh": 0.8, "en": 0.2}, False, Choice.NONE),
    ],
)
def test_the_embedder_suits_the_languages(languages, installed, choice):
    assert recommended(languages, multilingual=installed).choice is choice


def test_the_reason_tells_shares_and_what_would_help():
    found = recommended({"en": 0.3, "zh": 0.6, "": 0.1}, multilingual=False)
    assert "67% of the texts are in the language 'zh'" in found.reason
    assert "seatrial[multilingual]" in found.reason
