"""ONNX graphs with weights of 8 bits, by ONNX Runtime's dynamic quantisation.

Weights of matrix products and convolutions become int8 ahead of time; what flows through them is
scaled for each batch, so no rows are needed to calibrate, and rows run one by one: `onnx_alone`.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from seatrial.adapters.export.answer import refusal

_KINDS = ("MatMul", "Gemm")
"""Operators made int8: ONNX Runtime's dynamic convolutions on CPUs are slower than float ones."""


def quantize(model: object, *, graph: bytes) -> dict[str, object]:
    """The graph in int8: ``onnx`` (bytes or None) and ``reason``.

    Args:
        model: the original, not looked at.
        graph: the file's bytes, in float32.
    """
    del model
    try:
        import onnx
        from onnxruntime.quantization import QuantType, quantize_dynamic
    except ImportError as error:
        return refusal(f"int8 needs the package {error.name!r}; run: pip install onnx.")
    full = onnx.load_from_string(graph)
    nodes = {node.op_type for node in full.graph.node}
    if nodes.isdisjoint(_KINDS):
        return refusal("The graph has no matrix product whose weights could become int8.")
    with TemporaryDirectory(prefix="seatrial-") as folder:
        given, made = Path(folder) / "full.onnx", Path(folder) / "int8.onnx"
        onnx.save(full, given)
        try:
            quantize_dynamic(
                given, made, weight_type=QuantType.QInt8, op_types_to_quantize=list(_KINDS)
            )
        except Exception as error:  # noqa: BLE001 - it raises whatever its passes run into
            return refusal(f"ONNX Runtime cannot make the graph int8: {str(error)[:200]}.")
        content = made.read_bytes()
    if not _has_int8(content):
        return refusal("No weight of the graph became int8: its products have none of their own.")
    return {"onnx": content, "reason": ""}


def _has_int8(content: bytes) -> bool:
    import onnx

    tensors = onnx.load_from_string(content).graph.initializer
    return any(t.data_type == onnx.TensorProto.INT8 for t in tensors)
