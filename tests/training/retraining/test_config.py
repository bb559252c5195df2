"""Who keeps the calendar of a retraining, and whose triggers the server looks at."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from seatrial.monitoring.watching.config import MonitoringConfig
from seatrial.training.retraining.config import RetrainedConfig, check_retrainings
from seatrial.wiring.settings import Settings
from seatrial.wiring.watching.monitor import watched_for

NIGHTLY = {"name": "nightly", "kind": "schedule", "cron": "0 3 * * *"}
LABELS = {"name": "labels", "kind": "labels", "rows": 100}


def section(**more: Any) -> dict[str, Any]:
    return {"training": "churn", "label": "y", "triggers": [NIGHTLY, LABELS]} | more


@pytest.mark.parametrize(
    ("orchestrator", "here"),
    [("seatrial", ["nightly", "labels"]), ("airflow", ["labels"]), ("kubeflow", ["labels"])],
)
def test_the_calendar_has_one_keeper(orchestrator: str, here: list[str]) -> None:
    settings = {"retraining": {"churn": section(orchestrator=orchestrator)}}
    watched = watched_for(Settings.model_validate(settings))
    assert [trigger.name for trigger in watched.triggers] == here
    config = RetrainedConfig.model_validate(section(orchestrator=orchestrator))
    assert [trigger.name for trigger in config.calendar] == ["nightly"]


def test_a_calendar_elsewhere_needs_no_watch_here() -> None:
    blind = MonitoringConfig(enabled=False)
    for triggers, orchestrator, good in [
        ([NIGHTLY], "airflow", True),
        ([NIGHTLY], "seatrial", False),
        ([LABELS], "airflow", False),
    ]:
        config = RetrainedConfig.model_validate(
            section(triggers=triggers, orchestrator=orchestrator)
        )
        if good:
            check_retrainings({"churn": config}, blind)
        else:
            with pytest.raises(ValueError, match=r"monitoring\.enabled"):
                check_retrainings({"churn": config}, blind)


@pytest.mark.parametrize("wrong", [{"orchestrator": "cron"}, {"patience": "0s"}])
def test_what_is_no_orchestrator_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RetrainedConfig.model_validate(section(**wrong))
