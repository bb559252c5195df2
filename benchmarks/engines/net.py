"""The heavy model: a net of 19 million weights on scikit-learn's handwritten digits, as ONNX.

Its hidden layers are drawn at random and scaled to the data; only the last one is fitted, by least
squares, on half of the 1,797 digits. That takes seconds where training all of it takes minutes, and
the products are those of any net of that size. The other half is what it is asked and judged by.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.serving import truth
from benchmarks.serving.scenario import Model
from benchmarks.serving.truth import Files, Truth
from benchmarks.serving.wire import Answer

HIDDEN: Final = (3072, 3072, 3072)
RIDGE: Final = 1e-3
"""Of the mean square of a row's states."""
SHARPNESS: Final = 10.0
"""What the last layer's numbers are multiplied by, so that the softmax makes up its mind."""

Layer = tuple[NDArray[np.float32], NDArray[np.float32]]


Floats = NDArray[np.float32]
Labels = NDArray[np.int64]


def digits() -> tuple[Floats, Labels, Floats, Labels]:
    """Rows and labels to fit, and to ask."""
    from sklearn.datasets import load_digits

    rows, labels = load_digits(return_X_y=True)
    rows = rows.astype(np.float32)
    order = np.random.default_rng(0).permutation(len(rows))
    fit, ask = order[: len(rows) // 2], order[len(rows) // 2 :]
    return rows[fit], labels[fit], rows[ask], labels[ask]


def fitted(rows: Floats, labels: Labels, hidden: tuple[int, ...] = HIDDEN) -> list[Layer]:
    """Weights and offsets of each layer."""
    rng = np.random.default_rng(1)
    layers: list[Layer] = []
    states = rows
    for width in hidden:
        scale = np.sqrt(2 / states.shape[1]) / float(states.std())
        weights = (rng.standard_normal((states.shape[1], width)) * scale).astype(np.float32)
        offsets = -(states @ weights).mean(axis=0).astype(np.float32)
        layers.append((weights, offsets))
        states = np.maximum(states @ weights + offsets, 0)
    states = states.astype(np.float64)
    gram = states @ states.T
    gram += RIDGE * np.diag(gram).mean() * np.eye(len(gram))
    last = states.T @ np.linalg.solve(gram, np.eye(10)[labels] - 0.1) * SHARPNESS
    return [*layers, (last.astype(np.float32), np.zeros(10, np.float32))]


def graph(layers: list[Layer]) -> bytes:
    """The net as ONNX: input ``input``, outputs ``label`` and ``probabilities``."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes, weights, said = [], [], "input"
    for n, (matrix, offsets) in enumerate(layers):
        weights += [
            numpy_helper.from_array(matrix, f"w{n}"),
            numpy_helper.from_array(offsets, f"b{n}"),
        ]
        nodes += [
            helper.make_node("MatMul", [said, f"w{n}"], [f"m{n}"]),
            helper.make_node("Add", [f"m{n}", f"b{n}"], [f"s{n}"]),
        ]
        said = f"s{n}"
        if n < len(layers) - 1:
            nodes.append(helper.make_node("Relu", [said], [f"r{n}"]))
            said = f"r{n}"
    nodes += [
        helper.make_node("Softmax", [said], ["probabilities"], axis=1),
        helper.make_node("ArgMax", ["probabilities"], ["label"], axis=1, keepdims=0),
    ]
    n_in, n_out = len(layers[0][0]), layers[-1][0].shape[1]
    made = helper.make_model(
        helper.make_graph(
            nodes,
            "net",
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", n_in])],
            [
                helper.make_tensor_value_info("label", TensorProto.INT64, ["n"]),
                helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", n_out]),
            ],
            weights,
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=9,
    )
    onnx.checker.check_model(made)
    return bytes(made.SerializeToString())


def session(path: Path) -> Any:
    """ONNX Runtime with one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def prepare(folder: Path) -> tuple[Files, Truth]:
    """The models of the serving benchmark, and the net; made once."""
    files, known = truth.prepare(folder)
    full, sample = folder / "net.onnx", folder / "digits.parquet"
    stamp = folder / "net.stamp"
    wanted = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    fit_rows, fit_labels, rows, labels = digits()
    if not stamp.exists() or stamp.read_text() != wanted:
        full.write_bytes(graph(fitted(fit_rows, fit_labels)))
        truth.write_sample(sample, rows, labels)
        stamp.write_text(wanted)
    files = replace(
        files,
        graphs={**files.graphs, Model.NET: full},
        samples={**files.samples, Model.NET: sample},
    )
    known = replace(
        known,
        rows={**known.rows, Model.NET: rows},
        answers={**known.answers, Model.NET: answered(full, rows)},
    )
    return files, known


def answered(path: Path, rows: NDArray[np.float32]) -> Answer:
    """What a graph says of rows, each asked by itself."""
    run = session(path).run
    said = [run(None, {"input": rows[i : i + 1]}) for i in range(len(rows))]
    label, probabilities = (np.concatenate(one) for one in zip(*said, strict=True))
    return Answer(label=label, probabilities=probabilities.astype(np.float64))
