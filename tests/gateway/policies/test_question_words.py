"""Which wordings are one question; those that are not are at cosines of 0.9 and more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.gateway.policies.question_words import LONGEST, telling

SAME = [
    ("How do I reset my password?", "how can I reset my password"),
    ("How do I reset my password?", "Hi! Could you tell me how to reset my password, please?"),
    ("What's the capital of France?", "What is the capital of France?"),
    ("Which payment methods do you accept?", "What payment methods do you accept?"),
    ("How does a hash table work?", "How do hash tables work?"),
    ("Why can't I log in?", "Why can not I log in?"),
    ("How long does delivery take", "How long does the delivery take?"),
    ("What\u2019s a tree?", "what's a tree"),
]
OTHER = [
    ("Convert 10 miles to kilometers.", "Convert 10 kilometers to miles."),
    ("Convert 10 miles to kilometers.", "Convert 12 miles to kilometers."),
    ("Is it safe with alcohol?", "Is it safe without alcohol?"),
    ("Is this mushroom edible?", "Is this mushroom not edible?"),
    ("Is this mushroom edible?", "Isn't this mushroom edible?"),
    ("Who does Ana report to?", "Who reports to Ana?"),
    ("Can I cancel the order?", "How can I cancel the order?"),
    ("Who is the president?", "Who is the vice president?"),
    ("Are rooms heated?", "Are all rooms heated?"),
    ("What is 3.5 in binary?", "What is 35 in binary?"),
    ("What is 3.5 in binary?", "What is 3,5 in binary?"),
    ("How much is 15 % of 80?", "How much is 15 of 80?"),
    ("Is a < b?", "Is a > b?"),
    ("What is the minimum wage?", "What was the minimum wage?"),
    ("What is -3 + 4?", "What is 3 + 4?"),
    ("Is C++ hard?", "Is C hard?"),
    ("Can you swim here?", "Will you swim here?"),
    ("Do you know Ana?", "Ana?"),
    ("Was kostet das?", "Was kostet es?"),
    ("北京有多少人？", "南京有多少人？"),
    ("法国的首都是什么？", "法国首都是什么？"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_forms_of_one_question_have_the_same_words(one, other):
    assert telling(one) == telling(other) is not None


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_a_word_more_another_or_moved_keeps_questions_apart(one, other):
    assert telling(one) != telling(other)


@pytest.mark.parametrize("text", ["", "  ", "?!", "the", "two\nlines", "x " * LONGEST, "a\u2028b"])
def test_what_is_no_short_question_is_compared_with_nothing(text):
    assert telling(text) is None


@given(st.text())
def test_any_text_has_words_or_none(text):
    words = telling(text)
    assert words is None or (words and all(words))


@given(
    st.lists(
        st.sampled_from(
            ["how", "can", "you", "7", "cats", "with", "to", "the", "bill", "pay", "not", "it"]
        ),
        max_size=9,
    )
)
def test_politeness_around_a_question_changes_nothing(words):
    text = " ".join(words)
    assert telling(f"{text}, thanks!") == telling(text) == telling(f"Hello, {text}?")


@given(st.integers(), st.integers())
def test_numbers_are_never_taken_for_others(one, other):
    same = telling(f"Double {one}.") == telling(f"Double {other}.")
    assert same == (one == other)
