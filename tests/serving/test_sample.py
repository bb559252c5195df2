from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task
from seatrial.serving.live import LiveVersion
from seatrial.serving.sample import (
    PredictionLog,
    Record,
    SampleConfig,
    Values,
    column_of,
    decode,
    encode,
    values_of,
)
from seatrial.serving.spool import Spool, frames, segments
from seatrial.testing.clock import FakeClock
from seatrial.testing.models import live_version

MakeLive = Callable[..., LiveVersion]


@pytest.fixture
def log_of(tmp_path: Path, clock: FakeClock) -> Callable[..., PredictionLog]:
    def make(chance: float = 0.0, **config: float) -> PredictionLog:
        spool = Spool(tmp_path, name="w0", clock=clock)
        wanted = SampleConfig(**config)  # type: ignore[arg-type]
        return PredictionLog(spool, config=wanted, clock=clock, chance=lambda: chance)

    return make


def records(folder: Path) -> list[Record]:
    return [decode(payload) for path in segments(folder) for payload in frames(path)]


def test_the_rate_decides_for_good_answers_and_errors_are_always_wanted(
    log_of: Callable[..., PredictionLog],
) -> None:
    assert log_of(chance=0.009, rate=0.01).wants("ok")
    never = log_of(chance=0.01, rate=0.01)
    assert not never.wants("ok")
    assert never.wants("error:timeout")
    assert not never.wants("rejected")
    assert not never.wants("shed")
    assert not log_of(chance=0.0, rate=0.0).wants("ok")


def test_a_record_says_what_was_asked_and_answered(
    log_of: Callable[..., PredictionLog],
    make_live: MakeLive,
    fakes: SimpleNamespace,
    clock: FakeClock,
    tmp_path: Path,
) -> None:
    log, live = log_of(), make_live(3)
    batch = fakes.row(1, 2)
    answer = live.predict(batch)
    assert isinstance(answer, dict)
    log.offer("id-1", live, batch, answer, revision=7, latency_s=0.25, outcome="ok")
    log.offer("id-2", live, batch, None, revision=7, latency_s=0.5, outcome="error:timeout")
    batch[:] = 99  # a buffer that is used again must not change what was kept
    log.close()
    first, second = records(tmp_path)
    assert (first.request_id, first.endpoint, first.version) == ("id-1", "churn", 3)
    assert (first.revision, first.latency_s, first.outcome) == (7, 0.25, "ok")
    assert first.at == clock.now().timestamp()
    assert (first.n_rows, first.rows) == (2, 2)
    assert {name: column_of(v).tolist() for name, v in first.inputs.items()} == {
        "a": [1.0, 2.0],
        "b": [0.0, 0.0],
    }
    assert column_of(first.outputs["prediction"]).tolist() == [3.0, 6.0]
    assert (second.outcome, second.outputs) == ("error:timeout", {})


def test_of_a_large_request_only_the_first_rows_are_kept(
    log_of: Callable[..., PredictionLog],
    make_live: MakeLive,
    fakes: SimpleNamespace,
    tmp_path: Path,
) -> None:
    log, live = log_of(max_rows=4), make_live()
    batch = fakes.row(*range(10))
    answer = live.predict(batch)
    assert isinstance(answer, dict)
    log.offer("id", live, batch, answer, revision=1, latency_s=0.1, outcome="ok")
    log.close()
    (record,) = records(tmp_path)
    assert (record.n_rows, record.rows) == (10, 4)
    assert column_of(record.inputs["a"]).tolist() == [0, 1, 2, 3]
    assert len(column_of(record.outputs["prediction"])) == 4


def test_more_than_the_buffer_holds_is_dropped_and_counted(
    log_of: Callable[..., PredictionLog],
    make_live: MakeLive,
    fakes: SimpleNamespace,
    tmp_path: Path,
) -> None:
    log, live = log_of(max_held=3), make_live()
    for i in range(5):
        log.offer(str(i), live, fakes.row(1), None, revision=1, latency_s=0.1, outcome="error:x")
    assert log.n_dropped == 2
    log.close()
    assert [record.request_id for record in records(tmp_path)] == ["0", "1", "2"]


@given(
    column=hnp.arrays(
        st.sampled_from(["<f4", ">f4", "<f8", "<i8", "bool"]),
        st.tuples(st.integers(1, 5), st.integers(1, 3)),
    )
)
def test_numbers_survive_exactly(column: np.ndarray) -> None:
    stored = msgspec.msgpack.encode(values_of(column))
    back = column_of(msgspec.msgpack.decode(stored, type=Values))
    np.testing.assert_array_equal(back.reshape(column.shape), column)
    assert back.dtype == column.dtype.newbyteorder("<")


def test_text_and_missing_values_survive() -> None:
    column = np.array(["Zürich", None, ""], dtype=object)
    assert column_of(values_of(column)).tolist() == ["Zürich", None, ""]


def test_a_record_of_a_schema_from_the_future_is_refused() -> None:
    payload = msgspec.msgpack.decode(encode(_record()))
    payload["schema"] = 2
    with pytest.raises(msgspec.ValidationError):
        decode(msgspec.msgpack.encode(payload))


SAVED = bytes.fromhex(
    "8ca6736368656d6101aa726571756573745f6964a172a26174cb3ff8000000000000a8656e64706f696e74a563687572"
    "6ea776657273696f6e01a87265766973696f6e02a76f7574636f6d65a26f6ba96c6174656e63795f73cb3fe000000000"
    "0000a66e5f726f777301a4726f777301a6696e7075747381a16194a33c663401c4040000803f90a76f75747075747381"
    "a56c6162656c94a001c40091a178"
)


def test_a_record_saved_under_schema_1_can_be_read() -> None:
    assert decode(SAVED) == _record()


def _record() -> Record:
    return Record(
        request_id="r",
        at=1.5,
        endpoint="churn",
        version=1,
        revision=2,
        outcome="ok",
        latency_s=0.5,
        n_rows=1,
        rows=1,
        inputs={"a": values_of(np.array([1.0], dtype=np.float32))},
        outputs={"label": values_of(np.array(["x"], dtype=object))},
    )


def test_of_a_tensor_the_numbers_that_are_watched_are_kept(
    log_of: Callable[..., PredictionLog], tmp_path: Path
) -> None:
    signature = Signature(
        features=(Feature(name="image", dtype=Dtype.FLOAT32, shape=(2, 2)),),
        outputs=(Output(name="prediction", dtype=Dtype.FLOAT32),),
        task=Task.REGRESSION,
        matrix=False,
    )
    log = log_of()
    images = np.arange(8, dtype=np.float32).reshape(2, 2, 2)
    log.offer(
        "id-1",
        live_version(signature),
        {"image": images},
        None,
        revision=1,
        latency_s=0.1,
        outcome="ok",
    )
    log.close()
    (record,) = records(tmp_path)
    assert {name: column_of(v).tolist() for name, v in record.inputs.items()} == {
        "image.mean": [1.5, 5.5],
        "image.std": [np.std(range(4)), np.std(range(4))],
        "image.min": [0.0, 4.0],
        "image.max": [3.0, 7.0],
    }
