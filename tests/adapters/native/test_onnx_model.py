"""ONNX graphs that cannot be served: each is refused by what it lacks, with a way out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from seatrial.adapters.native.onnx_model import load_onnx
from seatrial.adapters.serving.onnxruntime import OnnxEngine
from seatrial.kernel.errors import SeatrialError
from seatrial.registry.model_file import CorruptModel
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task
from seatrial.serving.failures import UnsupportedModel

FLOAT = TensorProto.FLOAT


def graph(
    op: str = "Identity",
    *,
    given: tuple[int, Sequence[Any]] = (FLOAT, ("n", 4)),
    answers: int = FLOAT,
    opset: int = 21,
    domain: str = "",
    **named: Any,
) -> ModelProto:
    """One operator from ``x`` to ``y``."""
    dtype, shape = given
    node = helper.make_node(op, ["x"], ["y"], domain=domain, **named)
    made = helper.make_graph(
        [node],
        "one",
        [helper.make_tensor_value_info("x", dtype, shape)],
        [helper.make_tensor_value_info("y", answers, shape)],
    )
    sets = [helper.make_opsetid("", opset), helper.make_opsetid("mine", 1)]
    return helper.make_model(made, opset_imports=sets, ir_version=10)


def inputless() -> ModelProto:
    """A constant."""
    value = numpy_helper.from_array(np.zeros(3, np.float32))
    node = helper.make_node("Constant", [], ["y"], value=value)
    out = helper.make_tensor_value_info("y", FLOAT, [3])
    sets = [helper.make_opsetid("", 21)]
    return helper.make_model(
        helper.make_graph([node], "one", [], [out]), opset_imports=sets, ir_version=10
    )


def linked(location: str) -> ModelProto:
    """A graph whose weights lie in a file of that name."""
    weights = numpy_helper.from_array(np.ones((4, 1), np.float32), "w")
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", "16")):
        entry = weights.external_data.add()
        entry.key, entry.value = key, value
    made = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "one",
        [helper.make_tensor_value_info("x", FLOAT, ["n", 4])],
        [helper.make_tensor_value_info("y", FLOAT, ["n", 1])],
        [weights],
    )
    sets = [helper.make_opsetid("", 21)]
    return helper.make_model(made, opset_imports=sets, ir_version=10)


def newer(ir_version: int) -> ModelProto:
    """A file format of the future."""
    made = graph()
    made.ir_version = ir_version
    return made


@pytest.mark.parametrize(
    ("model", "said", "remedy"),
    [
        (graph("Magic", domain="mine"), "no operator mine:Magic", "operators of ONNX"),
        (graph(opset=99), "operator set is newer", "older opset_version"),
        (newer(60), "file format is newer", "newer onnxruntime"),
        (linked("missing.bin"), "lie in another file", "save_as_external_data=False"),
        (linked("beside.bin"), "lie in another file", "save_as_external_data=False"),
        (linked("../../../etc/passwd"), "lie in another file", "save_as_external_data=False"),
        (linked("/etc/passwd"), "lie in another file", "save_as_external_data=False"),
        (graph(given=(FLOAT, ("n", "k"))), r"\['n', 'k'\]", "fixed"),
        (graph(given=(FLOAT, (3, 4))), r"\[3, 4\]", "free first dimension"),
        (graph(given=(FLOAT, ())), r"\[\]", "free first dimension"),
        (graph(given=(FLOAT, ("n", 0))), r"\['n', 0\]", "free first dimension"),
        (inputless(), "takes no input", "rows as an input"),
        *(
            (graph(given=(kind, ("n", 2)), answers=kind), "'x' is tensor", "Cast")
            for kind in (
                TensorProto.UINT64,
                TensorProto.UINT32,
            )
        ),
        (
            graph(given=(TensorProto.BFLOAT16, ("n", 2)), answers=TensorProto.BFLOAT16),
            "'x' is tensor.bfloat16",
            "has float (numpy has no bfloat16",
        ),
        *(
            (graph(given=(kind, shape), answers=kind), f"'x' is one {name} a row", "Cast")
            for kind, name in ((TensorProto.UINT8, "uint8"), (TensorProto.INT16, "int16"))
            for shape in (("n",), ("n", 1))
        ),
        (graph("Cast", answers=TensorProto.BFLOAT16, to=16), "'y' is tensor.bfloat16", "Cast"),
        (graph("Cast", answers=TensorProto.UINT64, to=13), "'y' is tensor.uint64", "Cast"),
        (
            graph(given=(TensorProto.COMPLEX64, ("n", 2)), answers=TensorProto.COMPLEX64),
            "no tensor.complex64. on a CPU",
            "Cast to float",
        ),
    ],
)
def test_a_graph_that_cannot_be_served_says_what_it_lacks(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    model: ModelProto,
    said: str,
    remedy: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "beside.bin").write_bytes(bytes(16))
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(UnsupportedModel, match=said) as caught:
        load_onnx(path)
    assert remedy in caught.value.remedy


@pytest.mark.parametrize("content", [b"\x08\x09\x12\x00" + b"\xff" * 500, b"\x08\x0a\x12\x03ab"])
def test_what_is_no_graph_is_damaged(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(CorruptModel, match=r"cannot load model\.onnx") as caught:
        load_onnx(path)
    assert "export it again" in caught.value.remedy


SMALL = {
    Dtype.INT8: TensorProto.INT8,
    Dtype.INT16: TensorProto.INT16,
    Dtype.UINT8: TensorProto.UINT8,
    Dtype.UINT16: TensorProto.UINT16,
}


@pytest.mark.parametrize("sizes", [(4,), (8, 8, 3)], ids=["a row of bytes", "an image"])
@pytest.mark.parametrize("dtype", list(SMALL))
def test_small_numbers_of_several_a_row_are_one_tensor_and_go_in_as_they_are(
    tmp_path: Path, dtype: Dtype, sizes: tuple[int, ...]
) -> None:
    path = tmp_path / "model.onnx"
    kind = SMALL[dtype]
    path.write_bytes(
        graph("Cast", given=(kind, ("n", *sizes)), answers=FLOAT, to=FLOAT).SerializeToString()
    )
    model = load_onnx(path)
    (fact,) = model.facts().inputs or ()
    assert (fact.name, fact.dtype, fact.shape) == ("x", dtype, sizes)
    rows = np.random.default_rng(0).integers(*dtype.bounds, (3, *sizes)).astype(dtype.numpy)
    signature = Signature(
        features=(Feature(name="x", dtype=dtype, shape=sizes),),
        outputs=(Output(name="y", dtype=Dtype.FLOAT32, width=rows[0].size, shape=sizes),),
        task=Task.OTHER,
        matrix=False,
    )
    np.testing.assert_array_equal(model.predict({"x": rows}, signature)["y"], rows)
    np.testing.assert_array_equal(
        OnnxEngine(path.read_bytes(), signature).predict({"x": rows})["y"], rows
    )


def test_halves_are_a_tensor_or_features_that_take_any_number(tmp_path: Path) -> None:
    half = TensorProto.FLOAT16
    path = tmp_path / "model.onnx"
    path.write_bytes(graph(given=(half, ("n", 3)), answers=half).SerializeToString())
    facts = load_onnx(path).facts()
    assert [(fact.name, fact.dtype, fact.shape) for fact in facts.inputs or ()] == [
        (f"x{at}", None, ()) for at in range(3)
    ]
    assert facts.number is Dtype.FLOAT32
    signature = Signature(
        features=tuple(Feature(name=f"x{at}", dtype=Dtype.FLOAT32) for at in range(3)),
        outputs=(Output(name="y", dtype=Dtype.FLOAT32, width=3),),
        task=Task.OTHER,
        matrix=True,
    )
    rows = np.array([[0.1, 65_504, -1], [1e-9, 2.5, 0]], np.float32)
    answered = OnnxEngine(path.read_bytes(), signature).predict(rows)["y"]
    assert answered.dtype == np.float32
    np.testing.assert_array_equal(answered, rows.astype(np.float16).astype(np.float32))
    np.testing.assert_array_equal(load_onnx(path).predict(rows, signature)["y"], answered)

    path.write_bytes(graph(given=(half, ("n", 3, 2)), answers=half).SerializeToString())
    (fact,) = load_onnx(path).facts().inputs or ()
    assert (fact.dtype, fact.shape, fact.low) == (Dtype.FLOAT16, (3, 2), None)


def test_halves_and_small_numbers_may_be_answers(tmp_path: Path) -> None:
    for kind in (TensorProto.FLOAT16, TensorProto.UINT8):
        path = tmp_path / f"{kind}.onnx"
        path.write_bytes(graph("Cast", answers=kind, to=kind).SerializeToString())
        try:
            load_onnx(path)
        except SeatrialError as error:  # pragma: no cover
            pytest.fail(str(error))
