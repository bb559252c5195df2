"""A run as others are shown it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from seatrial.steps.run import Run, Status, StepState

AT = datetime(2030, 1, 1, tzinfo=UTC)
STATUSES = [
    Status.FINISHED,
    Status.TAKEN_OVER,
    Status.RUNNING,
    Status.WAITING,
    Status.RETRYING,
    Status.FAILED,
    Status.PENDING,
]
RUN = Run(
    kind="k",
    key="1",
    input={},
    steps=tuple(StepState(name=status.value, status=status) for status in STATUSES),
    started_at=AT,
    started_by="anna",
    cause="",
)


def shown(run: Run) -> list[str]:
    record: Any = run.as_dict()
    return [step["status"] for step in record["steps"]]


def test_the_steps_of_a_run_under_way_stand_where_they_stand() -> None:
    assert shown(RUN) == [status.value for status in STATUSES]


@pytest.mark.parametrize("over", [Status.ENDED, Status.CANCELLED])
def test_no_step_of_a_run_that_is_over_is_at_work_or_to_come(over: Status) -> None:
    assert shown(replace(RUN, over=over)) == [
        "finished",
        "taken_over",
        "stopped",
        "stopped",
        "stopped",
        "failed",
        "not_done",
    ]
