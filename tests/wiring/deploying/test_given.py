"""What a person names as a model, as one file."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.kernel.errors import MissingExtra
from seatrial.registry.class_file import NoSuchClass, packed_of
from seatrial.registry.class_folder import ClassUnusable
from seatrial.registry.model_file import UnknownFormat
from seatrial.registry.models import ArtefactUnusable
from seatrial.registry.saved_model_file import names_in
from seatrial.wiring.deploying.given import (
    MlflowUnset,
    MlflowUriInvalid,
    endpoint_of,
    holds_model,
    model_file,
)


def test_a_file_is_itself(tmp_path: Path) -> None:
    said: list[str] = []
    with model_file(tmp_path / "m.pkl", say=lambda *told: said.extend(told), mlflow=None) as file:
        assert file == tmp_path / "m.pkl"
    assert said == []


def test_a_class_is_packed_for_as_long_as_it_is_needed(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("class Net: pass")
    said: list[str] = []
    with model_file(
        tmp_path / "net.py:Net", say=lambda *told: said.extend(told), mlflow=None
    ) as file:
        assert packed_of(file) is not None
        assert file.name == "net.py:Net"
    assert not file.exists()
    assert said[1:] == ["folder", f"1 file of {tmp_path}, 0.0 kB"]


def test_a_folder_of_hugging_face_is_packed_and_told_from_a_bundle(tmp_path: Path) -> None:
    folder = tmp_path / "reviews"
    folder.mkdir()
    assert not holds_model(folder)
    (folder / "config.json").write_text('{"model_type": "bert"}')
    assert holds_model(folder)
    with model_file(folder, say=print, mlflow=None) as file:
        assert file.name == "reviews"
        assert file.is_file()
    assert not file.exists()


def test_a_class_that_is_packed_already_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "net.py:Net").write_bytes(b"packed")
    with model_file(tmp_path / "net.py:Net", say=print, mlflow=None) as file:
        assert file == tmp_path / "net.py:Net"


def test_a_class_that_is_not_there_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(NoSuchClass), model_file(tmp_path / "a.py:A", say=print, mlflow=None):
        pass


@pytest.fixture
def logged(tmp_path: Path) -> Path:
    folder = tmp_path / "churn-model"
    folder.mkdir()
    (folder / "model.pkl").write_bytes(b"p")
    (tmp_path / "outside.pkl").write_bytes(b"o")
    (folder / "link.pkl").symlink_to(tmp_path / "outside.pkl")
    return folder


def described(folder: Path, text: str) -> Path:
    (folder / "MLmodel").write_text(text)
    with model_file(folder, say=print, mlflow=None) as file:
        return file


@pytest.mark.parametrize(
    "flavor",
    ["sklearn: {pickled_model", "xgboost: {data", "lightgbm: {data", "catboost: {data"],
)
def test_a_folder_of_mlflow_is_its_model(logged: Path, flavor: str) -> None:
    text = f"flavors: {{python_function: {{}}, {flavor}: model.pkl}}}}"
    assert described(logged, text) == logged / "model.pkl"


@pytest.mark.parametrize("name", ["model.pth", "model.pt2"])
def test_of_pytorch_mlflow_names_the_folder_of_the_model(logged: Path, name: str) -> None:
    (logged / "data").mkdir()
    (logged / "data" / name).write_bytes(b"t")
    (logged / "data" / "pickle_module_info.txt").write_text("mlflow.pytorch.pickle_module")
    text = "flavors: {python_function: {}, pytorch: {model_data: data, pytorch_version: 2.13.0}}"
    assert described(logged, text) == logged / "data" / name


def test_what_mlflow_alone_can_load_is_packed_whole(logged: Path) -> None:
    (logged / "link.pkl").unlink()
    (logged / "MLmodel").write_text("flavors: {python_function: {}, statsmodels: {}}")
    with model_file(logged, say=print, mlflow=None) as file:
        assert file.name == "churn-model"
        assert names_in(file) == {"MLmodel", "model.pkl"}
    assert not file.exists()


def test_a_folder_of_mlflow_with_a_link_out_of_it_is_refused(logged: Path) -> None:
    with pytest.raises(ClassUnusable, match="leads out of it"):
        described(logged, "flavors: {python_function: {}}")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("flavors: {pytorch: {model_data: ..}}", "no file of its own"),
        ("flavors: {pytorch: {model_data: .}}", "no file of its own"),
        ("flavors: {sklearn: {pickled_model: ../outside.pkl}}", "no file of its own"),
        ("flavors: {sklearn: {pickled_model: /etc/passwd}}", "no file of its own"),
        ("flavors: {sklearn: {pickled_model: link.pkl}}", "no file of its own"),
        ("flavors: {sklearn: {pickled_model: absent.pkl}}", "no file of its own"),
        ("flavors: {sklearn: {}}", "no file of its own"),
        ("flavors: {spark: {}}", "logged as: spark"),
        ("flavors: 3", "without flavors"),
        ("[", "can be read"),
        ("x: " + "[" * 100_000, "can be read"),
        ("#" * (1 << 21), "without flavors"),
    ],
)
def test_a_folder_that_names_no_model_of_its_own_is_told(
    logged: Path, text: str, words: str
) -> None:
    with pytest.raises(ArtefactUnusable, match=words) as told:
        described(logged, text)
    assert told.value.remedy


def test_another_folder_is_told(tmp_path: Path) -> None:
    with (
        pytest.raises(UnknownFormat, match="without a file MLmodel"),
        model_file(tmp_path, say=print, mlflow=None),
    ):
        pass


@pytest.mark.parametrize(
    "uri",
    [
        "models:/churn",
        "models:/churn/0",
        "models:/churn/latest",
        "models:/churn/1/../2",
        "models:/churn@",
        "runs:/abc",
        "runs:/abc/../../etc",
        "runs:/a.b/model",
        "runs:/abc/model/..",
    ],
)
def test_an_address_that_names_no_model_is_told(uri: str) -> None:
    with (
        pytest.raises(MlflowUriInvalid, match="names no model"),
        model_file(Path(uri), say=print, mlflow="http://127.0.0.1:9"),
    ):
        pass


def test_an_address_needs_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with (
        pytest.raises(MlflowUnset, match="where MLflow is"),
        model_file(Path("models:/churn/1"), say=print, mlflow=None),
    ):
        pass
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setattr("seatrial.wiring.registry.registries.find_spec", lambda _: None)
    with (
        pytest.raises(MissingExtra, match="mlflow"),
        model_file(Path("models:/churn@champion"), say=print, mlflow=None),
    ):
        pass


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("models:/Churn Model/3", "churn-model"),
        ("models:/churn@champion", "churn"),
        ("runs:/abc/price-model", "price-model"),
        ("shop/churn.py:Churn", "churn"),
        ("a/tone.prompt.yaml", "tone"),
        ("a/churn.pkl", "churn"),
    ],
)
def test_the_endpoint_is_named_after_the_model(given: str, name: str) -> None:
    assert endpoint_of(Path(given)) == name
