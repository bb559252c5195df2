import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.gateway.policies.asked_before import Asked, cosine, packed, read, written

ASKED = [Asked("k", "k", 5.0, "What?", packed([1.0, 2.0])), Asked("l", "k", 5.0, "Which?")]
VECTORS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20).filter(
    lambda v: math.hypot(*v) > 1e-3
)


def test_what_was_written_is_read():
    assert read("name", written("name", ASKED)) == ASKED
    assert [one.is_own for one in ASKED] == [True, False]


@given(st.binary(max_size=200))
def test_other_bytes_hold_no_question(value):
    assert read("name", value) == []


@given(st.data())
def test_a_record_that_was_damaged_or_exchanged_holds_no_question(data):
    value = written("name", ASKED)
    place = data.draw(st.integers(0, len(value) - 1))
    damaged = value[:place] + bytes([value[place] ^ 1]) + value[place + 1 :]
    assert read("name", damaged) == []
    assert read("other", value) == []


@pytest.mark.parametrize(
    "vector", [[], [0.0, 0.0], [math.nan, 1.0], [math.inf, 1.0], [1e308, 1e308, 1e308]]
)
def test_a_vector_without_a_direction_is_near_nothing(vector):
    assert packed(vector) == b"" or vector[0] == 1e308
    assert cosine(packed(vector), packed([0.0, 1.0])) < 0.9


def test_vectors_of_other_lengths_are_near_nothing():
    assert cosine(packed([1.0]), packed([1.0, 0.0])) == -1.0


@given(VECTORS)
def test_a_vector_is_at_itself_and_opposite_to_its_negative(vector):
    one, other = packed(vector), packed([-x for x in vector])
    assert cosine(one, one) == pytest.approx(1, abs=1e-5)
    assert cosine(one, other) == pytest.approx(-1, abs=1e-5)
