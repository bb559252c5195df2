"""A version among TensorFlow Serving's models: whole or not there, whatever else happens."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format, text_format

from seatrial.adapters.grpc.protobuf_table import message_classes
from seatrial.packaging.plan import elsewhere
from seatrial.packaging.tf_serving import batching, place, replace_file, tell_server
from seatrial.registry.incoming import BundleNotWritten
from seatrial.registry.saved_model_file import UnreadableArchive, chosen_in, pack
from seatrial.serving.engine import EngineKind
from seatrial.testing.models import only


@pytest.fixture
def packed(tmp_path: Path) -> bytes:
    source = tmp_path / "source"
    (source / "variables").mkdir(parents=True)
    (source / "saved_model.pb").write_bytes(b"graph")
    (source / "variables" / "variables.index").write_bytes(b"weights")
    pack(source, tmp_path / "packed", signature="serve")
    return (tmp_path / "packed").read_bytes()


FILES = {"batching_params.pbtxt": b"max_batch_size { value: 8 }\n", "assets.extra/x": b"warm"}


def test_versions_are_counted_on_and_leave_those_before_as_they_were(
    packed: bytes, tmp_path: Path
) -> None:
    models = tmp_path / "models"
    first = place(packed, FILES, models, "churn")
    before = {p: p.stat().st_mtime_ns for p in first.rglob("*")}
    (models / "churn" / "7").mkdir()
    (models / "churn" / "notes").mkdir()
    second = place(packed, FILES, models, "churn")
    assert (first.name, second.name) == ("1", "8")
    assert {p: p.stat().st_mtime_ns for p in first.rglob("*")} == before
    made = {p.relative_to(second).as_posix() for p in second.rglob("*") if p.is_file()}
    assert made == {"saved_model.pb", "variables/variables.index", *FILES}
    assert {p.name for p in models.iterdir()} == {"churn"}
    assert chosen_in(packed) == "serve"


def test_nothing_is_seen_of_a_version_that_breaks_off(
    packed: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = tmp_path / "models"
    broken = BytesIO(packed)
    with zipfile.ZipFile(broken, "a") as archive:
        archive.writestr("../outside", b"x")
    with pytest.raises(UnreadableArchive):
        place(broken.getvalue(), FILES, models, "churn")
    monkeypatch.setattr("seatrial.packaging.tf_serving.write_file", fails)
    with pytest.raises(BundleNotWritten):
        place(packed, FILES, models, "churn")
    assert list(models.iterdir()) == []
    assert not (tmp_path / "outside").exists()


def fails(*_: object) -> None:
    raise OSError("no more")


def test_a_server_is_told_once_and_what_a_person_changed_stays(
    packed: bytes, tmp_path: Path
) -> None:
    version = place(packed, FILES, tmp_path, "churn")
    assert {path.name for path in tell_server(tmp_path, version)} == {
        "batching.config",
        "monitoring.config",
    }
    told = (tmp_path / "batching.config").read_text()
    assert read("BatchingParameters", told).keys() == {"maxBatchSize", "numBatchThreads"}
    monitoring = (tmp_path / "monitoring.config").read_text()
    assert read("MonitoringConfig", monitoring)["prometheusConfig"]["enable"]
    replace_file(tmp_path, "batching.config", "mine")
    assert tell_server(tmp_path, version) == []
    assert (tmp_path / "batching.config").read_text() == "mine"


PUBLISHED = {
    "Int64Value": {"value": "int64"},
    "BoolValue": {"value": "bool"},
    "StringValue": {"value": "string"},
    "BatchingParameters": {
        "max_batch_size": "Int64Value",
        "batch_timeout_micros": "Int64Value",
        "max_enqueued_batches": "Int64Value",
        "num_batch_threads": "Int64Value",
        "thread_pool_name": "StringValue",
        "allowed_batch_sizes": "repeated int64",
        "pad_variable_length_inputs": "bool",
        "enable_large_batch_splitting": "BoolValue",
        "max_execution_batch_size": "Int64Value",
    },
    "PrometheusConfig": {"enable": "bool", "path": "string"},
    "MonitoringConfig": {"prometheus_config": "PrometheusConfig"},
}
"""By session_bundle_config.proto and monitoring_config.proto, which no package on PyPI holds."""


def read(message: str, text: str) -> dict[str, Any]:
    kinds = message_classes("tests/published.proto", "published", PUBLISHED)
    made: dict[str, Any] = json_format.MessageToDict(text_format.Parse(text, kinds[message]()))
    return made


def test_batches_are_those_that_paid_in_the_servers_own_message() -> None:
    plan = elsewhere(only(EngineKind.NATIVE), "TensorFlow Serving")
    text = batching(replace(plan, max_batch_rows=64, linger_s=0.0012))
    assert read("BatchingParameters", text) == {
        "maxBatchSize": {"value": "1024"},
        "enableLargeBatchSplitting": {"value": True},
        "maxExecutionBatchSize": {"value": "64"},
        "batchTimeoutMicros": {"value": "1200"},
    }
