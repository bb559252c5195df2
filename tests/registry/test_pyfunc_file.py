"""Folders of MLflow as one file: what is in it, what it needs, and what is no such file."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from seatrial.registry.class_folder import ClassUnusable
from seatrial.registry.pyfunc_file import (
    is_pyfunc,
    needs_of,
    pack_pyfunc,
    requirement_lines,
    unpack_pyfunc,
)
from seatrial.registry.saved_model_file import UnreadableArchive, names_in
from seatrial.registry.scan import UnsafeModel, scan

LIMIT = 1 << 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "churn"
    (made / "code" / "shop").mkdir(parents=True)
    (made / "MLmodel").write_text("flavors: {python_function: {}}")
    (made / ".secret").write_text("s")
    (made / "requirements.txt").write_text("mlflow==3.17.2\nnumpy\n")
    (made / "model.py").write_text("import shop.prices, sklearn.base, json")
    (made / "code" / "shop" / "prices.py").write_text("import scipy, model")
    return made


@pytest.fixture
def packed(folder: Path, tmp_path: Path) -> Path:
    assert pack_pyfunc(folder, tmp_path / "packed") == 4
    return tmp_path / "packed"


def test_the_same_files_have_the_same_bytes(folder: Path, packed: Path, tmp_path: Path) -> None:
    os.utime(folder / "MLmodel", (1, 1))
    (folder / "MLmodel").chmod(0o600)
    pack_pyfunc(folder, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == packed.read_bytes()


def test_it_is_told_by_its_content_and_comes_back(
    folder: Path, packed: Path, tmp_path: Path
) -> None:
    assert is_pyfunc(packed)
    assert not is_pyfunc(folder / "MLmodel")
    assert ".secret" not in names_in(packed)
    unpack_pyfunc(packed, tmp_path / "out", limit=LIMIT)
    there = tmp_path / "out" / "code" / "shop" / "prices.py"
    assert there.read_text() == "import scipy, model"


def test_its_requirements_say_what_it_needs(packed: Path) -> None:
    needs = needs_of(packed, limit=LIMIT)
    assert (needs.listed, needs.modules) == (("mlflow", "numpy"), ())


def test_without_them_its_imports_do(folder: Path, tmp_path: Path) -> None:
    (folder / "requirements.txt").unlink()
    pack_pyfunc(folder, tmp_path / "packed")
    needs = needs_of(tmp_path / "packed", limit=LIMIT)
    assert (needs.listed, needs.modules) == ((), ("scipy", "sklearn"))


def test_lines_for_pip_alone_name_nothing() -> None:
    text = "# all\n--extra-index-url https://x\n-r more.txt\n\nnumpy==2.0  # why\n a[b]>=1 \n"
    assert list(requirement_lines(text)) == ["numpy==2.0", "a[b]>=1"]


def test_a_link_out_of_the_folder_is_not_followed(folder: Path, tmp_path: Path) -> None:
    (folder / "artifact").symlink_to("/etc/passwd")
    with pytest.raises(ClassUnusable, match="leads out of it"):
        pack_pyfunc(folder, tmp_path / "packed")


def test_a_damaged_archive_is_told(packed: Path, tmp_path: Path) -> None:
    packed.write_bytes(packed.read_bytes()[:-30])
    for use in (lambda: needs_of(packed, limit=LIMIT), lambda: unpack(packed, tmp_path)):
        with pytest.raises(UnreadableArchive):
            use()


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "c:evil"])
def test_an_entry_that_leads_out_is_refused(packed: Path, tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr(name, "evil")
    with pytest.raises(UnreadableArchive, match="outside its folder"):
        unpack(packed, tmp_path)


def test_more_than_the_limit_is_refused(packed: Path) -> None:
    with zipfile.ZipFile(packed, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", bytes(LIMIT + 1))
    with pytest.raises(UnreadableArchive, match="more than"):
        needs_of(packed, limit=LIMIT)


def test_it_needs_trust(packed: Path) -> None:
    with pytest.raises(UnsafeModel, match="loads by code") as told:
        scan(packed, second_opinion=lambda _: frozenset())
    assert "--trust" in told.value.remedy
    found = scan(packed, trust=True, second_opinion=lambda _: frozenset())
    assert (found.listed, found.modules) == (("mlflow", "numpy"), ("mlflow", "pandas"))


def unpack(packed: Path, folder: Path) -> None:
    unpack_pyfunc(packed, folder / "out", limit=LIMIT)
