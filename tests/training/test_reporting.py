"""What a training function calls to say how it goes."""

import json

import pytest

from seatrial.training import report
from seatrial.training.reporting import REPORT


def test_outside_of_seatrial_it_does_nothing(monkeypatch):
    monkeypatch.delenv(REPORT, raising=False)
    report(loss=1, step=3)


def test_a_report_is_one_line_of_json(tmp_path, monkeypatch):
    monkeypatch.setenv(REPORT, str(tmp_path / "r"))
    report(loss=0.5, auc=1, step=3, of=10)
    report(loss=float("nan"))
    report(step=4)
    first, second = (tmp_path / "r").read_text().splitlines()
    assert json.loads(first) == {"metrics": {"loss": 0.5, "auc": 1.0}, "step": 3, "of": 10}
    assert "NaN" in second


def test_what_is_no_number_is_refused_where_it_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv(REPORT, str(tmp_path / "r"))
    with pytest.raises(ValueError, match="low"):
        report(loss="low")
