"""The page on retraining: its configuration is read, its commands run, its training trains."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import docs_blocks as docs
import numpy as np
import pytest

from seatrial.cli.app import run
from seatrial.kernel.clock import SystemClock
from seatrial.steps.worker import Worker
from seatrial.wiring.retraining.desk import RetrainingDesk
from seatrial.wiring.retraining.steps import RetrainingFlow
from seatrial.wiring.workspace import open_workspace

PAGES = sorted((docs.ROOT / "docs" / "how-to").glob("retraining*.md"))
PAGE = docs.ROOT / "docs" / "how-to" / "retraining.md"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import pandas as pd

    rng = np.random.default_rng(0)
    n = 1_000
    frame = pd.DataFrame(rng.normal(size=(n, 2)), columns=["age", "visits"])
    frame["churned"] = (frame["age"] + rng.normal(size=n) > 0).astype(int)
    frame["at"] = pd.Timestamp.now("UTC") - pd.to_timedelta(np.arange(n)[::-1], unit="min")
    frame.to_parquet(tmp_path / "rows.parquet")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEATRIAL_HOME", str(tmp_path / "home"))
    for block in docs.blocks(PAGE):
        if block.mark == "retraining" and block.language == "yaml":
            (tmp_path / "seatrial.yaml").write_text(
                block.text.replace("training:\n", "training:\n  trackers: []\n", 1)
            )
        if block.mark == "retraining" and (file := re.match(r"# (\w+\.py)\n", block.text)):
            (tmp_path / file[1]).write_text(block.text)
    return tmp_path


@pytest.mark.slow
def test_the_page_does_what_it_says(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [
        line
        for block in docs.blocks(PAGE)
        if block.mark == "retraining" and block.language == "sh"
        for line in block.text.splitlines()
    ]
    assert [run(shlex.split(line)[1:]) for line in lines] == [0] * 3
    workspace = open_workspace()
    store = workspace.open_store()
    clock = SystemClock()
    worker = Worker(
        store,
        [RetrainingFlow(workspace, store).workflow()],
        clock=clock,
        holder="page",
        spawn=lambda work, _: work(),
    )
    desk = RetrainingDesk(workspace, store)
    for _ in range(20):
        worker.tick()
        if desk.view("churn")["step"] == "release":
            break
    steps = {step["name"]: step for step in desk.view("churn")["run"]["steps"]}
    assert steps["register"]["status"] == "finished", steps
    assert "training on 800 rows" in steps["train"]["log"]
    assert run(["retrain", "cancel", "churn"]) == 0
    worker.close()
    store.close()


def test_both_languages_show_the_same_configuration_and_commands() -> None:
    def shown(page: Path) -> list[str]:
        texts = [b.text for b in docs.blocks(page) if b.language in ("yaml", "sh")]
        return [re.sub(r'"[^"]*"', '""', text) for text in texts]

    first, second = (shown(page) for page in PAGES)
    assert first == second
