"""Names of chunkers are words that a reader can set again."""

import pytest

from seatrial.rag.chunking.chunkers import Sizes, StructureChunker
from seatrial.rag.chunking.ruler import Characters
from seatrial.rag.chunking.spoken import chunker_spoken


@pytest.mark.parametrize(
    ("name", "english", "chinese"),
    [
        (
            "recursive 200+20 in 800 tokenizer/be50c3628f2bf5bb",
            "recursive (200 tokens, overlap 20, parent 800)",
            "recursive（200 token，重叠 20，父段 800）",
        ),
        ("fixed 100+0 characters", "fixed (100 characters)", "fixed（100 字符）"),
        (
            "semantic 200+20 tokenizer/x by minilm/int8",
            "semantic (200 tokens, overlap 20, minilm/int8)",
            "semantic（200 token，重叠 20，minilm/int8）",
        ),
        ("a chunker of another", "a chunker of another", "a chunker of another"),
    ],
)
def test_a_name_is_told_in_words(name: str, english: str, chinese: str) -> None:
    assert chunker_spoken(name) == english
    assert chunker_spoken(name, "zh") == chinese


def test_a_chunkers_own_name_is_known() -> None:
    sizes = Sizes(length=100, overlap=10, parent=400)
    name = StructureChunker("sentence", sizes, Characters()).name
    assert chunker_spoken(name) == "sentence (100 characters, overlap 10, parent 400)"
