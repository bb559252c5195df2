"""The archive of a class and its folder: what is in it, and nothing that is hostile comes out."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import pytest

from seatrial.registry.class_file import (
    ENTRY,
    UnreadableClass,
    imports_of,
    packed_of,
    unpack_class,
)
from seatrial.registry.model_file import CorruptModel
from seatrial.registry.scan import scan
from seatrial.registry.unsafe import UnsafeModel
from tests.registry.packed_class import packed

LIMIT = 1 << 20


def test_the_same_files_are_the_same_bytes_and_come_back(shop: Path, tmp_path: Path) -> None:
    first = packed(shop, tmp_path / "1").read_bytes()
    for left_out in ("__pycache__", ".git", "venv", "node_modules", "own"):
        (shop / left_out).mkdir()
        (shop / left_out / "x").write_text("x")
    (shop / "own" / "pyvenv.cfg").touch()
    (shop / ".env").write_text("SECRET=1")
    os.utime(shop / "net.py", (1, 1))
    assert packed(shop, tmp_path / "2").read_bytes() == first
    found = unpack_class(tmp_path / "2", tmp_path / "out", limit=LIMIT)
    assert (found.module, found.name, found.n_files) == ("net", "Net", 3)
    files = {p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*.*")}
    assert files == {"net.py", "near.py", "data/größe 1.bin"}
    assert (tmp_path / "out" / "data" / "größe 1.bin").read_bytes() == b"\0" * 5000


def test_it_imports_what_its_code_names_outside(shop: Path, tmp_path: Path) -> None:
    assert imports_of(packed(shop, tmp_path / "1")) == ("numpy", "pandas")


def test_code_that_runs_nowhere_is_no_reason_to_stop(shop: Path, tmp_path: Path) -> None:
    (shop / "old.py").write_text("print 'Python 2'")
    assert imports_of(packed(shop, tmp_path / "1")) == ("numpy", "pandas")


def test_it_is_scanned_and_needs_trust(shop: Path, tmp_path: Path) -> None:
    file = packed(shop, tmp_path / "1")
    with pytest.raises(UnsafeModel, match="runs its code"):
        scan(file, second_opinion=lambda _: frozenset())
    (shop / "near.py").write_text("def f(): import numpy, not_installed_here\n")
    found = scan(packed(shop, file), trust=True, second_opinion=lambda _: frozenset())
    assert found.imports == ("numpy",)


ENTRY_TEXT = json.dumps({"schema": 1, "module": "net", "class": "Net"})


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({ENTRY: ENTRY_TEXT, "files/net.py": "", "files/../../out.py": ""}, "no archive of ours"),
        ({ENTRY: ENTRY_TEXT, "files/net.py": "", "files//etc/passwd": ""}, "no archive of ours"),
        ({ENTRY: ENTRY_TEXT, "files/net.py": "", "/etc/passwd": ""}, "no archive of ours"),
        ({ENTRY: ENTRY_TEXT, "files/net.py": "", "files/a\\b": ""}, "no archive of ours"),
        ({ENTRY: ENTRY_TEXT, "files/net.py": "", "files/sub/": ""}, "no file"),
        ({ENTRY: ENTRY_TEXT}, r"no file net\.py"),
        ({ENTRY: "[]", "files/net.py": ""}, "."),
        ({ENTRY: "{", "files/net.py": ""}, "."),
        ({ENTRY: ENTRY_TEXT.replace("1", "2"), "files/net.py": ""}, "names no class"),
        ({ENTRY: ENTRY_TEXT.replace("Net", "N.t"), "files/net.py": ""}, "names no class"),
        ({ENTRY: " " * 70_000, "files/net.py": ""}, "too large"),
    ],
)
def test_a_hostile_archive_is_refused_and_writes_nothing(
    tmp_path: Path, files: dict[str, str], words: str
) -> None:
    path = tmp_path / "in" / "model"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    with pytest.raises(UnreadableClass, match=words):
        packed_of(path)
    with pytest.raises(CorruptModel, match="damaged archive of a Python class"):
        scan(path, trust=True, second_opinion=lambda _: frozenset())
    assert [p.name for p in tmp_path.iterdir()] == ["in"]


def test_more_than_the_limit_is_not_unpacked(shop: Path, tmp_path: Path) -> None:
    with pytest.raises(UnreadableClass, match="more than 5,000 bytes"):
        unpack_class(packed(shop, tmp_path / "1"), tmp_path / "out", limit=5000)
    assert not (tmp_path / "out").exists()


def test_a_cut_archive_is_no_archive_of_a_class(shop: Path, tmp_path: Path) -> None:
    file = packed(shop, tmp_path / "1")
    file.write_bytes(file.read_bytes()[:-40])
    assert packed_of(file) is None
    with pytest.raises(CorruptModel):
        scan(file, trust=True, second_opinion=lambda _: frozenset())
