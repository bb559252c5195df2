"""A class with its folder as one archive: the same bytes each time, and nothing from elsewhere."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import pytest

from seatrial.kernel.errors import SeatrialError
from seatrial.registry import class_file
from seatrial.registry.class_file import (
    ENTRY,
    ClassUnusable,
    FolderTooLarge,
    NoSuchClass,
    UnreadableClass,
    imports_of,
    named_class,
    pack_class,
    packed_of,
    unpack_class,
)
from seatrial.registry.model_file import CorruptModel
from seatrial.registry.scan import UnsafeModel, scan

CODE = "import json, numpy.linalg\nfrom near import f\nclass Net:\n    pass\n"
LIMIT = 1 << 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "shop"
    (made / "data").mkdir(parents=True)
    (made / "net.py").write_text(CODE)
    (made / "near.py").write_text("def f(): import pandas\n")
    (made / "data" / "größe 1.bin").write_bytes(b"\0" * 5000)
    return made


def packed(folder: Path, target: Path, name: str = "net.py:Net") -> Path:
    named = named_class(folder / name)
    assert named is not None
    pack_class(named, target)
    return target


def test_a_class_is_told_from_a_file() -> None:
    assert named_class(Path("model.pkl")) is None
    assert named_class(Path("models:/churn/1")) is None
    assert named_class(Path("a/net.py")) is None
    named = named_class(Path("a/net.py:Net"))
    assert named is not None
    assert (named.file, named.name) == (Path("a/net.py"), "Net")


def test_the_same_files_are_the_same_bytes_and_come_back(folder: Path, tmp_path: Path) -> None:
    first = packed(folder, tmp_path / "1").read_bytes()
    for left_out in ("__pycache__", ".git", "venv", "node_modules", "own"):
        (folder / left_out).mkdir()
        (folder / left_out / "x").write_text("x")
    (folder / "own" / "pyvenv.cfg").touch()
    (folder / ".env").write_text("SECRET=1")
    os.utime(folder / "net.py", (1, 1))
    assert packed(folder, tmp_path / "2").read_bytes() == first
    found = unpack_class(tmp_path / "2", tmp_path / "out", limit=LIMIT)
    assert (found.module, found.name, found.n_files) == ("net", "Net", 3)
    files = {p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*.*")}
    assert files == {"net.py", "near.py", "data/größe 1.bin"}
    assert (tmp_path / "out" / "data" / "größe 1.bin").read_bytes() == b"\0" * 5000


def test_it_imports_what_its_code_names_outside(folder: Path, tmp_path: Path) -> None:
    assert imports_of(packed(folder, tmp_path / "1")) == ("numpy", "pandas")


def test_code_that_runs_nowhere_is_no_reason_to_stop(folder: Path, tmp_path: Path) -> None:
    (folder / "old.py").write_text("print 'Python 2'")
    assert imports_of(packed(folder, tmp_path / "1")) == ("numpy", "pandas")


def test_it_is_scanned_and_needs_trust(folder: Path, tmp_path: Path) -> None:
    file = packed(folder, tmp_path / "1")
    with pytest.raises(UnsafeModel, match="runs its code"):
        scan(file, second_opinion=lambda _: frozenset())
    (folder / "near.py").write_text("def f(): import numpy, not_installed_here\n")
    found = scan(packed(folder, file), trust=True, second_opinion=lambda _: frozenset())
    assert found.imports == ("numpy",)


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("absent.py:Net", NoSuchClass, "no file"),
        ("net.py:Other", NoSuchClass, "no class 'Other'"),
        ("net.py:", ClassUnusable, "names no module and class"),
        ("net.py:a.b", ClassUnusable, "names no module and class"),
        ("two-words.py:Net", ClassUnusable, "names no module and class"),
        ("broken.py:Net", ClassUnusable, "no Python"),
        ("binary.py:Net", ClassUnusable, "no Python"),
        ("deep.py:Net", ClassUnusable, "no Python"),
    ],
)
def test_what_names_no_class_is_told(
    folder: Path, tmp_path: Path, name: str, error: type[SeatrialError], words: str
) -> None:
    (folder / "two-words.py").write_text(CODE)
    (folder / "broken.py").write_text("class Net(:")
    (folder / "binary.py").write_bytes(b"class Net:\0 pass")
    (folder / "deep.py").write_text("(" * 5000)
    with pytest.raises(error, match=words) as told:
        packed(folder, tmp_path / "1", name)
    assert told.value.remedy
    assert not (tmp_path / "1").exists()


def test_links_out_of_the_folder_and_what_is_no_file_are_refused(
    folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("s")
    odd = folder / "odd"
    odd.symlink_to(tmp_path / "secret")
    with pytest.raises(ClassUnusable, match="leads out of it"):
        packed(folder, tmp_path / "1")
    odd.unlink()
    odd.symlink_to(tmp_path, target_is_directory=True)
    with pytest.raises(ClassUnusable, match="leads out of it"):
        packed(folder, tmp_path / "1")
    odd.unlink()
    odd.symlink_to(folder / "absent")
    with pytest.raises(ClassUnusable, match="no plain file"):
        packed(folder, tmp_path / "1")
    odd.unlink()
    os.mkfifo(odd)
    with pytest.raises(ClassUnusable, match="no plain file"):
        packed(folder, tmp_path / "1")
    odd.unlink()
    odd.symlink_to(folder / "near.py")
    packed(folder, tmp_path / "1")


def test_a_folder_of_other_things_is_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(class_file, "MAX_FILES", 2)
    with pytest.raises(FolderTooLarge, match="more than 2 files"):
        packed(folder, tmp_path / "1")
    monkeypatch.undo()
    with (folder / "large").open("wb") as file:
        file.truncate(class_file.MAX_FILE_BYTES + 1)
    with pytest.raises(FolderTooLarge, match="'large'"):
        packed(folder, tmp_path / "1")


def test_a_name_of_pythons_own_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "random.py").touch()
    with pytest.raises(ClassUnusable, match=r"random\.py"):
        packed(folder, tmp_path / "1")


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


def test_more_than_the_limit_is_not_unpacked(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UnreadableClass, match="more than 5,000 bytes"):
        unpack_class(packed(folder, tmp_path / "1"), tmp_path / "out", limit=5000)
    assert not (tmp_path / "out").exists()


def test_a_cut_archive_is_no_archive_of_a_class(folder: Path, tmp_path: Path) -> None:
    file = packed(folder, tmp_path / "1")
    file.write_bytes(file.read_bytes()[:-40])
    assert packed_of(file) is None
    with pytest.raises(CorruptModel):
        scan(file, trust=True, second_opinion=lambda _: frozenset())
