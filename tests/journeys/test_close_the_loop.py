"""The whole loop on real data, as its pages start it: undisturbed, and killed ten times."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.slow]

EXAMPLE = Path(__file__).parents[2] / "examples" / "close_the_loop"


def commands() -> list[str]:
    """Those of the example's page."""
    page = (EXAMPLE / "README.md").read_text("utf-8")
    return re.findall(r"^(python close_the_loop\.py.*)$", page, re.MULTILINE)


def replayed(command: str, folder: Path, *options: str) -> tuple[dict[str, Any], str]:
    """What a command of the page found, and what it printed."""
    out = folder / "found.json"
    done = subprocess.run(
        [sys.executable, *shlex.split(command)[1:], "--out", str(out), *options],
        cwd=EXAMPLE,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=1200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)
    return json.loads(out.read_text("utf-8")), done.stdout


def came_to_its_end(found: dict[str, Any]) -> None:
    """Drift was answered by one better version, and the damaged labels by none."""
    assert [run["outcome"] for run in found["retrainings"]] == ["promoted", "worse"], found
    assert [run["cause"] for run in found["retrainings"]] == ["accuracy", "accuracy"]
    assert [run["false"] for run in found["retrainings"]] == [False, True]
    assert found["promoted"] == [1, 2]  # each once
    assert found["stable"] == 2
    assert found["bad_days"]["with"] < 0.75 * found["bad_days"]["without"]
    since = found["accuracy_since"]
    assert since["with"] > since["without"] + 0.05
    assert since["with"] > found["reference"] - 0.05  # it has recovered


def test_the_loop_closes_and_a_worse_version_is_stopped(tmp_path: Path) -> None:
    found, said = replayed(commands()[0], tmp_path)
    came_to_its_end(found)
    assert found["killed"] == []
    alarm, began = said.index("alert  "), said.index("retraining  accuracy")
    assert alarm < began < said.index("promoted  ")
    assert f"seed               {found['seed']}" in said


def test_killed_at_ten_random_moments_it_comes_to_the_same_end(tmp_path: Path) -> None:
    seed = os.environ.get("SEATRIAL_SEED", "11")
    found, _ = replayed(commands()[1], tmp_path, "--seed", seed)
    assert len(found["killed"]) == 10, seed
    came_to_its_end(found)


def test_the_pages_start_it_as_the_example_does_and_show_its_configuration() -> None:
    shown = (EXAMPLE / "seatrial.yaml").read_text("utf-8")
    for page in (EXAMPLE.parents[1] / "docs" / "tutorial").glob("close-the-loop*.md"):
        text = page.read_text("utf-8")
        assert re.findall(r"^(python close_the_loop\.py.*)$", text, re.MULTILINE) == commands()
        assert f"```yaml loop\n{shown}```" in text
