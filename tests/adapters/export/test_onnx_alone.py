"""A row has one answer, whoever asks beside it, of graphs that scale by the batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seatrial.adapters.export.onnx_alone import is_alone, one_by_one
from seatrial.adapters.native.onnx_model import load_onnx
from seatrial.adapters.serving.onnxruntime import OnnxEngine
from tests.adapters.int8_graphs import ROWS, SIGNATURE, full_graph, int8_graph


@pytest.fixture(scope="module")
def int8() -> bytes:
    return int8_graph()


def test_what_scales_by_the_batch_is_known(int8: bytes) -> None:
    assert not is_alone(full_graph())
    assert is_alone(int8)


def test_rows_have_the_same_answers_in_any_company(int8: bytes, tmp_path: Path) -> None:
    engine = OnnxEngine(int8, SIGNATURE)
    whole = engine.predict(ROWS)["prediction"]
    alone = np.concatenate([engine.predict(ROWS[k : k + 1])["prediction"] for k in range(20)])
    assert whole.tolist() == alone.tolist()
    (tmp_path / "int8.onnx").write_bytes(int8)
    native = load_onnx(tmp_path / "int8.onnx").predict(ROWS, SIGNATURE)["prediction"]
    assert native.tolist() == whole.tolist()
    together = engine._asked(ROWS)["prediction"]
    assert np.abs(together - whole).max() > 1e-3  # which is what is spared


def test_no_rows_and_one_are_asked_at_once() -> None:
    asked: list[int] = []

    def run(batch: object) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
        rows = np.asarray(batch, np.float32)
        asked.append(len(rows))
        return {"sum": rows.sum(axis=1)}

    assert one_by_one(run, ROWS[:0])["sum"].shape == (0,)
    assert one_by_one(run, ROWS[:1])["sum"].shape == (1,)
    assert asked == [0, 1]
    assert one_by_one(run, ROWS)["sum"].tolist() == ROWS.sum(axis=1).tolist()
