"""MLflow's registry against the suite; run by `test_mlflow_registry` where MLflow is installed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from uuid import uuid4

import pytest
import yaml
from mlflow.tracking import MlflowClient

from seatrial.adapters.tracking.registry_mlflow import MlflowRegistry
from seatrial.registry.models import (
    ArtefactUnusable,
    ModelRegistry,
    RegisteredVersionUnknown,
    RegistryUnavailable,
)
from seatrial.registry.saved_model_file import names_in
from seatrial.testing.model_registry_suite import ModelRegistrySuite, Register
from seatrial.wiring.deploying.given import AliasUnknown, model_file

SERVER = os.environ["SEATRIAL_TEST_MLFLOW_URL"]


def registering(uri: str, folder: Path) -> Register:
    """Registers as `mlflow.register_model` does with files that were saved to a folder."""
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    run = client.create_run("0")

    def register(model: str, content: bytes) -> int:
        saved = folder / uuid4().hex
        saved.mkdir()
        (saved / "model.pkl").write_bytes(content)
        described = {"flavors": {"sklearn": {"pickled_model": "model.pkl"}}}
        (saved / "MLmodel").write_text(yaml.safe_dump(described))
        client.log_artifacts(run.info.run_id, str(saved), saved.name)
        if not client.search_registered_models(f"name='{model}'"):
            client.create_registered_model(model)
        source = f"{run.info.artifact_uri}/{saved.name}"
        return int(client.create_model_version(model, source, run.info.run_id).version)

    return register


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with MLflow's tables, which take seconds to make."""
    file = tmp_path_factory.mktemp("mlflow") / "empty.db"
    assert MlflowRegistry(f"sqlite:///{file}").versions("nothing") == []
    return file


class TestSqlite(ModelRegistrySuite):
    @pytest.fixture
    def made(
        self, empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> tuple[ModelRegistry, Register]:
        monkeypatch.chdir(tmp_path)  # where MLflow puts the artefacts of a database
        uri = f"sqlite:///{shutil.copy(empty, tmp_path / 'm.db')}"
        return MlflowRegistry(uri), registering(uri, tmp_path)


class TestFolder(ModelRegistrySuite):
    """What people have from before: `mlruns`, which MLflow itself opens only when it is told to."""

    @pytest.fixture
    def made(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> tuple[ModelRegistry, Register]:
        monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE", raising=False)
        monkeypatch.chdir(tmp_path)
        registry = MlflowRegistry("mlruns")
        return registry, registering(str(tmp_path / "mlruns"), tmp_path)


class TestServer(ModelRegistrySuite):
    @pytest.fixture
    def made(self, tmp_path: Path) -> tuple[ModelRegistry, Register]:
        client = MlflowClient(SERVER)
        for left in client.search_registered_models():
            client.delete_registered_model(left.name)
        return MlflowRegistry(SERVER), registering(SERVER, tmp_path)


def test_more_versions_than_a_page_holds_are_found(
    empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("seatrial.adapters.tracking.registry_mlflow._PAGE", 2)
    uri = f"sqlite:///{shutil.copy(empty, tmp_path / 'm.db')}"
    register = registering(uri, tmp_path)
    for i in range(5):
        register("churn", b"%d" % i)
    registry = MlflowRegistry(uri)
    assert [v.number for v in registry.versions("churn")] == [1, 2, 3, 4, 5]
    assert [v.number for v in registry.versions("churn", after=2)] == [3, 4, 5]


def test_a_server_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(RegistryUnavailable, match=r"127\.0\.0\.1"):
        MlflowRegistry("http://127.0.0.1:9").versions("churn")


def test_a_database_that_cannot_be_opened_is_one_that_does_not_answer(tmp_path: Path) -> None:
    (tmp_path / "m.db").write_bytes(b"no database at all, " * 100)
    registry = MlflowRegistry(f"sqlite:///{tmp_path / 'm.db'}")
    with pytest.raises(RegistryUnavailable, match="does not answer"):
        registry.versions("churn")


def test_a_model_without_a_file_of_ours_is_told(
    empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    uri = f"sqlite:///{shutil.copy(empty, tmp_path / 'm.db')}"
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    run = client.create_run("0")
    saved = tmp_path / "model"
    saved.mkdir()
    (saved / "MLmodel").write_text(yaml.safe_dump({"flavors": {"spacy": {}}}))
    client.log_artifacts(run.info.run_id, str(saved), "model")
    client.create_registered_model("net")
    client.create_model_version("net", f"{run.info.artifact_uri}/model", run.info.run_id)
    (tmp_path / "x").mkdir()
    with pytest.raises(ArtefactUnusable, match="was logged as: spacy"):
        MlflowRegistry(uri).fetch("net", 1, tmp_path / "x")


def test_what_mlflow_alone_can_load_is_fetched_as_one_file(
    empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    uri = f"sqlite:///{shutil.copy(empty, tmp_path / 'm.db')}"
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    run = client.create_run("0")
    saved = tmp_path / "model"
    saved.mkdir()
    (saved / "MLmodel").write_text(yaml.safe_dump({"flavors": {"python_function": {}}}))
    (saved / "model.py").write_text("")
    client.log_artifacts(run.info.run_id, str(saved), "model")
    client.create_registered_model("own")
    client.create_model_version("own", f"{run.info.artifact_uri}/model", run.info.run_id)
    (tmp_path / "x").mkdir()
    file = MlflowRegistry(uri).fetch("own", 1, tmp_path / "x").file
    assert file.is_relative_to(tmp_path / "x")
    assert names_in(file) == {"MLmodel", "model.py"}


def fetched(uri: str, mlflow: str) -> bytes:
    with model_file(Path(uri), say=lambda *_: None, mlflow=mlflow) as file:
        return file.read_bytes()


def test_a_model_is_fetched_by_its_address(
    empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    uri = f"sqlite:///{shutil.copy(empty, tmp_path / 'm.db')}"
    register = registering(uri, tmp_path)
    for content in (b"first", b"second"):
        register("churn", content)
    MlflowRegistry(uri).move_alias("churn", "champion", 1)
    assert fetched("models:/churn/2", uri) == b"second"
    assert fetched("models:/churn@champion", uri) == b"first"
    (version,) = MlflowRegistry(uri).versions("churn", after=1)
    source = MlflowClient(tracking_uri=uri).get_model_version("churn", "2").source
    logged = f"runs:/{version.run}/{source.rpartition('/')[2]}"
    assert fetched(logged, uri) == b"second"
    for absent, error in (
        ("models:/churn/3", RegisteredVersionUnknown),
        ("models:/other/1", RegisteredVersionUnknown),
        ("models:/churn@absent", AliasUnknown),
        ("models:/other@absent", AliasUnknown),
    ):
        with pytest.raises(error):
            fetched(absent, uri)
    for absent in (f"runs:/{version.run}/absent", f"runs:/{'0' * 32}/model"):
        with pytest.raises((ArtefactUnusable, RegistryUnavailable)):
            fetched(absent, uri)
