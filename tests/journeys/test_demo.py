"""The demo as people run it: the story it tells, what it leaves, and its console that stays."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from seatrial.release.config import ReleaseConfig

pytestmark = [pytest.mark.integration, pytest.mark.slow]

WAIT_S = 600.0


def seatrial(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "seatrial", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=WAIT_S)


def test_two_versions_are_promoted_two_are_aborted_and_the_console_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("seatrial.yaml").write_text("store: postgresql://nobody@127.0.0.1:1/real\n")
    home = tmp_path / "demo"
    state = str(home / "state")
    done = seatrial("demo", "--keep", "--watch", "10s", "--home", str(home))
    there = ("--home", state, "--config", str(home / "demo.yaml"))
    try:
        assert done.returncode == 0, done.stderr
        seen = json.loads(seatrial("status", "tumour", *there, "--json").stdout)
        facts = json.loads(seatrial("history", "tumour", *there, "--json").stdout)
        (address,) = re.findall(r"console +(http://\S+)/  \(goes on\)", done.stderr)
        with urllib.request.urlopen(f"{address}/endpoints/tumour", timeout=10) as page:
            assert page.status == 200
    finally:
        stopped = seatrial("down", *there)
    assert stopped.returncode == 0
    assert (seen["stable"], seen["former"]) == (2, [1])

    (plan,) = {json.dumps(f["data"]["plan"]) for f in facts if f["kind"] == "release.started"}
    usual = json.loads(json.dumps(ReleaseConfig().plan().as_dict()))
    usual["steps"][0]["watch_s"] = 10.0  # what the flag says; nothing else differs
    assert json.loads(plan) == usual
    ends = [f["data"]["version"] for f in facts if f["kind"] == "release.promoted"]
    assert ends == [1, 2]
    assert [f["data"]["version"] for f in facts if f["kind"] == "release.aborted"] == [3, 4]
    told = dict(re.findall(r"v(\d) +(?:promoted|aborted) on the evidence of ([\d,]+)", done.stderr))
    judged = {version: int(n.replace(",", "")) for version, n in told.items()}
    assert judged.keys() == {"2", "3", "4"}
    assert judged["2"] >= 3_000  # fewer prove nothing of 0.1 %
    assert max(judged["3"], judged["4"]) < 500
    assert re.search(r"canary +(5 %, [\d.]+ s of 10 s, [\d,]+ requests|waits for)", done.stderr)
    for version in "1234":
        left = {path.name for path in (Path(state) / "releases" / "tumour" / version).iterdir()}
        assert {"Dockerfile", "staging.html", "staging.json", "kubernetes"} <= left
    assert str(Path(state) / "releases" / "tumour") in done.stderr
