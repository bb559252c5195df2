"""Two versions compared from files, folders and the catalogue: real models, real exports."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from seatrial.kernel.errors import Invalid
from seatrial.packaging.sample import BadSample, SampleMismatch
from seatrial.registry.archive import pack
from seatrial.registry.bundle import Bundle
from seatrial.registry.unsafe import UnsafeModel
from seatrial.training.evaluation.decision import Kind, Outcome
from seatrial.training.evaluation.rules import Guardrail, Rules
from seatrial.wiring.deploying.deploy import deploy_order
from seatrial.wiring.deploying.order import Order
from seatrial.wiring.evaluation.evaluating import (
    Evaluated,
    EvaluationOrder,
    VersionFails,
    evaluate,
    evaluate_order,
)
from seatrial.wiring.evaluation.own_metric import MetricNotFound
from seatrial.wiring.evaluation.rows import HoldoutIsTraining
from seatrial.wiring.workspace import Workspace, open_workspace

pytestmark = pytest.mark.slow

RULES = Rules(n_resamples=200)


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classifiers of the same columns, one better, and rows neither has seen."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    folder = tmp_path_factory.mktemp("evaluation")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2_500, 3))
    label = ((x[:, 0] * x[:, 1] + 0.3 * x[:, 2] + 0.3 * rng.normal(size=2_500)) > 0).astype(int)
    frame = pd.DataFrame(x, columns=["age", "income", "visits"])
    known = slice(0, 1_000)
    (folder / "old.pkl").write_bytes(
        pickle.dumps(LogisticRegression().fit(frame[known], label[known]))
    )
    new = HistGradientBoostingClassifier(max_iter=30, random_state=0).fit(
        frame[known], label[known]
    )
    (folder / "new.pkl").write_bytes(pickle.dumps(new))
    scaler = StandardScaler().fit(frame[known])
    scaler.mean_[:] = -2.6  # so that the logarithm of a few rows is none
    shifted = np.log(scaler.transform(frame[known].clip(lower=-2.5)))
    fails = Pipeline(
        [
            ("shift", scaler),
            ("log", FunctionTransformer(np.log)),
            ("model", LogisticRegression().fit(shifted, label[known])),
        ]
    )
    (folder / "fails.pkl").write_bytes(pickle.dumps(fails))
    frame["region"] = rng.choice(["north", "south"], 2_500)
    frame["churned"] = label
    frame[known].to_csv(folder / "training.csv", index=False)
    frame[1_000:].to_csv(folder / "holdout.csv", index=False)
    frame[900:].to_csv(folder / "overlap.csv", index=False)
    return folder


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return open_workspace(home=tmp_path / "home", environment={})


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory, files: Path) -> Workspace:
    """A catalogue with both, the old one first."""
    workspace = open_workspace(home=tmp_path_factory.mktemp("home"), environment={})
    for name in ("old", "new"):
        placed = deploy_order(
            workspace,
            Order(
                model=files / f"{name}.pkl",
                name="churn",
                data=files / "training.csv",
                label="churned",
                segments=("visits",),
            ),
            on_step=lambda *_: None,
            on_progress=lambda *_: None,
        )
        placed.desk.abort("churn", by="test", reason="free the way")
        placed.store.close()
    return workspace


def run(workspace: Workspace, files: Path, **changes: Any) -> Evaluated:
    given: dict[str, Any] = {
        "new": "churn@2",
        "against": "churn@1",
        "data": files / "holdout.csv",
        "label": "churned",
        "rules": RULES,
        "timed": False,
    }
    return evaluate_order(workspace, EvaluationOrder(**{**given, **changes}))


def test_model_files_are_packaged_asked_and_timed(workspace, files):
    found = run(
        workspace,
        files,
        new=str(files / "new.pkl"),
        against=files / "old.pkl",
        segments=("region",),
        timed=True,
    )
    assert found.outcome is Outcome.BETTER
    assert {s.value for s in found.found.segments} == {"north", "south"}
    new = found.found.versions["new"]
    assert (new.name, new.one.n_rows, new.many.n_rows) == ("new.pkl", 1, 1_000)
    assert not workspace.bundles.exists()  # nothing is kept


def test_versions_of_the_catalogue_are_asked_as_they_are_served(home, files):
    found = run(home, files)
    assert found.outcome is Outcome.BETTER
    assert found.found.versions["baseline"].name == "churn@1"
    assert {s.column for s in found.found.segments} == {"visits"}  # as the baseline is watched
    assert len({s.value for s in found.found.segments}) == 4


def test_predictions_are_those_of_the_model_itself(home, files):
    frame = pd.read_csv(files / "holdout.csv")
    model = pickle.loads((files / "new.pkl").read_bytes())
    right = (model.predict(frame[["age", "income", "visits"]]) == frame["churned"]).mean()
    found = run(home, files, metrics=("accuracy",))
    by_name = {m.metric: m.new.value for m in found.found.metrics}
    assert by_name["accuracy"] == pytest.approx(right)


def test_a_bundle_is_taken_from_its_folder_or_archive(home, files, tmp_path):
    (digest, *_) = sorted(p.name for p in home.bundles.iterdir())
    bundle = Bundle.open(home.bundles / digest)
    pack(bundle, tmp_path / "one.seatrial")
    found = run(home, files, new=bundle.path, against=str(tmp_path / "one.seatrial"))
    assert found.outcome is Outcome.NOT_WORSE
    assert found.found.metrics[0].gain == 0
    assert found.found.versions["new"].name == f"churn {digest[:12]}"


def test_the_order_is_kept_and_the_worse_one_is_told(home, files):
    found = run(home, files, new="churn@1", against="churn@2")
    assert found.outcome is Outcome.WORSE
    assert Kind.PRIMARY_WORSE in [f.kind for f in found.found.decision.reasons]


def test_a_version_that_answers_some_rows_with_nan_is_worse_and_says_so(home, files):
    found = run(home, files, new=files / "fails.pkl", against="churn@1")
    assert found.outcome is Outcome.WORSE
    unanswered = [f for f in found.found.decision.findings if f.kind is Kind.UNANSWERED]
    frame = pd.read_csv(files / "holdout.csv")
    n_below = int((frame[["age", "income", "visits"]] <= -2.6).any(axis=1).sum())
    assert unanswered[0].facts["n_new"] == n_below > 2
    assert unanswered[0].facts["n_baseline"] == 0


def test_rows_of_the_training_are_left_out(home, files):
    found = run(home, files, data=files / "overlap.csv", training=files / "training.csv")
    assert (found.found.data.n_repeated, found.found.data.n) == (100, 1_500)


def test_the_training_file_itself_is_refused(home, files):
    with pytest.raises(HoldoutIsTraining, match="very bytes of the training data"):
        run(home, files, data=files / "training.csv", training=files / "training.csv")


def test_a_frame_is_as_good_as_a_file(home, files):
    frame = pd.read_csv(files / "holdout.csv")
    found = evaluate(
        "churn@2",
        against="churn@1",
        data=frame,
        label="churned",
        rules=RULES,
        workspace=home,
        segments=(),
    )
    same = run(home, files, segments=())
    assert found.found.metrics == same.found.metrics
    assert found.found.data.source == "a DataFrame"
    assert found.page("zh").startswith("<!doctype html>")
    assert "srcdoc=" in found._repr_html_()
    assert "better" in repr(found)
    assert found.markdown().startswith("# Model card")


def test_a_function_is_found_in_this_folder(home, files, tmp_path, monkeypatch):
    (tmp_path / "own_costs.py").write_text(
        "def cost(labels, predictions):\n    return float((labels != predictions).mean())\n"
    )
    monkeypatch.chdir(tmp_path)
    found = run(
        home,
        files,
        rules=Rules(primary="own_costs:cost:less", n_resamples=100, guardrails=()),
        segments=(),
    )
    assert found.found.primary == "own_costs.cost"
    assert found.outcome is Outcome.BETTER
    pair = found.found.metrics[0]
    by_name = {m.metric: m.new.value for m in found.found.metrics}
    assert pair.less_is_better
    assert pair.new.value == pytest.approx(1 - by_name["accuracy"])


@pytest.mark.parametrize("named", ["nowhere:cost", "math:nothing", "math:pi", "math:sqrt:more"])
def test_a_function_that_is_not_there_is_named(home, files, named):
    with pytest.raises(MetricNotFound, match=named):
        run(home, files, metrics=(named,))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"label": "chrned"}, "no column 'chrned'"),
        ({"label": None}, "No column of the rows is recognised as the label"),
        ({"segments": ("regoin",)}, "no column 'regoin' to split by"),
    ],
)
def test_columns_that_are_not_there_are_named(home, files, changes, said):
    with pytest.raises(SampleMismatch, match=said):
        run(home, files, **changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"segments": ("regoin",)}, "no column 'regoin'"),
        ({"rules": Rules(guardrails=(Guardrail.parse("recall@regoin"),))}, "no column 'regoin'"),
        ({"rules": Rules(primary="acuracy")}, "no metric 'acuracy'"),
        ({"rules": Rules(guardrails=(Guardrail.parse("recal"),))}, "no metric 'recal'"),
        ({"metrics": ("accuracy", "auk")}, "no metric 'auk'"),
    ],
    ids=["segment", "guarded column", "primary", "guardrail", "metric"],
)
def test_a_slip_of_the_pen_is_found_before_a_model_is_opened(home, files, changes, said):
    with pytest.raises(Invalid, match=said):  # not that there is no such model
        run(home, files, new=files / "not-there.pkl", **changes)


def test_rows_without_a_feature_are_refused(home, files, tmp_path):
    pd.read_csv(files / "holdout.csv").drop(columns="age").to_csv(
        tmp_path / "less.csv", index=False
    )
    with pytest.raises(SampleMismatch, match="lack the column 'age'"):
        run(home, files, data=tmp_path / "less.csv")


def test_words_where_a_model_takes_numbers_are_refused(home, files, tmp_path):
    pd.read_csv(files / "holdout.csv").assign(age="old").to_csv(tmp_path / "w.csv", index=False)
    with pytest.raises(SampleMismatch, match="'age'; the rows have strings such as 'old'"):
        run(home, files, data=tmp_path / "w.csv")


@pytest.mark.parametrize("data", ["missing.csv", 7])
def test_what_cannot_be_read_is_refused(home, files, data):
    with pytest.raises(BadSample):
        run(home, files, data=data)


def test_a_pickle_that_runs_code_is_not_loaded(home, files, tmp_path):
    (tmp_path / "evil.pkl").write_bytes(b"cos\nsystem\n(S'touch ran'\ntR.")
    with pytest.raises(UnsafeModel):
        run(home, files, new=tmp_path / "evil.pkl")


def test_a_version_whose_process_dies_is_named(home, files, monkeypatch):
    from seatrial.serving.failures import EngineCrashed

    async def dies(*_: object) -> None:
        raise EngineCrashed("The process of the model ended by SIGSEGV.", remedy="Test it.")

    monkeypatch.setattr("seatrial.wiring.evaluation.evaluating.answers_of", dies)
    with pytest.raises(VersionFails, match=r"churn@2 does not answer the rows: .* SIGSEGV"):
        run(home, files)


def test_steps_and_progress_are_told(home, files):
    steps, progress = [], []
    evaluate_order(
        home,
        EvaluationOrder(
            new="churn@2",
            against="churn@1",
            data=files / "holdout.csv",
            label="churned",
            rules=RULES,
            timed=False,
        ),
        on_step=lambda *step: steps.append(step),
        on_progress=lambda *told: progress.append(told),
    )
    assert [name for _, name, _ in steps] == ["data", "new", "baseline"]
    assert ("resamples", "200 of 200") in progress
    assert ("answers", "churn@2: 1,500 of 1,500 rows") in progress


def test_more_rows_than_are_read_are_told(home, files, monkeypatch):
    monkeypatch.setattr("seatrial.wiring.evaluation.rows.MAX_ROWS", 500)
    steps = []
    found = evaluate_order(
        home,
        EvaluationOrder(
            new="churn@2",
            against="churn@1",
            data=files / "holdout.csv",
            label="churned",
            rules=RULES,
            timed=False,
        ),
        on_step=lambda *step: steps.append(step),
    )
    assert ("note", "data", "only the first 500 rows are read") in steps
    assert found.found.data.n == 500
