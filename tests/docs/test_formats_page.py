"""The page on formats: its commands are run, and every filled cell of its table has a test."""

from __future__ import annotations

import ast
import pickle
import re
import shlex
import shutil
from pathlib import Path

import docs_blocks as docs
import numpy as np
import pytest
from onnx import numpy_helper, parser
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from seatrial.adapters.export.onnx_alone import is_alone
from seatrial.cli.app import run
from seatrial.packaging.session import ModelSession
from seatrial.registry.bundle import Bundle
from seatrial.registry.manifest import Role
from tests.adapters.int8_graphs import full_graph

PAGE = docs.ROOT / "docs" / "how-to" / "formats.md"
TESTS = docs.ROOT / "tests"

_EXPORT = "cli/test_export.py::test_each_library_is_written_as_onnx"
_INT8 = "cli/test_export.py::test_a_graph_is_made_int8_and_what_that_costs_is_said"
_CHILD = (
    "packaging/test_session.py::"
    "test_a_model_is_described_from_itself_and_answers_the_same_in_its_child"
)
_TORCH = "integration/torch_models/in_torch.py::test_a_model_is_written_with_the_same_answers"
_TORCH_INT8 = "integration/torch_models/in_torch.py::test_int8_says_what_it_costs_and_brings"
_STAGED = (
    "integration/torch_models/in_torch.py::"
    "test_a_graph_is_staged_without_torch_and_what_has_none_with_it"
)
_TF = "integration/tensorflow_models/in_tensorflow.py::"
_TF_WRITTEN = _TF + "test_a_model_is_written_with_the_same_answers"
_TF_INT8 = _TF + "test_int8_says_what_it_costs_and_brings"
_TF_PLAIN = _TF + "test_the_graph_answers_any_number_of_rows_in_plain_onnx_runtime"
_TF_STAGED = _TF + "test_a_graph_is_staged_without_tensorflow_and_what_has_none_with_it"
_CATBOOST = (
    "integration/catboost_models/in_catboost.py::"
    "test_a_model_of_numbers_is_written_as_onnx_with_the_same_answers"
)
_CATBOOST_NATIVE = (
    "integration/catboost_models/in_catboost.py::test_a_model_answers_in_its_child_as_catboost_does"
)
_HF = "integration/huggingface_models/in_transformers.py::"
_HF_WRITTEN = _HF + "test_a_folder_is_written_with_the_answers_of_transformers"
_HF_STAGED = _HF + "test_the_commands_of_the_page_are_run_as_they_stand"
_HF_NATIVE = _HF + "test_what_has_no_graph_is_served_with_transformers"
_CLASS = "adapters/native/test_class_model.py::test_a_class_reads_its_files_and_answers_by_name"
_PYFUNC = (
    "integration/mlflow_models/in_mlflow.py::"
    "test_the_command_of_the_page_deploys_what_a_notebook_logged"
)
_GRAPH = "packaging/test_session.py::test_an_onnx_graph_is_its_own_signature"

CELLS = {
    "scikit-learn (pickle, joblib)": (_EXPORT, "", "", _EXPORT, _CHILD),
    "scikit-learn (skops)": (_EXPORT, "", "", _EXPORT, _EXPORT),
    "XGBoost (.json, .ubj)": (
        _EXPORT,
        "",
        "",
        _EXPORT,
        "packaging/test_session.py::test_xgboosts_own_files_answer_like_the_classifier",
    ),
    "LightGBM (.txt)": (
        _EXPORT,
        "",
        "",
        _EXPORT,
        "packaging/test_session.py::test_lightgbms_own_file_answers_like_the_classifier",
    ),
    "CatBoost (.cbm)": (_CATBOOST, "", "", _CATBOOST, _CATBOOST_NATIVE),
    "ONNX": (_EXPORT, _INT8, "", _GRAPH, ""),
    "PyTorch module (`torch.save`)": (_TORCH, _TORCH_INT8, _TORCH, _STAGED, _TORCH),
    "TorchScript (`torch.jit.save`)": (_TORCH, _TORCH_INT8, "", _TORCH, _STAGED),
    "PyTorch program (.pt2)": (_TORCH, _TORCH_INT8, "", _TORCH, _TORCH),
    "PyTorch state dict, with `--class`": (_TORCH, _TORCH_INT8, _TORCH, "", ""),
    "Keras (.keras)": (_TF_WRITTEN, _TF_INT8, "", _TF_PLAIN, _TF_STAGED),
    "Keras (.h5), a whole model": (_TF_WRITTEN, "", "", _TF_WRITTEN, _TF_WRITTEN),
    "SavedModel folder, with `--trust`": (_TF_WRITTEN, _TF_INT8, "", _TF_STAGED, _TF_WRITTEN),
    "Hugging Face text classifier, a folder": (
        _HF_WRITTEN,
        _HF_STAGED,
        "",
        _HF_STAGED,
        _HF_NATIVE,
    ),
    "MLflow's `python_function`, with `--trust`": ("", "", "", "", _PYFUNC),
    "Python class (`module.py:Class`)": ("", "", "", "", _CLASS),
}
"""The test of each cell of the first columns, in their order; empty where the cell is."""

FURTHER = {
    "`--to savedmodel`": {
        "Keras (.keras)": _TF_WRITTEN,
        "Keras (.h5), a whole model": _TF_WRITTEN,
    },
    "Triton": {
        "scikit-learn (pickle, joblib)": "integration/test_triton.py::TestTriton",
        "ONNX": "integration/test_triton.py::"
        "test_columns_texts_and_rows_that_would_move_each_other_pass_staging_over_grpc",
    },
    "TorchServe (`.mar`)": {
        "scikit-learn (pickle, joblib)": "integration/test_torchserve.py::"
        "test_it_answers_as_the_model_does",
        "ONNX": "integration/test_torchserve.py::"
        "test_rows_that_would_move_each_other_run_one_by_one",
    },
    "Ray Serve": {
        "scikit-learn (pickle, joblib)": "integration/test_ray_serve.py::TestRay",
        "Python class (`module.py:Class`)": "integration/test_ray_serve.py::"
        "test_an_exported_application_answers_in_every_protocol",
    },
    "TF Serving": {
        "Keras (.keras)": _TF
        + "test_tensorflow_serving_is_given_versions_that_stand_beside_each_other",
        "SavedModel folder, with `--trust`": _TF
        + "test_a_savedmodel_is_given_as_it_is_with_the_signature_that_was_chosen",
    },
}
"""The tests of the columns after those, in their order, by row. A new engine is one entry here."""

NAMED = {t for tests in (*CELLS.values(), *(c.values() for c in FURTHER.values())) for t in tests}


def table_of(page: Path) -> list[list[str]]:
    """The rows of the table on formats, its head first."""
    found = re.findall(r"^\| (.+) \|$", page.read_text("utf-8"), re.MULTILINE)
    rows = [[cell.strip() for cell in row.split("|")] for row in found]
    return [row for row in rows if len(row) == len(rows[0])]


def test_every_filled_cell_has_a_test() -> None:
    head, *rows = table_of(PAGE)
    n_first = len(next(iter(CELLS.values())))
    assert head[1 + n_first :] == list(FURTHER)
    assert [row[0] for row in rows] == list(CELLS)
    for name, *cells in rows:
        tests = [*CELLS[name], *(column.get(name, "") for column in FURTHER.values())]
        assert [cell == "yes" for cell in cells] == [bool(test) for test in tests], name
    assert {row for column in FURTHER.values() for row in column} <= set(CELLS)


def test_the_chinese_table_has_the_same_cells() -> None:
    filled = [[bool(c) for c in row] for row in table_of(PAGE)]
    assert [[bool(c) for c in row] for row in table_of(PAGE.with_suffix(".zh-CN.md"))] == filled


@pytest.mark.parametrize("test", sorted(NAMED - {""}))
def test_the_test_of_a_cell_is_there(test: str) -> None:
    file, _, name = test.partition("::")
    tree = ast.parse((TESTS / file).read_text("utf-8"))
    named = (n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef))
    assert name in named


@pytest.mark.integration
@pytest.mark.slow
def test_the_commands_do_what_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = np.random.default_rng(0).normal(size=(80, 3))
    kinds = (rows.sum(axis=1) > 0).astype(int)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, kinds)
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(model))
    net(tmp_path / "net.onnx")
    table = np.column_stack([rows, kinds])
    np.savetxt("rows.csv", table, delimiter=",", header="a,b,c,kind", comments="")
    for block in docs.blocks(PAGE):
        if block.mark == "formats":
            for line in block.text.splitlines():
                assert run(shlex.split(line)[1:]) == 0
    said = capsys.readouterr().err
    assert "Opset: " in said
    assert "accuracy" in said
    assert (tmp_path / "net.int8.onnx").exists()


@pytest.mark.integration
@pytest.mark.slow
def test_the_class_of_the_page_is_deployed_and_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = {b.language: b.text for b in docs.blocks(PAGE) if b.mark == "class"}
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "churn.py").write_text(blocks["python"])
    (tmp_path / "shop" / "weights.json").write_text('{"age": 0.5, "base": 20}')
    rows = [f"{age},{'yes' if age > 40 else 'no'}" for age in np.arange(20.1, 60, 0.2)]
    (tmp_path / "rows.csv").write_text("\n".join(["age,churn", *rows]))
    assert run(shlex.split(blocks["sh"])[1:]) == 0
    said = capsys.readouterr().err
    assert "2 files of" in said
    assert "accuracy 100.0 %" in said
    shutil.rmtree("shop")
    bundle = next((tmp_path / ".seatrial" / "bundles").iterdir())
    with ModelSession() as session:
        opened = Bundle.open(bundle)
        session.load(opened.locate(Role.NATIVE), trust=opened.manifest.trusted)
        session.configure(opened.signature)
        answers = session.predict(np.array([[30.0], [50.0]]))
    assert answers["label"].tolist() == ["no", "yes"]


def net(path: Path) -> None:
    """A graph whose products have weights, on the three numbers of a row."""
    rng = np.random.default_rng(0)
    made = parser.parse_model("""
        <ir_version: 9, opset_import: ["": 18]>
        net (float[n, 3] rows) => (int64[n] label, float[n, 2] probabilities) {
            hidden = MatMul (rows, first)
            active = Relu (hidden)
            raw = MatMul (active, second)
            probabilities = Softmax <axis = -1> (raw)
            label = ArgMax <axis = -1, keepdims = 0> (probabilities)
        }
    """)
    weights = {"first": rng.normal(size=(3, 64)), "second": rng.normal(size=(64, 2))}
    made.graph.initializer.extend(
        numpy_helper.from_array(w.astype(np.float32), name) for name, w in weights.items()
    )
    path.write_bytes(made.SerializeToString())


def test_a_graph_says_that_its_rows_run_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.onnx").write_bytes(full_graph())
    (block,) = [block for block in docs.blocks(PAGE) if block.mark == "onebyone"]
    exec(compile(block.text, str(PAGE), "exec"), {})
    assert is_alone(Path("net.onnx").read_bytes())
