"""Run inside an environment with CatBoost: its files as they are, as ONNX, and those refused."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import catboost
import numpy as np
import onnxruntime
import pandas as pd
import pytest

from seatrial.cli.app import run as seatrial
from seatrial.packaging.session import ModelSession
from seatrial.registry.bundle import Bundle
from seatrial.registry.manifest import Role
from seatrial.registry.signature import Task
from seatrial.serving.failures import UnsupportedModel

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 3)).astype(np.float32)
NUMBERS = pd.DataFrame(X, columns=["a", "b", "c"])
CITY = pd.Series(RNG.choice(["Bonn", "Lima"], 200))
MIXED = NUMBERS[["a"]].assign(city=CITY)
THREE = np.array(["low", "mid", "high"])[np.digitize(X[:, 0], [-0.5, 0.5])]
TARGETS = {
    "binary": (catboost.CatBoostClassifier, (X.sum(axis=1) > 0).astype(int)),
    "texts": (catboost.CatBoostClassifier, THREE),
    "regression": (catboost.CatBoostRegressor, X[:, 0] * 3 + X[:, 1]),
}


def options(**more: Any) -> dict[str, Any]:
    return {"iterations": 20, "verbose": 0, "allow_writing_files": False, "thread_count": 1} | more


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    os.chdir(tmp_path_factory.mktemp("models"))
    made = {name: kind(**options()).fit(NUMBERS, y) for name, (kind, y) in TARGETS.items()}
    made["mixed"] = catboost.CatBoostClassifier(**options(cat_features=["city"])).fit(MIXED, THREE)
    for name, model in made.items():
        model.save_model(f"{name}.cbm")
        rows = MIXED if name == "mixed" else NUMBERS
        target = made[name].predict(rows).reshape(-1)
        rows.assign(target=target).to_csv(f"{name}.csv", index=False)
    return made


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    code = seatrial([*words, "--json", "--home", "home"])
    said = capsys.readouterr()
    return code, json.loads(said.out or said.err)


@pytest.mark.parametrize("name", TARGETS)
def test_a_model_of_numbers_is_written_as_onnx_with_the_same_answers(
    models: dict[str, Any], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--data", f"{name}.csv", "--label", "target")
    code, said = run(capsys, "export", f"{name}.cbm", *words)
    assert code == 0, said
    assert said["opset"] == {"ai.onnx": 18, "ai.onnx.ml": 3}
    graph = onnxruntime.InferenceSession(f"{name}.onnx")
    answers = dict(
        zip((o.name for o in graph.get_outputs()), graph.run(None, {"rows": X}), strict=True)
    )
    if name == "regression":
        expected = models[name].predict(X)
        np.testing.assert_allclose(answers["prediction"].reshape(-1), expected, atol=1e-5)
        return
    np.testing.assert_allclose(answers["probabilities"], models[name].predict_proba(X), atol=1e-5)
    assert (answers["label"] == models[name].predict(X).reshape(-1)).all()


@pytest.mark.parametrize("name", [*TARGETS, "mixed"])
def test_a_model_answers_in_its_child_as_catboost_does(models: dict[str, Any], name: str) -> None:
    with ModelSession() as session:
        session.load(Path(f"{name}.cbm"))
        signature, _ = session.introduce(None)
        batch: Any = X
        if name == "mixed":
            batch = {"a": X[:, 0], "city": CITY.to_numpy(dtype=object)}
        said = session.predict(batch)
    assert signature.names == (("a", "city") if name == "mixed" else ("a", "b", "c"))
    rows = MIXED if name == "mixed" else NUMBERS
    if name == "regression":
        assert signature.task is Task.REGRESSION
        np.testing.assert_array_equal(said["prediction"], models[name].predict(rows))
        return
    assert signature.task is Task.CLASSIFICATION
    assert signature.outputs[1].classes == tuple(models[name].classes_.tolist())
    np.testing.assert_array_equal(said["probabilities"], models[name].predict_proba(rows))
    assert said["label"].tolist() == models[name].predict(rows).reshape(-1).tolist()


def test_a_model_of_categories_is_deployed_with_catboost_pinned(
    models: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    del models
    words = ("--data", "mixed.csv", "--label", "target")
    code, said = run(capsys, "deploy", "mixed.cbm", *words)
    assert code == 0, said
    (folder,) = Path("home/bundles").iterdir()
    bundle = Bundle.open(folder)
    assert bundle.manifest.artefacts == {Role.NATIVE: "native/model.cbm"}
    assert f"catboost=={catboost.__version__}" in bundle.requirements().splitlines()
    code, said = run(capsys, "export", "mixed.cbm", *words)
    assert code == 5
    assert "categories" in said["error"]["problem"]


def test_damaged_files_are_told(models: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    del models
    whole = Path("binary.cbm").read_bytes()
    for content in (b"CBM1", whole[:-300]):
        Path("damaged.cbm").write_bytes(content)
        code, said = run(capsys, "export", "damaged.cbm")
        assert said["error"]["code"] == "model.corrupt", said
        assert code == 5
    Path("damaged.cbm").write_bytes(b"CBM1" + b"\xff" * 400)  # CatBoost ends the process
    _, said = run(capsys, "export", "damaged.cbm")
    assert said["error"]["code"] == "engine.crashed"


def test_several_labels_a_row_are_refused() -> None:
    both = np.column_stack([X[:, 0] > 0, X[:, 1] > 0]).astype(int)
    model = catboost.CatBoostClassifier(**options(loss_function="MultiLogloss")).fit(X, both)
    model.save_model("several.cbm")
    with ModelSession() as session, pytest.raises(UnsupportedModel, match="several labels"):
        session.load(Path("several.cbm"))
