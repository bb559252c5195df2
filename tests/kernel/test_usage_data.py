"""Libraries are asked to tell nobody how they are used."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from seatrial.kernel.usage_data import decline

RUNS = """
import sys
from seatrial.cli import main
try:
    sys.argv = ["seatrial", "--version"]
    main()
except SystemExit:
    import onnxruntime
"""


def test_what_the_environment_says_already_stays() -> None:
    environment = {"ORT_DISABLE_TELEMETRY": "0"}
    decline(environment)
    assert environment == {"ORT_DISABLE_TELEMETRY": "0"}
    environment = {}
    decline(environment)
    assert environment == {"ORT_DISABLE_TELEMETRY": "1"}


def test_onnxruntime_keeps_nothing_to_send(tmp_path: Path) -> None:
    """It left an id of the machine and a queue of events in ~/.cache/Microsoft."""
    pytest.importorskip("onnxruntime")
    environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    places = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", RUNS],
        env=environment | places,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert [*tmp_path.rglob("*icrosoft*")] == []
