"""Hugging Face's folders, packed and judged without its libraries."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from seatrial.registry.huggingface_file import (
    FolderIncomplete,
    NoTextClassifier,
    is_model_folder,
    pack_folder,
    packed_folder,
)
from seatrial.registry.model_file import CorruptModel, FileFormat, detect
from seatrial.registry.scan import ScanReport, scan
from seatrial.registry.unsafe import UnsafeModel

SAFE = "model.safetensors"
PICKLED = "pytorch_model.bin"
CONFIG = {"architectures": ["BertForSequenceClassification"], "model_type": "bert"}


def folder(
    at: Path, files: Mapping[str, bytes] = {}, *, config: Mapping[str, Any] = CONFIG
) -> Path:
    """A folder of a model, with other files; an empty one is not there."""
    at.mkdir()
    (at / "config.json").write_text(json.dumps(config))
    usual = {"model.safetensors": b"weights", "tokenizer.json": b"{}"}
    for name, content in {**usual, **files}.items():
        if content:
            (at / name).write_bytes(content)
    return at


def weights(loads: object) -> bytes:
    """Weights as torch.save writes them."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("pytorch_model/data.pkl", pickle.dumps(loads))
        archive.writestr("pytorch_model/version", "3")
    return content.getvalue()


def scanned(at: Path, *, trust: bool = False, limit: int = 1 << 20) -> ScanReport:
    with packed_folder(at) as file:
        return scan(file, trust=trust, second_opinion=lambda _: frozenset(), limit=limit)


class Runs:
    def __reduce__(self) -> Any:
        return os.system, ("true",)


def test_a_folder_is_told_by_its_configuration_and_packed_alike_each_time(tmp_path: Path) -> None:
    at = folder(tmp_path / "m", {"optimizer.pt": b"o", "README.md": b"r", PICKLED: b"b"})
    (at / "checkpoint-5").mkdir()
    (at / "checkpoint-5" / "config.json").write_text("{}")
    assert is_model_folder(at)
    with packed_folder(at) as packed:
        first = packed.read_bytes()
        assert detect(packed, limit=1 << 20)[0] is FileFormat.HUGGINGFACE
        names = zipfile.ZipFile(packed).namelist()
    assert names == ["config.json", "model.safetensors", "tokenizer.json"]
    assert not packed.exists()
    os.utime(at / "config.json", (1, 1))
    pack_folder(at, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == first
    assert scanned(at).modules == ("tokenizers", "torch", "transformers")


def test_links_are_followed_as_hugging_faces_cache_has_them(tmp_path: Path) -> None:
    at = folder(tmp_path / "m", {SAFE: b""})
    (tmp_path / "blob").write_bytes(b"weights")
    (at / "model.safetensors").symlink_to(tmp_path / "blob")
    with packed_folder(at) as packed:
        assert zipfile.ZipFile(packed).read("model.safetensors") == b"weights"


def test_weights_in_parts_go_with_their_index(tmp_path: Path) -> None:
    parts = {f"model-0000{k}-of-00002.safetensors": b"part" for k in (1, 2)}
    at = folder(tmp_path / "m", {SAFE: b"", f"{SAFE}.index.json": b"{}", **parts})
    with packed_folder(at) as packed:
        assert len([n for n in zipfile.ZipFile(packed).namelist() if n.startswith("model")]) == 3


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"name": "other"}', b"\xff\xfe"])
def test_another_folder_is_left_to_others(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "config.json").write_bytes(content)
    assert not is_model_folder(tmp_path)
    with packed_folder(tmp_path) as same:
        assert same == tmp_path
    assert not is_model_folder(tmp_path / "absent")


@pytest.mark.parametrize(
    ("config", "files", "said"),
    [
        ({"architectures": ["BertForTokenClassification"]}, {}, "BertForTokenClassification"),
        ({"architectures": ["LlamaForCausalLM"]}, {}, "LlamaForCausalLM"),
        ({"model_type": "bert"}, {}, "names no architecture"),
        (
            CONFIG,
            {"adapter_config.json": b"{}", SAFE: b""},
            "an adapter, not the model",
        ),
    ],
)
def test_what_classifies_no_texts_is_refused_with_a_way_out(
    tmp_path: Path, config: Mapping[str, Any], files: Mapping[str, bytes], said: str
) -> None:
    at = folder(tmp_path / "m", files, config=config)
    with pytest.raises(NoTextClassifier, match=said) as refused:
        scanned(at, trust=True)
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("missing", "said"), [(SAFE, "no weights"), ("tokenizer.json", "no tokenizer")]
)
def test_a_folder_that_lacks_a_half_says_which(tmp_path: Path, missing: str, said: str) -> None:
    with pytest.raises(FolderIncomplete, match=said):
        scanned(folder(tmp_path / "m", {missing: b""}))


@pytest.mark.parametrize("file", ["config", "tokenizer_config"])
def test_code_that_a_folder_brings_along_is_refused_whoever_trusts_it(
    tmp_path: Path, file: str
) -> None:
    at = folder(tmp_path / "m")
    settings = (CONFIG if file == "config" else {}) | {"auto_map": {"AutoModel": "mine.Model"}}
    (at / f"{file}.json").write_text(json.dumps(settings))
    with pytest.raises(UnsafeModel, match=rf"{file}\.json names some in auto_map"):
        scanned(at, trust=True)


def test_pickled_weights_are_read_without_being_run(tmp_path: Path) -> None:
    harmless = weights({"layer": [1.0]})
    assert not scanned(folder(tmp_path / "a", {SAFE: b"", PICKLED: harmless})).outside
    hostile = folder(tmp_path / "b", {SAFE: b"", PICKLED: weights({"layer": Runs()})})
    with pytest.raises(UnsafeModel, match="system"):
        scanned(hostile, trust=True)


@pytest.mark.parametrize(
    "content",
    [b"\x80\x02}.", b"PK\x03\x04", weights(1)[:-30], b""],
    ids=["old", "cut", "end", "no"],
)
def test_weights_that_are_no_archive_are_damaged(tmp_path: Path, content: bytes) -> None:
    at = folder(tmp_path / "m", {SAFE: b""})
    (at / "pytorch_model.bin").write_bytes(content)
    with pytest.raises(CorruptModel, match="of its pytorch_model"):
        scanned(at)


@pytest.mark.parametrize(
    ("name", "content"),
    [("tokenizer_config.json", b"{"), ("tokenizer_config.json", b"[]"), ("config.json", b"\xff")],
)
def test_settings_that_are_no_settings_are_damaged(
    tmp_path: Path, name: str, content: bytes
) -> None:
    at = folder(tmp_path / "m")
    pack_folder(at, tmp_path / "packed")
    with (
        zipfile.ZipFile(tmp_path / "packed") as whole,
        zipfile.ZipFile(tmp_path / "bad", "w") as made,
    ):
        for part in {*whole.namelist(), name}:
            made.writestr(part, content if part == name else whole.read(part))
    with pytest.raises(CorruptModel, match=f"its {name}"):
        scanned(tmp_path / "bad")


def test_more_than_may_be_unpacked_and_names_that_lead_out_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "small", "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("config.json", json.dumps(CONFIG))
        made.writestr("model.safetensors", b"0" * 5000)
    with pytest.raises(CorruptModel, match="unpacks to more"):
        scanned(tmp_path / "small", limit=2000)
    with zipfile.ZipFile(tmp_path / "out", "w") as made:
        made.writestr("config.json", json.dumps(CONFIG))
        made.writestr("../model.safetensors", b"w")
    with pytest.raises(CorruptModel, match="outside its folder"):
        scanned(tmp_path / "out")
