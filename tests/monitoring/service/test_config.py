import pytest
from pydantic import ValidationError

from seatrial.monitoring.service.config import ServiceConfig
from seatrial.stats.burnrate import CREEPING, FAST, SLOW


def test_the_levels_are_those_that_users_know() -> None:
    config = ServiceConfig()
    assert config.p95_ms is not None
    assert (config.p95_ms.warning, config.p95_ms.critical) == (100, 200)
    assert config.error_rate is not None
    assert (config.error_rate.warning, config.error_rate.critical) == (0.001, 0.01)
    assert config.throughput is not None
    assert config.throughput.warning == 0.8
    assert config.error_budget is not None
    assert [pair.rule() for pair in config.error_budget.windows] == [FAST, SLOW, CREEPING]


def test_a_file_says_durations_and_switches_levels_off() -> None:
    config = ServiceConfig.model_validate(
        {
            "p95_ms": None,
            "window": "10m",
            "error_budget": {"windows": [{"long": "2h", "short": "10m", "factor": 3}]},
        }
    )
    assert (config.p95_ms, config.window) == (None, 600)
    assert config.error_budget is not None
    assert config.error_budget.windows[0].long == 7200


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"p95_ms": {"warning": 200, "critical": 100}}, "critical 100 is under warning 200"),
        ({"error_rate": {"warning": 0.1, "critical": 2}}, "less than 1"),
        ({"p95_ms": {"warning": 0, "critical": 1}}, "greater than 0"),
        (
            {"error_budget": {"windows": [{"long": "5m", "short": "1h", "factor": 1}]}},
            "shorter than the long one",
        ),
        (
            {"error_budget": {"windows": [{"long": 60, "short": 5, "factor": 1}] * 2}},
            "same long window",
        ),
        ({"throughput": {"critical": 0.9}}, "critical 0.9 is over warning 0.8"),
        ({"p95": {}}, "Extra inputs"),
        ({"window": "soon"}, "not a duration"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ServiceConfig.model_validate(wrong)
