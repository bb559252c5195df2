import json

import pytest

from seatrial.kernel import errors
from seatrial.kernel.errors import Invalid, LimitExceeded, SeatrialError
from seatrial.serving.exchange import BadInput, BodyTooLarge, MethodNotAllowed
from seatrial.web.errors import error_reply, status_of


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("Invalid", 400),
        ("NotFound", 404),
        ("Conflict", 409),
        ("Denied", 403),
        ("LimitExceeded", 429),
        ("DeadlineExceeded", 504),
        ("Unavailable", 503),
        ("SeatrialError", 500),
    ],
)
def test_each_kind_has_its_status(kind: str, status: int) -> None:
    assert status_of(getattr(errors, kind)("no", remedy="do")) == status


def test_leaves_may_differ_from_their_kind() -> None:
    assert status_of(BodyTooLarge(5)) == 413
    assert status_of(MethodNotAllowed("no", remedy="do")) == 405
    assert status_of(BadInput("no", remedy="do")) == 400


def test_the_body_holds_message_code_and_place() -> None:
    reply = error_reply(BadInput("Bad.", remedy="Fix.", field="age", row=3, other=1), "/v2/x")
    assert json.loads(reply.body) == {
        "error": "Bad. Fix.",
        "code": "serving.bad_input",
        "field": "age",
        "row": 3,
    }


def test_mlflows_clients_find_their_own_words() -> None:
    body = json.loads(error_reply(Invalid("Bad.", remedy="Fix."), "/invocations").body)
    assert (body["error_code"], body["message"]) == ("BAD_REQUEST", "Bad. Fix.")
    body = json.loads(error_reply(SeatrialError("Bad.", remedy="Fix."), "/invocations").body)
    assert body["error_code"] == "INTERNAL_ERROR"


@pytest.mark.parametrize(("wait_s", "header"), [(0.01, b"1"), (1.2, b"2"), (30, b"30")])
def test_a_client_is_told_when_to_come_back(wait_s: float, header: bytes) -> None:
    reply = error_reply(LimitExceeded("Full.", remedy="Wait.", retry_after_s=wait_s), "/")
    assert reply.headers == ((b"retry-after", header),)
