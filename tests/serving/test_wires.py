from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task
from seatrial.serving.codec.description import inputs, output
from seatrial.serving.failures import EngineMismatch, EngineNonsense
from seatrial.serving.oip import ModelMetadata, TensorSpec
from seatrial.serving.wires import fit
from seatrial.testing.models import column_signature, matrix_signature


def spec(name: str, datatype: str, *shape: int) -> TensorSpec:
    return TensorSpec(name=name, datatype=datatype, shape=shape)


MATRIX = ModelMetadata(
    inputs=(spec("float_input", "FP32", -1, 3),),
    outputs=(spec("label", "INT64", -1, 1), spec("probabilities", "FP64", -1, 2)),
)


@pytest.mark.parametrize("signature", [matrix_signature(), column_signature()])
def test_what_we_describe_ourselves_fits_us(signature: object) -> None:
    def own(record: dict[str, object]) -> TensorSpec:
        shape = record["shape"]
        assert isinstance(shape, list)
        return spec(str(record["name"]), str(record["datatype"]), *shape)

    described = ModelMetadata(
        inputs=tuple(map(own, inputs(signature))),  # type: ignore[arg-type]
        outputs=tuple(own(output(o)) for o in signature.outputs),  # type: ignore[attr-defined]
    )
    fit("m", signature, described)  # type: ignore[arg-type]


def test_a_matrix_goes_there_and_its_answers_come_back_as_promised() -> None:
    wires = fit("m", matrix_signature(), MATRIX)
    (tensor,) = wires.tensors(np.array([[1, 2, 3]], np.float32))
    assert (tensor.name, tensor.datatype, tensor.values.shape) == ("float_input", "FP32", (1, 3))
    answers = {"label": np.array([[1]], np.int32), "probabilities": np.array([[0.25, 0.75]])}
    got = wires.prediction(answers, 1)
    assert got["label"].shape == (1,)
    assert got["label"].dtype == np.int64
    assert got["probabilities"].dtype == np.float32


def test_columns_go_by_name_and_a_missing_text_is_empty() -> None:
    signature = column_signature()
    words = {"age": "FP64", "visits": "INT64", "member": "BOOL", "plan": "BYTES", "note": "BYTES"}
    described = ModelMetadata(
        inputs=tuple(spec(n, words[n], -1, 1) for n in reversed(words)),
        outputs=(spec("prediction", "FP64", -1),),
    )
    batch = {
        "age": np.array([np.nan, 2.0]),
        "visits": np.array([1, 2]),
        "member": np.array([True, False]),
        "plan": np.array(["pro", "basic"], object),
        "note": np.array([None, "x"], object),
    }
    sent = {t.name: t.values for t in fit("m", signature, described).tensors(batch)}
    assert sent["note"].tolist() == [[""], ["x"]]
    assert sent["visits"].tolist() == [[1], [2]]
    assert np.isnan(sent["age"][0, 0])
    assert batch["note"][0] is None


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"inputs": (spec("x", "FP32", -1, 4),)}, r"\[-1, 4\]"),
        ({"inputs": (spec("x", "FP16", -1, 3),)}, "FP16"),
        ({"inputs": (spec("x", "INT32", -1, 3),)}, "INT32"),
        ({"inputs": (spec("x", "BF16", -1, 3),)}, "BF16"),
        ({"inputs": (spec("x", "FP32", 3),)}, r"\[3\]"),
        ({"inputs": (spec("x", "FP32"),)}, r"\[\]"),
        ({"inputs": (spec("a", "FP32", -1, 1), spec("b", "FP32", -1, 1))}, "'a'"),
        ({"inputs": ()}, "'age'"),
        ({"outputs": MATRIX.outputs[:1]}, "'probabilities'"),
        ({"outputs": (spec("label", "BYTES", -1), MATRIX.outputs[1])}, "'label' as BYTES"),
        ({"outputs": (MATRIX.outputs[0], spec("probabilities", "FP32", -1, 3))}, r"\[-1, 3\]"),
    ],
)
def test_another_model_under_the_name_is_told_by_what_differs(
    changed: dict[str, tuple[TensorSpec, ...]], word: str
) -> None:
    with pytest.raises(EngineMismatch, match=word) as told:
        fit("churn-2", matrix_signature(), replace(MATRIX, **changed))
    assert "churn-2" in told.value.problem


@pytest.mark.parametrize(
    "answers",
    [
        {"label": np.array([1])},
        {"label": np.array([1, 2]), "probabilities": np.ones((1, 2))},
        {"label": np.array([1]), "probabilities": np.ones((1, 3))},
        {"label": np.array(["x"], object), "probabilities": np.ones((1, 2))},
    ],
)
def test_an_answer_unlike_its_description_is_nonsense(answers: dict[str, np.ndarray]) -> None:
    with pytest.raises(EngineNonsense):
        fit("m", matrix_signature(), MATRIX).prediction(answers, 1)


def test_tensors_go_in_their_shape_and_another_shape_is_a_mismatch() -> None:
    image = Feature(name="image", dtype=Dtype.FLOAT32, shape=(2, 3))
    maps = Output(name="maps", dtype=Dtype.FLOAT32, width=4, shape=(2, 2))
    signature = Signature(features=(image,), outputs=(maps,), task=Task.OTHER, matrix=False)

    def described(*shape: int) -> ModelMetadata:
        return ModelMetadata(
            inputs=(TensorSpec(name="image", datatype="FP32", shape=shape),),
            outputs=(TensorSpec(name="maps", datatype="FP32", shape=(-1, 2, 2)),),
        )

    wires = fit("m", signature, described(-1, 2, -1))
    rows = np.zeros((5, 2, 3), np.float32)
    (sent,) = wires.tensors({"image": rows})
    assert sent.values.shape == (5, 2, 3)
    answer = wires.prediction({"maps": np.ones((5, 2, 2), np.float32)}, 5)
    assert answer["maps"].shape == (5, 2, 2)
    for shape in [(-1, 3, 2), (-1, 6), (-1,), (5, 2, 3), (-1, 2, 3, 1)]:
        with pytest.raises(EngineMismatch, match="in the shape"):
            fit("m", signature, described(*shape))
