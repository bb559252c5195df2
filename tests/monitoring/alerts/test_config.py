"""The section ``alerts``."""

from datetime import UTC, datetime

import pytest

from seatrial.kernel.config import ConfigInvalid, load
from seatrial.monitoring.alerts.config import AlertsConfig
from seatrial.monitoring.alerts.lifecycle import Timing
from seatrial.monitoring.alerts.silence import Matcher


def read(tmp_path, text: str) -> AlertsConfig:
    path = tmp_path / "alerts.yaml"
    path.write_text(text)
    return load(path, AlertsConfig, {})


def test_an_empty_section_is_the_default(tmp_path):
    config = read(tmp_path, "{}")
    assert config.timing("latency") == Timing(for_s=0, keep_s=900)
    assert config.all_silences() == ()


def test_a_whole_section(tmp_path):
    config = read(
        tmp_path,
        """
        default: {for: 2m, keep: 30m}
        kinds:
          latency: {for: 1m}
        during_release: all
        silences:
          - {match: {endpoint: churn, version: [1, 2]}, until: 2030-01-01T08:00:00+08:00, why: x}
        """,
    )
    assert config.timing("latency") == Timing(for_s=60, keep_s=900)
    assert config.timing("input_drift") == Timing(for_s=120, keep_s=1800)
    (silence,) = config.all_silences()
    assert silence.matcher == Matcher({"endpoint": ("churn",), "version": ("1", "2")})
    assert silence.until == datetime(2030, 1, 1, tzinfo=UTC)
    assert "the configuration" in silence.reason


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("silences: [{match: {}, until: 2030-01-01T08:00:00}]", "silences.0.until"),
        ("silences: [{match: {team: a}, until: 2030-01-01T08:00:00Z}]", "'team' is no label"),
        ("silences: [{match: {}}]", "silences.0.until"),
        ("default: {for: soon}", "is not a duration"),
        ("default: {keeps: 1m}", "did you mean 'keep'"),
        ("during_release: some", "during_release"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, problem):
    with pytest.raises(ConfigInvalid, match=problem):
        read(tmp_path, text)
