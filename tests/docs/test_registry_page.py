"""The commands of the page on registries, beside a server that follows, and its configuration."""

from __future__ import annotations

import json
import os
import pickle
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import docs_blocks as docs
import numpy as np
import pytest
import yaml

from seatrial.wiring.settings import Settings

HOW_TO = docs.ROOT / "docs" / "how-to"
PAGES = (HOW_TO / "registry.md", HOW_TO / "registry.zh-CN.md")


def of_the_page(language: str, mark: str, page: Path = PAGES[0]) -> list[str]:
    return [b.text for b in docs.blocks(page) if (b.language, b.mark) == (language, mark)]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Two classifiers, the new one better, and a server that follows what is offered."""
    import pandas as pd
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(1_500, 3)), columns=["age", "income", "visits"])
    label = (frame["age"] - frame["income"] + 0.5 * rng.normal(size=1_500) > 0).astype(int)
    known = slice(0, 500)
    weak = label[known].where(rng.random(500) > 0.3, 1 - label[known])
    for name, learned in (("old", weak), ("new", label[known])):
        model = LogisticRegression().fit(frame[known], learned)
        (tmp_path / f"{name}.pkl").write_bytes(pickle.dumps(model))
    frame = frame.assign(churned=label)
    frame[known].to_csv(tmp_path / "training.csv", index=False)
    frame[500:].to_csv(tmp_path / "holdout.csv", index=False)
    (config,) = of_the_page("yaml", "")
    settings = yaml.safe_load(config)
    settings["registry"].pop("url")
    settings["registry"]["models"]["churn"]["target"] = "staging"  # nobody asks it anything here
    settings["server"] = {"port": 0}
    settings["release"] = {"gates": {"p95_ms": 5_000}}  # this machine may be busy
    (tmp_path / "seatrial.yaml").write_text(json.dumps(settings))
    yield tmp_path
    seatrial(tmp_path, "down")


def seatrial(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {k: v for k, v in os.environ.items() if k != "SEATRIAL_HOME"}
    return subprocess.run(
        [sys.executable, "-m", "seatrial", *arguments],
        cwd=folder,
        env=environ | {"PYTHONPATH": str(docs.ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.slow
def test_the_page_does_what_it_says(folder: Path) -> None:
    old = seatrial(folder, "deploy", "old.pkl", "--name", "churn", "--data", "training.csv",
                   "--label", "churned", "--target", "production")  # fmt: skip
    assert old.returncode == 0, old.stderr
    for command in of_the_page("sh", "registry"):
        for line in command.splitlines():
            if "old.pkl" in line:
                continue  # is in production already
            ran = seatrial(folder, *shlex.split(line)[1:], "--json")
            assert ran.returncode == 0, ran.stdout + ran.stderr
    told = json.loads(ran.stdout)
    assert told["outcome"] == "staged"
    assert (Path(told["card"]) / "card.md").is_file()
    record = json.loads((Path(told["card"]) / "evaluation.json").read_text())
    assert record["outcome"] == "better"


@pytest.mark.parametrize("page", PAGES)
def test_its_configuration_is_one(page: Path) -> None:
    for text in of_the_page("yaml", "", page):
        settings = Settings.model_validate(yaml.safe_load(text))
        assert settings.registry.models["churn"].move_alias == "production"


def test_both_languages_show_the_same_commands() -> None:
    english, chinese = ([(b.language, b.mark, b.text) for b in docs.blocks(page)] for page in PAGES)
    assert english == chinese
