"""The commands of the page on scoring files, run as they stand."""

from __future__ import annotations

import json
import pickle
import shlex
from pathlib import Path

import docs_blocks as docs
import numpy as np
import pyarrow.parquet as pq
import pytest
from pyarrow import csv

from seatrial.cli.app import run

PAGE = docs.ROOT / "docs" / "how-to" / "batch.md"


@pytest.mark.slow
def test_the_page_does_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pandas as pd
    from sklearn.linear_model import LogisticRegression

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEATRIAL_HOME", str(tmp_path / "home"))
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(200, 2)), columns=["age", "income"])
    label = np.where(frame["age"] > frame["income"], "yes", "no")
    model = LogisticRegression().fit(frame, label)
    (tmp_path / "churn.pkl").write_bytes(pickle.dumps(model))
    frame.insert(0, "id", [f"c{i}" for i in range(200)])
    frame.to_parquet("customers.parquet", index=False)
    lines = frame.to_csv(index=False).splitlines()
    lines[4] = "c3,unknown,1.5"
    (tmp_path / "dirty.csv").write_text("\n".join(lines))
    np.savez("customers.npz", **{n: np.array(frame[n].tolist()) for n in frame.columns})
    blocks = [block for block in docs.blocks(PAGE) if block.mark == "batch"]
    for block in blocks:
        for line in block.text.splitlines():
            assert run(shlex.split(line)[1:]) == 0, line
    answers = pq.read_table("answers.parquet")
    assert answers.column_names == ["row", "id", "label", "probabilities.no", "probabilities.yes"]
    assert answers.column("label").to_pylist() == label.tolist()
    from_arrays = csv.read_csv("arrays.csv")
    assert from_arrays.column("id").to_pylist() == frame["id"].tolist()
    assert from_arrays.column("label").to_pylist() == label.tolist()
    (shown,) = [block.text for block in docs.blocks(PAGE) if block.language == "json"]
    assert json.loads(Path("scored.rejected.jsonl").read_text()) == json.loads(shown)
