"""Bundles from elsewhere: taken in whole, or refused with nothing left behind."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from seatrial.kernel.errors import Conflict, SeatrialError
from seatrial.packaging.rehearsal import GraphFails
from seatrial.packaging.requirements import RequirementsUnreadable
from seatrial.registry.archive import ArchiveUnreadable, pack
from seatrial.registry.bundle import Bundle, Contents
from seatrial.registry.bundle_files import BundleNotFound
from seatrial.registry.golden import Golden
from seatrial.registry.manifest import Framework, Role
from seatrial.registry.unsafe import UnsafeModel
from seatrial.serving.engine import EngineKind, PlanUnreadable
from seatrial.testing.models import matrix_signature, only
from seatrial.wiring.deploying.intake import NameDiffers, VouchedElsewhere, take_in

Pack = Callable[..., Path]


class Evil:
    """Runs a command when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        import os

        return os.system, (f"touch {self.mark}",)


def a_graph(shape: tuple[int, ...] = (1, 2)) -> bytes:
    """Answers label 1 and a constant of a shape, whatever the row."""
    parts = [
        helper.make_node("Constant", [], ["size"], value_ints=list(shape)),
        helper.make_node("ConstantOfShape", ["size"], ["probabilities"]),
        helper.make_node("Shape", ["rows"], ["label"], start=0, end=1),
    ]
    rows = helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["n", 3])
    outputs = [
        helper.make_tensor_value_info("label", TensorProto.INT64, [1]),
        helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, None),
    ]
    graph = helper.make_graph(parts, "g", [rows], outputs)
    opset = [helper.make_opsetid("", 18)]
    content: bytes = helper.make_model(
        graph, opset_imports=opset, ir_version=10
    ).SerializeToString()
    return content


@pytest.fixture
def packed(tmp_path: Path) -> Pack:
    """Packs a bundle as another installation would, with changes that a test wants."""

    def make(artefact: bytes = a_graph(), *, role: Role = Role.ONNX, **changes: Any) -> Path:
        file = tmp_path / "artefact"
        file.write_bytes(artefact)
        contents: dict[str, Any] = {
            "name": "churn",
            "framework": Framework(name="scikit-learn", version="1.5.2"),
            "python": "3.11.7",
            "signature": matrix_signature(),
            "source_sha256": "ab" * 32,
            "artefacts": {role: file},
            "requirements": "numpy==2.0.0\n",
            "golden": Golden(
                inputs=np.ones((1, 3), np.float32),
                outputs={
                    "label": np.array([1]),
                    "probabilities": np.array([[0.25, 0.75]], np.float32),
                },
            ),
            "profile": {},
            "plan": only(EngineKind(role.value)).as_dict(),
        }
        bundle = Bundle.create(tmp_path / "elsewhere", Contents(**contents | changes))
        pack(bundle, tmp_path / "churn.tgz")
        return tmp_path / "churn.tgz"

    return make


@pytest.fixture
def bundles(tmp_path: Path) -> Path:
    return tmp_path / "home" / "bundles"


def refused(
    kind: type[SeatrialError], archive: Path, bundles: Path, **options: Any
) -> SeatrialError:
    """The error, after a look that nothing is left of the archive."""
    with pytest.raises(kind) as error:
        take_in(archive, bundles, **{"name": None, "trust": False} | options)
    assert list(bundles.iterdir()) == []
    assert error.value.remedy
    return error.value


def test_a_bundle_gets_its_place_among_the_others(packed: Pack, bundles: Path) -> None:
    welcomed: list[str] = []
    bundle = take_in(packed(), bundles, name=None, trust=False, welcome=welcomed.append)
    assert welcomed == ["churn"]
    assert [p.name for p in bundles.iterdir()] == [bundle.digest]
    assert Bundle.open(bundles / bundle.digest, digest=bundle.digest).read(Role.ONNX) == a_graph()


def test_taking_in_the_same_again_finds_it_there(packed: Pack, bundles: Path) -> None:
    archive = packed()
    first = take_in(archive, bundles, name="churn", trust=False)
    assert take_in(archive, bundles, name="churn", trust=False) == first


def test_an_archive_that_is_not_there(bundles: Path, tmp_path: Path) -> None:
    assert "none.tgz" in refused(BundleNotFound, tmp_path / "none.tgz", bundles).problem


def test_an_archive_that_may_not_be_read_is_not_a_trouble_of_writing(
    bundles: Path, packed: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("gzip.open", closed)
    assert "Permission denied" in refused(ArchiveUnreadable, packed(), bundles).problem


def test_another_name_than_the_models_own_is_refused(packed: Pack, bundles: Path) -> None:
    error = refused(NameDiffers, packed(), bundles, name="sales")
    assert "'churn'" in error.problem
    assert "--name churn" in error.remedy
    assert "--model churn" in error.remedy


def test_whoever_says_no_to_the_name_is_asked_before_a_model_is_loaded(
    packed: Pack, bundles: Path
) -> None:
    def busy(name: str) -> None:
        raise Conflict(f"{name} is busy.", remedy="Wait.")

    refused(Conflict, packed(b"no pickle", role=Role.NATIVE), bundles, welcome=busy)


def test_that_somebody_vouched_elsewhere_counts_for_nothing_here(
    packed: Pack, bundles: Path
) -> None:
    archive = packed(trusted=True)
    assert "--trust" in refused(VouchedElsewhere, archive, bundles).remedy
    assert take_in(archive, bundles, name=None, trust=True).manifest.trusted


def test_a_native_model_that_runs_code_is_refused_before_it_does(
    packed: Pack, bundles: Path, tmp_path: Path
) -> None:
    evil = packed(pickle.dumps(Evil(tmp_path / "ran")), role=Role.NATIVE)
    assert "system" in refused(UnsafeModel, evil, bundles).problem
    refused(UnsafeModel, evil, bundles, trust=True)  # the bundle itself does not claim trust
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (RequirementsUnreadable, {"requirements": "--index-url http://example.invalid/\n"}),
        (PlanUnreadable, {"plan": {"steps": "all"}}),
    ],
)
def test_what_would_fail_or_do_harm_later_is_refused_now(
    kind: type[SeatrialError], changes: dict[str, object], packed: Pack, bundles: Path
) -> None:
    refused(kind, packed(**changes), bundles)


@pytest.mark.parametrize("graph", [b"a graph", a_graph((1 << 20, 1 << 20))], ids=["none", "huge"])
def test_a_graph_is_tried_in_a_child_before_anything_else_opens_it(
    packed: Pack, bundles: Path, graph: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened_here(*_: object) -> None:
        raise AssertionError("opened outside of a child")

    monkeypatch.setattr("seatrial.adapters.serving.onnxruntime.OnnxEngine.__init__", opened_here)
    with pytest.raises(GraphFails, match="cannot be run"):
        take_in(packed(graph), bundles, name=None, trust=False)
    assert [p for p in bundles.iterdir() if not p.name.startswith(".")] == []
