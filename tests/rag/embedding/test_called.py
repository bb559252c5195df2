import numpy as np
import pytest

from seatrial.rag.embedding.called import CalledEmbedder
from seatrial.rag.embedding.unit import VectorsUnfit


def embedder(documents, queries=None):
    return CalledEmbedder(documents=documents, queries=queries or documents, name="m")


def test_vectors_are_brought_to_unit_length():
    made = embedder(lambda texts: [[3, 4] for _ in texts])
    assert made.dimensions == 2
    assert np.allclose(made.embed_documents(["a", "b"]), [[0.6, 0.8]] * 2)


def test_texts_that_others_cannot_take_are_made_sound():
    heard = []
    made = embedder(lambda texts: heard.extend(texts) or [[1.0] for _ in texts])
    made.embed_documents(["a\ud800b", ""])
    assert heard[1:] == ["a?b", " "]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([[1.0, 2.0]], "1 vectors for 2 texts"),
        ([[1.0, 2.0], [1.0]], "dimensions"),
        ([[1.0], [2.0]], "dimensions"),
        ([[0.0, 0.0], [1.0, 0.0]], "without a direction"),
        ([[float("nan"), 0.0], [1.0, 0.0]], "without a direction"),
    ],
)
def test_vectors_that_cannot_be_compared_are_refused(given, said):
    made = embedder(lambda _: given, lambda texts: [[1.0, 0.0] for _ in texts])
    with pytest.raises(VectorsUnfit, match=said):
        made.embed_documents(["a", "b"])
