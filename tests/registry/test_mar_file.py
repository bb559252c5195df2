from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from seatrial.registry.mar_file import MANIFEST, UnreadableMar, model_in
from seatrial.registry.model_file import CorruptModel, UnknownFormat, detect

LIMIT = 1 << 22


def written(path: Path, manifest: object, *, model: bytes = b"model" * 100) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        text = manifest if isinstance(manifest, str) else json.dumps(manifest)
        archive.writestr(MANIFEST, text)
        archive.writestr("model.pt", model)
    return path


GOOD = {"model": {"serializedFile": "model.pt", "handler": "h.py"}}


def test_the_model_in_an_archive_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "m.mar", GOOD)
    assert model_in(path) == "model.pt"
    with pytest.raises(UnknownFormat, match=r"the model in it is 'model.pt'") as told:
        detect(path, limit=LIMIT)
    assert "unzip m.mar" in told.value.remedy


def test_an_archive_may_be_code_alone_or_none_of_torchserves(tmp_path: Path) -> None:
    path = written(tmp_path / "m.mar", {"model": {"handler": "h.py"}})
    with pytest.raises(UnknownFormat, match="no model file"):
        detect(path, limit=LIMIT)
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme", "hi")
    assert model_in(tmp_path / "other.zip") is None


@pytest.mark.parametrize(
    "manifest",
    [
        "",
        "{",
        "[]",
        {},
        {"model": []},
        {"model": {"serializedFile": "other.pt"}},
        {"model": {"serializedFile": ["model.pt"]}},
        "[" * 100_000,
        json.dumps(GOOD) + " " * (1 << 20),
    ],
)
def test_a_damaged_manifest_is_told(tmp_path: Path, manifest: object) -> None:
    path = written(tmp_path / "m.mar", manifest)
    with pytest.raises(UnreadableMar):
        model_in(path)
    with pytest.raises(CorruptModel, match=r"m.mar is a damaged model archive of TorchServe"):
        detect(path, limit=LIMIT)


@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_an_archive_that_breaks_off_is_told(tmp_path: Path, kept: float) -> None:
    path = written(tmp_path / "m.mar", GOOD)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(CorruptModel):
        detect(path, limit=LIMIT)


def test_bytes_that_changed_in_the_manifest_are_told(tmp_path: Path) -> None:
    path = written(tmp_path / "m.mar", GOOD)
    path.write_bytes(path.read_bytes().replace(b'"handler"', b'"handles"'))
    with pytest.raises(CorruptModel, match="CRC"):
        detect(path, limit=LIMIT)
