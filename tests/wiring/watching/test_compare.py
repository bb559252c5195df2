"""Rows in memory beside a reference, as a program or a notebook asks for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import seatrial
from seatrial.kernel.config import ConfigInvalid
from seatrial.monitoring.rows.columns import NoSuchColumn
from seatrial.monitoring.rows.source import SourceMissing, SourceUnreadable
from seatrial.monitoring.watching.batch import Outcome
from seatrial.wiring.watching.compare import UnknownRule
from seatrial.wiring.watching.log_reference import NoReferenceRows

MAKERS = (pd.DataFrame, pl.DataFrame, pa.table)


def rows(n: int, *, seed: int, shift: float = 0.0) -> dict[str, object]:
    rng = np.random.default_rng(seed)
    return {
        "income": np.exp(10 + 0.5 * (rng.normal(size=n) + shift)),
        "age": rng.normal(40, 10, n),
        "plan": rng.choice(["basic", "pro", "team"], n).tolist(),
    }


REFERENCE, SAME, MOVED = rows(5_000, seed=1), rows(3_000, seed=2), rows(3_000, seed=3, shift=0.7)


@pytest.mark.parametrize("make", MAKERS)
def test_frames_are_held_against_frames(make: Callable[..., object]) -> None:
    assert seatrial.compare(make(REFERENCE), make(SAME)).outcome is Outcome.CLEAR
    found = seatrial.compare(make(REFERENCE), make(MOVED))
    assert found.outcome is Outcome.ALARM
    assert found.columns == ("income",)
    assert "income" in found.reason


def test_every_form_of_the_same_rows_gives_the_same_report(tmp_path: Path) -> None:
    file = tmp_path / "moved.parquet"
    pd.DataFrame(MOVED).to_parquet(file)
    reports = [
        json.dumps(seatrial.compare(pd.DataFrame(REFERENCE), moved).as_dict()["report"]["features"])
        for moved in (*(make(MOVED) for make in MAKERS), file, str(file))
    ]
    assert len(set(reports)) == 1


def test_roles_rules_and_settings_are_those_of_the_file() -> None:
    segmented = {"region": ["north", "south"] * 1_500}
    found = seatrial.compare(
        pd.DataFrame(REFERENCE | {"region": ["north", "south"] * 2_500}),
        pd.DataFrame(MOVED | segmented),
        columns={"ignore": "age"},
        settings={"segments": "region"},
        rules=("default", "psi"),
    )
    record = found.as_dict()
    assert {column["name"] for column in record["report"]["features"]} == {
        "income",
        "plan",
        "region",
    }
    assert {one["value"] for one in record["report"]["segments"]} == {"north", "south"}
    assert record["rules"]["psi"]["income"]["severity"] == "critical"


def test_a_notebook_shows_the_page(tmp_path: Path) -> None:
    found = seatrial.compare(pl.DataFrame(REFERENCE), pl.DataFrame(MOVED), title="<July> & June")
    page = found.page("zh")
    assert page.startswith("<!doctype html>")
    assert "&lt;July&gt; &amp; June" in page
    frame = found._repr_html_()
    assert frame.startswith('<iframe srcdoc="')
    assert "<July>" not in frame


def test_labels_and_scores_give_the_performance_too() -> None:
    folder = Path(__file__).parents[3] / "examples" / "monitoring"
    found = seatrial.compare(
        pd.read_parquet(folder / "reference.parquet"), pd.read_parquet(folder / "current.parquet")
    )
    performance = found.as_dict()["performance"]
    assert performance["measured"]["metrics"][0]["value"] < performance["reference"]["value"]
    assert 'class="performance"' in found.page()


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"rules": "mmd"}, UnknownRule),
        ({"columns": {"predicton": "plan"}}, ConfigInvalid),
        ({"settings": {"segments": "colour"}}, NoSuchColumn),
        ({"reference": pd.DataFrame({})}, NoReferenceRows),
        ({"reference": 7}, SourceUnreadable),
        ({"current": None}, SourceUnreadable),
        ({"current": "nowhere.parquet"}, SourceMissing),
    ],
)
def test_what_cannot_be_compared_says_what_to_do(
    wrong: dict[str, object], error: type[seatrial.SeatrialError]
) -> None:
    asked = {"reference": pd.DataFrame(REFERENCE), "current": pd.DataFrame(SAME)} | wrong
    with pytest.raises(error) as caught:
        seatrial.compare(**asked)  # type: ignore[arg-type]
    assert caught.value.remedy


def test_columns_are_ranked_by_what_the_reference_s_predictions_follow(tmp_path: Path) -> None:
    """Read whole or by column; what a person says goes before."""

    def answered(rows: dict[str, object], seed: int) -> pd.DataFrame:
        frame = pd.DataFrame(rows)
        frame["score"] = 1 / (1 + np.exp(-(frame["age"] - 40) / 10))
        frame["age"] += np.random.default_rng(seed).normal(size=len(frame)) * 0.1
        return frame

    reference, current = answered(REFERENCE, 0), answered(MOVED, 1)
    current["age"] += 5
    reference.to_parquet(tmp_path / "r.parquet")
    current.to_parquet(tmp_path / "c.parquet")
    columns = {"scores": ["score"]}
    whole = seatrial.compare(reference, current, columns=columns)
    by_column = seatrial.compare(tmp_path / "r.parquet", tmp_path / "c.parquet", columns=columns)
    assert whole.as_dict()["report"]["features"] == by_column.as_dict()["report"]["features"]
    assert whole.as_dict()["importance"] == by_column.as_dict()["importance"]
    assert whole.columns[:2] == ("age", "income")  # income moved further, and the model ignores it
    said = whole.as_dict()["importance"]["said"]
    assert "estimated from the model's answers" in said["en"]
    assert said["en"] in whole.page().replace("&#39;", "'")
    assert said["zh"] in whole.page("zh")
    by_hand = seatrial.compare(
        reference, current, columns=columns, settings={"importance": {"income": 50.0}}
    )
    assert by_hand.columns[:2] == ("income", "age")
    assert "set by hand for income" in by_hand.as_dict()["importance"]["said"]["en"]
    assert (
        "no predictions"
        in seatrial.compare(pd.DataFrame(REFERENCE), pd.DataFrame(MOVED)).as_dict()["importance"][
            "said"
        ]["en"]
    )


def test_an_importance_is_of_a_feature_and_a_number() -> None:
    for given, error in (({"incom": 2}, NoSuchColumn), ({"income": -1}, ConfigInvalid)):
        with pytest.raises(error, match="incom"):
            seatrial.compare(
                pd.DataFrame(REFERENCE), pd.DataFrame(SAME), settings={"importance": given}
            )


def test_a_console_shows_what_came_of_it() -> None:
    found = seatrial.compare(pl.DataFrame(REFERENCE), pl.DataFrame(MOVED), title="July")
    assert repr(found) == f"<July: alarm. {found.reason}>"
    assert len(repr(found)) < 500
