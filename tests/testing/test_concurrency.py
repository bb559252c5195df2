import pytest

from seatrial.testing.concurrency import at_once, follow


def test_all_work_runs_at_the_same_time_and_answers_in_order():
    assert at_once(lambda me: me * me, 4) == [0, 1, 4, 9]


def test_what_one_raises_is_raised():
    def work(me: int) -> None:
        if me == 2:
            raise KeyError(me)

    with pytest.raises(KeyError):
        at_once(work, 3)


def test_following_reads_on_from_what_was_seen():
    assert follow(lambda seen: range(len(seen), min(len(seen) + 3, 7)), 7) == list(range(7))
