"""TensorFlow models in other forms: ONNX by tf2onnx, a SavedModel by Keras, its warmup requests."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from seatrial.adapters.export.answer import (
    Answer,
    Columns,
    by_their_exporter,
    last_cause,
    of_free_rows,
    refusal,
)
from seatrial.adapters.export.onnx_graph import name_inputs
from seatrial.packaging.export import Form
from seatrial.registry.saved_model_file import SERVING, pack

if TYPE_CHECKING:
    from seatrial.adapters.native.tensorflow_model import Input, TensorflowModel
    from seatrial.registry.signature import Batch

OPSET: Final = 18
"""The newest operator set that tf2onnx writes."""

_INPUT: Final = "input"


def export(
    model: TensorflowModel,
    *,
    columns: Columns,
    matrix: bool,
    outputs: Sequence[str],
    form: str,
    shapes: Sequence[Sequence[int]] = (),
) -> Answer:
    """The model as ONNX; see ``sklearn.export`` for the arguments.

    Args:
        model: as loaded.
        shapes: of each column's rows, where one of them is a tensor.
    """
    del matrix  # what the model takes says so itself
    if Form(form) is not Form.FLOAT32:
        return refusal("A TensorFlow model has one form, its own.")
    function, specs = _traceable(model, columns, shapes, outputs)

    def make() -> Answer:
        graph = _converted(function, specs)
        if model.matrix is None:
            name_inputs(graph.graph, [name for name, _ in columns], outputs)
        return of_free_rows(graph)

    return by_their_exporter(
        make, fails="tf2onnx cannot convert", extra="tensorflow", needs="tf2onnx"
    )


def saved_model(model: TensorflowModel) -> dict[str, object]:
    """The model as a packed SavedModel: ``saved_model`` (bytes or None) and ``reason``.

    Its one signature answers what the model answers here, by the same names.
    """
    import keras

    with TemporaryDirectory(prefix="seatrial-") as scratch:
        folder, packed = Path(scratch) / "model", Path(scratch) / "packed"
        try:
            archive = keras.export.ExportArchive()
            archive.track(model.holder)
            archive.add_endpoint("serve", model.function)
            archive.write_out(str(folder), verbose=False)
        except Exception as error:  # noqa: BLE001 - it raises whatever it comes upon
            why = f"Keras cannot write the model as a SavedModel: {last_cause(error)}."
            return {"saved_model": None, "reason": why}
        pack(folder, packed, signature=SERVING)
        return {"saved_model": packed.read_bytes(), "reason": ""}


def warmup(
    model: TensorflowModel,
    *,
    name: str,
    signature: str,
    features: Sequence[str],
    batches: Sequence[Batch],
) -> dict[str, object]:
    """Requests that TensorFlow Serving asks by itself once it has loaded the model: ``requests``.

    Args:
        name: the server's, of the model.
        signature: of the SavedModel.
        features: the columns of a batch.
        batches: a request each.
    """
    import tensorflow as tf

    from seatrial.adapters.grpc.tfserving_messages import messages

    made = messages()
    with TemporaryDirectory(prefix="seatrial-") as scratch:
        file = Path(scratch) / "requests"
        with tf.io.TFRecordWriter(str(file)) as writer:
            for batch in batches:
                inputs = {
                    key: made["Tensor"].FromString(tf.make_tensor_proto(values).SerializeToString())
                    for key, values in model.given(batch, features).items()
                }
                spec = {"name": name, "signature_name": signature}
                request = made["PredictRequest"](model_spec=spec, inputs=inputs)
                log = made["PredictionLog"](predict_log={"request": request})
                writer.write(log.SerializeToString())
        return {"requests": file.read_bytes()}


def _traceable(
    model: TensorflowModel,
    columns: Columns,
    shapes: Sequence[Sequence[int]],
    outputs: Sequence[str],
) -> tuple[Callable[..., Mapping[str, Any]], list[Any]]:
    """The model as a function of what the graph is given, and the tensors that are."""
    import tensorflow as tf

    def answer(*given: Any) -> Mapping[str, Any]:
        fitted = (_fitted(one, wanted) for one, wanted in zip(given, model.inputs, strict=True))
        found = model.answer(*fitted)
        return {name: found[name] for name in outputs}

    one = model.matrix
    if one is not None:
        specs = [tf.TensorSpec((None, *one.shape), one.dtype, name=_INPUT)]
    else:
        rows = shapes or [()] * len(columns)
        specs = [
            tf.TensorSpec((None, *shape), dtype, name=name)
            for (name, dtype), shape in zip(columns, rows, strict=True)
        ]
    return tf.function(answer, input_signature=specs), specs


def _fitted(given: Any, wanted: Input) -> Any:
    import tensorflow as tf

    cast = tf.cast(given, wanted.dtype) if given.dtype.name != wanted.dtype else given
    return tf.reshape(cast, (-1, *wanted.shape)) if given.shape[1:] != wanted.shape else cast


def _converted(function: Any, specs: Sequence[Any]) -> Any:
    """The graph.   Raises: ImportError, and what tf2onnx raises."""
    import tf2onnx

    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)
    graph, _ = tf2onnx.convert.from_function(function, input_signature=specs, opset=OPSET)
    return graph
