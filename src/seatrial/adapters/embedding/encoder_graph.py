"""An ONNX graph from the weights of a BERT encoder: the tokens of one text in, its vector out.

One text a run, and so no padding, no mask, and a vector that does not depend on its neighbours:
on a core, a text by itself is up to twice as fast as in a batch of 32, whose activations leave the
cache (measured: 28 against 15 documents of 245 tokens a second).

In int8, weights are quantised per column and activations per text while it runs. GELU leaves a few
values that are many times the others, so what goes into `down` is quantised per token.

Attention is written in plain operators, which the runtime joins so that heads are read where they
lie; its own attention, behind one product for queries, keys and values, is up to 7 % slower (ADR
0035). States are normalised by plain operators too: `SkipLayerNormalization`
takes four times as long as they do together (ADR 0026).
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seatrial.adapters.embedding.encoder_weights import (
    EncoderWeights,
    Floats,
    Layer,
    Linear,
    Norm,
    Pooling,
)
from seatrial.kernel.errors import MissingExtra

if TYPE_CHECKING:
    import onnx

VERSION: Final = 4
"""Of the graphs made here; a graph of another one is made again."""

IDS: Final = "ids"
VECTOR: Final = "vector"

_CONTRIB = "com.microsoft"
_OPSET = 20
_IR_VERSION = 9

_GELU_MINIMUM = -0.17
"""Just below it: at x = -0.7518 GELU is -0.16997."""

_STEPS_BELOW, _STEPS_ABOVE = 24, 231
"""The whole numbers that GELU's values are given, on either side of zero."""

_PARTS = 2
"""In which heads are computed: what 256 tokens make of each other in one fits 2 MB of cache."""

_Read: TypeAlias = list[str]
"""States as a product takes them: in int8 whole numbers, their step, and which of them is zero."""


class Precision(StrEnum):
    """Of weights and products."""

    FP32 = "fp32"
    INT8 = "int8"

    @property
    def vectors(self) -> str:
        """What vectors are called after: another way of rounding has another name."""
        return f"{self}.2" if self is Precision.INT8 else str(self)


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
        # Filled where it lies: a graph made of lists of nodes and tensors holds copies of them.
        self._model = self._empty()
        self._n = 0

    def built(self) -> bytes:
        self._length = self._node("Shape", [IDS])
        states = self._embedded()
        for number in range(self._weights.shape.n_layers):
            states = self._layer(states, self._weights.layer(number))
        self._add("Identity", [self._pooled(states)], [VECTOR])
        return bytes(self._model.SerializeToString())

    def _empty(self) -> onnx.ModelProto:
        helper, types = self._onnx.helper, self._onnx.TensorProto
        ids = helper.make_tensor_value_info(IDS, types.INT32, ["n_tokens"])
        vector = helper.make_tensor_value_info(VECTOR, types.FLOAT, [self._weights.shape.width])
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_CONTRIB, 1)]
        graph = helper.make_graph([], "encoder", [ids], [vector])
        model: onnx.ModelProto = helper.make_model(
            graph, opset_imports=opsets, ir_version=_IR_VERSION
        )
        return model

    def _embedded(self) -> str:
        positions = self._constant(self._weights.positions())
        kept = self._node("Slice", [positions, self._integers(0), self._length])
        return self._normalised(
            self._node("Add", [self._words(), kept]), self._weights.embedding_norm()
        )

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
        attended = self._product(self._attended(self._read(states), layer), layer.out)
        # The bias of `down` is in the states that its product is added to: one addition less.
        bias = layer.down.bias
        norm = Norm(layer.attention_norm.gain, layer.attention_norm.bias + bias)
        up = Linear(layer.up.weight, layer.up.bias - bias @ layer.up.weight)
        states = self._normalised(self._node("Add", [attended, states]), norm)
        inner = self._node("Gelu", [self._product(self._read(states), up)])
        added = self._node("Add", [self._down(inner, layer.down.weight), states])
        return self._normalised(added, layer.output_norm)

    def _attended(self, states: _Read, layer: Layer) -> _Read:
        shape = self._weights.shape
        parts = _PARTS if shape.n_heads % _PARTS == 0 else 1
        size = shape.width // parts
        mixed = [
            self._mixed(states, layer, slice(start, start + size))
            for start in range(0, shape.width, size)
        ]
        of_heads, *step = self._read(self._node("Concat", mixed, axis=0))
        of_tokens = self._node("Transpose", [of_heads], perm=[1, 0, 2])
        return [self._node("Reshape", [of_tokens, self._integers(-1, shape.width)]), *step]

    def _mixed(self, states: _Read, layer: Layer, part: slice) -> str:
        """What the heads whose columns these are make of the states: of heads and tokens."""
        shape = self._weights.shape
        scale = np.float32(np.sqrt(shape.n_heads / shape.width))
        queries = Linear(layer.queries.weight * scale, layer.queries.bias * scale)
        by_head, turned = [1, 0, 2], [1, 2, 0]
        alike = self._node(
            "MatMul",
            [
                self._heads(states, queries, part, by_head),
                self._heads(states, layer.keys, part, turned),
            ],
        )
        shares = self._node("Softmax", [alike], axis=-1)
        return self._node("MatMul", [shares, self._heads(states, layer.values, part, by_head)])

    def _heads(self, states: _Read, linear: Linear, part: slice, order: list[int]) -> str:
        """Columns of a product, cut into heads; order: of tokens, heads and what a head knows."""
        known = self._weights.shape.width // self._weights.shape.n_heads
        columns = Linear(linear.weight[:, part], linear.bias[part])
        sizes = self._integers(-1, len(columns.bias) // known, known)
        cut = self._node("Reshape", [self._product(states, columns), sizes])
        return self._node("Transpose", [cut], perm=order)

    def _normalised(self, states: str, norm: Norm) -> str:
        kept = [self._constant(norm.gain), self._constant(norm.bias)]
        epsilon = self._weights.shape.epsilon
        return self._node("LayerNormalization", [states, *kept], epsilon=epsilon)

    def _pooled(self, states: str) -> str:
        if self._weights.shape.pooling is Pooling.MEAN:
            pooled = self._node("ReduceMean", [states, self._integers(0)], keepdims=0)
        else:
            pooled = self._node("Gather", [states, self._constant(np.array(0))], axis=0)
        return self._node("LpNormalization", [pooled], axis=-1, p=2)

    def _read(self, states: str) -> _Read:
        if not self._int8:
            return [states]
        read = [self._name() for _ in range(3)]
        self._add("DynamicQuantizeLinear", [states], read)
        return read

    def _product(self, states: _Read, linear: Linear) -> str:
        bias = self._constant(linear.bias)
        if not self._int8:
            product = self._node("MatMul", [*states, self._constant(linear.weight)])
            return self._node("Add", [product, bias])
        whole, step, zero = states
        matrix, steps = self._columns(linear.weight)
        inputs = [whole, matrix, step, steps, zero, "", bias]
        return self._node("MatMulIntegerToFloat", inputs, domain=_CONTRIB)

    def _down(self, inner: str, weight: Floats) -> str:
        """GELU's values times a matrix: in int8 each token has a step of its own."""
        if not self._int8:
            return self._node("MatMul", [inner, self._constant(weight)])
        most = self._node("ReduceMax", [inner, self._integers(1)], keepdims=0)
        above = self._node("Mul", [most, self._scalar(1 / _STEPS_ABOVE)])
        step = self._node("Max", [above, self._scalar(-_GELU_MINIMUM / _STEPS_BELOW)])
        zero = self._constant(np.array([_STEPS_BELOW], np.uint8))
        zeros = self._node("Expand", [zero, self._length])
        whole = self._node("QuantizeLinear", [inner, step, zeros], axis=0)
        matrix, steps = self._columns(weight)
        product = self._node(
            "MatMulIntegerToFloat",
            [whole, matrix, self._scalar(1.0), steps, zero],
            domain=_CONTRIB,
        )
        return self._node("Mul", [product, self._node("Unsqueeze", [step, self._integers(1)])])

    def _columns(self, weight: Floats) -> tuple[str, str]:
        """A matrix in int8, and the steps of its columns."""
        whole, steps = _quantised(weight, axis=0)
        return self._constant(whole), self._constant(steps)

    def _scalar(self, value: float) -> str:
        return self._constant(np.array(value, np.float32))

    def _integers(self, *values: int) -> str:
        return self._constant(np.array(values, np.int64))

    def _constant(self, values: NDArray[Any]) -> str:
        name = self._name()
        tensor = self._onnx.numpy_helper.from_array(np.ascontiguousarray(values), name)
        self._model.graph.initializer.append(tensor)
        return name

    def _node(self, operator: str, inputs: list[str], domain: str = "", **attributes: Any) -> str:
        name = self._name()
        self._add(operator, inputs, [name], domain, **attributes)
        return name

    def _add(
        self,
        operator: str,
        inputs: list[str],
        outputs: list[str],
        domain: str = "",
        **attributes: Any,
    ) -> None:
        node = self._onnx.helper.make_node(operator, inputs, outputs, domain=domain, **attributes)
        self._model.graph.node.append(node)

    def _name(self) -> str:
        self._n += 1
        return f"t{self._n}"


def _quantised(values: Floats, *, axis: int) -> tuple[NDArray[np.int8], Floats]:
    """Whole numbers in [-127, 127], and what one of them is worth along the other axis."""
    step = np.abs(values).max(axis=axis, keepdims=True) / 127
    step[step == 0] = 1
    return np.rint(values / step).astype(np.int8), step.astype(np.float32).ravel()
