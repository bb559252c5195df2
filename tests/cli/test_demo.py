"""The demo's parts that need no server: what it makes of what happened."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from seatrial.cli import demo as subject
from seatrial.cli.demo import DemoFailed
from seatrial.cli.output import Console
from seatrial.wiring.settings import Settings
from seatrial.wiring.workspace import open_workspace


def ended(version: int, phase: str, *, n_judged: int = 0) -> Any:
    return subject._Ended(
        version=version,
        story="a story",
        accuracy=0.9,
        phase=phase,
        n_judged=n_judged,
        reason=f"why {phase}",
    )


AS_TOLD = ["promoted", "promoted", "aborted", "aborted"]


def test_only_the_story_as_it_is_told_counts_as_success() -> None:
    def expected(phases: list[str]) -> bool:
        return subject._as_expected([ended(i, p) for i, p in enumerate(phases, 1)])

    assert expected(AS_TOLD)
    for i in range(4):
        for other in ("promoted", "aborted", "held", "rejected"):
            changed = [*AS_TOLD[:i], other, *AS_TOLD[i + 1 :]]
            assert expected(changed) is (other == AS_TOLD[i])
    assert not expected(AS_TOLD[:3])


@pytest.mark.parametrize(
    ("release", "n"),
    [
        ({"evidence": None}, 0),
        ({}, 0),
        ({"evidence": {"verdicts": []}}, 0),
        ({"evidence": {"verdicts": [{"n": 4}, {"n": 250}, {"n": 30}]}}, 250),
    ],
)
def test_a_version_was_judged_on_as_many_requests_as_any_gate_saw(
    release: dict[str, Any], n: int
) -> None:
    assert subject._n_judged(release) == n


def test_the_summary_tells_every_version_every_answer_and_where_things_are(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    versions = [
        ended(1, "promoted"),
        ended(2, "promoted", n_judged=3595),
        ended(3, "aborted", n_judged=4),
    ]
    answers = {"200 v1": 100_000, "200 v2": 11_672, "200 v3": 3, "500 v3": 2, "200 v33": 0}
    subject._summary(Console(), tmp_path, versions, answers, 95.0)
    lines = capsys.readouterr().err.splitlines()
    text = "\n".join(lines)
    assert "What happened in 1 min 35 s" in text
    assert any("v1" in line and "promoted, no canary" in line for line in lines)
    assert any(
        "v2" in line and "promoted on the evidence of 3,595 requests" in line for line in lines
    )
    told_of_v3 = "aborted on the evidence of 4 requests; it answered 5 before"
    assert any("v3" in line and told_of_v3 in line for line in lines)
    assert text.count("why ") == 3
    assert "111,677 requests were sent, 111,675 answered with 200" in text
    told = {" ".join(line.split()) for line in lines}
    assert {"100,000 200 v1", "11,672 200 v2", "2 500 v3"} <= told
    assert str(tmp_path / "state" / "releases" / "tumour") in text


@pytest.mark.parametrize(
    ("by_make", "again"),
    [(True, "make demo ARGS=--keep"), (False, ".venv/bin/seatrial demo --keep")],
)
def test_a_demo_that_is_over_says_how_to_keep_its_console(
    by_make: bool,
    again: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(subject, "invocation", lambda: ".venv/bin/seatrial")
    monkeypatch.delenv("MAKELEVEL", raising=False)
    if by_make:
        monkeypatch.setenv("MAKELEVEL", "1")
    subject._farewell(Console(), tmp_path, None)
    said = capsys.readouterr().err
    assert again in said
    assert f".venv/bin/seatrial history tumour --home {tmp_path}" in said
    assert "http" not in said


def test_a_demo_that_is_kept_says_where_it_is_and_how_to_stop_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(subject, "invocation", lambda: ".venv/bin/seatrial")
    subject._farewell(Console(), tmp_path, "http://127.0.0.1:1")
    said = capsys.readouterr().err
    assert "http://127.0.0.1:1/" in said
    assert f".venv/bin/seatrial down --home {tmp_path}" in said


def test_where_somebodys_own_configuration_lies_the_demos_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("seatrial.yaml").write_text("store: postgresql://production/db\n")
    config = subject._own_config(tmp_path)
    settings = open_workspace(home=tmp_path / "state", config=config, environment={}).settings
    assert settings == Settings()
    subject._farewell(Console(), tmp_path / "state", "http://127.0.0.1:1")
    assert capsys.readouterr().err.count(f"--home {tmp_path / 'state'} --config {config}") == 2
    assert "production" in Path("seatrial.yaml").read_text()


def training(monkeypatch: pytest.MonkeyPatch, code: int, out: str, err: str) -> None:
    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, code, out, err)

    monkeypatch.setattr(subprocess, "run", run)


def test_models_that_cannot_be_trained_say_the_last_word_and_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    training(monkeypatch, 1, "", "Traceback ...\nModuleNotFoundError: No module named 'sklearn'\n")
    with pytest.raises(DemoFailed, match="No module named 'sklearn'") as failed:
        subject._train(Console(quiet=True), tmp_path)
    assert "seatrial[sklearn]" in failed.value.remedy
    training(monkeypatch, -9, "", "")
    with pytest.raises(DemoFailed, match="no output") as failed:
        subject._train(Console(quiet=True), tmp_path)
    assert "--home" in failed.value.remedy


def test_trained_models_are_what_the_program_printed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    training(monkeypatch, 0, '[{"name": "v1", "file": "v1.pkl"}]', "a warning")
    assert subject._train(Console(quiet=True), tmp_path) == [{"name": "v1", "file": "v1.pkl"}]


def test_traffic_that_was_never_started_has_no_answers(tmp_path: Path) -> None:
    assert subject._Traffic(tmp_path / "traffic.json").stop() == {}


def test_the_traffic_goes_to_the_server_with_the_rows_of_the_patients(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "patients.json").write_text("[[1.5, 2.5]]")
    with subject._traffic(tmp_path, "http://127.0.0.1:8123", 50.0) as traffic:
        assert traffic.stop() == {}
    assert json.loads((tmp_path / "traffic.json").read_text()) == {
        "host": "127.0.0.1",
        "port": 8123,
        "path": "/v1/models/tumour:predict",
        "rows": [[1.5, 2.5]],
        "rate": 50.0,
        "many": 0.15,
        "many_rows": 48,
    }
