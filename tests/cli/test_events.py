"""`seatrial events`: status and tail."""

import json

import pytest

from seatrial.cli.app import run
from seatrial.events.journal import OUT, opened, published
from seatrial.kernel.events import Draft
from seatrial.wiring.workspace import open_workspace

CONFIG = """
events:
  broker: {kind: redis, url: "redis://127.0.0.1:1/0"}
  publish: {source: /mine}
  receive: {}
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEATRIAL_HOME", str(tmp_path / "home"))
    return tmp_path


def append(*drafts, stream="endpoint/churn"):
    store = open_workspace().open_store()
    store.append(stream, drafts, expected=len(store.read(stream=stream)))
    store.close()


def test_without_a_broker_the_status_says_where_to_name_one(home, capsys):
    assert run(["events", "status", "--json"]) == 0
    told = capsys.readouterr()
    assert "section events" in told.err
    assert json.loads(told.out) == {"broker": None, "publish": None, "receive": None}


def test_the_status_says_how_far_and_that_nothing_moves(home, capsys):
    (home / "seatrial.yaml").write_text(CONFIG)
    append(opened("abc", 0), published(3, 7), stream=OUT)
    assert run(["events", "status", "--json"]) == 0
    told = capsys.readouterr()
    assert "7 published" in told.err
    assert "nothing moves" in told.err
    record = json.loads(told.out)
    assert (record["broker"], record["publish"]["source"]) == ("redis", "/mine")
    assert record["receive"]["counts"] == []


def test_what_keeps_events_from_moving_is_told(home, capsys):
    (home / "seatrial.yaml").write_text(CONFIG)
    store = open_workspace().open_store()
    said = {"problem": "Redis is down.", "code": "c", "since": "2030-01-01T00:00:00+00:00"}
    store.beat("events/out", {**said, "n_behind": 12, "oldest": None, "metrics": ""})
    store.close()
    assert run(["events", "status"]) == 0
    told = capsys.readouterr().err
    assert "stands still since 2030-01-01T00:00:00: Redis is down." in told
    assert "12 facts" in told


def test_tail_prints_what_is_published_and_needs_no_broker(home, capsys):
    append(Draft(kind="release.promoted", data={"version": 1}), Draft(kind="evidence.recorded"))
    assert run(["events", "tail"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    event = json.loads(line)
    assert (event["id"], event["type"]) == ("endpoint/churn/1", "seatrial.release.promoted")
    assert run(["events", "tail", "--kind", "evidence.*", "--after", "1"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["id"] == "endpoint/churn/2"
