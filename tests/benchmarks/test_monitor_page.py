"""The page of the watch's benchmarks: its goals, its marks, and that every part has a place."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.monitor import sources, speed
from benchmarks.monitor.__main__ import SUBJECT, benchmarks, heading
from benchmarks.monitor.goals import Goal, at_most, goal_table
from benchmarks.serving.machine import Machine
from benchmarks.serving.page import marks

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "benchmarks-monitoring.md"


@pytest.mark.parametrize(("value", "said"), [(0.7, "met"), (0.71, "missed")])
def test_a_cost_is_met_up_to_its_limit(value: float, said: str) -> None:
    goal = at_most("report", value, 0.7, "CPU s")
    assert goal.result == said
    assert f"| report | <= 0.7 CPU s | {value:g} CPU s |" in goal_table([goal])


def test_what_was_not_measured_is_neither() -> None:
    assert Goal(what="x", goal="y", reached="-", met=None).result == "not measured"


def test_every_part_has_its_place_on_the_page() -> None:
    text = PAGE.read_text()
    for name in ("machine", *benchmarks(Path("data"))):
        begin, end = marks(name, SUBJECT)
        assert text.index(begin) < text.index(end)


@pytest.mark.parametrize(("busy", "said"), [(0.02, False), (0.6, True)])
def test_a_busy_machine_and_a_quick_run_are_told(busy: float, said: bool) -> None:
    machine = Machine(description="2 cores", busy_share=busy)
    assert ("60%" in heading(machine, quick=False)) == said
    assert "--quick" in heading(machine, quick=True)


def test_costs_are_held_against_their_goals() -> None:
    costs = [speed.Cost("floor: sort", 2.0, "CPU s"), speed.Cost("checked", 0.5, "CPU s", 0.4)]
    text = speed.markdown(costs)
    assert "| checked | <= 0.4 CPU s | 0.5 CPU s | **missed** |" in text
    assert "| checked | 0.5 | 0.25 |" in text
    assert "| 0.5 CPU s | not measured |" in speed.markdown(costs, full=False)


@pytest.mark.parametrize("way", sources.WAYS)
def test_every_way_reads_all_rows(way: str, tmp_path: Path) -> None:
    sources.prepare(tmp_path, "float32", 500, 2_000)
    assert sources.WAYS[way](tmp_path)() == (200 if way == sources.CSV else 2_000)
