from __future__ import annotations

import asyncio
from collections.abc import Mapping
from importlib import import_module

import numpy as np

from seatrial.kernel.errors import Invalid
from seatrial.packaging.export import EXPORTERS, Exported, Form, export
from seatrial.packaging.parity import Parity, RowKind, compare
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task

SIGNATURE = Signature(
    features=(Feature(name="a", dtype=Dtype.FLOAT64),),
    outputs=(Output(name="prediction", dtype=Dtype.FLOAT64),),
    task=Task.REGRESSION,
    matrix=True,
)


def parity(error: float) -> Parity:
    native = {"prediction": np.array([1.0, 2.0])}
    return compare({RowKind.SAMPLE: (native, {"prediction": native["prediction"] + error})})


def exported(
    graphs: Mapping[str, bytes | None],
    errors: Mapping[bytes, float],
    *,
    wide: bytes | None = None,
    framework: str = "scikit-learn",
) -> Exported:
    async def call(path: str, arguments: dict[str, object]) -> Mapping[str, object]:
        assert path == "seatrial.adapters.export.sklearn:export"
        graph = graphs.get(str(arguments["form"]))
        reason = "" if graph else "Log has no ONNX form."
        return {"onnx": graph, "wide": wide, "opset": {"ai.onnx": 18}, "reason": reason}

    async def judge(graph: bytes) -> Parity:
        if graph == b"broken":
            raise Invalid("It does not load.", remedy="Export again.")
        return parity(errors[graph])

    return asyncio.run(export(framework, SIGNATURE, call=call, judge=judge))


def test_the_first_form_within_tolerance_is_taken():
    made = exported({"float32": b"a", "float64_rounded": b"b"}, {b"a": 0.1, b"b": 0.0})
    assert made.onnx == b"b"
    assert made.form is Form.ROUNDED
    assert made.opset == {"ai.onnx": 18}
    assert made.reason.startswith("ONNX (float64_rounded): same answers on 2 sample rows")


def test_over_tolerance_in_every_form_is_native_with_the_reason_and_the_evidence():
    graphs = {form.value: form.value.encode() for form in Form}
    made = exported(graphs, dict.fromkeys(graphs.values(), 0.1))
    assert made.onnx is None
    assert "over tolerance" in made.reason
    assert made.parity is not None
    assert not made.parity.passed


def test_a_model_without_onnx_form_is_native_with_the_first_reason():
    made = exported({}, {})
    assert made.onnx is None
    assert made.reason == "Log has no ONNX form."


def test_a_graph_that_does_not_load_is_passed_over():
    made = exported({"float32": b"broken", "float64": b"b"}, {b"b": 0.0})
    assert made.form is Form.FLOAT64


def test_a_wide_graph_over_tolerance_is_dropped_and_the_other_kept():
    errors = {b"a": 0.0, b"good": 0.0, b"bad": 0.1}
    assert exported({"float32": b"a"}, errors, wide=b"good").wide == b"good"
    made = exported({"float32": b"a"}, errors, wide=b"bad")
    assert made.onnx == b"a"
    assert made.wide is None


def test_a_framework_without_exporter_is_native_and_named():
    made = exported({}, {}, framework="prophet")
    assert made.onnx is None
    assert "prophet" in made.reason


def test_every_exporter_is_there():
    for path in EXPORTERS.values():
        module, function = path.split(":")
        assert callable(getattr(import_module(module), function))
