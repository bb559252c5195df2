from hypothesis import given
from hypothesis import strategies as st

from seatrial.rag.embedding.requests import requests_of


@given(st.lists(st.integers(0, 50)), st.integers(1, 8), st.integers(1, 60))
def test_runs_hold_all_texts_in_order_and_fit(n_tokens, most_texts, most_tokens):
    runs = requests_of(n_tokens, most_texts=most_texts, most_tokens=most_tokens)
    assert [place for run in runs for place in run] == list(range(len(n_tokens)))
    for run in runs:
        assert 1 <= len(run) <= most_texts
        assert len(run) == 1 or sum(n_tokens[place] for place in run) <= most_tokens


def test_runs_are_as_long_as_fit():
    assert requests_of([3, 3, 3, 9, 1], most_texts=10, most_tokens=9) == [
        range(3),
        range(3, 4),
        range(4, 5),
    ]
