"""Which failure a vendor's error is."""

import pytest

from seatrial.gateway.chat.failures import (
    ContextTooLong,
    NotOffered,
    OutOfCredit,
    Overloaded,
    ProviderFailure,
    RateLimited,
    Rejected,
    ServerFault,
    TimedOut,
    Unauthorized,
)
from seatrial.gateway.dialects.refusal import failure_of, retry_after_s

NOW = 1_800_000_000.0  # 2027-01-15 08:00:00 UTC


def error(message="", **fields):
    return {"error": {"message": message, **fields}}


def failure(status, body=None, **headers):
    return failure_of("p", status, headers, body, wall_s=NOW)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, None, Rejected),
        (400, error("temperature: must be at most 2"), Rejected),
        (404, error("no such model"), Rejected),
        (413, error(type="request_too_large"), Rejected),
        (422, error(), Rejected),
        (418, None, Rejected),
        (401, error(), Unauthorized),
        (403, error(type="permission_error"), Unauthorized),
        (402, error("Insufficient Balance"), OutOfCredit),
        (429, error("You exceeded your current quota", code="insufficient_quota"), OutOfCredit),
        (400, error("Your credit balance is too low to access the API"), OutOfCredit),
        (403, error(type="billing_error"), OutOfCredit),
        (429, None, RateLimited),
        (429, error(type="rate_limit_error"), RateLimited),
        (429, error("The engine is currently overloaded"), Overloaded),
        (501, error("This server does not support embeddings"), NotOffered),
        (503, None, Overloaded),
        (529, error(type="overloaded_error"), Overloaded),
        (408, None, TimedOut),
        (504, None, TimedOut),
        (409, None, ServerFault),
        (500, None, ServerFault),
        (502, "<html>", ServerFault),
        (524, None, ServerFault),
        # the window of the model, as servers say it
        (400, error("This model's maximum context length is 8192 tokens."), ContextTooLong),
        (400, error("x", code="context_length_exceeded"), ContextTooLong),
        (400, error("prompt is too long: 210000 tokens > 200000 maximum"), ContextTooLong),
        (400, error("input length and `max_tokens` exceed context limit"), ContextTooLong),
        (400, error("the request exceeds the available context size"), ContextTooLong),
        (400, error("x", type="exceed_context_size_error"), ContextTooLong),
        (
            400,
            error("The input token count (9) exceeds the maximum number of tokens"),
            ContextTooLong,
        ),
        (500, error("the request exceeds the available context size"), ContextTooLong),
        # told within a stream, or by a body that claims success
        (200, error(type="overloaded_error"), Overloaded),
        (200, error(type="rate_limit_error"), RateLimited),
        (200, error("x", code=429), RateLimited),
        (200, error("x", code=502), ServerFault),
        (200, error(type="api_error"), ServerFault),
        (200, error("x", code="context_length_exceeded"), ContextTooLong),
        (200, error(type="invalid_request_error"), Rejected),
        (200, None, ServerFault),
        (200, error("x", code=7), ServerFault),
    ],
)
def test_each_error_is_the_failure_it_is(status, body, kind):
    found = failure(status, body)
    assert type(found) is kind
    assert found.provider == "p"
    assert found.body == (body if isinstance(body, dict) else None)
    assert "'p'" in found.problem
    assert found.remedy.endswith(".")
    if status != 200:
        assert found.status == status


@pytest.mark.parametrize(
    ("status", "asked", "retryable"),
    [
        (500, "false", False),
        (429, "false", False),
        (400, "true", True),
        (400, "maybe", False),
        (500, "True", True),
        (402, "true", False),
    ],
)
def test_a_vendor_may_say_whether_to_try_again(status, asked, retryable):
    found = failure(status, **{"x-should-retry": asked})
    assert found.retryable == retryable
    assert type(found) is not ProviderFailure or found.elsewhere


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({}, None),
        ({"retry-after": "12"}, 12.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({"retry-after": "Fri, 15 Jan 2027 08:01:30 GMT"}, 90.0),
        ({"retry-after": "Fri, 15 Jan 2027 07:00:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "Fri, 99 Jan 99999 08:01:30 GMT"}, None),
    ],
)
def test_how_long_to_wait(headers, wait_s):
    assert retry_after_s(headers, wall_s=NOW) == wait_s
    assert failure(429, **headers).retry_after_s == wait_s
