"""Trainings in real processes: what comes of them, and what survives."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import yaml

from seatrial.kernel.errors import MissingExtra, SeatrialError
from seatrial.registry.archive import opened
from seatrial.steps.context import Stopping
from seatrial.training.runs import failures
from seatrial.training.runs import keeper as keeping
from seatrial.training.runs.desk import RunDesk
from seatrial.training.runs.order import TrainingOrder
from seatrial.training.runs.run import Against
from seatrial.wiring.training.recipe import check_label, recipe_of
from seatrial.wiring.training.trainer import train_order
from seatrial.wiring.workspace import Workspace, open_workspace

PROGRAM = '''
import os, sys, time
from pathlib import Path
from seatrial.training import report

def ok(out: Path, lr: float = 0.1, n: int = 3):
    """Writes its model by itself."""
    for step in range(n):
        report(step=step, of=n, loss=lr / (step + 1))
    (out / "model.pkl").write_bytes(b"a model")
    (out / "extra.txt").write_text("more")
    print("said", lr)

def returns(out: Path):
    (out / "elsewhere.json").write_text("{}")
    return out / "elsewhere.json", {"auc": 0.75}

def marks(out: Path, place: str = ""):
    with open(place, "a") as file:
        file.write("x")
    (out / "model.pkl").write_bytes(b"m")

def hang(place: str = ""):
    if place:
        Path(place).write_text(str(os.getpid()))
    time.sleep(600)

def family(place: str = ""):
    import subprocess
    sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
    child = subprocess.Popen(sleep, start_new_session=True)
    Path(place).write_text(str(child.pid))
    time.sleep(600)

def daemon(out: Path, place: str = ""):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            Path(place).write_text(str(os.getpid()))
            time.sleep(600)
        os._exit(0)
    while not Path(place).exists(): time.sleep(0.01)
    (out / "model.pkl").write_bytes(b"m")

def babble(out: Path):
    with open(os.environ["SEATRIAL_REPORT"], "a") as file:
        while True:
            file.write('{"metric": "loss", "value": 0.5, "step": 1}\\n' * 2000)

def eat():
    kept = []
    while True:
        kept.append(bytearray(os.urandom(1 << 20) * 8)); time.sleep(0.01)

def boom(): raise ValueError("bad luck")
def leave(): sys.exit(4)
def diverge():
    report(loss=1.0, step=0); report(loss=float("inf"), step=1); time.sleep(600)
def returns_nan(): return None, {"auc": float("nan")}
def nothing(): print("no model")
def two(out: Path):
    (out / "model.pkl").write_bytes(b"1"); (out / "model.onnx").write_bytes(b"2")
def deaf(place: str = ""):
    import signal
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(600)
def nonsense(out: Path):
    with open(os.environ["SEATRIAL_REPORT"], "a") as file: file.write("what?\\n")
    (out / "model.pkl").write_bytes(b"m")
def grows(out: Path, warm_start: Path | None = None, more_data: tuple = ()):
    before = warm_start.read_bytes() if warm_start else b""
    (out / "model.pkl").write_bytes(before + b"".join(p.read_bytes() for p in more_data))
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "program.py").write_text(PROGRAM)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def place(folder: Path, **recipes: object) -> Workspace:
    training = {"recipes": recipes, "trackers": []}
    (folder / "seatrial.yaml").write_text(yaml.safe_dump({"training": training}))
    return open_workspace(home=folder / "home", environment={})


def order(function: str, **more: object) -> TrainingOrder:
    values = {"id": "r1", "check": False, **more}
    return TrainingOrder(recipe=f"program.py:{function}", **values)


def desk_of(workspace: Workspace) -> RunDesk:
    return RunDesk(workspace.open_store())


def test_a_function_is_run_and_recorded(folder):
    workspace = place(folder)
    told = []
    trained = train_order(
        workspace, order("ok", parameters={"lr": "0.5"}), on_step=lambda *a: told.append(a)
    )
    assert trained.model_path.read_bytes() == b"a model"
    assert trained.parameters == {"lr": 0.5, "n": 3}
    assert trained.metrics == {"loss": pytest.approx(0.5 / 3)}
    assert (trained.bundle_digest, trained.against_constant) == (None, Against.NOT_MEASURED)
    assert "said 0.5" in trained.log.read_text()
    run = desk_of(workspace).run("r1")
    assert (run["status"], run["outcome"]) == ("finished", "trained")
    assert [step for step, _ in run["curves"]["loss"]] == [0, 1, 2]
    assert {a["path"] for a in run["artefacts"]} == {"model.pkl", "extra.txt"}
    assert run["environment"]["python"].startswith("3.")
    assert "numpy" in run["environment"]["packages"]
    assert run["code"]["files"].keys() == {str(folder / "program.py")}
    assert any(name == "train" for _, name, _ in told)


def test_it_stands_back_from_what_answers_requests(folder):
    recipe = {"command": ["sh", "-c", 'nice > "$SEATRIAL_OUT/model.txt"']}
    wanted = TrainingOrder(id="r1", recipe="churn", check=False)
    trained = train_order(place(folder, churn=recipe), wanted)
    assert int(trained.model_path.read_text()) == min(19, os.nice(0) + 10)


def test_a_path_and_metrics_may_be_returned(folder):
    trained = train_order(place(folder), order("returns"))
    assert trained.model_path.name == "elsewhere.json"
    assert trained.metrics == {"auc": 0.75}


def test_the_same_order_again_is_the_same_run(folder):
    workspace, seen = place(folder), folder / "seen"
    wanted = order("marks", parameters={"place": str(seen)})
    first = train_order(workspace, wanted)
    again = train_order(workspace, wanted)
    assert again == first
    assert seen.read_text() == "x"
    first.model_path.unlink()
    train_order(workspace, wanted)
    assert seen.read_text() == "xx"
    assert len(desk_of(workspace).runs()) == 1


def test_a_run_that_failed_fails_again_without_being_run(folder):
    workspace = place(folder)
    for _ in range(2):
        with pytest.raises(failures.TrainingCrashed, match="ValueError: bad luck"):
            train_order(workspace, order("boom"))
    assert desk_of(workspace).run("r1")["attempt"] == 1


def test_an_id_of_another_training_is_refused(folder):
    workspace = place(folder)
    train_order(workspace, order("ok"))
    with pytest.raises(failures.RunTaken):
        train_order(workspace, order("returns"))


@pytest.mark.parametrize(
    ("function", "kind", "said"),
    [
        ("boom", failures.TrainingCrashed, r"ValueError: bad luck \(program\.py, line \d+\)"),
        ("leave", failures.TrainingCrashed, "exit code 4"),
        ("diverge", failures.NotFinite, "'loss' is inf at step 1"),
        ("returns_nan", failures.NotFinite, "'auc' is nan"),
        ("nothing", failures.NoModel, "left no model"),
        ("two", failures.NoModel, "2 models: model.onnx, model.pkl"),
        ("missing", failures.BadFunction, "no function 'missing'"),
    ],
)
def test_each_way_to_end_badly_is_told_and_recorded(folder, function, kind, said):
    workspace = place(folder)
    with pytest.raises(kind, match=said) as told:
        train_order(workspace, order(function))
    assert told.value.facts["run"] == "r1"
    run = desk_of(workspace).run("r1")
    assert run["status"] == "failed"
    assert run["error"]["code"] == kind.code
    assert Path(str(told.value.facts["log"])).is_file()


def test_what_takes_too_long_is_ended_even_if_it_does_not_listen(folder, monkeypatch):
    monkeypatch.setattr("seatrial.adapters.training.child._GRACE_S", 0.2)
    workspace = place(folder, deaf={"function": "program.py:deaf", "limits": {"time": "1s"}})
    with pytest.raises(failures.TrainingTimedOut, match=r"longer than 1\.0 s"):
        train_order(workspace, TrainingOrder(id="r1", recipe="deaf", check=False))


def test_what_takes_too_much_memory_is_ended(folder):
    recipe = {"function": "program.py:eat", "limits": {"memory_mib": 128, "time": "60s"}}
    with pytest.raises(failures.TrainingOutOfMemory, match=r"134\.2 MB"):
        train_order(place(folder, eat=recipe), TrainingOrder(id="r1", recipe="eat", check=False))


def test_what_it_started_is_ended_with_it(folder, monkeypatch):
    monkeypatch.setattr("seatrial.adapters.training.child._LOOK_S", 0.05)
    pid = folder / "pid"
    recipe = {"function": "program.py:family", "limits": {"time": "2s"}}
    with pytest.raises(failures.TrainingTimedOut):
        train_order(
            place(folder, f=recipe),
            TrainingOrder(id="r1", recipe="f", check=False, parameters={"place": str(pid)}),
        )
    assert gone(int(pid.read_text()))


def test_what_made_itself_a_daemon_is_ended_with_it(folder):
    recipe = {"function": "program.py:daemon"}
    values = {"place": str(folder / "pid")}
    given = TrainingOrder(id="r1", recipe="d", check=False, parameters=values)
    train_order(place(folder, d=recipe), given)
    assert gone(int((folder / "pid").read_text()))


def test_what_reports_without_pause_is_ended_in_time(folder, monkeypatch):
    monkeypatch.setattr("seatrial.adapters.training.child._REST_S", 0.1)
    recipe = {"function": "program.py:babble", "limits": {"time": "2s"}}
    began = time.monotonic()
    with pytest.raises(failures.TrainingTimedOut):
        train_order(place(folder, b=recipe), TrainingOrder(id="r1", recipe="b", check=False))
    assert time.monotonic() - began < 20.0


def gone(pid: int) -> bool:
    ends = time.monotonic() + 5
    while time.monotonic() < ends:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


def test_raising_from_progress_ends_it_and_it_may_begin_anew(folder):
    workspace, seen = place(folder), folder / "seen"

    class Stopped(Exception):
        pass

    def stop(name: str, _text: str) -> None:
        if name == "train" and seen.exists():
            raise Stopped

    wanted = order("hang", parameters={"place": str(seen)})
    with pytest.raises(failures.TrainingInterrupted, match="Stopped"):
        train_order(workspace, wanted, on_progress=stop)
    pid = int(seen.read_text())
    assert gone(pid)
    assert desk_of(workspace).run("r1")["outcome"] == "interrupted"
    (folder / "program.py").write_text(PROGRAM.replace("time.sleep(600)", "return None"))
    with pytest.raises(failures.NoModel):
        train_order(workspace, wanted)
    assert desk_of(workspace).run("r1")["attempt"] == 2


def test_a_line_that_is_no_report_is_told_and_ends_nothing(folder):
    told = []
    train_order(place(folder), order("nonsense"), on_step=lambda *a: told.append(a))
    assert any("no JSON: what?" in text for _, _, text in told)


def test_a_present_model_and_further_rows_are_handed_over(folder):
    for name in ("model.pkl", "a.csv", "b.csv"):
        (folder / name).write_text(name)
    wanted = order(
        "grows",
        warm_start=Path("model.pkl"),
        more_data=(Path("a.csv"), Path("b.csv")),
    )
    trained = train_order(place(folder), wanted)
    assert trained.model_path.read_text() == "model.pkla.csvb.csv"
    assert trained.data_digest is not None


def test_a_command_gets_arguments_environment_and_a_place_for_its_model(folder):
    script = (
        'echo "{lr} {data} $SEATRIAL_PARAMETER_LR $SEATRIAL_SEED" > "$SEATRIAL_OUT/model.txt"; '
        'echo \'{"metric": "auc", "value": 0.5}\' >> "$SEATRIAL_REPORT"'
    )
    (folder / "rows.csv").write_text("a\n1\n")
    recipe = {
        "command": ["sh", "-c", script],
        "parameters": {"lr": 0.1},
        "data": "rows.csv",
        "seed": 9,
    }
    workspace = place(folder, churn=recipe)
    wanted = TrainingOrder(id="r1", recipe="churn", check=False, parameters={"lr": "0.25"})
    trained = train_order(workspace, wanted)
    assert trained.model_path.read_text().split() == ["0.25", f"{folder}/rows.csv", "0.25", "9"]
    assert (trained.parameters, trained.metrics) == ({"lr": 0.25}, {"auc": 0.5})
    assert trained.data_digest is not None


@pytest.mark.parametrize(
    ("command", "kind", "said"),
    [
        (("sh", "-c", "echo out of luck >&2; exit 3"), failures.TrainingCrashed, "out of luck"),
        (("surely-not-installed",), failures.BadFunction, "cannot be run: No such file"),
        (("sh", "-c", "kill -9 $$"), failures.TrainingInterrupted, "signal 9"),
        (("true",), failures.NoModel, "left no model"),
    ],
)
def test_commands_end_badly_too(folder, command, kind, said):
    with pytest.raises(kind, match=said):
        train_order(place(folder), TrainingOrder(id="r1", command=command, check=False))


@pytest.mark.parametrize(
    ("more", "kind", "said"),
    [
        ({"recipe": "chrun"}, failures.UnknownRecipe, "Did you mean 'churn'"),
        ({"recipe": "a:b.py:train"}, failures.UnknownRecipe, "no training 'a:b.py:train'"),
        ({"data": Path("nowhere.csv")}, failures.BadOrder, "nowhere.csv"),
        ({"search": True}, failures.BadOrder, "has no search"),
        ({"parameters": {"rl": 1}}, failures.BadParameter, "no hyperparameter 'rl'"),
        ({"parameters": {"lr": "fast"}}, failures.BadParameter, "of the type float"),
    ],
)
def test_what_cannot_be_trained_begins_no_run(folder, more, kind, said):
    workspace = place(folder, churn={"command": "train {lr}", "parameters": {"lr": 0.1}})
    with pytest.raises(kind, match=said):
        train_order(workspace, TrainingOrder(**({"id": "r1", "recipe": "churn"} | more)))
    assert desk_of(workspace).runs() == []


@pytest.mark.parametrize("role", ["data", "holdout"])
def test_a_label_that_no_column_has_begins_no_run(folder, role):
    (folder / "rows.csv").write_text("age,churned\n1,0\n")
    more = {role: Path("rows.csv"), "label": "chruned", "check": True}
    workspace = place(folder)
    with pytest.raises(failures.BadOrder, match=r"rows\.csv has no column 'chruned'") as refused:
        train_order(workspace, order("ok", **more))
    assert "Did you mean 'churned'" in refused.value.problem
    assert refused.value.remedy == "Name one of its columns: age, churned."
    assert refused.value.facts["field"] == "label"
    assert desk_of(workspace).runs() == []


@pytest.mark.parametrize("bytes_", [b"", b"\x00\xff\xfe no table"])
def test_what_is_no_table_may_be_trained_on(folder, bytes_):
    (folder / "rows.bin").write_bytes(bytes_)
    check_label(recipe_of(place(folder), order("ok", data=Path("rows.bin"), label="y")))


def test_without_a_check_the_label_is_the_programs_own_affair(folder):
    (folder / "rows.csv").write_text("age\n1\n")
    order_ = order("ok", data=Path("rows.csv"), label="made of the age")
    assert train_order(place(folder), order_).model_path.is_file()


def test_a_tracker_that_is_configured_and_absent_names_its_extra(folder, monkeypatch):
    monkeypatch.setattr("seatrial.wiring.training.trackers._installed", lambda _: False)
    (folder / "seatrial.yaml").write_text("training: {trackers: [mlflow]}\n")
    workspace = open_workspace(home=folder / "home", environment={})
    with pytest.raises(MissingExtra, match=r"pip install 'seatrial\[mlflow\]'"):
        train_order(workspace, order("ok"))
    assert desk_of(workspace).runs() == []


def rows_of(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for name, n in (("train", 400), ("holdout", 300)):
        x = rng.normal(size=(n, 2))
        y = (x[:, 0] + 0.3 * rng.normal(size=n) > 0).astype(int)
        lines = [f"{a:.6f},{b:.6f},{c}" for (a, b), c in zip(x, y, strict=True)]
        (folder / f"{name}.csv").write_text("\n".join(["a,b,y", *lines]) + "\n")


MODELS = """
import numpy as np, pandas as pd
from pathlib import Path
from sklearn.linear_model import LogisticRegression

def rows(data, label):
    frame = pd.read_csv(data)
    return frame.drop(columns=[label]), frame[label]

def good(data: Path, label: str, c: float = 1.0):
    return LogisticRegression(C=c).fit(*rows(data, label))

def upside_down(data: Path, label: str):
    x, y = rows(data, label)
    return LogisticRegression().fit(x, 1 - y)

def not_a_number(data: Path, label: str):
    model = good(data, label)
    model.coef_ = np.full_like(model.coef_, np.nan)
    return model

def no_model_at_all(): return {"a": "model?"}
"""


def of_models(folder: Path, *names: str) -> Workspace:
    rows_of(folder)
    (folder / "models.py").write_text(MODELS)
    common = {"data": "train.csv", "holdout": "holdout.csv", "label": "y"}
    recipes = {n: {"function": f"models.py:{n.replace('-', '_')}", **common} for n in names}
    return place(folder, **recipes)


@pytest.mark.slow
@pytest.mark.integration
def test_a_model_is_packaged_and_held_against_a_constant(folder):
    workspace = of_models(folder, "good")
    trained = train_order(workspace, TrainingOrder(id="good", recipe="good"))
    assert trained.against_constant is Against.BETTER
    assert trained.metrics["holdout.accuracy"] > 0.8
    assert trained.bundle_digest is not None
    assert (workspace.bundles / trained.bundle_digest).is_dir()
    assert trained.bundle_path is not None
    with opened(trained.bundle_path) as bundle:
        assert (bundle.digest, bundle.manifest.name) == (trained.bundle_digest, "good")
    assert trained.holdout_digest is not None
    run = desk_of(workspace).run("good")
    assert run["signature"]["features"][0]["name"] == "a"
    assert pickle.loads(trained.model_path.read_bytes()).C == 1.0


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("upside-down", failures.WorseThanConstant, "brier is"),
        ("not-a-number", failures.NotFinite, "NaN or infinity"),
        ("no-model-at-all", failures.ModelUnusable, "not usable"),
    ],
)
def test_a_model_that_is_worth_nothing_fails_its_run(folder, name, kind, said):
    workspace = of_models(folder, name)
    with pytest.raises(kind, match=said):
        train_order(workspace, TrainingOrder(id="r1", recipe=name))
    assert desk_of(workspace).run("r1")["status"] == "failed"


@pytest.mark.slow
@pytest.mark.integration
def test_a_process_ended_from_outside_is_no_fault_of_the_model(folder):
    """Its model is looked at in a process that something kills: the training is interrupted."""
    workspace = of_models(folder, "good")

    def end_what_looks_at_it(*_said):
        for child in psutil.Process().children():
            if "seatrial.adapters.serving.model_child" in child.cmdline():
                child.kill()

    order = TrainingOrder(id="r1", recipe="good")
    with pytest.raises(failures.TrainingInterrupted, match="SIGKILL"):
        train_order(workspace, order, on_step=end_what_looks_at_it)
    assert train_order(workspace, TrainingOrder(id="r1.2", recipe="good")).bundle_digest


@pytest.mark.slow
@pytest.mark.integration
def test_to_stop_while_a_model_is_looked_at_is_no_fault_of_the_model(folder):
    """As a step does whose run another server has taken over."""
    workspace = of_models(folder, "good")
    wanted = TrainingOrder(id="r1", recipe="good")

    def stop(_mark, name, _text):
        if name != "train":
            raise Stopping

    with pytest.raises(Stopping):
        train_order(workspace, wanted, on_step=stop)
    assert desk_of(workspace).run("r1")["outcome"] == "interrupted"
    assert train_order(workspace, wanted).bundle_digest is not None


CALLER = """
import sys
from pathlib import Path
from seatrial.training.runs import keeper
keeper.LEASE_S = 0.6
from seatrial.training.runs.order import TrainingOrder
from seatrial.wiring.training.trainer import train_order
from seatrial.wiring.workspace import open_workspace
wanted = TrainingOrder(id="r1", recipe="hang", check=False, parameters={"place": sys.argv[1]})
train_order(open_workspace(home=Path("home")), wanted)
"""


@pytest.mark.slow
def test_killed_midway_the_child_dies_and_the_same_run_begins_anew(folder, monkeypatch):
    workspace = place(folder, hang={"function": "program.py:hang"})
    seen = folder / "seen"
    caller = subprocess.Popen(
        [sys.executable, "-c", CALLER, str(seen)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        cwd=folder,
    )
    ends = time.monotonic() + 60
    while not seen.exists() or not seen.read_text():
        assert time.monotonic() < ends
        time.sleep(0.02)
    pid = int(seen.read_text())
    caller.send_signal(signal.SIGKILL)
    caller.wait()
    assert gone(pid)
    monkeypatch.setattr(keeping, "LEASE_S", 0.6)
    monkeypatch.setattr("seatrial.training.runs.desk.LEASE_S", 0.6)
    time.sleep(0.7)
    assert desk_of(workspace).run("r1")["status"] == "interrupted"
    (folder / "program.py").write_text(
        PROGRAM.replace("def hang(place", "def hang(out: Path, place").replace(
            "    time.sleep(600)\n\ndef family",
            '    (out / "model.pkl").write_bytes(b"m")\n\ndef family',
        )
    )
    wanted = TrainingOrder(id="r1", recipe="hang", check=False, parameters={"place": str(seen)})
    trained = train_order(workspace, wanted)
    assert trained.run_id == "r1"
    (run,) = desk_of(workspace).runs()
    assert (run["id"], run["status"]) == ("r1", "finished")
    assert desk_of(workspace).run("r1")["attempt"] == 2


def test_a_record_of_all_is_plain_json(folder):
    workspace = place(folder)
    with pytest.raises(SeatrialError):
        train_order(workspace, order("diverge"))
    json.dumps(desk_of(workspace).run("r1"), allow_nan=False)
