"""What is wrong, the worst first."""

from __future__ import annotations

from seatrial.gateway.ledger.usage import UsageSum
from seatrial.gateway.spend.outlook import Level
from seatrial.gateway.spend.troubles import troubles, worst

FINE = {"n_lapsed": 0, "n_unpriced": 0}


def budget(level: Level, *, used_up: bool = False, runs_out_at: str | None = None):
    return {"level": level.value, "used_up": used_up, "runs_out_at": runs_out_at}


def found(budgets=(), attempts=(), refusals=(), total=FINE):
    return troubles(budgets, attempts=attempts, refusals=refusals, total=total)


def kinds(some):
    return [(one["kind"], one["level"]) for one in some]


def test_nothing_is_wrong_where_nothing_is():
    calm = found([budget(Level.CLEAR)], [UsageSum(group=("a", "b"), n=100, n_failed=9)])
    assert calm == []
    assert worst(calm) == "clear"


def test_budgets_are_told_one_by_one_and_then_by_number():
    short = budget(Level.WARNING, runs_out_at="2026-11-26T00:00:00+00:00")
    gone = budget(Level.CRITICAL, used_up=True)
    scarce = budget(Level.WARNING)
    some = found([gone, short, scarce])
    assert kinds(some) == [
        ("budget_used_up", "critical"),
        ("budget_runs_out", "warning"),
        ("budget_scarce", "warning"),
    ]
    many = found([short] * 8)
    assert len(many) == 6
    assert (many[-1]["kind"], many[-1]["n"]) == ("more_budgets", 3)


def test_a_provider_fails_by_share_and_not_by_one_attempt():
    attempts = [
        UsageSum(group=("a", "m"), n=4, n_failed=4),
        UsageSum(group=("b", "m"), n=20, n_failed=5),
        UsageSum(group=("c", "m"), n=20, n_failed=10),
    ]
    some = found(attempts=attempts)
    assert [(one["name"], one["level"]) for one in some] == [
        ("c/m", "critical"),
        ("b/m", "warning"),
    ]
    assert worst(some) == "critical"


def test_refusals_and_doubtful_costs_are_warnings():
    refusals = [
        UsageSum(group=("gateway.budget_exceeded",), n_refused=5),
        UsageSum(group=("gateway.rate_limited",), n_refused=4),
    ]
    some = found(refusals=refusals, total={"n_lapsed": 2, "n_unpriced": 1})
    assert kinds(some) == [("refused", "warning"), ("lapsed", "warning"), ("unpriced", "warning")]
    assert worst(some) == "warning"
