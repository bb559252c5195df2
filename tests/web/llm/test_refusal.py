"""What clients are told of budgets."""

import pytest

from seatrial.gateway.chat.request import DialectName
from seatrial.gateway.policies.budget_failures import BudgetExceeded, BudgetHeld
from seatrial.web.llm.refusal import body_of, refused


@pytest.mark.parametrize("dialect", DialectName)
def test_a_budget_that_is_spent_is_not_asked_again_and_one_that_is_held_may(dialect):
    spent = refused(BudgetExceeded("Spent.", remedy="Wait."), dialect, "r")
    held = refused(BudgetHeld("Held.", remedy="Wait."), dialect, "r")
    assert (spent.status, held.status) == (429, 429)
    assert (b"x-should-retry", b"false") in spent.headers
    assert (b"x-should-retry", b"false") not in held.headers


def test_a_held_budget_is_a_rate_limit_for_openais_clients():
    errors = [
        body_of(kind("No.", remedy="Wait."), DialectName.OPENAI, "r")["error"]["code"]
        for kind in (BudgetExceeded, BudgetHeld)
    ]
    assert errors == ["insufficient_quota", "rate_limit_exceeded"]
