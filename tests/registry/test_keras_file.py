"""Keras's files and SavedModels, told apart and judged without TensorFlow."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from seatrial.registry.model_file import CorruptModel, FileFormat, UnknownFormat, detect
from seatrial.registry.saved_model_file import (
    NoSignature,
    UnreadableArchive,
    one_file,
    pack,
    unpack,
)
from seatrial.registry.scan import ScanReport, scan
from seatrial.registry.unsafe import UnsafeModel

DENSE = {"module": "keras.layers", "class_name": "Dense", "config": {"activation": "relu"}}


def keras_file(path: Path, *layers: Mapping[str, Any], **parts: bytes) -> Path:
    config = {"module": "keras", "class_name": "Sequential", "config": {"layers": list(layers)}}
    config["compile_config"] = {"loss": {"module": "mine", "class_name": "Loss"}}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("metadata.json", "{}")
        archive.writestr("model.weights.h5", b"weights")
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def hdf5(path: Path, configuration: str | None, *, trust: bool = False) -> ScanReport:
    """What is found in an HDF5 file of which its reader gives this configuration."""
    path.write_bytes(b"\x89HDF\r\n\x1a\n")
    second = lambda _: frozenset()  # noqa: E731
    return scan(path, trust=trust, second_opinion=second, configuration=lambda _: configuration)


def scanned(path: Path, *, trust: bool = False, limit: int = 1 << 20) -> ScanReport:
    return scan(path, trust=trust, second_opinion=lambda _: frozenset(), limit=limit)


def test_layers_of_keras_need_no_trust_and_the_loss_is_not_looked_at(tmp_path: Path) -> None:
    tensor = {"class_name": "__keras_tensor__", "config": {"shape": [None, 3]}}
    relu = {
        "module": "keras.activations",
        "class_name": "function",
        "config": "relu",
        "registered_name": "function",
    }
    found = scanned(keras_file(tmp_path / "m", DENSE, {"inbound": [tensor], "activation": relu}))
    assert found.format is FileFormat.KERAS
    assert found.imports == ("keras", "tensorflow")
    assert found.outside == ()


@pytest.mark.parametrize(
    ("layer", "named"),
    [
        ({"module": "keras.layers", "class_name": "Lambda"}, "keras.layers.Lambda"),
        ({"module": "keras.layers", "class_name": "TFSMLayer"}, "keras.layers.TFSMLayer"),
        ({"module": "os", "class_name": "system"}, "os.system"),
        ({"module": "keras.src.utils.file_utils", "class_name": "Get"}, "file_utils.Get"),
        ({"module": "keras.layers", "class_name": "deserialize"}, "layers.deserialize"),
        ({"module": "keras.layers\nos", "class_name": "Dense"}, "os.Dense"),
        ({"module": "os", "class_name": "function", "config": "system"}, "os.system"),
        ({"module": "keras.activations", "class_name": "function", "config": {}}, "activations"),
        ({"module": None, "class_name": "Sub", "registered_name": "Sub"}, "custom.Sub"),
        ({"class_name": "__lambda__", "config": {"code": "4wEA"}}, "__lambda__"),
        ({"class_name": "__typespec__"}, "__typespec__"),
        ({"config": {"vocabulary": "/etc/passwd"}}, "/etc/passwd"),
    ],
)
def test_what_is_no_plain_layer_needs_trust(
    tmp_path: Path, layer: Mapping[str, Any], named: str
) -> None:
    path = keras_file(tmp_path / "m", DENSE, {"config": {"inner": [layer]}})
    with pytest.raises(UnsafeModel, match="code or files of its own") as refused:
        scanned(path)
    assert named in str(refused.value.problem)
    assert named in str(scanned(path, trust=True).outside)


@pytest.mark.parametrize(
    "name", ["../evil", "assets/../../evil", "/etc/evil", "..\\evil", "C:evil"]
)
def test_names_that_lead_out_are_refused_even_with_trust(tmp_path: Path, name: str) -> None:
    path = keras_file(tmp_path / "m", DENSE, **{name: b"evil"})
    with pytest.raises(CorruptModel, match="outside its folder"):
        scanned(path, trust=True)
    with pytest.raises(UnreadableArchive, match="outside"):
        unpack(path, tmp_path / "to", limit=1 << 20)
    assert not (tmp_path / "to").exists()


def test_damaged_and_oversized_files_are_refused(tmp_path: Path) -> None:
    path = keras_file(tmp_path / "m", DENSE)
    with pytest.raises(CorruptModel, match="more than 1,000 bytes"):
        scanned(_deflated(tmp_path / "bomb"), limit=1000)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"weights", b"wEights", 1))
    with pytest.raises(CorruptModel, match="damaged"):
        scanned(path)
    path.write_bytes(content[:-30])
    with pytest.raises(CorruptModel, match="breaks off"):
        detect(path, limit=1 << 20)


def _deflated(path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("config.json", "metadata.json", "model.weights.h5"):
            archive.writestr(name, b" " * 5000)
    return path


@pytest.mark.parametrize("config", [b"[]", b"{", b"\xff", b"[" * 100_000])
def test_a_configuration_that_is_none_is_refused(tmp_path: Path, config: bytes) -> None:
    path = tmp_path / "m"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("metadata.json", "model.weights.h5"):
            archive.writestr(name, b"")
        archive.writestr("config.json", config)
    with pytest.raises(CorruptModel):
        scanned(path)


def folder(path: Path) -> Path:
    (path / "variables").mkdir(parents=True)
    (path / "saved_model.pb").write_bytes(b"graph")
    (path / "variables" / "variables.index").write_bytes(b"index")
    (path / "linked").symlink_to("/etc/passwd")
    return path


def test_a_savedmodel_folder_is_one_file_with_equal_bytes_and_its_signature(
    tmp_path: Path,
) -> None:
    whole = folder(tmp_path / "net")
    with one_file(whole, "total") as packed:
        assert packed.name == "net"
        found = scanned(packed, trust=True)
        assert found.format is FileFormat.SAVED_MODEL
        with pytest.raises(UnsafeModel, match="read and write files"):
            scanned(packed)
        assert unpack(packed, tmp_path / "again", limit=1 << 20) == "total"
        again = sorted(p.name for p in (tmp_path / "again").rglob("*") if p.is_file())
        assert again == ["saved_model.pb", "variables.index"]
        pack(whole, tmp_path / "twin", signature="total")
        assert (tmp_path / "twin").read_bytes() == packed.read_bytes()
    assert not packed.exists()


def test_only_a_savedmodel_has_signatures_to_choose_from(tmp_path: Path) -> None:
    file = keras_file(tmp_path / "m.keras", DENSE)
    with pytest.raises(NoSignature, match="is none"), one_file(file, "total"):
        pass
    with one_file(file, None) as same:
        assert same == file


def test_another_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(UnknownFormat, match=r"without saved_model\.pb"):
        detect(tmp_path, limit=1 << 20)


def layered(*layers: Mapping[str, Any]) -> str:
    return json.dumps({"class_name": "Sequential", "config": {"layers": list(layers)}})


def test_layers_in_hdf5_need_no_module(tmp_path: Path) -> None:
    policy = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}}
    dense = {"class_name": "Dense", "config": {"dtype": policy, "activation": "relu"}}
    found = hdf5(tmp_path / "m", layered(dense, {"class_name": "Bidirectional", "layer": dense}))
    assert found.format is FileFormat.KERAS_H5
    assert found.modules == ("keras", "tensorflow")
    assert found.outside == ()


@pytest.mark.parametrize(
    ("layer", "named"),
    [
        ({"class_name": "Lambda", "config": {"function": ["4wEA", None, None]}}, "Lambda"),
        ({"class_name": "__lambda__", "config": {"code": "4wEA"}}, "__lambda__"),
        ({"class_name": "TFSMLayer"}, "TFSMLayer"),
        ({"class_name": "TypeSpec", "type_spec": "tf.TensorSpec"}, "TypeSpec"),
        ({"class_name": "CompositeTensor", "spec": {}}, "CompositeTensor"),
        ({"class_name": "mine>Own"}, "mine>Own"),
        ({"class_name": "Dense", "registered_name": "mine>Own"}, "custom.Dense"),
        ({"class_name": "deserialize"}, "deserialize"),
        ({"class_name": "function", "config": "system"}, "system"),
        ({"module": "os", "class_name": "system"}, "os.system"),
        ({"class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}}, "/etc/passwd"),
    ],
    ids=lambda case: case if isinstance(case, str) else "",
)
def test_what_is_no_plain_layer_in_hdf5_needs_trust(
    tmp_path: Path, layer: Mapping[str, Any], named: str
) -> None:
    inside = {"class_name": "TimeDistributed", "config": {"layer": layer}}
    with pytest.raises(UnsafeModel, match="code or files of its own") as refused:
        hdf5(tmp_path / "m", layered(inside))
    assert named in refused.value.problem
    assert named in str(hdf5(tmp_path / "m", layered(inside), trust=True).outside)


def test_weights_alone_in_hdf5_are_told_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UnknownFormat, match="weights alone") as told:
        hdf5(tmp_path / "m", None, trust=True)
    assert "load_weights" in told.value.remedy


@pytest.mark.parametrize("text", ["{", "[]", "3", "[" * 100_000], ids=["cut", "list", "3", "deep"])
def test_a_damaged_configuration_in_hdf5_is_corrupt(tmp_path: Path, text: str) -> None:
    with pytest.raises(CorruptModel, match="configuration"):
        hdf5(tmp_path / "m", text)
