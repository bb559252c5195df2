"""Medians over rounds, and the tables made of them."""

from __future__ import annotations

import json
import re

import pytest

from benchmarks.serving.load import Figures
from benchmarks.serving.machine import Machine
from benchmarks.serving.medians import summarise
from benchmarks.serving.report import Run, as_json, markdown, summary
from benchmarks.serving.run import Failure, Outcome, Settings, Start, Timing
from benchmarks.serving.scenario import SCENARIOS


def timing(round_: int, rate: float, *, p99_ms: float = 1.0, peer: str = "floor") -> Timing:
    figures = Figures(rate=rate, p50_ms=0.5, p95_ms=0.9, p99_ms=p99_ms, n_requests=100, n_errors=1)
    return Timing(peer=peer, scenario="one-c16", round=round_, figures=figures, n_checked=128)


def start(model: str, cold_start_s: float) -> Start:
    return Start(
        peer="floor",
        model=model,
        round=0,
        cold_start_s=cold_start_s,
        memory_mb=60,
        n_processes=1,
    )


def run(outcomes: list[Outcome], *, busy_share: float = 0.0) -> Run:
    return Run(
        machine=Machine(description="2 cores of a processor", busy_share=busy_share),
        settings=Settings(rounds=3, duration_s=5, warm_up_s=1),
        scenarios=SCENARIOS[:2],
        titles={"floor": "the floor", "triton": "Triton"},
        versions={"floor": {"uvicorn": "0.54.0"}},
        n_left_out=2,
        outcomes=outcomes,
    )


def test_a_cell_is_the_median_of_its_rounds_with_their_range_and_sums() -> None:
    rounds = [timing(0, 10, p99_ms=5), timing(1, 50, p99_ms=1), timing(2, 20, p99_ms=2)]
    cell = summarise(rounds).cells["floor", "one-c16"]
    assert (cell.rate, cell.rate_low, cell.rate_high) == (20, 10, 50)
    assert cell.p99_ms == 2
    assert (cell.n_rounds, cell.n_requests, cell.n_errors, cell.n_checked) == (3, 300, 3, 384)


def test_starts_with_the_forest_do_not_count_for_cold_start() -> None:
    medians = summarise([start("gbdt", 0.2), start("gbdt", 0.4), start("forest", 9.0)])
    assert medians.cold_start_s["floor"] == pytest.approx(0.3)


def test_the_fastest_server_comes_first() -> None:
    text = markdown(run([timing(0, 10), timing(0, 99, peer="triton")]))
    assert text.index("| Triton |") < text.index("| the floor |")


def test_a_busy_machine_is_named_in_the_report() -> None:
    assert "not quiet" in markdown(run([timing(0, 10)], busy_share=0.5))
    assert "not quiet" not in markdown(run([timing(0, 10)]))


def test_a_server_without_figures_is_listed_with_the_reason() -> None:
    failure = Failure(peer="triton", what="gbdt, round 1", reason="no answer")
    assert "- triton (gbdt, round 1): no answer" in markdown(run([failure]))


def test_the_json_keeps_every_round() -> None:
    document = json.loads(as_json(run([timing(0, 10), timing(1, 30)])))
    assert [t["figures"]["rate"] for t in document["timings"]] == [10, 30]
    assert document["goals"]


def test_the_summary_has_a_dash_where_nothing_was_measured() -> None:
    text = summary(run([timing(0, 10), start("gbdt", 0.25)]))
    assert "| the floor | - | 10 (1.00) | 0.25 | 60 |" in text
    assert "| Triton | - | - | - | - |" in text


def test_the_chinese_summary_has_the_same_figures_under_chinese_heads() -> None:
    finished = run([timing(0, 10), start("gbdt", 0.25)])
    english, chinese = summary(finished), summary(finished, "zh")
    assert "| 1 行，并发 16<br>请求/秒（p99，ms） |" in chinese
    assert "测试机器：2 核 a processor。" in chinese

    def figures(text: str) -> list[list[str]]:
        rows = [line for line in text.splitlines() if line.startswith("|")]
        return [re.findall(r"\d(?:[\d.,]*\d)?", row) for row in rows]

    assert figures(chinese) == figures(english)
