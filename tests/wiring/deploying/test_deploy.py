"""From a model file to a release that has begun: real models, real exports, a real store."""

from __future__ import annotations

import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from seatrial.kernel.errors import Invalid, NotFound, SeatrialError
from seatrial.kernel.events import Draft
from seatrial.registry.bundle import Bundle
from seatrial.registry.catalog import versions
from seatrial.registry.manifest import Role
from seatrial.registry.naming import ModelNameInvalid
from seatrial.release.desk import Desk
from seatrial.release.endpoint import RolloutConflict
from seatrial.release.projection import Endpoints
from seatrial.serving.engine import EnginePlan
from seatrial.wiring.deploying.compatibility import SignatureChanged
from seatrial.wiring.deploying.deploy import Placed, deploy_order
from seatrial.wiring.deploying.files import files_ready
from seatrial.wiring.deploying.order import Order
from seatrial.wiring.workspace import Workspace, open_workspace

pytestmark = pytest.mark.slow


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return open_workspace(home=tmp_path / "home", environment={})


def place(workspace: Workspace, **wanted: Any) -> tuple[Placed, Bundle, list[tuple[str, str, str]]]:
    steps: list[tuple[str, str, str]] = []
    placed = deploy_order(
        workspace,
        Order(**wanted),
        on_step=lambda *step: steps.append(step),
        on_progress=lambda *_: None,
    )
    placed.store.close()
    return placed, Bundle.open(workspace.bundles / placed.version.digest), steps


def streams(workspace: Workspace) -> list[str]:
    store = workspace.open_store()
    try:
        return store.streams("")
    finally:
        store.close()


@pytest.mark.parametrize(
    ("file", "data", "label", "framework", "exported"),
    [
        ("matrix.pkl", None, None, "scikit-learn", True),
        ("matrix.pkl", "rows.csv", "label", "scikit-learn", True),
        ("words.pkl", "rows.csv", None, "scikit-learn", True),
        ("price.pkl", None, None, "scikit-learn", True),
        ("mixed.pkl", "mixed.parquet", "target", "scikit-learn", True),
        ("mixed.pkl", None, None, "scikit-learn", True),
        ("native.pkl", "rows.csv", "label", "scikit-learn", False),
        ("xgboost.pkl", None, None, "xgboost", True),
        ("lightgbm.pkl", "rows.csv", "label", "lightgbm", True),
        ("graph.onnx", None, None, "onnx", True),
    ],
)
def test_a_model_of_every_kind_becomes_a_release(
    file: str,
    data: str | None,
    label: str | None,
    framework: str,
    exported: bool,
    models: Any,
    workspace: Workspace,
) -> None:
    placed, bundle, steps = place(
        workspace, model=models / file, data=data and models / data, label=label
    )
    name = file.partition(".")[0]
    assert (placed.endpoint, placed.version.number) == (name, 1)
    assert bundle.manifest.framework.name == framework
    assert [step for _, step, _ in steps if step != "note"] == [
        "scan",
        "signature",
        "export",
        "reference",
        "engine",
        "bundle",
        "files",
        "register",
    ]
    plan = EnginePlan.from_dict(bundle.manifest.plan)
    roles = {Role(kind.value) for kind in plan.engines}
    assert roles <= set(bundle.manifest.artefacts)
    assert (bundle.manifest.parity is not None and bundle.manifest.parity["passed"]) is exported
    assert exported or roles == {Role.NATIVE}
    golden = bundle.golden()
    assert set(golden.outputs) == {o.name for o in bundle.signature.outputs}
    profile = json.loads((bundle.path / "profile.json").read_text())
    assert bool(profile) is (data is not None)
    folder = workspace.release_folder(name, 1)
    assert {"Dockerfile", "compose.yaml", "kubernetes", "bundle"} <= {
        p.name for p in folder.iterdir()
    }
    assert streams(workspace) == [f"endpoint/{name}", f"model/{name}"]


def test_deploying_the_same_again_is_the_same_version(models: Any, workspace: Workspace) -> None:
    first, _, _ = place(workspace, model=models / "native.pkl", name="same")
    first.store.close()
    store = workspace.open_store()
    from seatrial.release.desk import Desk

    with pytest.raises(RolloutConflict):
        place(workspace, model=models / "native.pkl", name="same")
    Desk(store).abort("same", by="test")
    again, _, _ = place(workspace, model=models / "native.pkl", name="same")
    assert [v.number for v in versions(store, "same")] == list(range(1, again.version.number + 1))
    store.close()


def refused(workspace: Workspace, kind: type[SeatrialError], **wanted: Any) -> SeatrialError:
    """The error, after a look that it left nothing behind."""
    with pytest.raises(kind) as error:
        place(workspace, **wanted)
    assert streams(workspace) == []
    assert not workspace.bundles.exists() or list(workspace.bundles.iterdir()) == []
    assert not (workspace.home / "releases").exists()
    assert error.value.remedy
    return error.value


def test_a_file_that_is_not_there(workspace: Workspace, tmp_path: Path) -> None:
    error = refused(workspace, NotFound, model=tmp_path / "none.pkl")
    assert "none.pkl" in error.problem


@pytest.mark.parametrize("content", [b"", b"hello", b"\x80\x04\x95", b"PK\x03\x04junk"])
def test_a_file_that_is_no_model(content: bytes, workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "bad.pkl").write_bytes(content)
    refused(workspace, Invalid, model=tmp_path / "bad.pkl")


def test_half_a_model(models: Any, workspace: Workspace, tmp_path: Path) -> None:
    whole = (models / "matrix.pkl").read_bytes()
    (tmp_path / "half.pkl").write_bytes(whole[: len(whole) // 2])
    refused(workspace, Invalid, model=tmp_path / "half.pkl")


class Evil:
    """Runs a command when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        import os

        return os.system, (f"touch {self.mark}",)


def test_a_file_that_runs_code_is_refused_before_it_does(
    workspace: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "evil.pkl").write_bytes(pickle.dumps(Evil(tmp_path / "ran")))
    error = refused(workspace, SeatrialError, model=tmp_path / "evil.pkl")
    assert "system" in error.problem
    assert not (tmp_path / "ran").exists()


def test_a_pickle_of_something_else(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "dict.pkl").write_bytes(pickle.dumps({"a": 1}))
    refused(workspace, Invalid, model=tmp_path / "dict.pkl")


def test_a_label_that_is_no_column(models: Any, workspace: Workspace) -> None:
    error = refused(
        workspace, Invalid, model=models / "words.pkl", data=models / "rows.csv", label="nope"
    )
    assert "'nope'" in error.problem
    assert "'age'" in error.remedy


def test_a_sample_that_lacks_a_column(models: Any, workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "few.csv").write_text("age,income\n1,2\n")
    error = refused(workspace, Invalid, model=models / "words.pkl", data=tmp_path / "few.csv")
    assert "visits" in str(error)


def test_a_sample_that_is_no_table(models: Any, workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 not really")
    refused(workspace, Invalid, model=models / "words.pkl", data=tmp_path / "bad.parquet")


@pytest.mark.parametrize(
    ("file", "name"),
    [("Churn Model_v2.pkl", "churn-model-v2"), ("2024.pkl", "model-2024"), ("模型.pkl", "model")],
)
def test_the_endpoint_is_named_after_the_file(file: str, name: str) -> None:
    assert Order(model=Path(file)).endpoint == name


@pytest.mark.parametrize("name", ["", "Two Words", "../up", "a" * 54])
def test_a_name_that_is_no_address_is_refused(
    name: str, workspace: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "m.pkl").write_bytes(b"")
    refused(workspace, ModelNameInvalid, model=tmp_path / "m.pkl", name=name)


def test_what_cannot_be_written_is_not_registered(models: Any, workspace: Workspace) -> None:
    (workspace.home / "releases").write_text("in the way")
    with pytest.raises(SeatrialError):
        place(workspace, model=models / "native.pkl")
    assert streams(workspace) == []


def test_files_of_two_versions_that_want_one_number_never_meet(
    models: Any, workspace: Workspace
) -> None:
    """Two deployers at once: each had found number 1 free when it wrote its files."""
    first, a, _ = place(workspace, model=models / "native.pkl", name="a")
    other, b, _ = place(workspace, model=models / "words.pkl", name="b")
    with files_ready(workspace, a, guess=7) as mine, files_ready(workspace, b, guess=7) as theirs:
        assert not workspace.release_folder("a", 7).exists()
        mine(7)
        theirs(8)
    seventh, eighth = workspace.release_folder("a", 7), workspace.release_folder("b", 8)
    Bundle.open(seventh / "bundle", digest=first.version.digest)
    Bundle.open(eighth / "bundle", digest=other.version.digest)
    assert "b:8" in (eighth / "compose.yaml").read_text()
    assert not list(seventh.parent.glob(".incoming-*"))


def test_deployers_at_once_end_as_a_release_or_a_conflict_and_leave_no_orphan(
    models: Any, workspace: Workspace
) -> None:
    def deploy(_: int) -> str:
        try:
            return place(workspace, model=models / "native.pkl", name="race")[0].release
        except RolloutConflict as conflict:
            return conflict.remedy

    with ThreadPoolExecutor(3) as pool:
        ends = sorted(pool.map(deploy, range(3)))
    assert [end.partition(",")[0] for end in ends[:2]] == ["Wait for its verdict"] * 2
    assert ends[2].startswith("race-")


def test_whoever_loses_at_the_last_moment_is_told_what_stays_registered(
    models: Any, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    place(workspace, model=models / "words.pkl", name="late")
    monkeypatch.setattr(Desk, "check_free", lambda *_, **__: None)
    steps: list[tuple[str, str, str]] = []
    with pytest.raises(RolloutConflict, match="is still staging"):
        deploy_order(
            workspace,
            Order(model=models / "words.pkl", name="late", data=models / "rows.csv"),
            on_step=lambda *step: steps.append(step),
            on_progress=lambda *_: None,
        )
    assert steps[-1][:2] == ("note", "register")
    assert "version 2 stays registered" in steps[-1][2]
    assert "again" in steps[-1][2]


def promoted(workspace: Workspace, **wanted: Any) -> None:
    """The version in production, as if its staging tests had passed."""
    placed, _, _ = place(workspace, **wanted)
    store = workspace.open_store()
    Endpoints(store).change(
        placed.endpoint,
        lambda state: [
            Draft(
                kind="release.promoted",
                data={"release": placed.release, "version": placed.version.number, "reason": "t"},
            )
        ],
    )
    store.close()


def test_a_model_that_does_not_fit_the_endpoints_clients_is_refused(
    models: Any, workspace: Workspace
) -> None:
    promoted(workspace, model=models / "price.pkl", name="price")
    with pytest.raises(SignatureChanged, match="unlike version 1, which is in production") as no:
        place(workspace, model=models / "mixed.pkl", data=models / "mixed.parquet", name="price")
    for named in ("feature 'income' is gone", "feature 'city' is new", "task is classification"):
        assert named in str(no.value.facts["differences"])
    assert "--new-signature" in no.value.remedy
    store = workspace.open_store()
    assert [v.number for v in versions(store, "price")] == [1]
    store.close()


def test_a_new_signature_that_is_meant_is_said_and_goes_on(
    models: Any, workspace: Workspace
) -> None:
    promoted(workspace, model=models / "price.pkl", name="price")
    wanted = {"model": models / "words.pkl", "name": "price", "new_signature": True}
    placed, _, steps = place(workspace, **wanted)
    assert placed.version.number == 2
    said = [text for mark, step, text in steps if (mark, step) == ("note", "signature")]
    assert "the task is classification, not regression" in said[0]


def test_another_model_with_the_same_signature_needs_no_word(
    models: Any, workspace: Workspace
) -> None:
    promoted(workspace, model=models / "price.pkl", name="price")
    placed, _, steps = place(workspace, model=models / "native.pkl", name="price")
    assert placed.version.number == 2
    assert any("'age' may no longer be missing" in text for _, _, text in steps)
