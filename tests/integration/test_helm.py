"""The chart of a release, rendered by Helm itself: its library, from a wheel."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from environments import ROOT, environment

from seatrial.packaging.kubernetes import Form
from tests.packaging.kubernetes.conftest import documents, texts, validate

pytestmark = pytest.mark.integration

PIN = "helm-python-sdk==0.2.2"
PROGRAM = ROOT / "tests" / "integration" / "helm" / "rendered.py"


@pytest.fixture(scope="module")
def python(pytestconfig: pytest.Config) -> Path:
    return environment(pytestconfig, PIN, [PIN])


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    written(tmp_path / "chart")
    return tmp_path / "chart"


def written(folder: Path, **said: Any) -> None:
    for path, text in texts(Form.HELM, **said).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


def helm(python: Path, chart: Path, **values: Any) -> dict[str, Any]:
    command = [python, PROGRAM, chart, json.dumps(values)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["version"].startswith("v4.")
    return found


def made(python: Path, chart: Path, **values: Any) -> dict[str, Any]:
    found = helm(python, chart, **values)
    assert "error" not in found, found["error"]
    assert not found["lint"]
    return {Path(path).name: yaml.safe_load(text) for path, text in found["texts"].items()}


def test_with_its_own_values_helm_makes_the_plain_objects(python: Path, chart: Path) -> None:
    objects = made(python, chart)
    assert objects == documents(Form.PLAIN, namespace=None)
    for document in objects.values():
        validate(document)


def test_keys_in_pem_come_through_unchanged(python: Path, tmp_path: Path) -> None:
    said = {"keys": "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n"}
    written(tmp_path, **said)
    assert made(python, tmp_path) == documents(Form.PLAIN, namespace=None, **said)


def test_other_values_reach_the_objects_and_numbers_stay_numbers(python: Path, chart: Path) -> None:
    objects = made(
        python,
        chart,
        image={"repository": "mirror.example:5000/churn", "tag": "20261127"},
        replicas={"min": 4, "max": 3_000_000},
        resources={"cpu": 2, "memory": "1Gi"},
    )
    (container,) = objects["deployment.yaml"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "mirror.example:5000/churn:20261127"
    assert container["resources"]["requests"] == {"cpu": "2", "memory": "1Gi"}
    spec = objects["hpa.yaml"]["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (4, 3_000_000)
    for document in objects.values():
        validate(document)


@pytest.mark.parametrize("tag", [20261127, 1.5, True, None], ids=str)
def test_a_tag_that_yaml_reads_as_something_else_is_refused_with_the_way_out(
    python: Path, chart: Path, tag: Any
) -> None:
    assert "--set-string" in helm(python, chart, image={"tag": tag})["error"]
