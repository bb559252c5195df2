"""An ONNX graph from the weights of a BERT encoder: the tokens of one text in, its vector out.

One text a run, and so no padding, no mask, and a vector that does not depend on its neighbours:
on a core, a text by itself is up to twice as fast as in a batch of 32, whose activations leave the
cache (measured: 28 against 15 documents of 245 tokens a second).

In int8, weights are quantised per column and activations per text while it runs. GELU leaves a few
values that are many times the others, so what goes into `down` is quantised per token, in steps
from GELU's minimum to the most of the token.

States are normalised by the plain operators: the runtime's `SkipLayerNormalization` takes four
times as long as they do together (5.6 against 1.3 ms a document of 245 tokens, of 30).
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from seatrial.adapters.encoder_weights import EncoderWeights, Floats, Layer, Linear, Norm, Pooling
from seatrial.kernel.errors import MissingExtra

if TYPE_CHECKING:
    import onnx

VERSION: Final = 2
"""Of the graphs made here; a graph of another one is made again."""

IDS: Final = "ids"
VECTOR: Final = "vector"

_CONTRIB = "com.microsoft"
_OPSET = 20
_IR_VERSION = 9

_GELU_MINIMUM = -0.17
"""Just below it: at x = -0.7518 GELU is -0.16997."""


class Precision(StrEnum):
    """Of weights and products."""

    FP32 = "fp32"
    INT8 = "int8"


def encoder_graph(weights: EncoderWeights, precision: Precision) -> bytes:
    """The model: ``ids`` int32 (n_tokens,) with the special ones, ``vector`` float32 (width,) of
    unit length.

    Raises: MissingExtra; EncoderUnusable.
    """
    return _Builder(weights, precision).built()


class _Builder:
    def __init__(self, weights: EncoderWeights, precision: Precision) -> None:
        try:
            import onnx.helper
            import onnx.numpy_helper
        except ImportError as missing:
            raise MissingExtra("onnx", "rag") from missing
        self._onnx = onnx
        self._weights = weights
        self._int8 = precision is Precision.INT8
        self._nodes: list[onnx.NodeProto] = []
        self._kept: list[onnx.TensorProto] = []
        self._n = 0

    def built(self) -> bytes:
        helper, types = self._onnx.helper, self._onnx.TensorProto
        width = self._weights.shape.width
        states = self._embedded()
        for number in range(self._weights.shape.n_layers):
            states = self._layer(states, self._weights.layer(number))
        vector = self._pooled(states)
        self._nodes.append(helper.make_node("Identity", [vector], [VECTOR]))
        graph = helper.make_graph(
            self._nodes,
            "encoder",
            [helper.make_tensor_value_info(IDS, types.INT32, ["n_tokens"])],
            [helper.make_tensor_value_info(VECTOR, types.FLOAT, [width])],
            self._kept,
        )
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_CONTRIB, 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)
        return bytes(model.SerializeToString())

    def _embedded(self) -> str:
        length = self._node("Shape", [IDS])
        positions = self._node(
            "Slice", [self._constant(self._weights.positions()), self._integers(0), length]
        )
        added = self._node("Add", [self._words(), positions])
        # Attention wants a batch: of one text.
        batch = self._node("Unsqueeze", [added, self._integers(0)])
        return self._normalised(batch, self._weights.embedding_norm())

    def _words(self) -> str:
        """The embeddings of the tokens; in int8 each row has a scale of its own."""
        if not self._int8:
            table = self._constant(np.concatenate(list(self._weights.words())))
            return self._node("Gather", [table, IDS])
        pieces = [_quantised(rows, axis=1) for rows in self._weights.words()]
        table = self._constant(np.concatenate([rows for rows, _ in pieces]))
        scales = self._constant(np.concatenate([scale for _, scale in pieces]).reshape(-1, 1))
        rows = self._node("Cast", [self._node("Gather", [table, IDS])], to=1)
        return self._node("Mul", [rows, self._node("Gather", [scales, IDS])])

    def _layer(self, states: str, layer: Layer) -> str:
        attended = self._linear(self._attended(states, layer.qkv), layer.out)
        states = self._added(attended, states, layer.attention_norm)
        inner = self._node("Gelu", [self._linear(states, layer.up)])
        return self._added(self._down(inner, layer.down), states, layer.output_norm)

    def _attended(self, states: str, qkv: Linear) -> str:
        return self._node(
            "MultiHeadAttention",
            self._nodes_of("Split", [self._linear(states, qkv)], 3, axis=-1, num_outputs=3),
            domain=_CONTRIB,
            num_heads=self._weights.shape.n_heads,
        )

    def _added(self, product: str, states: str, norm: Norm) -> str:
        return self._normalised(self._node("Add", [product, states]), norm)

    def _normalised(self, states: str, norm: Norm) -> str:
        kept = [self._constant(norm.gain), self._constant(norm.bias)]
        epsilon = self._weights.shape.epsilon
        return self._node("LayerNormalization", [states, *kept], epsilon=epsilon)

    def _pooled(self, states: str) -> str:
        if self._weights.shape.pooling is Pooling.MEAN:
            pooled = self._node("ReduceMean", [states, self._integers(0, 1)], keepdims=0)
        else:
            first = self._node("Gather", [states, self._constant(np.array(0))], axis=1)
            pooled = self._node("Squeeze", [first, self._integers(0)])
        return self._node("LpNormalization", [pooled], axis=-1, p=2)

    def _linear(self, states: str, linear: Linear) -> str:
        bias = self._constant(linear.bias)
        if not self._int8:
            product = self._node("MatMul", [states, self._constant(linear.weight)])
            return self._node("Add", [product, bias])
        weight, scale = _quantised(linear.weight, axis=0)
        right = [self._constant(weight), self._constant(scale), "", bias]
        return self._node("DynamicQuantizeMatMul", [states, *right], domain=_CONTRIB)

    def _down(self, inner: str, linear: Linear) -> str:
        """GELU's values times a matrix: in int8 counted from its minimum, in 255 steps a token."""
        if not self._int8:
            return self._linear(inner, linear)
        weight, scale = _quantised(linear.weight, axis=0)
        lifted = self._node("Add", [inner, self._scalar(-_GELU_MINIMUM)])
        most = self._node("ReduceMax", [lifted, self._integers(2)], keepdims=1)
        step = self._node("Mul", [most, self._scalar(1 / 255)])
        of_tokens = self._node("Squeeze", [step, self._integers(0, 2)])
        whole = self._node("QuantizeLinear", [lifted, of_tokens], axis=1)
        product = self._node(
            "MatMulIntegerToFloat",
            [whole, self._constant(weight), self._scalar(1.0), self._constant(scale)],
            domain=_CONTRIB,
        )
        unlifted = linear.bias + _GELU_MINIMUM * (weight.sum(axis=0) * scale)
        product = self._node("Mul", [product, step])
        return self._node("Add", [product, self._constant(unlifted.astype(np.float32))])

    def _scalar(self, value: float) -> str:
        return self._constant(np.array(value, np.float32))

    def _integers(self, *values: int) -> str:
        return self._constant(np.array(values, np.int64))

    def _constant(self, values: NDArray[Any]) -> str:
        name = self._name()
        self._kept.append(self._onnx.numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def _node(self, operator: str, inputs: list[str], domain: str = "", **attributes: Any) -> str:
        return self._nodes_of(operator, inputs, 1, domain=domain, **attributes)[0]

    def _nodes_of(
        self, operator: str, inputs: list[str], n: int, domain: str = "", **attributes: Any
    ) -> list[str]:
        names = [self._name() for _ in range(n)]
        self._nodes.append(
            self._onnx.helper.make_node(operator, inputs, names, domain=domain, **attributes)
        )
        return names

    def _name(self) -> str:
        self._n += 1
        return f"t{self._n}"


def _quantised(values: Floats, *, axis: int) -> tuple[NDArray[np.int8], Floats]:
    """Whole numbers in [-127, 127], and what one of them is worth along the other axis."""
    step = np.abs(values).max(axis=axis, keepdims=True) / 127
    step[step == 0] = 1
    return np.rint(values / step).astype(np.int8), step.astype(np.float32).ravel()
