"""The past of a server, from its prediction log and the profile in its bundle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from seatrial.adapters.tables.parquet_log import table
from seatrial.monitoring.rows.served import features_table, predictions_table
from seatrial.monitoring.rows.window import Windows
from seatrial.monitoring.summaries.profile_record import NoProfile, write_profile
from seatrial.monitoring.summaries.profiling import profile_of
from seatrial.monitoring.watching.batch import RuleName
from seatrial.monitoring.watching.watch_file import MonitoringFile
from seatrial.registry.bundle import Bundle, Contents
from seatrial.registry.catalog import Registration, register
from seatrial.registry.golden import Golden
from seatrial.registry.manifest import Framework, Role
from seatrial.serving.engine import EngineKind
from seatrial.serving.sample import Record, Values
from seatrial.testing.models import matrix_signature, only
from seatrial.wiring.watching.backfill import NoLog, backfilled, log_folder
from seatrial.wiring.watching.batch_report import compared
from seatrial.wiring.workspace import Workspace, open_workspace

SIGNATURE = matrix_signature()
START = 1_772_323_200.0  # 2026-03-01 in UTC
CALIBRATED = ("probabilities.0", "probabilities.1")


def rows(n: int, seed: int, shift: float = 0.0) -> np.ndarray:
    drawn = np.random.default_rng(seed).normal(size=(n, 3)).astype(np.float32)
    drawn[:, 0] += shift
    return drawn


def answers(batch: np.ndarray) -> dict[str, np.ndarray]:
    up = 1 / (1 + np.exp(-batch[:, 0]))
    return {
        "label": (up > 0.5).astype(np.int64),
        "probabilities": np.stack([1 - up, up], axis=1).astype(np.float32),
    }


def register_version(workspace: Workspace, *, seed: int, profiled: bool = True) -> None:
    sample = rows(2_000, seed)
    profile = profile_of(
        features_table(SIGNATURE, sample),
        predictions=predictions_table(SIGNATURE, answers(sample)),
        categorical={"label"},
    )
    artefact = workspace.home / "graph"
    artefact.write_bytes(b"a graph %d" % seed)
    framework = Framework(name="scikit-learn", version="1.5.2")
    bundle = Bundle.create(
        workspace.bundles,
        Contents(
            name="churn",
            framework=framework,
            python="3.11.7",
            signature=SIGNATURE,
            source_sha256="ab" * 32,
            artefacts={Role.ONNX: artefact},
            requirements="numpy==2.0.0\n",
            golden=Golden(inputs=sample[:1], outputs=answers(sample[:1])),
            profile=write_profile(profile) if profiled else {},
            plan=only(EngineKind.ONNX).as_dict(),
        ),
    )
    said = Registration(
        digest=bundle.digest,
        framework=framework,
        source_name="m.pkl",
        source_sha256="ab" * 32,
    )
    store = workspace.open_store()
    register(store, "churn", said, by="ann")
    store.close()


def values(column: np.ndarray) -> Values:
    width = column.shape[1] if column.ndim == 2 else 1
    return Values(dtype=column.dtype.str, width=width, raw=column.tobytes())


def record(batch: np.ndarray, *, second: int, version: int, outcome: str = "ok") -> Record:
    told = answers(batch) if outcome == "ok" else {}
    return Record(
        request_id=f"r{second}",
        at=START + second,
        endpoint="churn",
        version=version,
        revision=3,
        outcome=outcome,
        latency_s=0.01,
        n_rows=len(batch),
        rows=len(batch),
        inputs={
            name: values(np.ascontiguousarray(batch[:, j]))
            for j, name in enumerate(SIGNATURE.names)
        },
        outputs={name: values(column) for name, column in told.items()},
    )


def log(workspace: Workspace, records: list[Record], version: int) -> None:
    path = log_folder(workspace, "churn") / "date=2026-03-01" / f"part-a-v{version}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table(records), path)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = open_workspace(home=tmp_path / "home", environment={})
    register_version(workspace, seed=1)
    register_version(workspace, seed=2)
    register_version(workspace, seed=3, profiled=False)
    return workspace


def test_each_version_is_judged_by_its_own_profile_in_windows_by_time(
    workspace: Workspace,
) -> None:
    quiet = [record(rows(50, 10 + s), second=60 * s, version=1) for s in range(40)]
    moved = [record(rows(50, 90 + s, 1.0), second=60 * s, version=2) for s in range(40)]
    log(workspace, quiet, 1)
    log(workspace, moved, 2)
    log(workspace, quiet[:1], 3)
    found = list(
        backfilled(
            workspace,
            "churn",
            log=log_folder(workspace, "churn"),
            windows=Windows(every_s=600),
        )
    )
    assert [(past.version, past.report["n"]) for past in found] == [(1, 500)] * 4 + [(2, 500)] * 4
    alarms = [past.report["alarm"]["alarm"] for past in found]
    assert alarms[:4] == [False] * 4
    assert alarms[4:] == [True] * 4
    names = {column["name"] for column in found[0].report["predictions"]}
    assert names == {"label", *CALIBRATED}
    assert found[0].report["quality"] == []


def test_failed_requests_of_which_all_are_logged_do_not_count(workspace: Workspace) -> None:
    good = [record(rows(50, 10 + s), second=s, version=1) for s in range(10)]
    bad = [record(rows(50, 50 + s, 9.0), second=s, version=1, outcome="error") for s in range(10)]
    log(workspace, good + bad, 1)
    (past,) = backfilled(
        workspace, "churn", log=log_folder(workspace, "churn"), windows=Windows(every_s=600)
    )
    assert past.report["n"] == 500
    assert past.report["alarm"]["alarm"] is False


def test_nothing_logged_is_said(workspace: Workspace) -> None:
    with pytest.raises(NoLog, match="no prediction log of 'churn'"):
        list(
            backfilled(
                workspace,
                "churn",
                log=log_folder(workspace, "churn"),
                windows=Windows(every_s=600),
            )
        )


def report(workspace: Workspace, folder: Path, reference: str) -> list[str]:
    from datetime import UTC, datetime

    file = MonitoringFile.model_validate(
        {
            "endpoint": "churn",
            "reference": reference,
            "data": {
                "source": "log.csv",
                "columns": {"prediction": "guess", "scores": ["p0", "p1"]},
            },
        }
    )
    found = compared(
        file,
        folder=folder,
        workspace=lambda: workspace,
        rules=(RuleName.DEFAULT,),
        now=datetime.now(UTC),
    )
    assert found.report.quality == ()
    assert found.report.alarm.alarm is False
    return sorted(column.name for column in found.report.drift.predictions)


def test_the_log_of_another_server_is_compared_with_a_bundle(
    workspace: Workspace, tmp_path: Path
) -> None:
    batch = rows(1_000, 7)
    told = answers(batch)
    lines = [
        ",".join(map(str, (*x, label, *p)))
        for x, label, p in zip(batch, told["label"], told["probabilities"], strict=True)
    ]
    head = ",".join([*SIGNATURE.names, "guess", "p0", "p1"])
    (tmp_path / "log.csv").write_text("\n".join([head, *lines]) + "\n")
    assert report(workspace, tmp_path, "churn@1") == ["label", *CALIBRATED]


def test_a_bundle_without_a_profile_is_no_reference(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("guess,p0,p1\n")
    with pytest.raises(NoProfile):
        report(workspace, tmp_path, "churn@3")
