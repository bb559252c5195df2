from hypothesis import given
from hypothesis import strategies as st

from seatrial.rag.embedding.approximate import ApproximateTokenizer


@given(st.text())
def test_every_character_but_white_space_is_in_exactly_one_token(text):
    spans = ApproximateTokenizer().offsets([text])[0].tolist()
    inside = [place for start, end in spans for place in range(start, end)]
    assert inside == [place for place, c in enumerate(text) if not c.isspace()]


def test_it_counts_no_fewer_tokens_than_a_vocabulary_of_bytes_does():
    from seatrial.adapters.llm.tokens_toktok import ToktokEncoder
    from seatrial.gateway.tokens.encodings import Encoding

    exact = ToktokEncoder(Encoding.CL100K)
    for text in (
        "The trial of a ship at sea, 2024-11-26. " * 9,
        "今天天气很好，我们去公园吧。" * 9,
    ):
        n = len(ApproximateTokenizer().offsets([text])[0])
        assert exact.count(text) * 0.8 <= n <= exact.count(text) * 2
