"""The models, the files servers start from, and the right answers.

Both models are fitted on scikit-learn's breast cancer data (569 rows, 30 features), which comes
with the library.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
        graphs: models as ONNX, input ``input``, outputs ``label`` and ``probabilities``.
        pickles: pipelines as they were fitted.
        samples: some rows in Parquet, as a person would pass them to ``seatrial deploy``.
    """

    graphs: Mapping[Model, Path]
    pickles: Mapping[Model, Path]
    samples: Mapping[Model, Path]

    def given(self, model: Model) -> Path:
        """The graph, and the pickle of a model that has none."""
        return self.graphs.get(model) or self.pickles[model]


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """Rows and what each model says about them.

    Args:
        rows: by model, shape (n, features); only rows on which scikit-learn and ONNX agree.
        n_left_out: rows at a tree's threshold, where float32 and float64 take different branches.
        answers: by model; one answer with n rows.
        tolerances: by model, where not `TOLERANCE`; labels are compared where it is that.
    """

    rows: Mapping[Model, Rows]
    n_left_out: int
    answers: Mapping[Model, Answer]
    tolerances: Mapping[Model, float] = field(default_factory=dict)

    def batches(self, scenario: Scenario) -> list[NDArray[np.intp]]:
        """Indices of the rows of each distinct request: 64 of one row, or 8 of many."""
        rng = np.random.default_rng(scenario.rows)
        n_requests = 64 if scenario.rows == 1 else 8
        return list(
            rng.integers(0, len(self.rows[scenario.model]), size=(n_requests, scenario.rows))
        )

    def differs(self, model: Model, index: NDArray[np.intp], answer: Answer) -> str | None:
        """What is wrong with an answer to these rows, or None."""
        right = self.answers[model]
        assert right.label is not None
        assert right.probabilities is not None
        if answer.label is None and answer.probabilities is None:
            return "neither label nor probabilities in the reply"
        tolerance = self.tolerances.get(model, TOLERANCE)
        exact = answer.label is not None and tolerance == TOLERANCE
        if exact and not np.array_equal(answer.label, right.label[index]):
            return f"labels {answer.label[:4]} instead of {right.label[index][:4]}"
        if answer.probabilities is not None:
            expected = right.probabilities[index]
            if answer.probabilities.shape != expected.shape:
                return f"probabilities of shape {answer.probabilities.shape}"
            worst = float(np.abs(answer.probabilities - expected).max())
            if not worst <= tolerance:
                return f"a probability is off by {worst:.2g}"
        return None


def prepare(folder: Path) -> tuple[Files, Truth]:
    """Fit both models, write what servers need under ``folder``, and compute the right answers."""
    from sklearn.datasets import load_breast_cancer

    folder.mkdir(parents=True, exist_ok=True)
    features, labels = load_breast_cancer(return_X_y=True)
    rows = features.astype(np.float32)
    wide = rows.astype(np.float64)
    gbdt, forest = (model.fit(wide, labels) for model in _models())
    sample = folder / "sample.parquet"
    files = Files(
        graphs={Model.GBDT: folder / "gbdt.onnx"},
        pickles={Model.GBDT: folder / "gbdt.pkl", Model.FOREST: folder / "forest.pkl"},
        samples={Model.GBDT: sample, Model.FOREST: sample},
    )
    files.pickles[Model.GBDT].write_bytes(pickle.dumps(gbdt))
    files.pickles[Model.FOREST].write_bytes(pickle.dumps(forest))
    write_sample(sample, wide)
    as_onnx = export(gbdt, files.graphs[Model.GBDT], rows)
    agreed = np.abs(gbdt.predict_proba(wide) - as_onnx).max(axis=1) < TOLERANCE / 2
    answers = {
        Model.GBDT: _ask(gbdt, wide[agreed]),
        Model.FOREST: _ask(forest, wide[agreed]),
    }
    known = dict.fromkeys(answers, rows[agreed])
    return files, Truth(rows=known, n_left_out=int((~agreed).sum()), answers=answers)


def _models() -> tuple[Any, Any]:
    """The quick one, and a slow one with a step that has no ONNX form."""
    from sklearn.decomposition import FastICA
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return (
        make_pipeline(
            StandardScaler(), GradientBoostingClassifier(n_estimators=100, random_state=0)
        ),
        make_pipeline(
            StandardScaler(),
            FastICA(n_components=10, random_state=0),
            RandomForestClassifier(n_estimators=500, random_state=0, n_jobs=1),
        ),
    )


def write_sample(path: Path, rows: NDArray[Any], labels: Any = None) -> None:
    """Rows in Parquet, columns ``x0`` and so on; the true ones in ``target`` where given."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {f"x{i}": rows[:, i] for i in range(rows.shape[1])}
    pq.write_table(pa.table(columns if labels is None else columns | {"target": labels}), path)


def _ask(model: Any, rows: NDArray[np.float64]) -> Answer:
    probabilities = model.predict_proba(rows)
    return Answer(label=probabilities.argmax(axis=1), probabilities=probabilities)


def export(model: Any, path: Path, rows: Rows) -> NDArray[np.float32]:
    """Write a model as ONNX in float32 and ask it for these rows' probabilities."""
    import onnxruntime
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    exported = to_onnx(
        model,
        initial_types=[("input", FloatTensorType([None, rows.shape[1]]))],
        options={"zipmap": False},
        target_opset=17,
    )
    path.write_bytes(exported.SerializeToString())
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    _, probabilities = session.run(None, {"input": rows})
    return np.asarray(probabilities)
