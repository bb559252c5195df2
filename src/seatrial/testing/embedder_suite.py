"""What every embedder must do; see `rag.embedding.embedder`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from seatrial.rag.embedding.embedder import Embedder

TEXTS = (
    "The ship left the harbour at dawn.",
    "",
    " \n\t ",
    "武田信玄和上杉谦信在川中岛交战。",
    "\U0001f6a2\U0001f6a2 cafe\u0301 naïve ﬁn \u200d",
    "def f(x):\r\n    return x ** 2\r\n",
    "a\ud800b",
    "x" * 3000,
    "The trial of a ship at sea tests its engines, its hull and its crew. " * 30,
)


class EmbedderSuite:
    """Subclass it as ``Test...`` with a fixture ``embedder``.

    Args:
        tolerance: by how much a component may change with the texts beside it, and from call to
            call: 0 for an embedder whose texts do not meet, 1e-6 for floats added in another order.
    """

    tolerance = 1e-6

    def test_vectors_are_of_unit_length_and_of_numbers(self, embedder: Embedder) -> None:
        """One row a text, float32."""
        for vectors in (embedder.embed_documents(TEXTS), embedder.embed_queries(TEXTS)):
            assert vectors.shape == (len(TEXTS), embedder.dimensions)
            assert vectors.dtype == np.float32
            assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max() < 1e-5

    def test_no_text_is_no_vector(self, embedder: Embedder) -> None:
        """But an array of their width."""
        assert embedder.embed_documents([]).shape == (0, embedder.dimensions)
        assert embedder.embed_queries([]).shape == (0, embedder.dimensions)

    def test_order_is_kept_and_neighbours_change_nothing(self, embedder: Embedder) -> None:
        """Whatever the lengths."""
        together = embedder.embed_documents(TEXTS)
        turned = embedder.embed_documents(TEXTS[::-1])[::-1]
        alone = np.concatenate([embedder.embed_documents([text]) for text in TEXTS])
        assert np.abs(together - turned).max() <= self.tolerance
        assert np.abs(together - alone).max() <= self.tolerance

    def test_the_same_text_has_the_same_vector_in_every_thread(self, embedder: Embedder) -> None:
        """At once."""
        first = embedder.embed_documents(TEXTS)
        with ThreadPoolExecutor(4) as pool:
            again = list(pool.map(lambda _: embedder.embed_documents(TEXTS), range(4)))
        assert max(np.abs(first - one).max() for one in again) <= self.tolerance

    def test_what_is_beyond_its_reach_is_cut(self, embedder: Embedder) -> None:
        """A hundred thousand characters have the vector of their beginning."""
        text = "seven sailors sing songs softly " * 3125
        spans = embedder.tokenizer.offsets([text])[0]
        cut = text[: int(spans[min(embedder.max_tokens, len(spans)) - 1, 1])]
        whole, begun = embedder.embed_documents([text, cut])
        assert whole @ begun > 0.9999

    def test_different_texts_have_different_vectors(self, embedder: Embedder) -> None:
        """Or it says nothing."""
        one, other = embedder.embed_documents([TEXTS[0], "Quarterly revenue fell by a tenth."])
        assert one @ other < 0.999

    def test_its_facts_are_plain(self, embedder: Embedder) -> None:
        """As an index keeps them."""
        assert embedder.name.isprintable()
        assert embedder.tokenizer.name.isprintable()
        assert embedder.dimensions > 0
        assert embedder.max_tokens > 0
        if embedder.languages is not None:
            assert all(len(one) == 2 and one.islower() for one in embedder.languages)

    @pytest.mark.parametrize("text", TEXTS)
    def test_tokens_are_told_by_characters(self, embedder: Embedder, text: str) -> None:
        """In order, within the text, and without a letter or figure between them."""
        (spans,) = embedder.tokenizer.offsets([text])
        assert spans.dtype == np.int32
        assert spans.shape == (len(spans), 2)
        assert (spans[:, 0] <= spans[:, 1]).all()
        assert (np.diff(spans[:, 0]) >= 0).all()
        assert len(spans) == 0 or (spans[0, 0] >= 0 and spans[:, 1].max() <= len(text))
        seen = {place for start, end in spans.tolist() for place in range(start, end)}
        missing = [c for place, c in enumerate(text) if c.isalnum() and place not in seen]
        assert not missing

    def test_offsets_count_characters_and_not_bytes(self, embedder: Embedder) -> None:
        """Emoji, Chinese and combining marks before it do not move a token."""
        word = "harbour"
        for before in ("", "\U0001f6a2" * 10, "船" * 10, "e\u0301" * 10, "\r\n" * 10):
            text = f"{before} {word}"
            spans = embedder.tokenizer.offsets([text])[0]
            inside = [one for one in spans.tolist() if one[1] > len(text) - len(word)]
            assert inside[0][0] >= len(text) - len(word) - 1
            assert inside[-1][1] == len(text)

    def test_texts_are_split_alike_alone_and_together(self, embedder: Embedder) -> None:
        """One array each, in their order."""
        together = embedder.tokenizer.offsets(TEXTS)
        alone = [embedder.tokenizer.offsets([text])[0] for text in TEXTS]
        assert all(np.array_equal(a, b) for a, b in zip(together, alone, strict=True))
        assert embedder.tokenizer.offsets([]) == []
