"""The commands and programs of the page on training, run as they stand."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import docs_blocks as docs
import pytest
import yaml

from seatrial.cli.app import run
from seatrial.training.config import TrainingConfig

PAGE = docs.ROOT / "docs" / "how-to" / "train.md"
EXAMPLE = docs.ROOT / "examples" / "training"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example, in a folder of its own; MLflow, where it is installed, is left out."""
    shutil.copytree(EXAMPLE, tmp_path / "training")
    monkeypatch.chdir(tmp_path / "training")
    monkeypatch.setenv("SEATRIAL_TRAINING__TRACKERS", "[]")
    return tmp_path / "training"


@pytest.mark.slow
def test_the_page_does_what_it_says(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    codes, told = [], ""
    for block in [block for block in docs.blocks(PAGE) if block.mark == "training"]:
        if block.language == "python":
            exec(compile(block.text, "page", "exec"), {})
            said = re.search(r"# (.+)\n$", block.text)
            assert said is not None
            assert capsys.readouterr().out.strip().endswith(said[1])
            continue
        for line in block.text.splitlines():
            words = shlex.split(line)
            if words[0] == "python":
                subprocess.run([sys.executable, *words[1:]], cwd=folder, check=True)
            elif words[0] == "seatrial":
                codes.append(run(words[1:]))
                told += capsys.readouterr().err
    assert codes == [0] * 6
    assert "constant   better: brier is" in told
    assert "next: seatrial deploy" in told
    assert (folder / ".seatrial" / "runs" / "retrain-7" / "out" / "model.pkl").is_file()


def test_the_example_is_configured_as_the_page_says() -> None:
    said = yaml.safe_load((EXAMPLE / "seatrial.yaml").read_text("utf-8"))["training"]
    recipe = TrainingConfig.model_validate(said).recipes["tumours"]
    shown = next(b for b in docs.blocks(PAGE) if b.language == "yaml")
    page = TrainingConfig.model_validate(yaml.safe_load(shown.text)["training"])
    assert page.recipes["tumours"] == recipe.model_copy(update={"search": None, "seed": 0})
    assert recipe.search is not None


def test_every_error_of_the_page_has_the_exit_code_it_says() -> None:
    from seatrial.cli.exits import exit_of
    from seatrial.training.runs import failures

    by_code = {kind.code: kind for kind in failures.OF_OUTCOME.values()}
    rows = re.findall(r"\| `(training\.\w+)` \| (\d+) \|", PAGE.read_text("utf-8"))
    assert len(rows) == 8
    for code, number in rows:
        expected = (
            3 if code == "training.worse_than_constant" else exit_of(by_code[code]("", remedy=""))
        )
        assert int(number) == expected
