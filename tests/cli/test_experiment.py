"""`seatrial experiment`: what is shown, what is printed, and the exit codes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

Answer = Callable[..., tuple[int, str, str]]

DESIGN = {
    "experiment": "button",
    "hypothesis": "A green button is found sooner.",
    "variants": {"control": 1, "green": 1},
    "primary": {
        "name": "bought",
        "kind": "share",
        "effect": 0.02,
        "baseline": {"mean": 0.1},
    },
    "guardrails": [{"name": "seconds", "direction": "down", "margin": 20}],
    "secondary": [{"name": "revenue", "covariate": "before"}],
    "horizon": {"units": 4000},
    "columns": {"time": "at", "segments": "country"},
}


def write(path: Path, *, green: float, seed: int = 1, n: int = 5_000) -> None:
    rng = np.random.default_rng(seed)
    start = np.datetime64("2026-03-01T00:00:00")
    rows = ["user,variant,at,bought,seconds,revenue,before,country"]
    for i in range(n):
        variant = rng.choice(["control", "green"])
        bought = int(rng.random() < (green if variant == "green" else 0.1))
        before = rng.exponential(10)
        at = start + np.timedelta64(200 * i, "s")
        revenue = before + rng.exponential(5)
        rows.append(
            f"u{i},{variant},{at},{bought},{rng.exponential(100):.2f},{revenue:.2f},{before:.2f},"
            f"{rng.choice(['de', 'fr'])}"
        )
    path.write_text("\n".join(rows) + "\n")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "better.csv", green=0.15)
    write(tmp_path / "worse.csv", green=0.05)
    write(tmp_path / "same.csv", green=0.1, n=1_000)
    (tmp_path / "experiment.yaml").write_text(yaml.safe_dump(DESIGN, sort_keys=False))
    return tmp_path


@pytest.mark.parametrize(
    ("file", "code", "outcome"),
    [
        ("better.csv", 0, "ship"),
        ("worse.csv", 3, "do_not_ship"),
        ("same.csv", 4, "inconclusive"),
    ],
)
def test_the_exit_code_is_the_decision(
    folder: Path, seatrial: Answer, file: str, code: int, outcome: str
) -> None:
    got, out, err = seatrial("experiment", "analyze", file, "--design", "experiment.yaml", "--json")
    record = json.loads(out)
    assert (got, record["outcome"]) == (code, outcome)
    assert re.search(r"bought +decides +green", err)


def test_without_a_design_options_describe_the_experiment(folder: Path, seatrial: Answer) -> None:
    code, out, err = seatrial(
        *("experiment", "analyze", "better.csv", "--primary", "bought", "--kind", "share"),
        *("--time", "at", "--unit", "user", "--segments", "country", "--hourly", "--json"),
    )
    record = json.loads(out)
    assert (code, record["state"], record["winner"]) == (0, "open_ended", "green")
    assert len(record["segments"]) == 2
    assert len(record["over_time"]["green"]) > 200
    assert "Ship green." in err
    assert out.count("\n") > 50


def test_a_horizon_is_one_look(folder: Path, seatrial: Answer) -> None:
    command = ("experiment", "analyze", "better.csv", "--primary", "revenue", "--json")
    _, out, _ = seatrial(*command, "--time", "at", "--horizon", "3000", "--covariate", "before")
    record = json.loads(out)
    assert record["state"] == "at_horizon"
    assert record["n_after_horizon"] > 1_000
    assert record["metrics"][0]["explained"] > 0.5


@pytest.mark.parametrize(("language", "word"), [("en", "Effects against"), ("zh", "相比的效果")])
def test_the_page_needs_nothing_else(
    folder: Path, seatrial: Answer, language: str, word: str
) -> None:
    seatrial(
        *("experiment", "analyze", "better.csv", "--design", "experiment.yaml"),
        *("--report", "page.html", "--language", language),
    )
    text = (folder / "page.html").read_text(encoding="utf-8")
    assert word in text
    assert "A green button is found sooner." in text
    assert re.findall(r"(?:https?:)?//[^\s\"'<>]+|<script|<link|@import", text) == []


def test_a_plan_is_told_and_printed(folder: Path, seatrial: Answer) -> None:
    code, out, err = seatrial(
        *("experiment", "plan", "--baseline", "0.1", "--effect", "0.02", "--early-part", "0"),
        *("--per-day", "1000", "--json"),
    )
    record = json.loads(out)
    assert (code, record["units"], record["days"]) == (0, 7682, 14)
    assert "7,682 users" in err
    assert "at this traffic: 14 days" in err
    assert record["within"][1]["effect"] < 0.02


def test_an_effect_in_percent_is_of_the_baseline(seatrial: Answer) -> None:
    command = ("experiment", "plan", "--baseline", "0.1", "--json", "--effect")
    assert json.loads(seatrial(*command, "20%")[1]) == json.loads(seatrial(*command, "0.02")[1])


def test_a_mean_is_planned_with_its_deviation(seatrial: Answer) -> None:
    command = ("experiment", "plan", "--baseline", "20", "--deviation", "40", "--effect", "1")
    plain = json.loads(seatrial(*command, "--json")[1])["units"]
    less = json.loads(seatrial(*command, "--explained", "0.5", "--json")[1])["units"]
    more = json.loads(seatrial(*command, "--variants", "3", "--json")[1])
    assert less == pytest.approx(plain / 2, rel=1e-3)
    assert list(more["by_variant"]) == ["control", "variant 1", "variant 2"]


def test_a_design_is_planned(folder: Path, seatrial: Answer) -> None:
    code, out, _ = seatrial("experiment", "plan", "--design", "experiment.yaml", "--json")
    record = json.loads(out)
    assert (code, record["experiment"]) == (0, "button")
    assert [one["metric"] for one in record["metrics"]] == ["bought"]
    assert record["horizon"]["n_missing"] == record["units"] - 4_000


@pytest.mark.parametrize(
    ("horizon", "more", "says"),
    [
        ({"units": 4_000}, (), "too short: 4,000 of 8,206 users, enough for a change of 2.92"),
        ({"units": 4_000}, (), "say horizon.units: 8206, or a larger effect"),
        ({"days": 0.01}, ("--per-day", "1"), "0 of 8,206 users, too few for any change"),
        ({"days": 7}, (), "whether its days suffice depends on the traffic"),
        ({"units": 8_206}, (), ""),
        ({"units": 9_000, "days": 7}, (), ""),
        ({}, (), ""),
    ],
)
def test_a_horizon_that_is_too_short_is_told(
    folder: Path, seatrial: Answer, horizon: dict[str, float], more: tuple[str, ...], says: str
) -> None:
    (folder / "experiment.yaml").write_text(yaml.safe_dump(DESIGN | {"horizon": horizon}))
    code, _, err = seatrial("experiment", "plan", "--design", "experiment.yaml", *more)
    assert code == 0
    assert (says in err) if says else ("horizon" not in err), err


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("plan",), 2, "Give --design, or both"),
        (("plan", "--baseline", "0.1", "--effect", "-1"), 2, "-1"),
        (("plan", "--baseline", "0.1", "--effect", "5%%"), 2, "5%"),
        (("plan", "--baseline", "0.99", "--effect", "0.05"), 5, "cannot become 1.04"),
        (("plan", "--design", "missing.yaml"), 6, "missing.yaml"),
        (("analyze", "better.csv"), 2, "Give --design, or --primary"),
        (("analyze", "better.csv", "--primary", "bougth"), 5, "Did you mean 'bought'?"),
        (("analyze", "missing.csv", "--primary", "bought"), 6, "missing.csv"),
        (("analyze", "better.csv", "--primary", "bought", "--control", "blue"), 5, "'green'"),
        (("analyze", "better.csv", "--primary", "bought", "--kind", "ratio"), 5, "denominator"),
        (("analyze", "better.csv", "--primary", "seconds", "--kind", "share"), 5, "is a share"),
    ],
)
def test_bad_input_is_named(
    folder: Path, seatrial: Answer, arguments: tuple[str, ...], code: int, says: str
) -> None:
    got, _, err = seatrial("experiment", *arguments)
    assert (got, says in err) == (code, True), err


def test_a_design_that_contradicts_itself_is_named(folder: Path, seatrial: Answer) -> None:
    bad = DESIGN | {"variants": {"control": 1}}
    (folder / "experiment.yaml").write_text(yaml.safe_dump(bad))
    got, _, err = seatrial("experiment", "plan", "--design", "experiment.yaml")
    assert (got, "two or more" in err) == (5, True)


def test_a_page_that_cannot_be_written_is_named(folder: Path, seatrial: Answer) -> None:
    code, _, err = seatrial(
        *("experiment", "analyze", "better.csv", "--primary", "bought", "--kind", "share"),
        *("--report", "nowhere/page.html"),
    )
    assert (code, "nowhere/page.html" in err) == (5, True)
