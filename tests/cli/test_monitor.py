"""`seatrial monitor` over a small log: what is shown, what is printed, and the exit codes."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import yaml

HEAD = "at,age,plan,answer"
Answer = Callable[..., tuple[int, str, str]]


def lines(n: int, *, seed: int, shift: float = 0.0) -> list[str]:
    rng = np.random.default_rng(seed)
    start = np.datetime64("2026-03-01T00:00:00")
    return [
        f"{start + np.timedelta64(60 * i, 's')},{rng.normal(40 + 10 * shift, 10):.2f},"
        f"{rng.choice(['basic', 'pro'])},{rng.choice(['yes', 'no'])}"
        for i in range(n)
    ]


def write(path: Path, rows: list[str]) -> None:
    path.write_text("\n".join([HEAD, *rows]) + "\n")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEATRIAL_HOME", str(tmp_path / "home"))
    write(tmp_path / "reference.csv", lines(2_000, seed=1))
    write(tmp_path / "same.csv", lines(2_000, seed=2))
    write(tmp_path / "moved.csv", lines(2_000, seed=3, shift=0.7))
    write(tmp_path / "few.csv", lines(20, seed=4))
    write(tmp_path / "none.csv", [])
    return tmp_path


def configure(folder: Path, **more: object) -> str:
    content = {
        "endpoint": "churn",
        "data": {"source": "log.csv", "columns": {"prediction": "answer"}},
        "reference": "reference.csv",
        "windows": {"rows": 500},
        **more,
    }
    path = folder / "monitoring.yaml"
    path.write_text(yaml.safe_dump(content))
    return str(path)


@pytest.mark.parametrize(
    ("current", "code", "outcome"),
    [
        ("same.csv", 0, "clear"),
        ("moved.csv", 3, "alarm"),
        ("few.csv", 4, "inconclusive"),
        ("none.csv", 4, "inconclusive"),
    ],
)
def test_the_exit_code_of_a_report_is_its_outcome(
    folder: Path, seatrial: Answer, current: str, code: int, outcome: str
) -> None:
    got, out, err = seatrial(
        "monitor", "report", "--reference", "reference.csv", "--current", current, "--json"
    )
    record = json.loads(out)
    assert (got, record["outcome"]) == (code, outcome)
    assert outcome.upper() in err


def test_a_table_of_a_database_is_read_as_a_file_is(folder: Path, seatrial: Answer) -> None:
    command = ("monitor", "report", "--reference", "reference.csv", "--json", "--current")
    _, of_file, _ = seatrial(*command, "moved.csv")
    with closing(sqlite3.connect("rows.db")) as database, database:
        database.execute("CREATE TABLE seen (at TEXT, age REAL, plan TEXT, answer TEXT)")
        rows = [row.split(",") for row in (folder / "moved.csv").read_text().split()[1:]]
        database.executemany("INSERT INTO seen VALUES (?, ?, ?, ?)", rows)
    _, of_table, _ = seatrial(*command, "sqlite:///rows.db#seen")
    assert json.loads(of_table)["report"] == json.loads(of_file)["report"]
    code, _, err = seatrial(*command, "sqlite:///rows.db")
    assert (code, "sqlite:///log.db#TABLE" in err) == (5, True)


def test_other_rows_have_the_columns_that_the_file_names(folder: Path, seatrial: Answer) -> None:
    config = configure(
        folder, data={"source": "log.csv", "columns": {"prediction": "answer", "ignore": "plan"}}
    )
    _, out, _ = seatrial("monitor", "report", "--config", config, "--current", "same.csv", "--json")
    report = json.loads(out)["report"]
    assert [one["name"] for one in report["features"]] == ["age"]
    assert [one["name"] for one in report["predictions"]] == ["answer"]


def test_a_report_names_the_worst_first_and_what_to_do(folder: Path, seatrial: Answer) -> None:
    _, out, err = seatrial(
        "monitor", "report", "--reference", "reference.csv", "--current", "moved.csv"
    )
    assert out == ""
    table = err[err.index("column ") :].splitlines()
    assert re.match(r"  age +critical +0\.\d\d +0\.\d\d +\d", table[1])
    assert "→ Look at 'age' first" in err


def test_rules_of_thumb_are_there_by_name(folder: Path, seatrial: Answer) -> None:
    command = ("monitor", "report", "--reference", "reference.csv", "--current", "moved.csv")
    _, out, _ = seatrial(*command, "--rules", "psi,ks", "--json")
    rules = json.loads(out)["rules"]
    assert rules["psi"]["age"]["severity"] == "critical"
    assert set(rules["ks"]["age"]) == {"drift_detected", "ks_statistic", "p_value"}
    assert rules["ks"]["age"]["drift_detected"] is True
    code, _, err = seatrial(*command, "--rules", "kss")
    assert code == 2
    assert "'kss' is no rule" in err


def test_the_page_needs_nothing_else(folder: Path, seatrial: Answer) -> None:
    code, _, _ = seatrial(
        *("monitor", "report", "--reference", "reference.csv", "--current", "moved.csv"),
        *("--html", "report.html", "--language", "zh"),
    )
    text = (folder / "report.html").read_text()
    assert code == 3
    assert "漂移报告" in text
    assert re.findall(r"(?:https?:)?//[^\s\"'<>]+|<script|<link|@import", text) == []


def test_a_page_that_cannot_be_written_is_named(folder: Path, seatrial: Answer) -> None:
    code, _, err = seatrial(
        *("monitor", "report", "--reference", "reference.csv", "--current", "same.csv"),
        *("--html", "nowhere/report.html"),
    )
    assert (code, "nowhere/report.html" in err) == (5, True)


def test_a_report_needs_to_be_told_what_to_compare(folder: Path, seatrial: Answer) -> None:
    assert seatrial("monitor", "report", "--current", "same.csv")[0] == 2
    config = folder / "server.yaml"
    config.write_text("endpoint: churn\n")
    code, _, err = seatrial("monitor", "report", "--config", str(config))
    assert (code, "names no data" in err) == (5, True)


def test_a_report_of_a_configuration_compares_all_of_its_log(
    folder: Path, seatrial: Answer
) -> None:
    write(folder / "log.csv", lines(1_234, seed=5))
    code, out, _ = seatrial("monitor", "report", "--config", configure(folder), "--json")
    assert code == 0
    assert json.loads(out)["current"] == {"source": "log.csv", "rows": 1_234}


def test_check_says_what_it_found_and_changes_nothing(folder: Path, seatrial: Answer) -> None:
    write(folder / "log.csv", lines(700, seed=5))
    sinks = {"team": {"kind": "webhook", "url": "http://127.0.0.1:9/x"}}
    config = configure(folder, notify={"sinks": sinks})
    before = sorted(folder.iterdir())
    code, out, err = seatrial("monitor", "check", "--config", config, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["log"]["rows"] == 700
    assert found["log"]["columns"]["timestamp"] == "at"
    assert found["log"]["columns"]["features"] == {"age": "number", "plan": "name"}
    assert (found["reference"]["rows"], found["windows"]) == (2_000, "500 rows")
    assert [(sink["name"], sink["reachable"]) for sink in found["sinks"]] == [("team", False)]
    assert "127.0.0.1:9 does not" in err
    assert sorted(folder.iterdir()) == before


def test_check_says_which_columns_are_on_one_side_only(folder: Path, seatrial: Answer) -> None:
    (folder / "log.csv").write_text("at,age,city,answer\n2026-03-01,4,Ulm,yes\n")
    _, out, err = seatrial("monitor", "check", "--config", configure(folder), "--json")
    columns = json.loads(out)["log"]["columns"]
    assert columns["not_in_the_reference"] == ["city"]
    assert columns["not_in_the_log"] == ["plan"]
    assert "not in the log: plan" in err


def test_a_missing_secret_is_named(folder: Path, seatrial: Answer) -> None:
    write(folder / "log.csv", lines(700, seed=5))
    sinks = {"team": {"kind": "slack", "url_env": "NO_SUCH_URL"}}
    config = configure(folder, notify={"sinks": sinks})
    for verb in (["check"], ["run", "--once"]):
        code, _, err = seatrial("monitor", *verb, "--config", config)
        assert (code, "NO_SUCH_URL" in err) == (6, True)


@pytest.fixture
def watched(folder: Path, seatrial: Answer) -> str:
    """A configuration whose log was watched once and drifts."""
    write(folder / "log.csv", lines(1_000, seed=5) + lines(1_000, seed=6, shift=0.7))
    config = configure(folder, triggers=[{"name": "drift", "kind": "drift", "psi": 0.2}])
    code, out, _ = seatrial("monitor", "run", "--once", "--config", config, "--json")
    assert (code, json.loads(out)["windows"]) == (0, 4)
    return config


def test_one_pass_judges_what_is_there_and_the_next_what_is_new(
    folder: Path, seatrial: Answer, watched: str
) -> None:
    _, out, _ = seatrial("monitor", "run", "--once", "--config", watched, "--json")
    assert json.loads(out)["windows"] == 0
    with (folder / "log.csv").open("a") as log:
        log.write("\n".join(lines(500, seed=7)) + "\n")
    _, out, _ = seatrial("monitor", "run", "--once", "--config", watched, "--json")
    assert json.loads(out)["windows"] == 1


def test_status_alerts_and_triggers_say_what_was_found(seatrial: Answer, watched: str) -> None:
    code, out, err = seatrial("monitor", "status", "churn", "--config", watched, "--json")
    view = json.loads(out)
    assert code == 0
    assert view["versions"]["1"]["report"]["alarm"]["alarm"] is True
    assert "input_drift" in err
    _, out, err = seatrial("monitor", "alerts", "--config", watched, "--json")
    assert "→ Look at the histograms of the features named above" in err
    assert "input_drift" in {alert["labels"]["kind"] for alert in json.loads(out)}
    _, out, _ = seatrial("monitor", "triggers", "--config", watched, "--json")
    assert [one["kind"] for one in json.loads(out)] == ["evaluation.requested"]


def test_an_alert_is_acknowledged_and_closed_by_its_key(seatrial: Answer, watched: str) -> None:
    def alert() -> dict[str, object]:
        _, out, _ = seatrial("monitor", "alerts", "--all", "--config", watched, "--json")
        return next(a for a in json.loads(out) if a["labels"]["kind"] == "input_drift")

    key = str(alert()["key"])
    assert seatrial("monitor", "ack", key, "--config", watched)[0] == 0
    assert alert()["acknowledged_by"]
    assert seatrial("monitor", "close", key, "--reason", "known", "--config", watched)[0] == 0
    assert alert()["phase"] == "resolved"
    code, _, err = seatrial("monitor", "ack", "0" * 16, "--config", watched)
    assert (code, "0000" in err) == (6, True)


def test_silences_begin_are_listed_and_end(seatrial: Answer, watched: str) -> None:
    where = ("--config", watched)
    assert seatrial("monitor", "silence", "--for", "2h", *where)[0] == 2
    assert seatrial("monitor", "silence", "--match", "endpoint", "--for", "2h", *where)[0] == 2
    code, _, err = seatrial("monitor", "silence", "--match", "colour=red", "--for", "2h", *where)
    assert (code, "colour" in err) == (5, True)
    match = ("--match", "endpoint=churn*", "--match", "kind=input_drift")
    code, out, _ = seatrial(
        "monitor", "silence", *match, "--for", "2h", "--why", "sale", *where, "--json"
    )
    begun = json.loads(out)
    assert (code, begun["why"]) == (0, "sale")
    assert begun["match"] == {"endpoint": ["churn*"], "kind": ["input_drift"]}
    _, out, err = seatrial("monitor", "silences", *where, "--json")
    assert [one["id"] for one in json.loads(out)] == [begun["id"]]
    assert "endpoint=churn*" in err
    _, out, _ = seatrial("monitor", "silences", "--end", begun["id"], *where, "--json")
    assert json.loads(out) == []


def test_another_reference_does_not_go_on_with_the_old_evidence(
    folder: Path, seatrial: Answer, watched: str
) -> None:
    write(folder / "reference.csv", lines(2_000, seed=9))
    code, _, err = seatrial("monitor", "run", "--once", "--config", watched)
    assert (code, "began with another reference" in err) == (8, True)


def test_rules_and_dashboard_are_written(folder: Path, seatrial: Answer) -> None:
    config = configure(folder)
    assert seatrial("monitor", "rules", "--out", "rules", "--config", config)[0] == 0
    of_log = yaml.safe_load((folder / "rules" / "rules.yml").read_text())
    assert {group["name"] for group in of_log["groups"]} == {
        "seatrial-presence",
        "seatrial-drift",
        "seatrial-performance",
    }
    assert "SeatrialAbsent" not in (folder / "rules" / "rules.yml").read_text()
    assert seatrial("monitor", "rules", "--out", "rules")[0] == 0
    assert "SeatrialAbsent" in (folder / "rules" / "prometheusrule.yaml").read_text()
    code, _, _ = seatrial("monitor", "dashboard", "--out", "d.json", "--language", "zh")
    assert code == 0
    assert json.loads((folder / "d.json").read_text())["uid"] == "seatrial"


def test_without_a_file_the_workspace_is_asked(folder: Path, seatrial: Answer) -> None:
    code, out, err = seatrial("monitor", "status", "--json")
    assert (code, json.loads(out)) == (0, [])
    assert "Nothing is watched yet" in err
    assert seatrial("monitor", "status", "nothing")[0] == 6
    for verb, said in (("alerts", "Nothing fires"), ("triggers", "Nothing was asked")):
        code, out, err = seatrial("monitor", verb, "--json")
        assert (code, json.loads(out), said in err) == (0, [], True)


def test_a_server_is_given_its_section_once(folder: Path, seatrial: Answer) -> None:
    config = folder / "server.yaml"
    config.write_text("endpoint: churn\nwindows: {every: 5m}\nout: out\n")
    (folder / "seatrial.yaml").write_text("# mine\nserver: {workers: 2}")
    code, out, _ = seatrial("monitor", "check", "--config", str(config), "--json")
    assert (code, json.loads(out)["server"]["section"]) == (0, "missing")
    code, _, err = seatrial("monitor", "start", "--config", str(config))
    text = (folder / "seatrial.yaml").read_text()
    assert code == 0
    assert "was added to" in err
    assert text.startswith("# mine\nserver: {workers: 2}\n")
    assert yaml.safe_load(text)["monitoring"] == {"windows": {"every": 300.0}}
    assert seatrial("monitor", "start", "--config", str(config))[0] == 0
    assert (folder / "seatrial.yaml").read_text() == text
    assert (folder / "out" / "rules.yml").exists()
    config.write_text("endpoint: churn\nwindows: {every: 6m}\nout: out\n")
    code, _, err = seatrial("monitor", "start", "--config", str(config))
    assert (code, "differs in: windows" in err) == (8, True)
    assert (folder / "seatrial.yaml").read_text() == text
    assert seatrial("monitor", "run", "--config", str(config))[0] == 5
    assert seatrial("monitor", "stop", "--config", str(config))[0] == 2


def test_stopping_what_does_not_run_is_said(folder: Path, seatrial: Answer) -> None:
    code, _, err = seatrial("monitor", "stop", "--config", configure(folder))
    assert (code, "No monitor runs" in err) == (6, True)


def test_a_past_without_a_log_is_said(folder: Path, seatrial: Answer) -> None:
    code, _, err = seatrial("monitor", "backfill", "churn")
    assert (code, "no prediction log of 'churn'" in err) == (6, True)
    assert seatrial("monitor", "backfill", "churn", "--every", "1h", "--rows", "5")[0] == 2


def judged_lines(n: int, *, seed: int, right: float, labels: bool = True) -> list[str]:
    """Answers with their probability, which comes true in so many cases."""
    rng = np.random.default_rng(seed)
    said = rng.choice(["yes", "no"], n)
    other = {"yes": "no", "no": "yes"}
    true = [one if rng.random() < right else other[one] for one in said]
    p = np.where(said == "yes", 0.9, 0.1)
    start = np.datetime64("2026-03-01T00:00:00")
    return [
        f"k{i},{start + np.timedelta64(60 * i, 's')},{rng.normal():.3f},{said[i]},{p[i]}"
        + (f",{true[i]}" if labels else "")
        for i in range(n)
    ]


JUDGED = "prediction_id,at,age,prediction,probability"


@pytest.fixture
def judged(folder: Path) -> Path:
    """A reference that is right in 9 of 10 cases, and a log without labels."""
    reference = [f"{JUDGED},label", *judged_lines(2_000, seed=1, right=0.9)]
    (folder / "reference.csv").write_text("\n".join(reference) + "\n")
    log = [JUDGED, *judged_lines(1_000, seed=2, right=0.5, labels=False)]
    (folder / "log.csv").write_text("\n".join(log) + "\n")
    return folder


def came(folder: Path, n: int) -> str:
    rows = [line.split(",") for line in judged_lines(n, seed=2, right=0.5)]
    lines = ["prediction_id,label", *(f"{row[0]},{row[-1]}" for row in rows)]
    (folder / "came.csv").write_text("\n".join(lines) + "\n")
    return str(folder / "came.csv")


def test_a_report_says_how_well_the_model_did_and_is_an_alarm_when_it_did_badly(
    judged: Path, seatrial: Answer
) -> None:
    config = configure(judged, data="log.csv")
    code, _, err = seatrial("monitor", "report", "--config", config)
    assert code == 0
    assert re.search(r"estimated  accuracy (8|9)\d\.\d % \(", err)
    assert "unverified" in err
    assert "may flatter" in err
    came(judged, 1_000)
    config = configure(judged, data="log.csv", labels="came.csv")
    code, out, err = seatrial(
        "monitor", "report", "--config", config, "--json", "--html", "page.html"
    )
    assert code == 3
    real = json.loads(out)["performance"]["measured"]
    assert real["level"] == "critical"
    assert real["metrics"][0]["value"] == pytest.approx(0.5, abs=0.05)
    page = (judged / "page.html").read_text()
    assert "Do not trust the estimate" in page
    assert "holdout: true" in page
    code, _, err = seatrial("monitor", "check", "--config", config)
    assert "estimated without labels, 1,000 labels in came.csv" in err


def test_labels_of_a_log_are_handed_in_planned_and_looked_at_with_its_file(
    judged: Path, seatrial: Answer
) -> None:
    config = configure(judged, data="log.csv")
    seatrial("monitor", "run", "--once", "--config", config)
    code, _, err = seatrial("labels", "plan", "churn", "--n", "20", "--watch", config)
    assert code == 0, err
    sheet = (judged / "labels-churn.csv").read_text().splitlines()
    assert (sheet[0], len(sheet)) == ("id,label,age", 21)
    assert all(line.split(",")[2] for line in sheet[1:])
    path = came(judged, 1_000)
    code, out, _ = seatrial("labels", "add", "churn", path, "--watch", config, "--json")
    assert (code, json.loads(out)["n_known"]) == (0, 1_000)
    seatrial("monitor", "run", "--once", "--config", config)
    code, _, err = seatrial("labels", "status", "churn", "--watch", config)
    assert "1,000 of 1,000 logged predictions have labels" in err
    assert "contradicted" in err
    _, _, err = seatrial("monitor", "status", "--config", config)
    assert "performance on 1,000 predictions" in err
    assert "performance" in err
    code, _, err = seatrial("labels", "status", "other", "--watch", config)
    assert code == 6, err
    code, _, err = seatrial("labels", "status", "churn", "--watch", configure_server(judged))
    assert "names no data" in err


def configure_server(folder: Path) -> str:
    (folder / "server.yaml").write_text("endpoint: churn\n")
    return str(folder / "server.yaml")
