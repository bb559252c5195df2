"""How long a verdict takes, said beforehand."""

from __future__ import annotations

import json

from seatrial.cli.exits import Exit


def test_without_traffic_somebody_has_to_say_how_much(home, seatrial) -> None:
    code, _, err = seatrial("plan", "churn")
    assert code == Exit.NOT_FOUND
    assert "--rate" in err


def test_hardly_any_traffic_is_not_reckoned_with(home, seatrial) -> None:
    home.fill(n_answers=1)
    code, _, err = seatrial("plan", "churn")
    assert code == Exit.NOT_FOUND
    assert "Only 2 requests to 'churn' were seen in the last minute" in err
    assert "--rate" in err


def test_a_small_rate_is_not_shown_as_none(home, seatrial) -> None:
    _, _, err = seatrial("plan", "churn", "--rate", "0.02")
    assert "0.02 requests a second" in err


def test_the_rate_given_decides_how_long_it_takes(home, seatrial) -> None:
    code, out, err = seatrial("plan", "churn", "--rate", "100", "--share", "0.5", "--json")
    record = json.loads(out)
    perfect = record["forecasts"][0]
    assert code == Exit.DONE
    assert perfect["error_rate"] == 0
    assert abs(perfect["duration_s"] - perfect["n_requests"] / 50) < 1
    assert "100.0 requests a second, 50 % of them to the canary" in err


def test_worse_versions_take_longer(home, seatrial) -> None:
    _, out, _ = seatrial("plan", "churn", "--rate", "100", "--json")
    needed = [f["n_requests"] for f in json.loads(out)["forecasts"]]
    assert needed == sorted(needed)
    assert needed[0] < needed[-1]


def test_the_share_that_brings_the_verdict_in_time(home, seatrial) -> None:
    _, out, err = seatrial("plan", "churn", "--rate", "100", "--within", "10m", "--json")
    record = json.loads(out)
    needed = record["forecasts"][0]["n_requests"]
    assert record["share_in_time"] * 100 * 600 >= needed
    assert "within 10 min" in err


def test_no_share_is_enough_for_too_short_a_time(home, seatrial) -> None:
    _, out, err = seatrial("plan", "churn", "--rate", "1", "--within", "10s", "--json")
    assert json.loads(out)["share_in_time"] is None
    assert "not even with all the traffic" in err


def test_observed_traffic_is_used_when_nothing_is_said(filled, seatrial) -> None:
    code, out, _ = seatrial("plan", "churn", "--json")
    assert code == Exit.DONE
    assert json.loads(out)["requests_per_s"] > 10
