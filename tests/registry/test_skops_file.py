"""skops files: what they hold, and what is not built."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from seatrial.adapters.native.opening import open_model
from seatrial.adapters.native.skops_files import load_skops
from seatrial.registry.allowed import Import
from seatrial.registry.model_file import CorruptModel, FileFormat, UnknownFormat
from seatrial.registry.scan import ScanReport, scan
from seatrial.registry.skops_file import UnreadableSkops, is_skops, types_of
from seatrial.registry.unsafe import UnsafeModel

X = np.random.default_rng(0).normal(size=(60, 3))
Y = (X[:, 0] > 0).astype(int)
LIMIT = 10**9


def scanned(path: Path, **more: Any) -> ScanReport:
    return scan(path, second_opinion=lambda _: frozenset(), **more)


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(StandardScaler(), LogisticRegression()),
        RandomForestClassifier(5, random_state=0),
    ],
)
def test_a_model_is_loaded_as_it_was_saved(tmp_path: Path, model: Any) -> None:
    path = tmp_path / "model.skops"
    skops.io.dump(model.fit(X, Y), path)
    report = scanned(path)
    assert report.format is FileFormat.SKOPS
    assert "skops.io" in report.imports
    assert not report.outside
    found: Any = open_model(path, report).raw
    assert found.predict(X).tolist() == model.predict(X).tolist()


def written(path: Path, schema: object, **files: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("schema.json", json.dumps(schema))
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_a_type_outside_the_list_is_refused_by_scan_and_by_loading(tmp_path: Path) -> None:
    path = tmp_path / "model.skops"
    skops.io.dump(FunctionTransformer(func=np.savetxt), path)
    with pytest.raises(UnsafeModel, match=r"numpy\.savetxt"):
        scanned(path)
    report = ScanReport(format=FileFormat.SKOPS, compression=scanned_none(), sha256="")
    with pytest.raises(UnsafeModel):
        load_skops(path, report)


def scanned_none() -> Any:
    from seatrial.registry.compression import Compression

    return Compression.NONE


def test_hidden_deep_in_the_schema_it_is_found(tmp_path: Path) -> None:
    node: Any = {"__class__": "Popen", "__module__": "subprocess"}
    for _ in range(200):
        node = {"content": [{"x": node}], "__class__": "dict", "__module__": "builtins"}
    path = written(tmp_path / "m.skops", node)
    assert Import("subprocess", "Popen") in types_of(path, limit=LIMIT)
    with pytest.raises(UnsafeModel, match=r"subprocess\.Popen"):
        scanned(path)
    assert scanned(path, trust=True).trusted


def test_what_is_damaged_or_too_large_is_told(tmp_path: Path) -> None:
    bomb = written(tmp_path / "bomb.skops", {}, a=b"0" * 10_000)
    with pytest.raises(UnreadableSkops, match="more than 5,000 bytes"):
        types_of(bomb, limit=5_000)
    broken = written(tmp_path / "broken.skops", {})
    content = broken.read_bytes().replace(b"{}", b"{x")
    broken.write_bytes(content)
    with pytest.raises(CorruptModel, match="damaged skops file"):
        scanned(broken)


def test_other_archives_are_no_skops_files(tmp_path: Path) -> None:
    other = tmp_path / "model.pt"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("data.pkl", b"x")
    assert not is_skops(other)
    with pytest.raises(UnknownFormat, match="neither PyTorch nor skops nor Keras wrote"):
        scanned(other)
    (tmp_path / "cut.skops").write_bytes(b"PK\x03\x04 and nothing else")
    assert not is_skops(tmp_path / "cut.skops")
