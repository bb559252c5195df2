"""Copies in a corpus."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.rag.evaluation.near_duplicates import duplicates, near_duplicates
from seatrial.rag.text.document import Document


def document(name, text):
    return Document(
        id=name, text=text, title=name, source=name, format="text", language="en", digest=name
    )


def documents(**texts):
    return [document(name, text) for name, text in texts.items()]


def prose(seed, n=200):
    rng = random.Random(seed)
    return [f"word{rng.randrange(5000)}" for _ in range(n)]


def test_white_space_makes_no_other_document():
    found = documents(a="the keel\nwas laid", b="the  keel was laid ", c="the keel was not laid")
    assert duplicates(found) == (("a", "b"),)


def test_documents_that_share_most_of_their_words_hang_together():
    text = prose(1)
    edited = [*text[:100], "another", *text[101:]]
    twice = ["new", *edited[1:]]
    found = documents(a=" ".join(text), b=" ".join(edited), c=" ".join(twice), d=" ".join(prose(2)))
    assert near_duplicates(found) == (("a", "b", "c"),)


def test_chinese_is_compared_by_its_characters():
    text = (
        "海试是新船交付之前的航行试验，由船厂和船东共同进行，以检查船体、机器和设备是否合乎要求。"
    )
    found = documents(a=text, b=text.replace("检查", "检验"), c="龙骨是船体的脊梁，贯穿首尾。")
    assert near_duplicates(found, shared=0.75) == (("a", "b"),)


def test_words_in_another_order_are_another_document():
    words = prose(3)
    assert near_duplicates(documents(a=" ".join(words), b=" ".join(sorted(words)))) == ()


def test_documents_of_a_word_or_two_are_left_out():
    assert near_duplicates(documents(a="keel", b="keel", c="")) == ()
    assert near_duplicates([]) == ()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 25)), min_size=2, max_size=14))
def test_as_comparing_every_pair_finds_it(plan):
    """Documents made of a few texts with words cut off: pairs well above the limit are found, and
    none well below it."""
    texts = [" ".join(prose(seed, 120)[cut:]) for seed, cut in plan]
    groups = near_duplicates([document(f"d{n}", text) for n, text in enumerate(texts)], shared=0.75)
    together = {frozenset((a, b)) for group in groups for a in group for b in group if a != b}
    for one, (seed, cut) in enumerate(plan):
        for other, (seed2, cut2) in enumerate(plan[:one]):
            pair = frozenset((f"d{one}", f"d{other}"))
            assert (pair in together) == (seed == seed2), (cut, cut2)


def test_many_copies_of_one_text_are_one_group():
    text = " ".join(prose(5))
    many = [document(f"d{n:03}", f"{text} {n}") for n in range(300)]
    (group,) = near_duplicates(many)
    assert len(group) == 300


@pytest.mark.parametrize("text", ["\ud800 a b c d", "a" * 100_000])
def test_odd_texts_are_no_trouble(text):
    assert near_duplicates(documents(a=text, b="one two three four")) == ()
    assert duplicates(documents(a=text, b=text)) == (("a", "b"),)
