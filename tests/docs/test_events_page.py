"""The page on events: its commands run, without a broker, and its example of an event is one."""

import json
import shlex

import docs_blocks as docs
import jsonschema
import pytest

from seatrial.cli.app import run
from seatrial.events.envelope import body_of
from seatrial.events.schema import events_schema
from seatrial.kernel.events import Draft
from seatrial.wiring.workspace import open_workspace

PAGE = docs.ROOT / "docs" / "how-to" / "events.md"
BLOCKS = docs.blocks(PAGE)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEATRIAL_HOME", str(tmp_path / "home"))
    store = open_workspace().open_store()
    store.append("alerts/churn", [Draft(kind="alert.fired")], expected=0)
    store.close()
    return tmp_path


def test_its_commands_do_what_they_say(folder, capsys):
    lines = [line for b in BLOCKS if b.mark == "events" for line in b.text.splitlines()]
    assert [run(shlex.split(line)[1:]) for line in lines] == [0] * 4
    assert '"id":"alerts/churn/1"' in capsys.readouterr().out


def test_its_example_of_an_event_is_one():
    (block,) = (b for b in BLOCKS if b.language == "json")
    shown = json.loads(block.text)
    jsonschema.validate(shown, {"$ref": "#/$defs/published", "$defs": events_schema()["$defs"]})
    store = open_memory()
    (fact,) = store.append("endpoint/churn", [Draft(kind="release.promoted")], expected=0)
    assert list(json.loads(body_of(fact, source="/s", max_bytes=10_000))) == list(shown)


def open_memory():
    from seatrial.testing.memory_store import MemoryStore

    return MemoryStore()
