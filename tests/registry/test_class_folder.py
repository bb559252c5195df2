"""Packing a class with its folder: what is refused, and what it says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seatrial.kernel.errors import SeatrialError
from seatrial.registry import class_folder
from seatrial.registry.class_file import NoSuchClass
from seatrial.registry.class_folder import ClassUnusable, FolderTooLarge, named_class
from tests.registry.packed_class import CODE, packed


def test_a_class_is_told_from_a_file() -> None:
    assert named_class(Path("model.pkl")) is None
    assert named_class(Path("models:/churn/1")) is None
    assert named_class(Path("a/net.py")) is None
    named = named_class(Path("a/net.py:Net"))
    assert named is not None
    assert (named.file, named.name) == (Path("a/net.py"), "Net")


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
    shop: Path, tmp_path: Path, name: str, error: type[SeatrialError], words: str
) -> None:
    (shop / "two-words.py").write_text(CODE)
    (shop / "broken.py").write_text("class Net(:")
    (shop / "binary.py").write_bytes(b"class Net:\0 pass")
    (shop / "deep.py").write_text("(" * 5000)
    with pytest.raises(error, match=words) as told:
        packed(shop, tmp_path / "1", name)
    assert told.value.remedy
    assert not (tmp_path / "1").exists()


def test_links_out_of_the_folder_and_what_is_no_file_are_refused(
    shop: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("s")
    odd = shop / "odd"
    odd.symlink_to(tmp_path / "secret")
    with pytest.raises(ClassUnusable, match="leads out of it"):
        packed(shop, tmp_path / "1")
    odd.unlink()
    odd.symlink_to(tmp_path, target_is_directory=True)
    with pytest.raises(ClassUnusable, match="leads out of it"):
        packed(shop, tmp_path / "1")
    odd.unlink()
    odd.symlink_to(shop / "absent")
    with pytest.raises(ClassUnusable, match="no plain file"):
        packed(shop, tmp_path / "1")
    odd.unlink()
    os.mkfifo(odd)
    with pytest.raises(ClassUnusable, match="no plain file"):
        packed(shop, tmp_path / "1")
    odd.unlink()
    odd.symlink_to(shop / "near.py")
    packed(shop, tmp_path / "1")


def test_a_folder_of_other_things_is_refused(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(class_folder, "MAX_FILES", 2)
    with pytest.raises(FolderTooLarge, match="more than 2 files"):
        packed(shop, tmp_path / "1")
    monkeypatch.undo()
    with (shop / "large").open("wb") as file:
        file.truncate(class_folder.MAX_FILE_BYTES + 1)
    with pytest.raises(FolderTooLarge, match="'large'"):
        packed(shop, tmp_path / "1")


def test_a_name_of_pythons_own_is_refused(shop: Path, tmp_path: Path) -> None:
    (shop / "random.py").touch()
    with pytest.raises(ClassUnusable, match=r"random\.py"):
        packed(shop, tmp_path / "1")
