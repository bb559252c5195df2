import copy
import pickle

import pytest

from seatrial.kernel.errors import Invalid, MissingExtra, SeatrialError, Unavailable
from seatrial.kernel.store import StreamChanged, stream_changed


def test_the_message_holds_problem_and_remedy():
    error = Invalid("The share is 2.", remedy="Give a share up to 1.", field="share")
    assert str(error) == "The share is 2. Give a share up to 1."
    assert error.as_dict() == {
        "code": "seatrial.invalid",
        "problem": "The share is 2.",
        "remedy": "Give a share up to 1.",
        "facts": {"field": "share"},
    }


@pytest.mark.parametrize(
    "error",
    [
        Invalid("p", remedy="r", field="x"),
        MissingExtra("psycopg", "postgres"),
        stream_changed("a", expected=1, found=2),
    ],
    ids=lambda error: error.code,
)
@pytest.mark.parametrize("again", [copy.copy, lambda e: pickle.loads(pickle.dumps(e))])
def test_errors_survive_the_way_between_processes(error, again):
    back = again(error)
    assert type(back) is type(error)
    assert back.as_dict() == error.as_dict()
    assert str(back) == str(error)


def test_a_missing_extra_says_what_to_install():
    error = MissingExtra("psycopg", "postgres")
    assert "psycopg" in error.problem
    assert "pip install 'seatrial[postgres]'" in error.remedy


def test_only_what_may_pass_is_retryable():
    assert not SeatrialError.retryable
    assert Unavailable.retryable
    assert StreamChanged.retryable
    assert not Invalid.retryable
