from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

from seatrial.kernel.errors import Invalid, Unavailable
from seatrial.serving.batching import CostModel, linger_s
from seatrial.serving.engine import EngineKind
from seatrial.serving.exchange import BadOutput
from seatrial.serving.failures import EngineFailed
from seatrial.serving.live import LiveVersion, limits_of
from seatrial.serving.queue import Closed

MakeLive = Callable[..., LiveVersion]


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_quick_engine_answers_at_once(make_live: MakeLive, fakes: SimpleNamespace) -> None:
    live = make_live(2)
    answer = live.predict(fakes.row(1, 2))
    assert isinstance(answer, dict)
    assert answer["prediction"].tolist() == [2.0, 4.0]
    assert live.n_in_flight == 0


async def test_the_plan_chooses_by_rows_what_runs_and_where(
    make_live: MakeLive, fakes: SimpleNamespace
) -> None:
    engine = fakes.engine()
    how = fakes.plan((1, fakes.choice()), (3, fakes.choice(inline=False, rows=2)))
    live = make_live(engine=engine, how=how)
    assert isinstance(live.predict(fakes.row(1, 2)), dict)
    later = live.predict(fakes.row(1, 2, 3, 4, 5))
    assert not isinstance(later, dict)
    assert (await later)["prediction"].tolist() == [2, 4, 6, 8, 10]
    assert engine.calls == [2, 2, 2, 1]
    await live.close()


async def test_a_native_only_version_starts_before_its_first_request(
    make_live: MakeLive, fakes: SimpleNamespace
) -> None:
    native = fakes.native()
    how = fakes.plan((1, fakes.choice(EngineKind.NATIVE, inline=False)))
    live = make_live(native=native, how=how, call_timeout_s=7.0)
    await live.start()
    assert native.n_starts == 1
    assert (await live.predict(fakes.row(3)))["prediction"].tolist() == [6.0]
    assert native.timeouts == [7.0]
    await live.close()
    assert native.inner.closed


async def test_beside_onnx_the_native_engine_starts_at_first_need_and_onnx_answers_meanwhile(
    make_live: MakeLive, fakes: SimpleNamespace
) -> None:
    native, onnx = fakes.native(answer=20.0), fakes.engine(answer=2.0)
    native.may_start.clear()
    how = fakes.plan((1, fakes.choice()), (3, fakes.choice(EngineKind.NATIVE, inline=False)))
    live = make_live(engine=onnx, native=native, how=how)
    await live.start()
    live.predict(fakes.row(1))
    assert native.n_starts == 0
    assert (await live.predict(fakes.row(1, 1, 1)))["prediction"].tolist() == [2, 2, 2]
    assert native.n_starts == 1
    native.may_start.set()
    await settle()
    assert (await live.predict(fakes.row(1, 1, 1)))["prediction"].tolist() == [20, 20, 20]
    assert native.n_starts == 1
    await live.close()


async def test_a_native_engine_that_cannot_start_leaves_onnx_answering(
    make_live: MakeLive, fakes: SimpleNamespace
) -> None:
    native = fakes.native()
    native.problem = Unavailable("No memory.", remedy="Buy some.")
    how = fakes.plan((1, fakes.choice(EngineKind.NATIVE, inline=False)), (2, fakes.choice()))
    live = make_live(engine=fakes.engine(2.0), native=native, how=how)
    for _ in range(3):
        assert (await live.predict(fakes.row(1)))["prediction"].tolist() == [2.0]
        await settle()
    assert native.n_starts == 1
    await live.close()


async def test_closing_while_the_native_engine_starts_ends_it(
    make_live: MakeLive, fakes: SimpleNamespace
) -> None:
    native = fakes.native()
    native.may_start.clear()
    how = fakes.plan((1, fakes.choice(EngineKind.NATIVE, inline=False)), (2, fakes.choice()))
    live = make_live(engine=fakes.engine(2.0), native=native, how=how)
    await live.predict(fakes.row(1))
    await live.close()
    assert native.inner.closed


@pytest.mark.parametrize("inline", [True, False])
async def test_a_model_that_raises_is_the_versions_fault(
    make_live: MakeLive, fakes: SimpleNamespace, inline: bool
) -> None:
    live = make_live(how=fakes.plan((1, fakes.choice(inline=inline))))

    async def ask(value: float) -> None:
        answer = live.predict(fakes.row(value))
        if not isinstance(answer, dict):
            await answer

    with pytest.raises(EngineFailed, match=r"churn version 1 failed: ValueError: negative"):
        await ask(-1)
    with pytest.raises(BadOutput, match="nan"):
        await ask(13)
    await ask(1)
    await live.close()


async def test_an_engine_that_blames_its_input_is_at_fault_all_the_same(
    make_live: MakeLive, fakes: SimpleNamespace
) -> None:
    native = fakes.native()
    await native.start()
    native.problem = Invalid("I do not like it.", remedy="Send something else.")
    how = fakes.plan((1, fakes.choice(EngineKind.NATIVE, inline=False)))
    live = make_live(native=native, how=how)
    with pytest.raises(EngineFailed):
        await live.predict(fakes.row(1))
    native.problem = Unavailable("It died.", remedy="Wait.")
    with pytest.raises(Unavailable, match="died"):
        await live.predict(fakes.row(1))
    await live.close()


async def test_one_bad_row_fails_alone_in_a_batch_of_several_requests(
    make_live: MakeLive, fakes: SimpleNamespace
) -> None:
    native = fakes.native()
    await native.start()
    native.gate = asyncio.Event()
    how = fakes.plan((1, fakes.choice(EngineKind.NATIVE, inline=False)))
    live = make_live(native=native, how=how)
    answers = [live.predict(fakes.row(value)) for value in (0, 1, -1, 13, 4)]
    await settle()
    assert live.n_in_flight == 5
    native.gate.set()
    got = await asyncio.gather(*answers, return_exceptions=True)
    kinds = [type(answer) for answer in got]
    assert kinds == [dict, dict, EngineFailed, BadOutput, dict]
    assert got[4]["prediction"].tolist() == [8.0]
    await live.close()


async def test_closing_drains_first_then_refuses(
    make_live: MakeLive, fakes: SimpleNamespace
) -> None:
    native = fakes.native()
    await native.start()
    native.gate = asyncio.Event()
    how = fakes.plan((1, fakes.choice(EngineKind.NATIVE, inline=False)))
    live = make_live(native=native, how=how)
    answers = [live.predict(fakes.row(value)) for value in (1, 2)]
    closing = asyncio.ensure_future(live.close(drain_s=5.0))
    await settle()
    native.gate.set()
    assert [(await a)["prediction"].tolist() for a in answers] == [[2.0], [4.0]]
    await closing
    with pytest.raises(Closed):
        live.predict(fakes.row(1))


async def test_a_closed_inline_version_refuses(make_live: MakeLive, fakes: SimpleNamespace) -> None:
    live = make_live()
    await live.close()
    with pytest.raises(Closed, match="churn version 1"):
        live.predict(fakes.row(1))


def test_without_batching_in_the_plan_requests_run_one_by_one(fakes: SimpleNamespace) -> None:
    assert limits_of(fakes.plan((1, fakes.choice()), batching=False)).max_rows == 1
    bounds = limits_of(fakes.plan((1, fakes.choice()), max_batch_rows=32), max_waiting=7)
    assert (bounds.max_rows, bounds.max_waiting) == (32, 7)


def test_how_long_a_batch_waits_for_company_is_for_the_queue_to_say(fakes: SimpleNamespace) -> None:
    whole = fakes.plan((1, fakes.choice()))
    assert whole.linger_s == 0.0
    limits = limits_of(whole)
    flat, by_row = CostModel.of(0.0022, 0.00015, 256), CostModel.of(0.0022, 0.0022, 256)
    assert linger_s(flat, 8, limits) == pytest.approx(0.00055)  # eight of sixteen clients wait
    assert linger_s(by_row, 8, limits) == 0.0
    assert limits_of(fakes.plan((1, fakes.choice()), batching=False)).linger_s == 0.0


async def test_columns_go_through_like_matrices(
    make_live: MakeLive, fakes: SimpleNamespace
) -> None:
    class Echo:
        def predict(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
            return {"prediction": batch["a"]}

        def close(self) -> None:
            pass

    live = make_live(engine=Echo())
    answer = live.predict({"a": np.array([1.0, 2.0], dtype=np.float32)})
    assert isinstance(answer, dict)
    assert answer["prediction"].tolist() == [1.0, 2.0]


async def test_batches_of_one_moment_run_in_one_call(
    make_live: MakeLive, fakes: SimpleNamespace
) -> None:
    engine = fakes.engine()
    live = make_live(engine=engine)
    answers = live.predict_together([fakes.row(1), fakes.row(2, 3), fakes.row(4)])
    assert [a["prediction"].tolist() for a in answers] == [[2.0], [4.0, 6.0], [8.0]]
    assert engine.calls == [4]


async def test_only_as_many_run_together_as_may_run_on_the_loop(
    make_live: MakeLive, fakes: SimpleNamespace
) -> None:
    engine = fakes.engine()
    how = fakes.plan((1, fakes.choice()), (4, fakes.choice(inline=False)))
    live = make_live(engine=engine, how=how)
    assert len(live.predict_together([fakes.row(1), fakes.row(2), fakes.row(3, 4)])) == 2
    assert engine.calls == [2]
    assert live.predict_together([fakes.row(1, 2, 3, 4)] * 2) == []
    assert engine.calls == [2]


async def test_nothing_is_answered_together_when_one_batch_is_to_blame(
    make_live: MakeLive, fakes: SimpleNamespace
) -> None:
    live = make_live()
    assert live.predict_together([fakes.row(1), fakes.row(-1)]) == []
    assert live.predict_together([fakes.row(1), fakes.row(13)]) == []
    with pytest.raises(EngineFailed):
        live.predict(fakes.row(-1))


async def test_one_batch_alone_and_a_closed_version_are_left_to_predict(
    make_live: MakeLive, fakes: SimpleNamespace
) -> None:
    engine = fakes.engine()
    live = make_live(engine=engine)
    assert live.predict_together([fakes.row(1)]) == []
    await live.close()
    assert live.predict_together([fakes.row(1), fakes.row(2)]) == []
    assert engine.calls == []
