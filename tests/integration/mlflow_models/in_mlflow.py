"""Run inside an environment with MLflow: what its pyfunc models answer, and what goes wrong."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", MLFLOW_ALLOW_FILE_STORE="true")

import logged
import mlflow
import numpy as np
import pytest
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema, TensorSpec

from seatrial.cli.app import run as seatrial
from seatrial.kernel.errors import SeatrialError
from seatrial.packaging.session import ModelSession
from seatrial.registry.bundle import Bundle
from seatrial.registry.manifest import Role
from seatrial.wiring.deploying.given import model_file

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "formats.md"
COMMANDS = re.findall(r"(?ms)^```sh pyfunc\n(.*?)^```", PAGE.read_text("utf-8"))[0].splitlines()


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where models are logged, with a registry of MLflow."""
    made = tmp_path_factory.mktemp("models")
    os.chdir(made)
    os.environ["MLFLOW_TRACKING_URI"] = str(made / "mlruns")
    mlflow.set_tracking_uri(str(made / "mlruns"))
    return made


@pytest.fixture(scope="module")
def session() -> Iterator[ModelSession]:
    with ModelSession() as opened:
        yield opened


def loaded(session: ModelSession, folder: Path, *, any_version: bool = False) -> None:
    with model_file(folder, say=lambda *_: None, mlflow=None) as file:
        session.load(file, trust=True, any_version=any_version)


def test_the_command_of_the_page_deploys_what_a_notebook_logged(
    folder: Path, session: ModelSession, capsys: pytest.CaptureFixture[str]
) -> None:
    table = logged.rows()
    table.to_csv("rows.csv", index=False)
    told = logged.churn(folder)
    mlflow.pyfunc.log_model(name="model", registered_model_name="churn", **told)
    (line,) = COMMANDS
    assert seatrial(shlex.split(line)[1:-1]) == 7  # without --trust
    assert "loads by code" in capsys.readouterr().err
    assert seatrial(shlex.split(line)[1:]) == 0
    said = capsys.readouterr().err
    assert "accuracy 100.0 %" in said
    assert "power = 1.0" in said
    bundle = Bundle.open(next((folder / ".seatrial" / "bundles").iterdir()))
    assert {"mlflow", "pandas", "numpy"} <= set(re.findall(r"(?m)^[\w-]+", bundle.requirements()))
    session.load(bundle.locate(Role.NATIVE), trust=bundle.manifest.trusted)
    session.configure(bundle.signature)
    batch = {n: table[n].to_numpy() for n in ("age", "orders")}
    answers = session.predict({**batch, "plan": table["plan"].to_numpy(object)})
    assert answers["label"].tolist() == table["churn"].tolist()
    assert bundle.signature.outputs[1].classes == ("no", "yes")


def test_another_librarys_flavor_answers_as_it_does(folder: Path, session: ModelSession) -> None:
    fit, given = logged.squares(folder)
    loaded(session, folder / "squares")
    signature, _ = session.introduce()
    assert signature.names == ("const", "a", "b", "c")
    answers = session.predict(given.to_numpy())["prediction"]
    np.testing.assert_allclose(answers, fit.predict(given), rtol=1e-12)


def test_type_hints_are_a_signature(folder: Path, session: ModelSession) -> None:
    mlflow.pyfunc.save_model("texts", python_model=logged.Lengths(), pip_requirements=[])
    loaded(session, folder / "texts")
    signature, _ = session.introduce()
    (name,) = signature.names
    texts = np.array(["", "abc", "价格"], dtype=object)
    assert session.predict({name: texts})["prediction"].tolist() == [0, 3, 2]


def test_columns_and_tensors_come_in_their_types(folder: Path, session: ModelSession) -> None:
    columns = [ColSpec("integer", "i"), ColSpec("boolean", "b"), ColSpec("string", "s", False)]
    body = "assert str(model_input.i.dtype) == 'int32'; return model_input.i * model_input.b"
    schema = ModelSignature(Schema(columns))
    loaded(session, logged.coded(folder, "columns", body, signature=schema))
    session.introduce()
    batch = {"i": np.array([3, 4]), "b": np.array([True, False])}
    rows = {**batch, "s": np.array(["x", None], object)}
    assert session.predict(rows)["prediction"].tolist() == [3, 0]
    with pytest.raises(SeatrialError, match="from -2147483648"):
        session.predict({**rows, "i": np.array([1 << 40, 0])})
    image = ModelSignature(Schema([TensorSpec(np.dtype("uint8"), (-1, 4, 4))]))
    body = "assert model_input.dtype == np.uint8; return model_input.mean(axis=(1, 2))"
    loaded(session, logged.coded(folder, "image", body, signature=image))
    signature, _ = session.introduce()
    assert signature.features[0].shape == (4, 4)
    found = session.predict({signature.names[0]: np.full((2, 4, 4), 255)})["prediction"]
    assert found.tolist() == [255, 255]


@pytest.mark.parametrize(
    ("name", "body", "code", "words"),
    [
        ("raises", "raise KeyError('nope')", "engine.failed", "KeyError: 'nope'"),
        ("exits", "sys.exit(3)", "engine.failed", "SystemExit"),
        ("nothing", "return None", "model.unsupported", "answers a NoneType"),
        ("few", "return [1.0]", "model.unsupported", r"shape \[1\] for 8 rows"),
    ],
)
def test_a_model_that_answers_nonsense_is_told(
    folder: Path, session: ModelSession, name: str, body: str, code: str, words: str
) -> None:
    loaded(session, logged.coded(folder, name, body))
    with pytest.raises(SeatrialError, match=words) as told:
        session.introduce()
    assert (told.value.code, bool(told.value.remedy)) == (code, True)


def test_a_model_without_a_signature_is_told_how_to_get_one(
    folder: Path, session: ModelSession
) -> None:
    made = logged.coded(folder, "bare", "return model_input", signature=None)
    with pytest.raises(SeatrialError, match="without a signature") as told:
        loaded(session, made)
    assert told.value.code == "model.no_signature"
    assert "set_signature" in told.value.remedy
    signature = mlflow.models.infer_signature(np.zeros((2, 2)))
    mlflow.models.set_signature(str(made), signature)
    loaded(session, made)
    assert len(session.introduce()[0].features) == 2


def test_code_that_cannot_be_loaded_is_told(folder: Path, session: ModelSession) -> None:
    made = logged.coded(folder, "broken", "return model_input")
    (made / "broken.py").write_text("import nowhere_at_all")
    with pytest.raises(SeatrialError, match="No module named 'nowhere_at_all'") as told:
        loaded(session, made)
    assert told.value.code == "model.code_failed"
    assert "seatrial-model-" not in told.value.problem


def test_a_folder_whose_versions_are_not_here_is_told(folder: Path, session: ModelSession) -> None:
    pins = {"pip_requirements": ["mlflow", "numpy==1.19.5"]}
    made = logged.coded(folder, "older", "return model_input", **pins)
    with pytest.raises(SeatrialError, match=r"numpy==1\.19\.5") as told:
        loaded(session, made)
    assert told.value.code == "model.version_mismatch"
    loaded(session, made, any_version=True)
    (made / "requirements.txt").write_text("nowhere-at-all==3")
    with pytest.raises(SeatrialError, match="nowhere-at-all==3") as told:
        loaded(session, made, any_version=True)
    assert told.value.code == "model.missing_library"


def test_a_models_process_is_told_of_no_server_of_mlflow(
    folder: Path, session: ModelSession
) -> None:
    body = "return [float('MLFLOW_TRACKING_URI' not in os.environ)] * len(model_input)"
    loaded(session, logged.coded(folder, "asks", body))
    session.introduce()
    assert session.predict(np.zeros((8, 2)))["prediction"].all()
