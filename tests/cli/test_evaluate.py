"""`seatrial evaluate`: what it prints, writes, and ends with."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from seatrial.adapters.serving.onnxruntime import OnnxEngine
from seatrial.cli.exits import Exit
from seatrial.packaging.assemble import assemble
from seatrial.packaging.source import Source
from seatrial.serving.spawn import ChildLimits

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from sklearn.linear_model import LogisticRegression

    folder = tmp_path_factory.mktemp("evaluate")
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.normal(size=(900, 2)), columns=["age", "income"])
    label = (frame["age"] + 0.5 * rng.normal(size=900) > 0).astype(int)
    good = LogisticRegression().fit(frame[:200], label[:200])
    bad = LogisticRegression().fit(frame[:200], np.roll(label[:200], 7))
    for name, model in (("good", good), ("bad", bad)):
        (folder / f"{name}.pkl").write_bytes(pickle.dumps(model))
        source = Source(model=folder / f"{name}.pkl", name=name, sample=None, label=None)
        made = assemble(
            source,
            folder / "bundles",
            open_graph=OnnxEngine,
            say=lambda *_: None,
            progress=lambda *_: None,
            limits=ChildLimits(),
        )
        (folder / name).symlink_to(made.bundle.path)
    frame.assign(y=label)[200:].to_csv(folder / "holdout.csv", index=False)
    frame.assign(y=label)[200:260].to_csv(folder / "few.csv", index=False)
    return folder


@pytest.fixture
def evaluate(home, seatrial, files):
    def command(new: str, against: str, *more: str, data: str = "holdout.csv"):
        return seatrial(
            "evaluate",
            str(files / new),
            "--against",
            str(files / against),
            "--data",
            str(files / data),
            "--no-latency",
            "--resamples",
            "200",
            *more,
        )

    return command


def test_a_better_version_ends_well_and_has_a_card(evaluate, tmp_path):
    code, out, err = evaluate(
        "good",
        "bad",
        "--label",
        "y",
        "--report",
        str(tmp_path / "card.html"),
        "--card",
        str(tmp_path / "card.md"),
        "--json",
    )
    assert code == Exit.DONE, err
    assert json.loads(out)["outcome"] == "better"
    assert "Better: Brier score is" in err
    assert "Model card: good " in (tmp_path / "card.html").read_text()
    assert (tmp_path / "card.md").read_text().startswith("# Model card")


def test_a_worse_version_fails(evaluate):
    code, out, err = evaluate("bad", "good", "--label", "y", "--language", "zh")
    assert code == Exit.GATE_FAILED
    assert out == ""
    assert "更差：" in err


def test_too_few_rows_are_inconclusive(evaluate):
    code, _, err = evaluate("good", "bad", data="few.csv")
    assert code == Exit.INCONCLUSIVE
    assert "60 rows can be compared; the rules ask for 100" in err


def test_rules_come_from_the_file_and_the_command_line_goes_over_it(evaluate, tmp_path):
    config = tmp_path / "own.yaml"
    config.write_text("evaluation:\n  primary: auc\n  margin: 0.2\n  least_rows: 50\n")
    _, out, _ = evaluate("good", "bad", "--config", str(config), "--json", data="few.csv")
    found = json.loads(out)
    assert (found["primary"], found["margin"], found["data"]["n"]) == ("auc", "0.2", 60)
    _, out, _ = evaluate(
        *("good", "bad", "--config", str(config), "--json"),
        *("--primary", "accuracy", "--guardrail", "recall:0.5", "--margin", "3%"),
        data="few.csv",
    )
    found = json.loads(out)
    assert (found["primary"], found["margin"]) == ("accuracy", "3%")
    assert found["rules"]["guardrails"][0]["metric"] == "recall"


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (["--margin", "much"], Exit.INVALID, "'much' is no margin"),
        (["--primary", "acuracy"], Exit.INVALID, "no metric 'acuracy'"),
        (["--metric", "nowhere:cost"], Exit.NOT_FOUND, "cannot be imported"),
        (["--label", "z"], Exit.INVALID, "no column 'z'"),
    ],
)
def test_what_is_wrong_is_named(evaluate, more, code, said):
    found, _, err = evaluate("good", "bad", *more)
    assert found == code
    assert said in err


@pytest.mark.parametrize("option", ["--report", "--card"])
def test_a_place_that_cannot_be_written_is_found_before_anything_is_done(
    evaluate, tmp_path, option
):
    for place, why in ((tmp_path / "no" / "card", "there is no folder"), (tmp_path, "")):
        code, _, err = evaluate("not-there.pkl", "bad", option, str(place))
        assert code in (Exit.INVALID, Exit.USAGE)  # a folder is refused as an argument
        assert str(place) in err
        assert why in err


def test_a_version_that_is_not_there_is_named(home, seatrial, files):
    code, _, err = seatrial(
        "evaluate", "churn@3", "--against", "churn", "--data", str(files / "holdout.csv")
    )
    assert code == Exit.NOT_FOUND
    assert "churn" in err
