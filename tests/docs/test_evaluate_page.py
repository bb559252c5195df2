"""The commands and programs of the page on comparing versions, run as they stand."""

from __future__ import annotations

import pickle
import re
import shlex
from pathlib import Path

import docs_blocks as docs
import numpy as np
import pytest

from seatrial.cli.app import run

PAGE = docs.ROOT / "docs" / "how-to" / "evaluate.md"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two classifiers, the new one better, with the rows they learned and others."""
    import pandas as pd
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(2_000, 3)), columns=["age", "income", "visits"])
    label = (frame["age"] - frame["income"] + 0.5 * rng.normal(size=2_000) > 0).astype(int)
    known = slice(0, 500)
    weak = label[known].where(rng.random(500) > 0.3, 1 - label[known])
    for name, learned in (("old", weak), ("new", label[known])):
        model = LogisticRegression().fit(frame[known], learned)
        (tmp_path / f"{name}.pkl").write_bytes(pickle.dumps(model))
    frame = frame.assign(churned=label)
    frame[known].to_csv(tmp_path / "training.csv", index=False)
    frame[500:].to_csv(tmp_path / "holdout.csv", index=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEATRIAL_HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.mark.slow
def test_the_page_does_what_it_says(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = [block for block in docs.blocks(PAGE) if block.mark == "evaluation"]
    codes = []
    for block in blocks:
        if block.language == "sh":
            codes += [run(shlex.split(line)[1:]) for line in block.text.splitlines()]
        elif file := re.match(r"# (\w+\.py)\n", block.text):
            (folder / file[1]).write_text(block.text)
        else:
            exec(compile(block.text, "page", "exec"), {})
            assert "# better" in block.text
    assert codes == [0, 0, 0]
    assert capsys.readouterr().out == "better\n"
    assert (folder / "card.html").is_file()
    assert (folder / "card.md").is_file()
