import pytest
from pydantic import ValidationError

from seatrial.rag.embedding.config import EmbeddingConfig
from seatrial.rag.embedding.recommendation import Choice


@pytest.mark.parametrize("kind", ["folder", "gateway", "sentence_transformers"])
def test_kinds_that_need_a_model_say_so(kind):
    with pytest.raises(ValidationError, match="needs a model"):
        EmbeddingConfig(kind=kind)
    assert EmbeddingConfig(kind=kind, model="m").model == "m"


@pytest.mark.parametrize("kind", list(Choice))
def test_kinds_with_a_model_of_their_own_take_none(kind):
    with pytest.raises(ValidationError, match="has its own model"):
        EmbeddingConfig(kind=kind.value, model="m")
    assert EmbeddingConfig(kind=kind.value).kind == kind
