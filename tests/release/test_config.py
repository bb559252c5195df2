"""What `seatrial.yaml` says about releases."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from seatrial.release.config import ReleaseConfig
from seatrial.release.gate_record import gates_from_dict


def test_the_default_is_five_percent_for_an_hour() -> None:
    plan = ReleaseConfig().plan()
    assert [(step.share, step.watch_s, step.shadow) for step in plan.steps] == [(0.05, 3600.0, 0.0)]
    assert plan.extend_s == 4 * 3600
    assert gates_from_dict(plan.gates).gates


def test_durations_are_read_as_people_write_them() -> None:
    config = ReleaseConfig.model_validate(
        {"steps": [{"share": 0.01, "watch": "1h30m"}, {"share": 0.5, "watch": 90}], "extend": "2d"}
    )
    assert [step.watch_s for step in config.plan().steps] == [5400.0, 90.0]
    assert config.plan().extend_s == 172_800.0


@pytest.mark.parametrize(
    "said",
    [
        {"steps": []},
        {"steps": [{"share": 1.5}]},
        {"steps": [{"share": -0.1}]},
        {"steps": [{"watch": "soon"}]},
        {"steps": [{"watch": -1}]},
        {"steps": [{"shar": 0.1}]},
        {"extend": "x"},
        {"staging_load": 0},
        {"staging_load": "-1s"},
        {"gate": {}},
    ],
)
def test_nonsense_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ReleaseConfig.model_validate(said)
