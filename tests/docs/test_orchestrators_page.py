"""The page on orchestrators: its configuration is read and its commands run, in both languages."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import docs_blocks as docs
import numpy as np
import pytest

from seatrial.cli.app import run

PAGES = sorted((docs.ROOT / "docs" / "how-to").glob("orchestrators*.md"))
PAGE = docs.ROOT / "docs" / "how-to" / "orchestrators.md"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import pandas as pd

    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(1_000, 2)), columns=["age", "visits"])
    frame["churned"] = (frame["age"] > 0).astype(int)
    frame.to_parquet(tmp_path / "rows.parquet")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEATRIAL_HOME", str(tmp_path / "home"))
    (tmp_path / "dags").mkdir()
    for block in docs.blocks(PAGE):
        if block.language == "yaml":
            (tmp_path / "seatrial.yaml").write_text(block.text)
    return tmp_path


def test_the_commands_do_what_the_page_says(folder: Path) -> None:
    lines = [
        line
        for block in docs.blocks(PAGE)
        if block.mark == "orchestrators" and block.language == "sh"
        for line in block.text.splitlines()
    ]
    assert [run(shlex.split(line)[1:]) for line in lines] == [0] * 4
    dag = (folder / "dags" / "churn.py").read_text()
    assert 'CRONS = ["0 3 * * *"]\nZONE = "Europe/Berlin"' in dag
    pipeline = (folder / "churn.py").read_text()
    assert 'IMAGE = "registry/churn:1"\nFOLDER = "/workspace"' in pipeline
    for text in (dag, pipeline):
        ast.parse(text)


def test_both_languages_show_the_same_configuration_and_commands() -> None:
    first, second = (
        [b.text for b in docs.blocks(page) if b.language in ("yaml", "sh")] for page in PAGES
    )
    assert first == second


def test_the_table_has_the_exit_codes_of_the_dag() -> None:
    from seatrial.training.exporting.airflow import dag
    from tests.training.exporting.programs import PLAIN

    for page in PAGES:
        codes = re.findall(r"^\| (\d+)", page.read_text("utf-8"), re.MULTILINE)
        assert codes == ["0", "3", "4", "5", "10"]
    assert "DONE, OVER, WAITS = 0, 3, 4" in dag(PLAIN)
