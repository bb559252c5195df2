from hypothesis import given
from hypothesis import strategies as st

from seatrial.gateway.chat.response import Embeddings
from seatrial.gateway.policies.answer_record import written
from seatrial.gateway.policies.recent_answers import RecentAnswers

ANSWER = Embeddings(model="m", vectors=((1.0,),))


def test_an_answer_is_there_until_it_expires():
    recent = RecentAnswers(max_entries=10, max_bytes=1000)
    recent.put("a", ANSWER, until=5.0, n_bytes=10)
    assert recent.get("a", 4.999) is ANSWER
    assert recent.get("a", 5.0) is None
    assert (recent.n_entries, recent.n_bytes) == (0, 0)


def test_the_one_put_longest_ago_goes_first():
    recent = RecentAnswers(max_entries=2, max_bytes=1000)
    for key in ("a", "b", "a", "c"):
        recent.put(key, ANSWER, until=5.0, n_bytes=10)
    assert [key for key in "abc" if recent.get(key, 0.0)] == ["a", "c"]


def test_what_is_too_large_is_not_taken_and_its_forerunner_is_gone():
    recent = RecentAnswers(max_entries=2, max_bytes=100)
    recent.put("a", ANSWER, until=5.0, n_bytes=10)
    recent.put("b", ANSWER, until=5.0, n_bytes=10)
    recent.put("b", ANSWER, until=5.0, n_bytes=101)
    assert [key for key in "ab" if recent.get(key, 0.0)] == ["a"]


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 60), st.integers(0, 9))))
def test_the_bounds_hold_whatever_is_put(puts):
    recent = RecentAnswers(max_entries=3, max_bytes=100)
    sizes: dict[str, int] = {}
    for now, (key, size, ttl) in enumerate(puts):
        recent.put(key, ANSWER, until=now + ttl, n_bytes=size)
        sizes[key] = size
        recent.get("a", float(now))
        assert recent.n_entries <= 3
        assert recent.n_bytes <= 100
        held = [key for key in "abcdef" if recent.get(key, -1.0)]
        assert recent.n_bytes == sum(sizes[key] for key in held)


def test_a_record_is_read_once_when_it_is_asked_for():
    recent = RecentAnswers(max_entries=2, max_bytes=1000)
    record = written("a", ANSWER)
    assert record is not None
    recent.put("a", record, until=5.0, n_bytes=len(record))
    found = recent.get("a", 0.0)
    assert found == ANSWER
    assert recent.get("a", 0.0) is found
    assert recent.n_bytes == len(record)


def test_a_record_of_another_key_is_not_given():
    recent = RecentAnswers(max_entries=2, max_bytes=1000)
    record = written("a", ANSWER)
    assert record is not None
    recent.put("b", record, until=5.0, n_bytes=len(record))
    assert recent.get("b", 0.0) is None
    assert (recent.n_entries, recent.n_bytes) == (0, 0)


def test_an_answer_goes_on_as_its_record_and_its_time_does_not_change():
    recent = RecentAnswers(max_entries=2, max_bytes=1000)
    recent.put("a", ANSWER, until=5.0, n_bytes=0)
    record = written("a", ANSWER)
    assert record is not None
    recent.take_down("a", ANSWER, record)
    assert recent.n_bytes == len(record)
    assert recent.get("a", 4.9) == ANSWER
    assert recent.get("a", 5.0) is None


def test_an_answer_that_has_no_record_goes_and_another_in_its_place_stays():
    recent = RecentAnswers(max_entries=2, max_bytes=1000)
    other = Embeddings(model="m", vectors=((2.0,),))
    recent.put("a", ANSWER, until=5.0, n_bytes=0)
    recent.put("b", other, until=5.0, n_bytes=0)
    for key in "ab":
        recent.take_down(key, ANSWER, None)
    assert recent.get("a", 0.0) is None
    assert recent.get("b", 0.0) is other


def test_a_record_that_is_too_large_goes_alone():
    recent = RecentAnswers(max_entries=9, max_bytes=100)
    for key in "ab":
        recent.put(key, ANSWER, until=5.0, n_bytes=10)
    recent.take_down("b", ANSWER, b"x" * 101)
    assert [key for key in "ab" if recent.get(key, 0.0)] == ["a"]
    assert recent.n_bytes == 10
