"""What the records of the store refuse when they are made."""

from datetime import UTC, datetime

import pytest

from seatrial.kernel.errors import Conflict, Invalid, LimitExceeded
from seatrial.kernel.plain import MAX_BYTES
from seatrial.kernel.store import Slice, check_aware, check_limit, check_ttl, stream_changed

GOOD = {
    "endpoint": "churn",
    "version": 1,
    "revision": 0,
    "worker": "w",
    "start": datetime(2030, 1, 1, tzinfo=UTC),
    "width_s": 0.0,
    "summary": b"",
}


@pytest.mark.parametrize(
    "wrong",
    [
        {"endpoint": ""},
        {"worker": "a\n"},
        {"version": 0},
        {"revision": -1},
        {"width_s": -0.1},
        {"width_s": float("nan")},
        {"width_s": float("inf")},
        {"start": datetime(2030, 1, 1)},  # noqa: DTZ001
    ],
    ids=repr,
)
def test_a_slice_that_cannot_be_is_not_made(wrong):
    Slice(**GOOD)
    with pytest.raises(Invalid):
        Slice(**GOOD | wrong)


def test_a_summary_is_bounded():
    with pytest.raises(LimitExceeded, match="summary of churn"):
        Slice(**GOOD | {"summary": bytes(MAX_BYTES + 1)})


def test_a_late_append_is_told_what_it_missed():
    error = stream_changed("endpoint/churn", expected=3, found=5)
    assert isinstance(error, Conflict)
    assert error.retryable
    assert "endpoint/churn is at revision 5, not at 3" in error.problem
    assert error.facts == {"stream": "endpoint/churn", "expected": 3, "found": 5}


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (check_limit, [1, 10**6], [0, -5]),
        (check_ttl, [0.001, 86_400], [0, -1, 86_401, float("nan"), float("inf")]),
        (
            lambda at: check_aware(at, "The time"),
            [datetime(2030, 1, 1, tzinfo=UTC)],
            [datetime(2030, 1, 1)],  # noqa: DTZ001
        ),
    ],
    ids=["limit", "ttl", "aware"],
)
def test_arguments_are_held_to_their_range(check, good, bad):
    for value in good:
        check(value)
    for value in bad:
        with pytest.raises(Invalid, match=r"Give|Ask"):
            check(value)
