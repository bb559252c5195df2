import json

import pytest

from seatrial.cli import doctor as subject
from seatrial.cli.app import run
from seatrial.cli.exits import Exit
from seatrial.wiring.examination import Finding, Health

FINE = Finding(part="store", health=Health.OK, text="answers")
ABSENT = Finding(part="extra x", health=Health.NOTE, text="not installed", remedy="Install it.")
BAD = Finding(part="port", health=Health.PROBLEM, text="taken", remedy="Choose another.")


@pytest.fixture
def findings(monkeypatch):
    def give(*given: Finding) -> None:
        monkeypatch.setattr(subject, "examine", lambda **_: iter(given))

    return give


def test_doctor_ends_well_when_only_optional_parts_are_absent(findings, capsys):
    findings(FINE, ABSENT)
    assert run(["doctor"]) == Exit.DONE
    told = capsys.readouterr().err
    assert "Install it." in told
    assert "Nothing stands in the way." in told


def test_doctor_tells_each_problem_with_its_remedy_and_ends_with_10(findings, capsys):
    findings(FINE, BAD)
    assert run(["doctor"]) == Exit.UNAVAILABLE
    told = capsys.readouterr().err
    assert "taken" in told
    assert "Choose another." in told
    assert "1 problem:" in told


def test_doctor_prints_one_json_document(findings, capsys):
    findings(FINE, BAD)
    run(["doctor", "--json"])
    said = json.loads(capsys.readouterr().out)
    assert said["ok"] is False
    assert said["findings"][1] == {
        "part": "port",
        "health": "problem",
        "text": "taken",
        "remedy": "Choose another.",
    }
