from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.kernel.errors import Invalid
from seatrial.packaging.plan import fit, plan
from seatrial.serving.engine import Cost, EngineKind, EnginePlan

SIZES = (1, 8, 64, 256, 1024)
ONNX, WIDE, NATIVE = EngineKind.ONNX, EngineKind.WIDE, EngineKind.NATIVE


def line(engine: EngineKind, fixed_us: float, row_us: float) -> list[Cost]:
    return [Cost(engine=engine, n_rows=n, seconds=(fixed_us + row_us * n) * 1e-6) for n in SIZES]


def test_the_only_engine_answers_everything():
    made = plan(line(ONNX, 4, 1))
    assert made.engines == {ONNX}
    assert made.choose(1).engine is made.choose(10**6).engine is ONNX


def test_the_wide_graph_takes_over_where_its_line_crosses():
    made = plan([*line(ONNX, 4, 1), *line(WIDE, 30, 0.2)])
    assert made.choose(32).engine is ONNX
    assert made.choose(33).engine is WIDE
    assert made.choose(5000).engine is WIDE


def test_a_wide_graph_that_hardly_wins_is_not_loaded():
    assert plan([*line(ONNX, 4, 1), *line(WIDE, 4, 0.95)]).engines == {ONNX}


@pytest.mark.parametrize(("row_us", "loaded"), [(0.8, False), (0.6, True)])
def test_the_native_engine_must_win_clearly(row_us, loaded):
    made = plan([*line(ONNX, 4, 1), *line(NATIVE, 90, row_us)])
    assert (NATIVE in made.engines) is loaded
    assert made.choose(1).engine is ONNX


def test_a_native_engine_alone_never_runs_on_the_event_loop():
    made = plan(line(NATIVE, 80, 1))
    assert not made.choose(1).inline


def test_short_batches_run_on_the_event_loop_and_long_ones_do_not():
    made = plan(line(ONNX, 4, 1))
    assert made.choose(1).inline
    assert made.choose(1996).inline
    assert not made.choose(1998).inline
    assert not plan(line(ONNX, 400, 1)).choose(1).inline


def test_chunks_are_taken_where_they_pay_and_only_above_their_size():
    cut = [Cost(engine=ONNX, n_rows=n, seconds=n * 0.5e-6, chunk_rows=64) for n in (256, 1024)]
    made = plan([*line(ONNX, 4, 1), *cut])
    assert made.choose(64).chunk_rows is None
    assert made.choose(256).chunk_rows == 64
    assert made.choose(2000).chunk_rows == 64


def test_no_request_decides_how_much_memory_a_worker_takes():
    made = plan(line(ONNX, 4, 1))
    assert made.choose(1024).chunk_rows is None
    assert made.choose(1025).chunk_rows == 1024
    assert made.choose(10**7).chunk_rows == 1024
    assert plan(line(NATIVE, 4, 1)).choose(10**7).chunk_rows is None


def test_batching_pays_for_a_model_whose_cost_is_flat_and_waits_for_company():
    made = plan(line(NATIVE, 15_000, 13))
    assert made.batching
    assert made.max_batch_rows == 256
    assert made.linger_s == pytest.approx(3.75e-3, rel=1e-3)


def test_batching_of_a_model_that_costs_by_the_row_is_bounded_and_does_not_wait():
    made = plan(line(ONNX, 600, 90))
    assert made.batching
    assert made.max_batch_rows == 60
    assert made.linger_s == 0.0


def test_batching_does_not_pay_for_a_fast_model_nor_for_one_without_fixed_cost():
    assert not plan(line(ONNX, 4, 1)).batching
    slow = plan(line(ONNX, 0, 5_000))
    assert not slow.batching
    assert slow.max_batch_rows == 1


def test_a_plan_without_the_cost_of_one_row_is_refused():
    with pytest.raises(Invalid, match="one row"):
        plan([Cost(engine=ONNX, n_rows=8, seconds=1e-5)])


def test_the_reason_names_each_engine_with_its_cost():
    made = plan([*line(ONNX, 4, 1), *line(WIDE, 30, 0.2)])
    assert made.reason == (
        "onnx from 1 row (5 us), onnx_wide from 33 rows (37 us); on the event loop; "
        "batching requests does not pay."
    )


@given(st.floats(1e-6, 1e-1), st.floats(1e-8, 1e-3))
def test_the_fit_finds_the_line_that_is_there(fixed_s, per_row_s):
    a, b = fit(SIZES, [fixed_s + per_row_s * n for n in SIZES])
    assert a == pytest.approx(fixed_s, rel=1e-4, abs=per_row_s * 1e-4)
    assert b == pytest.approx(per_row_s, rel=1e-4, abs=fixed_s * 1e-6)


@given(st.lists(st.floats(1e-7, 10), min_size=5, max_size=5))
def test_the_fit_is_never_negative(seconds):
    a, b = fit(SIZES, seconds)
    assert a >= 0
    assert b >= 0


HERE = [kind for kind in EngineKind if kind is not EngineKind.REMOTE]
costs = st.lists(st.floats(1e-6, 1.0), min_size=15, max_size=15)


@given(costs)
def test_the_choice_is_never_slower_than_the_margin_allows_at_a_measured_size(seconds):
    kinds = [(k, n) for k in HERE for n in SIZES]
    measured = dict(zip(kinds, seconds, strict=True))
    made = plan([Cost(engine=k, n_rows=n, seconds=s) for (k, n), s in measured.items()])
    for n in SIZES:
        chosen = measured[made.choose(n).engine, n]
        assert chosen <= 1.3 * min(measured[k, n] for k in HERE) * (1 + 1e-9)


@given(costs)
def test_a_plan_survives_json(seconds):
    kinds = [(k, n) for k in HERE for n in SIZES]
    made = plan(
        [Cost(engine=k, n_rows=n, seconds=s) for (k, n), s in zip(kinds, seconds, strict=True)]
    )
    assert EnginePlan.from_dict(json.loads(json.dumps(made.as_dict()))) == made
