"""The models, the files servers start from, and the right answers.

Both models are fitted on scikit-learn's breast cancer data (569 rows, 30 features), which comes
with the library.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.serving.scenario import Model, Scenario
from benchmarks.serving.wire import Answer, Rows

TOLERANCE = 1e-4
"""Largest difference of a probability from the model's own; float32 and float64 engines differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """What servers are started from, on disk.

    Args:
        onnx: the pipeline as ONNX, input ``input``, outputs ``label`` and ``probabilities``.
        pipeline: pickled by the harness's environment.
        sample: some rows in Parquet, as a person would pass them to ``seatrial deploy``.
    """

    onnx: Path
    pipeline: Path
    sample: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """Rows and what each model says about them.

    Args:
        rows: shape (n, 30); only rows on which scikit-learn and ONNX agree.
        n_left_out: rows at a tree's threshold, where float32 and float64 take different branches.
        answers: by model; one answer with n rows.
    """

    rows: Rows
    n_left_out: int
    answers: dict[Model, Answer]

    def batches(self, scenario: Scenario) -> list[NDArray[np.intp]]:
        """Indices of the rows of each distinct request: 64 of one row, or 8 of many."""
        rng = np.random.default_rng(scenario.rows)
        n_requests = 64 if scenario.rows == 1 else 8
        return list(rng.integers(0, len(self.rows), size=(n_requests, scenario.rows)))

    def differs(self, model: Model, index: NDArray[np.intp], answer: Answer) -> str | None:
        """What is wrong with an answer to these rows, or None."""
        right = self.answers[model]
        assert right.label is not None
        assert right.probabilities is not None
        if answer.label is None and answer.probabilities is None:
            return "neither label nor probabilities in the reply"
        if answer.label is not None and not np.array_equal(answer.label, right.label[index]):
            return f"labels {answer.label[:4]} instead of {right.label[index][:4]}"
        if answer.probabilities is not None:
            expected = right.probabilities[index]
            if answer.probabilities.shape != expected.shape:
                return f"probabilities of shape {answer.probabilities.shape}"
            worst = float(np.abs(answer.probabilities - expected).max())
            if not worst <= TOLERANCE:
                return f"a probability is off by {worst:.2g}"
        return None


def prepare(folder: Path) -> tuple[Files, Truth]:
    """Fit both models, write what servers need under ``folder``, and compute the right answers."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from sklearn.datasets import load_breast_cancer
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from benchmarks.serving.apps import fit_forest

    folder.mkdir(parents=True, exist_ok=True)
    features, labels = load_breast_cancer(return_X_y=True)
    rows = features.astype(np.float32)
    pipeline = make_pipeline(
        StandardScaler(), GradientBoostingClassifier(n_estimators=100, random_state=0)
    ).fit(rows, labels)
    files = Files(
        onnx=folder / "gbdt.onnx",
        pipeline=folder / "gbdt.pkl",
        sample=folder / "sample.parquet",
    )
    files.pipeline.write_bytes(pickle.dumps(pipeline))
    pq.write_table(pa.table({f"x{i}": rows[:, i] for i in range(rows.shape[1])}), files.sample)
    onnx_probabilities = _export(pipeline, rows, files.onnx)

    agreed = np.abs(pipeline.predict_proba(rows) - onnx_probabilities).max(axis=1) < TOLERANCE / 2
    kept = rows[agreed]
    answers = {Model.GBDT: _ask(pipeline, kept), Model.FOREST: _ask(fit_forest.fit(), kept)}
    return files, Truth(rows=kept, n_left_out=int((~agreed).sum()), answers=answers)


def _ask(model: object, rows: Rows) -> Answer:
    probabilities = model.predict_proba(rows)  # type: ignore[attr-defined]
    return Answer(label=probabilities.argmax(axis=1), probabilities=probabilities)


def _export(pipeline: object, rows: Rows, path: Path) -> NDArray[np.float32]:
    import onnxruntime
    from skl2onnx import to_onnx

    exported = to_onnx(
        pipeline,
        initial_types=_inputs(rows.shape[1]),
        options={"zipmap": False},
        target_opset=17,
    )
    path.write_bytes(exported.SerializeToString())
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    probabilities: NDArray[np.float32] = session.run(names, {"input": rows})[1]
    return probabilities


def _inputs(n_features: int) -> list[tuple[str, object]]:
    from skl2onnx.common.data_types import FloatTensorType

    return [("input", FloatTensorType([None, n_features]))]
