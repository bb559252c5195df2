"""What Ray Serve is told of a model; whether Ray reads it, tests/integration/test_ray_serve.py."""

from __future__ import annotations

import ast
from dataclasses import replace

import pytest
import yaml

from seatrial.packaging.rayserve import application_files, scale_of
from seatrial.serving.engine import EngineKind
from seatrial.testing.models import only


@pytest.mark.parametrize(
    ("batching", "rows", "ongoing"), [(True, 64, 128), (True, 2, 32), (False, 64, 32)]
)
def test_a_replica_gathers_one_batch_while_it_runs_another(
    batching: bool, rows: int, ongoing: int
) -> None:
    plan = replace(only(EngineKind.ONNX), batching=batching, max_batch_rows=rows)
    scale = scale_of(plan)
    assert scale.max_ongoing_requests == ongoing
    assert scale.target_ongoing_requests == ongoing // 2


def test_names_and_folders_with_quotes_stay_what_they_are() -> None:
    folder = '/srv/a "b"/é: #1'
    files = application_files("on", scale_of(only(EngineKind.ONNX)), folder=folder)
    assert sorted(files) == ["app.py", "config.yaml"]
    ast.parse(files["app.py"])
    (application,) = yaml.safe_load(files["config.yaml"])["applications"]
    assert application["name"] == application["deployments"][0]["name"] == "on"
    assert application["args"] == {"bundle": f"{folder}/bundle"}
