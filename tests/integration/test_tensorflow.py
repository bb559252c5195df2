"""TensorFlow's formats, with the real package in an environment of its own."""

from __future__ import annotations

import json
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from environments import ROOT, environment, passes

from tests.integration.test_tensorflow_serving import tensorflow_serving

pytestmark = [pytest.mark.integration, pytest.mark.slow]

FILES = Path(__file__).with_name("tensorflow_serving_files.py")
PIN = "tensorflow-cpu==2.21.0"


@pytest.fixture
def python(request: pytest.FixtureRequest) -> Path:
    """An interpreter with TensorFlow and seatrial's own dependencies; kept in pytest's cache."""
    return environment(request.config, PIN, [PIN, f"{ROOT}[tensorflow]", "pytest>=8.3"])


def test_every_form_is_exported_or_served_natively(
    python: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder = ROOT / "tests" / "integration" / "tensorflow_models"
    passes(python, folder / "in_tensorflow.py", tmp_path, path=[folder])
    _is_read_by_its_server(tmp_path / "models", request.config)


def _is_read_by_its_server(models: Path, config: pytest.Config) -> None:
    """What was written for TensorFlow Serving, in its own messages."""
    records = [
        record.hex()
        for file in sorted(models.glob("churn/*/assets.extra/tf_serving_warmup_requests"))
        for record in _records(file.read_bytes())
    ]
    ran = subprocess.run(
        [tensorflow_serving(config), FILES, models / "models.config", *records],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    read, asked = json.loads(ran.stdout)
    (model,) = read["modelConfigList"]["config"]
    assert model["name"] == "churn"
    assert model["basePath"].endswith("/models/churn")
    assert model["modelVersionPolicy"]["specific"]["versions"] == ["1", "2"]
    assert model["versionLabels"] == {"stable": "1", "canary": "2"}
    assert [spec for *spec, _ in asked] == [["churn", "serving_default"]] * 4
    assert all(list(shapes) == ["image"] for *_, shapes in asked)
    assert [shapes["image"][1:] for *_, shapes in asked] == [[8, 8, 3]] * 4
    assert asked[0][2]["image"][0] == 1


def _records(content: bytes) -> Iterator[bytes]:
    """Of a TFRecord file."""
    while content:
        (n,) = struct.unpack_from("<Q", content)
        yield content[12 : 12 + n]
        content = content[16 + n :]
