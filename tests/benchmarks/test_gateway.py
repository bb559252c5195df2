"""The gateway's benchmark: what comes of results, and what it asks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.gateway.goals import evaluate
from benchmarks.gateway.held import Weights
from benchmarks.gateway.library import Costs
from benchmarks.gateway.loads import MARK, call
from benchmarks.gateway.medians import summarise
from benchmarks.gateway.peer import Asking
from benchmarks.gateway.peers import PEERS
from benchmarks.gateway.report import Run, as_json, markdown
from benchmarks.gateway.run import (
    DIRECT,
    Failure,
    Held,
    Import,
    Outcome,
    Settings,
    Start,
    Streamed,
    Timing,
)
from benchmarks.serving.goals import Result
from benchmarks.serving.load import Figures
from benchmarks.serving.machine import Machine
from benchmarks.serving.page import fill

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "benchmarks-gateway.md"


def timing(peer: str, scenario: str, round_: int, *, rate=5000.0, p50=0.5, cpu=0.18, errors=0):
    figures = Figures(
        rate=rate, p50_ms=p50, p95_ms=1, p99_ms=2, n_requests=int(rate), n_errors=errors
    )
    return Timing(peer=peer, scenario=scenario, round=round_, figures=figures, cpu_ms=cpu)


def outcomes(**changes) -> list[Outcome]:
    found: list[Outcome] = []
    for n in range(3):
        found += [
            timing(DIRECT, "c1", n, p50=0.1 + n),
            timing("seatrial", "c1", n, p50=0.4 + n),
            timing("seatrial", "c16", n, **changes),
            timing("seatrial", "hits", n, rate=20_000),
            Streamed(peer=DIRECT, round=n, first_word_ms=0.1 * n, cpu_ms=0),
            Streamed(peer="seatrial", round=n, first_word_ms=0.1 * n + 0.8, cpu_ms=0.4),
            Start(
                peer="seatrial",
                round=n,
                cold_start_s=0.9,
                memory_mb=70 + n,
                loaded_mb=75,
                n_processes=3,
            ),
        ]
    weights = Weights(rest=70, streaming=130, flooded=2)
    found += [
        Held(peer="seatrial", n_open=1000, weights=weights),
        library("seatrial", 0.5),
        library("other", 3.1),
        Import(took_s=0.02),
    ]
    return found


def library(name: str, structured_ms: float) -> Costs:
    return Costs(
        library=name, title=name, version=f"{name} 1", raw_ms=0.1, structured_ms=structured_ms
    )


def test_delays_are_told_against_the_upstream_of_the_same_round():
    row = summarise(outcomes()).rows["seatrial"]
    assert row.added_p50_ms == pytest.approx(0.3)
    assert row.added_first_ms == pytest.approx(0.8)
    assert row.memory_mb == 71
    assert DIRECT not in summarise(outcomes()).rows


def test_all_goals_are_met_by_figures_that_meet_them():
    goals = evaluate(summarise(outcomes()))
    assert {goal.result for goal in goals} == {Result.MET}


@pytest.mark.parametrize(
    ("changes", "missed"),
    [
        ({"cpu": 0.21}, "CPU of a request"),
        ({"rate": 4400.0}, "requests a second"),
        ({"errors": 1}, "no request failed"),
    ],
)
def test_a_figure_beyond_its_bound_is_a_goal_missed(changes, missed):
    goals = evaluate(summarise(outcomes(**changes)))
    assert [g.title.startswith(missed) for g in goals if g.result is Result.MISSED] == [True]


def test_without_figures_no_goal_is_met_or_missed():
    goals = evaluate(summarise([]))
    assert {goal.result for goal in goals} == {Result.NOT_MEASURED}


def run(found: list[Outcome], *, busy_share=0.0) -> Run:
    return Run(
        machine=Machine(description="2 cores of something", busy_share=busy_share),
        settings=Settings(rounds=3, duration_s=4, warm_up_s=1, n_streams=9, n_open=1000),
        titles={"seatrial": "**seatrial**", "other": "another"},
        duties={"seatrial": "all", "other": "none"},
        versions={"seatrial": {"seatrial": "1"}},
        outcomes=found,
    )


def test_the_report_tells_what_has_no_figures_and_that_the_machine_was_busy():
    failed = Failure(peer="other", what="set-up", reason="pip failed")
    text = markdown(run([*outcomes(), failed], busy_share=0.5))
    assert "another (set-up): pip failed" in text
    assert "50% of it was busy" in text
    assert "| **seatrial** | 5,000 | 5,000 - 5,000 | 0.180 | 0.50 |" in text
    assert "| **seatrial** | 60 | 2.0 |" in text
    assert "| other (other 1) | 3.00 | 3.10 | 0.10 |" in text
    assert "busy" not in markdown(run(outcomes()))


def test_the_report_for_machines_has_every_round():
    told = json.loads(as_json(run(outcomes())))
    assert len(told["timings"]) == 12
    assert {goal["result"] for goal in told["goals"]} == {"met"}


def test_the_page_has_a_place_for_the_tables():
    filled = fill(PAGE.read_text(), {"tables": "HERE"}, of="gateway")
    assert "HERE" in filled


def test_a_request_has_one_mark_and_it_is_no_part_of_anything_else():
    asked = call(Asking(headers={"authorization": "Bearer fgw_0000000000"}), stream=True)
    raw = asked.raw("127.0.0.1:1").decode()
    assert raw.count(MARK) == 1
    assert json.loads(asked.body)["stream"] is True
    assert len(MARK) == len(f"{1:010}")


def test_peers_have_names_of_their_own():
    assert len({peer.name for peer in PEERS}) == len(PEERS)
