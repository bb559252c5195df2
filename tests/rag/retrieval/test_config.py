"""The section of a configuration."""

import pytest
from pydantic import ValidationError

from seatrial.rag.retrieval.config import RetrievalConfig
from seatrial.rag.retrieval.settings import Fusion, RetrievalSettings


def test_what_is_not_said_is_the_default():
    assert RetrievalConfig().settings() == RetrievalSettings()


def test_what_is_said_arrives():
    settings = RetrievalConfig.model_validate({"fusion": "rrf", "k": 3, "repeats": None}).settings()
    assert (settings.fusion, settings.k, settings.repeats) == (Fusion.RECIPROCAL_RANK, 3, None)


@pytest.mark.parametrize(
    "given", [{"k": 0}, {"dense_weight": 1.5}, {"k": 200}, {"order": "worst"}, {"top_k": 3}]
)
def test_what_cannot_be_is_refused(given):
    with pytest.raises(ValidationError):
        RetrievalConfig.model_validate(given)
