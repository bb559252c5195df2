"""`seatrial labels` over a store with an endpoint and a ledger."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from seatrial.adapters.store.sqlite import SqliteStore
from seatrial.cli.exits import Exit
from seatrial.wiring.watching.performance import LabelFiles


def waiting(home: Any) -> list[tuple[str, str]]:
    with LabelFiles(home.folder / "labels").writing("churn") as inbox:
        return [(entry.id, entry.value) for _, entry in inbox.read()]


@pytest.fixture
def came(tmp_path: Path) -> Path:
    path = tmp_path / "came.csv"
    path.write_text("key,what\na,yes\nb,\nc/1,no\n", encoding="utf-8")
    return path


def test_labels_are_handed_in_from_a_file_without_a_server(
    filled: Any, seatrial: Any, came: Path
) -> None:
    code, out, err = seatrial("labels", "add", "churn", str(came), "--id", "key", "--label", "what")
    assert (code, out) == (Exit.DONE, "")
    assert "2 handed in, 0 of known predictions" in err
    assert "2 ids such as a, c/1" in err
    assert waiting(filled) == [("a", "yes"), ("c/1", "no")]


def test_in_json_it_is_one_record(filled: Any, seatrial: Any, came: Path) -> None:
    _, out, _ = seatrial(
        "labels", "add", "churn", str(came), "--id", "key", "--label", "what", "--json"
    )
    record = json.loads(out)
    assert (record["n"], record["n_empty"], record["unknown"]) == (3, 1, ["a", "c/1"])


def test_a_large_file_is_handed_in_in_parts(
    filled: Any, seatrial: Any, came: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seatrial.cli.labels.MAX_LABELS", 2)
    _, out, _ = seatrial(
        "labels", "add", "churn", str(came), "--id", "key", "--label", "what", "--json"
    )
    assert (json.loads(out)["n"], json.loads(out)["n_unknown"]) == (3, 2)
    assert len(waiting(filled)) == 2


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("add", "churn", "none.csv"), Exit.NOT_FOUND, "no file 'none.csv'"),
        (("add", "nowhere", "{came}"), Exit.INVALID, "no column for the id"),
        (("status", "nowhere"), Exit.NOT_FOUND, "nowhere"),
        (("plan", "churn"), Exit.CONFLICT, "No logged prediction"),
        (("plan", "churn", "--within", "0.02"), Exit.CONFLICT, "No logged prediction"),
        (("plan", "churn", "--within", "0.02", "--n", "9"), Exit.USAGE, "not both"),
        (("plan", "churn", "--within", "0"), Exit.USAGE, "--within"),
    ],
)
def test_what_cannot_be_done_says_why(
    arguments: tuple[str, ...], code: Exit, said: str, filled: Any, seatrial: Any, came: Path
) -> None:
    found, _, err = seatrial("labels", *(one.format(came=came) for one in arguments))
    assert (found, said in err) == (code, True), err


def test_status_says_what_the_monitor_knows(filled: Any, seatrial: Any) -> None:
    _, _, err = seatrial("labels", "status", "churn")
    assert "nothing is known yet" in err
    store = SqliteStore.from_url(f"sqlite:///{filled.folder / 'seatrial.db'}")
    store.beat(
        "performance/churn/1",
        {
            "endpoint": "churn",
            "version": 1,
            "metric": "accuracy",
            "n_seen": 1_200,
            "n_labelled": 300,
            "n_unusable": 0,
            "reference": {"value": 0.8, "flatters": True},
            "estimated": {
                "value": 0.7,
                "lower": 0.66,
                "upper": 0.74,
                "drop": 0.1,
                "label_free": 0.75,
                "trust": {"trust": "confirmed", "reason": "labels agree"},
            },
            "measured": {
                "level": "critical",
                "reason": "measured accuracy 71 %",
                "n": 400,
                "n_labelled": 300,
                "window": 0,
                "metrics": [
                    {"name": "accuracy", "value": 0.71, "lower": 0.67, "upper": 0.75, "drop": 0.09},
                    {"name": "f1", "value": 0.5, "lower": None, "reference": None, "drop": None},
                ],
            },
        },
    )
    store.close()
    _, out, err = seatrial("labels", "status", "churn")
    assert "300 of 1,200 logged predictions have labels" in err
    assert "accuracy 70.0 % (66.0 % to 74.0 %)" in err
    assert "confirmed: labels agree" in err
    assert "accuracy 71.0 % (67.0 % to 75.0 %), worse by 9.0 points; 300 of 400 rows" in err
    assert "measured 50.0 %" in err
    assert "it may flatter" in err
    _, out, _ = seatrial("labels", "status", "churn", "--json")
    assert json.loads(out)["versions"]["1"]["n_labelled"] == 300
