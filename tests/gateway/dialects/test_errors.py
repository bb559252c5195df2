"""Errors as the clients of both vendors expect them."""

import anthropic
import httpx2
import openai
import pytest

from seatrial.gateway.chat import failures
from seatrial.gateway.chat.failures import ContextTooLong, ProviderFailure, Rejected
from seatrial.gateway.dialects.errors import anthropic_error, openai_error, read_error, status_of
from seatrial.gateway.dialects.fields import RequestInvalid
from seatrial.kernel import errors as kinds
from seatrial.kernel.errors import LimitExceeded, MissingExtra, NotFound, SeatrialError

FAILURES = [
    cls
    for cls in vars(failures).values()
    if isinstance(cls, type) and issubclass(cls, ProviderFailure)
]
KINDS = [
    cls
    for cls in vars(kinds).values()
    if isinstance(cls, type) and issubclass(cls, SeatrialError) and cls is not MissingExtra
]


def made(cls, **more):
    if issubclass(cls, ProviderFailure):
        return cls("It failed.", remedy="Do it.", provider="p", **more)
    return cls("It failed.", remedy="Do it.", **more)


def as_openai(error):
    """What the vendor's client raises for it."""
    response = httpx2.Response(
        status_of(error), json=openai_error(error), request=httpx2.Request("POST", "http://h")
    )
    return openai.OpenAI(api_key="k")._make_status_error_from_response(response)


def as_anthropic(error):
    response = httpx2.Response(
        status_of(error), json=anthropic_error(error), request=httpx2.Request("POST", "http://h")
    )
    return anthropic.Anthropic(api_key="k")._make_status_error_from_response(response)


@pytest.mark.parametrize("cls", [*FAILURES, *KINDS])
def test_every_error_is_one_to_both_clients(cls):
    error = made(cls)
    ours, theirs = as_openai(error), as_anthropic(error)
    assert ours.status_code == theirs.status_code == status_of(error) >= 400
    assert ours.body["message"] == "It failed. Do it."
    assert set(ours.body) == {"message", "type", "param", "code"}
    assert isinstance(ours.code, str)
    assert theirs.body["type"] == "error"
    assert theirs.body["error"]["message"] == "It failed. Do it."


@pytest.mark.parametrize(
    ("cls", "ours", "theirs"),
    [
        (failures.RateLimited, openai.RateLimitError, anthropic.RateLimitError),
        (LimitExceeded, openai.RateLimitError, anthropic.RateLimitError),
        (NotFound, openai.NotFoundError, anthropic.NotFoundError),
        (ContextTooLong, openai.BadRequestError, anthropic.BadRequestError),
        (failures.Unauthorized, openai.InternalServerError, anthropic.InternalServerError),
        (failures.OutOfCredit, openai.InternalServerError, anthropic.InternalServerError),
    ],
)
def test_clients_raise_what_they_would_at_the_vendor(cls, ours, theirs):
    assert isinstance(as_openai(made(cls)), ours)
    assert isinstance(as_anthropic(made(cls)), theirs)


def test_a_wrong_request_is_told_in_the_vendors_words():
    body = {"error": {"message": "bad top_q", "type": "x", "param": "top_q", "code": "unknown"}}
    error = made(Rejected, status=422, body=body)
    assert status_of(error) == 422
    assert openai_error(error)["error"] == {
        "message": "bad top_q",
        "type": "invalid_request_error",
        "param": "top_q",
        "code": "unknown",
    }
    assert anthropic_error(error)["error"]["message"] == "bad top_q"
    gone = made(Rejected, status=404, body={"type": "error", "error": {"message": "no model"}})
    assert anthropic_error(gone, request_id="r")["error"]["type"] == "not_found_error"
    assert anthropic_error(gone, request_id="r")["request_id"] == "r"


def test_what_ails_a_provider_is_told_in_our_words():
    body = {"error": {"message": "key sk-123 is wrong"}}
    error = made(failures.Unauthorized, status=401, body=body)
    assert status_of(error) == 502
    assert "sk-123" not in str(openai_error(error)) + str(anthropic_error(error))


def test_the_place_of_what_is_wrong_is_told():
    error = RequestInvalid("n is 0.", remedy="Give more.", place="n")
    assert openai_error(error)["error"]["param"] == "n"
    assert as_openai(error).code == "gateway.request_invalid"
    assert openai_error(made(ContextTooLong))["error"]["code"] == "context_length_exceeded"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"error": {"message": "m", "type": "t", "code": "c", "param": "p"}}, ("m", "t", "c", "p")),
        ({"type": "error", "error": {"type": "t", "message": "m"}}, ("m", "t", "", None)),
        ({"error": {"message": "m", "code": 429}}, ("m", "", "429", None)),
        ({"error": "m"}, ("m", "", "", None)),
        ({"object": "error", "message": "m", "type": "t"}, ("m", "t", "", None)),
        ({"detail": "m"}, ("m", "", "", None)),
        ({"error": None}, ("", "", "", None)),
        ("m", ("", "", "", None)),
        (None, ("", "", "", None)),
    ],
)
def test_errors_of_all_manners_are_read(body, told):
    assert tuple(read_error(body)) == told


def test_a_long_message_is_cut():
    assert len(read_error({"error": {"message": "x" * 10_000}}).message) == 2_000
    long = SeatrialError("x" * 10_000, remedy="Do it.")
    assert len(openai_error(long)["error"]["message"]) == 2_000
