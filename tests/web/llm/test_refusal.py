import json
from typing import Any

import pytest

from seatrial.gateway.chat.failures import Rejected
from seatrial.gateway.chat.request import DialectName
from seatrial.gateway.policies.budget_failures import BudgetExceeded, BudgetHeld
from seatrial.gateway.policies.held_back import HeldBack
from seatrial.gateway.policies.rate_limit import LargerThanLimit
from seatrial.gateway.policies.size_limits import RequestTooLarge
from seatrial.web.llm.refusal import refused


def told(error: Any, dialect: DialectName) -> tuple[int, dict[str, Any], dict[bytes, bytes]]:
    reply = refused(error, dialect, "r1")
    return reply.status, json.loads(reply.body)["error"], dict(reply.headers)


def test_a_budget_that_is_used_up_is_final_and_one_that_is_held_is_not() -> None:
    spent = BudgetExceeded("All is spent.", remedy="Raise it.")
    status, body, headers = told(spent, DialectName.OPENAI)
    assert (status, body["code"], body["type"]) == (429, *["insufficient_quota"] * 2)
    assert headers == {b"x-should-retry": b"false"}
    assert told(spent, DialectName.ANTHROPIC)[1]["type"] == "rate_limit_error"
    held = BudgetHeld("Others hold it.", remedy="Wait.")
    status, body, headers = told(held, DialectName.OPENAI)
    assert (status, body["code"]) == (429, "rate_limit_exceeded")
    assert headers == {b"retry-after": b"1"}


@pytest.mark.parametrize("status", [401, 403, 407])
def test_a_status_that_clients_take_for_their_own_key_is_not_passed_on(status: int) -> None:
    error = Rejected("No.", remedy="Look.", provider="one", status=status)
    assert told(error, DialectName.OPENAI)[0] == (403 if status == 403 else 400)


def test_a_provider_that_is_left_alone_is_said_to_be_away_for_a_while() -> None:
    error = HeldBack("Left alone.", remedy="Wait.", provider="one", retry_after_s=2.4)
    status, _, headers = told(error, DialectName.OPENAI)
    assert (status, headers) == (503, {b"retry-after": b"3"})


def test_a_request_with_too_much_in_it_is_too_large_in_both_forms() -> None:
    error = RequestTooLarge("It has 9 messages.", remedy="Send fewer.")
    status, body, _ = told(error, DialectName.OPENAI)
    assert (status, body["type"], body["code"]) == (413, "invalid_request_error", error.code)
    status, body, _ = told(error, DialectName.ANTHROPIC)
    assert (status, body["type"]) == (413, "request_too_large")


def test_what_alone_is_more_than_a_limit_is_not_sent_again() -> None:
    error = LargerThanLimit("It would use 9 tokens.", remedy="Shorten it.", limit=5.0)
    assert told(error, DialectName.OPENAI)[::2] == (429, {b"x-should-retry": b"false"})


def test_an_error_of_anthropics_form_names_its_request() -> None:
    reply = refused(BudgetHeld("Held.", remedy="Wait."), DialectName.ANTHROPIC, "r1")
    assert json.loads(reply.body)["request_id"] == "r1"
