from __future__ import annotations

import pytest

from seatrial.serving.engine import Choice, EngineKind, EnginePlan, PlanUnreadable, Step


def made(*steps: tuple[int, EngineKind]) -> EnginePlan:
    return EnginePlan(
        steps=tuple(
            Step(from_rows=n, choice=Choice(engine=e, chunk_rows=None, inline=True))
            for n, e in steps
        ),
        costs=(),
        fixed_s=1e-5,
        per_row_s=1e-6,
        batching=False,
        max_batch_rows=1,
        linger_s=0.0,
        reason="measured",
    )


def test_a_batch_gets_the_last_step_that_starts_at_or_below_its_rows():
    plan = made((1, EngineKind.ONNX), (16, EngineKind.WIDE), (500, EngineKind.NATIVE))
    chosen = [plan.choose(n).engine.value for n in (1, 15, 16, 499, 500, 10**9)]
    assert chosen == ["onnx", "onnx", "onnx_wide", "onnx_wide", "native", "native"]
    assert plan.engines == set(EngineKind) - {EngineKind.REMOTE}


@pytest.mark.parametrize("starts", [[], [2], [1, 1], [1, 9, 5]])
def test_steps_start_at_one_and_ascend(starts):
    with pytest.raises(PlanUnreadable, match="not at 1 and ascending"):
        made(*((n, EngineKind.ONNX) for n in starts))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"schema": 2}, "schema"),
        ({"fixed_s": -1.0}, "fixed_s"),
        ({"max_batch_rows": 0}, "max_batch_rows"),
        ({"steps": [{"from_rows": 1}]}, "choice"),
        ({"linger_s": "2ms"}, "linger_s"),
        ({"extra": 1}, "extra"),
    ],
)
def test_a_stored_plan_with_a_wrong_field_is_refused_by_name(change, field):
    record = made((1, EngineKind.ONNX)).as_dict() | change
    with pytest.raises(PlanUnreadable, match=field):
        EnginePlan.from_dict(record)
