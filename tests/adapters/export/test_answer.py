from __future__ import annotations

import pytest
from onnx import ModelProto, parser

from seatrial.adapters.export.answer import (
    by_their_exporter,
    fixed_rows,
    last_cause,
    made,
    of_free_rows,
    refusal,
)


def graph(rows: str) -> ModelProto:
    return parser.parse_model(
        f"<ir_version: 9, opset_import: ['': 18]> g (float[{rows}, 2] x) => (float[n, 2] y) "
        "{ y = Identity(x) }".replace("'", '"')
    )


def exported(error: Exception) -> str:
    def make() -> dict[str, object]:
        raise error

    answer = by_their_exporter(make, fails="It cannot export", extra="torch", needs="onnxscript")
    assert answer["onnx"] is None
    return str(answer["reason"])


def test_a_graph_of_free_rows_is_the_answer() -> None:
    free = graph("n")
    assert fixed_rows(free) == ""
    assert of_free_rows(free) == made(free)
    assert made(free, wide=free)["wide"] == made(free)["onnx"]
    assert made(free)["opset"] == {"ai.onnx": 18}


def test_a_graph_that_takes_a_fixed_number_of_rows_is_refused() -> None:
    problem = "The exported input 'x' takes a fixed number of rows."
    assert of_free_rows(graph("3")) == refusal(problem)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ImportError("no", name="tf2onnx"), "needs tf2onnx; run: pip install 'seatrial[torch]'"),
        (ImportError("no"), "The export needs onnxscript"),
        (
            ValueError("\n bad shape.\nTo fix it, ask"),
            "It cannot export the model: ValueError: bad",
        ),
        (ValueError(), "It cannot export the model: ValueError: ValueError."),
    ],
)
def test_what_an_exporter_raises_is_the_reason(error: Exception, reason: str) -> None:
    assert reason in exported(error)


def test_no_memory_is_no_property_of_the_model() -> None:
    with pytest.raises(MemoryError):
        exported(MemoryError())


def test_the_last_cause_tells_most() -> None:
    inner, outer = KeyError("dim"), RuntimeError("export failed")
    outer.__cause__ = inner
    assert last_cause(outer) == "KeyError: 'dim'"
