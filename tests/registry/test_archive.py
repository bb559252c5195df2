import gzip
import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seatrial.kernel.errors import SeatrialError
from seatrial.registry.archive import (
    ArchiveTooLarge,
    ArchiveUnreadable,
    ArchiveUnsafe,
    pack,
    packed_name,
    unpack,
)
from seatrial.registry.bundle import Bundle, Contents
from seatrial.registry.bundle_files import BundleIncomplete, BundleNotFound
from seatrial.registry.manifest import BundleTampered


@pytest.fixture
def archive(bundle: Bundle, tmp_path: Path) -> Path:
    path = tmp_path / "churn.tar.gz"
    pack(bundle, path)
    return path


def tar(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.GNU_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", format=form) as archive:
        for info, content in members:
            if info.isreg():
                info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def entry(name: str, **attributes: Any) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for key, value in attributes.items():
        setattr(info, key, value)
    return info


def outside(tmp_path: Path) -> list[str]:
    """Everything below the test's folder, to see that an attack changed nothing of it."""
    return sorted(str(path) for path in tmp_path.rglob("*"))


def test_a_packed_bundle_unpacks_equal(bundle: Bundle, archive: Path, tmp_path: Path) -> None:
    unpacked = unpack(archive, tmp_path / "other")
    assert unpacked.path == tmp_path / "other" / bundle.digest
    assert unpacked.manifest == bundle.manifest
    Bundle.open(unpacked.path, digest=bundle.digest)


def test_equal_bundles_pack_to_equal_bytes(
    bundle: Bundle, contents: Contents, archive: Path, tmp_path: Path
) -> None:
    twin = Bundle.create(tmp_path / "twin", contents)
    for file in twin.path.rglob("*"):
        os.utime(file, (1, 1))
    pack(twin, tmp_path / "twin.tgz")
    assert (tmp_path / "twin.tgz").read_bytes() == archive.read_bytes()


def test_any_tar_program_can_list_it(bundle: Bundle, archive: Path) -> None:
    with tarfile.open(archive) as opened:
        names = sorted(opened.getnames())
    assert names == sorted(["manifest.json", *(file.path for file in bundle.manifest.files)])


def test_a_bundle_that_changed_since_it_was_opened_is_not_packed(
    bundle: Bundle, tmp_path: Path
) -> None:
    (bundle.path / "golden.json").write_bytes(b"{}")
    with pytest.raises(BundleTampered):
        pack(bundle, tmp_path / "bad.tgz")
    assert not (tmp_path / "bad.tgz").exists()


@pytest.mark.parametrize(
    "info",
    [
        entry("../escaped"),
        entry("/tmp/escaped"),
        entry("native/../../escaped"),
        entry("."),
        entry(".ssh/authorized_keys"),
        entry("native/model.pkl\nx"),
        entry("a" * 200),
        entry("link", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        entry("link", type=tarfile.LNKTYPE, linkname="../../etc/passwd"),
        entry("device", type=tarfile.CHRTYPE, devmajor=1, devminor=3),
        entry("device", type=tarfile.BLKTYPE),
        entry("fifo", type=tarfile.FIFOTYPE),
        entry("folder", type=tarfile.DIRTYPE),
        entry("sparse", type=tarfile.GNUTYPE_SPARSE),
        entry("contiguous", type=tarfile.CONTTYPE),
        entry("odd", type=b"Z"),
    ],
    ids=lambda info: f"{info.type!r} {info.name[:20]!r}",
)
def test_an_entry_that_no_bundle_has_is_refused(tmp_path: Path, info: tarfile.TarInfo) -> None:
    hostile = tmp_path / "hostile.tgz"
    hostile.write_bytes(tar((entry("model.onnx"), b"fine"), (info, b"")))
    before = outside(tmp_path)
    with pytest.raises(ArchiveUnsafe):
        unpack(hostile, tmp_path / "root")
    assert outside(tmp_path) == [*before, str(tmp_path / "root")]


@pytest.mark.parametrize("header", [{"path": "../escaped"}, {"size": "99"}, {"comment": "x"}])
def test_an_extended_header_is_refused_before_it_is_read(
    tmp_path: Path, header: dict[str, str]
) -> None:
    hostile = tmp_path / "hostile.tgz"
    info = entry("model.onnx", pax_headers=header)
    hostile.write_bytes(tar((info, b"x"), form=tarfile.PAX_FORMAT))
    with pytest.raises(ArchiveUnsafe):
        unpack(hostile, tmp_path / "root")


@pytest.mark.parametrize("names", [("a", "a"), ("a", "a/b"), ("a/b", "a"), ("a", "a/b/c")])
def test_two_entries_in_one_place_are_refused(tmp_path: Path, names: tuple[str, str]) -> None:
    hostile = tmp_path / "hostile.tgz"
    hostile.write_bytes(tar(*((entry(name), b"x") for name in names)))
    with pytest.raises(ArchiveUnsafe) as caught:
        unpack(hostile, tmp_path / "root")
    assert repr(names[1]) in caught.value.problem
    assert list((tmp_path / "root").iterdir()) == []


def test_a_bomb_is_stopped_at_the_bound(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.tgz"
    bomb.write_bytes(tar((entry("model.onnx"), bytes(50 << 20))))
    assert bomb.stat().st_size < 100_000
    with pytest.raises(ArchiveTooLarge) as caught:
        unpack(bomb, tmp_path / "root", max_bytes=10 << 20)
    assert caught.value.facts["limit"] == 10 << 20
    assert list((tmp_path / "root").iterdir()) == []


def test_a_size_that_only_the_header_claims_is_bounded_too(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.tgz"
    header = entry("model.onnx", size=1 << 60).tobuf(format=tarfile.GNU_FORMAT)
    bomb.write_bytes(gzip.compress(header + bytes(10_240)))
    with pytest.raises(ArchiveTooLarge):
        unpack(bomb, tmp_path / "root")


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    crowd = tmp_path / "crowd.tgz"
    crowd.write_bytes(tar(*((entry(f"f{i}"), b"") for i in range(1001))))
    with pytest.raises(ArchiveTooLarge):
        unpack(crowd, tmp_path / "root")


def test_endless_zeros_after_the_end_are_refused(archive: Path, tmp_path: Path) -> None:
    archive.write_bytes(archive.read_bytes() + gzip.compress(bytes(64 << 20)))
    with pytest.raises(ArchiveUnsafe):
        unpack(archive, tmp_path / "root")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda raw: raw[: len(raw) // 2],
        lambda raw: raw[:-4],
        lambda raw: b"",
        lambda raw: b"PK\x03\x04" + raw,
        gzip.decompress,
        lambda raw: gzip.compress(b"\x01" * 2048),
    ],
    ids=["half", "no checksum", "empty", "zip", "not compressed", "noise"],
)
def test_a_file_that_is_no_archive_is_named(
    archive: Path, tmp_path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    archive.write_bytes(spoil(archive.read_bytes()))
    with pytest.raises(ArchiveUnreadable) as caught:
        unpack(archive, tmp_path / "root")
    assert str(archive) in caught.value.problem


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no gzip",
        gzip.compress(b"\0" * 2048),
        gzip.compress(b"\x01" * 2048),
        tar((entry("manifest.json"), b"{}")),
        tar((entry("manifest.json"), b"[" * 4000)),
    ],
    ids=["empty", "not compressed", "zeros", "noise", "no name", "endless"],
)
def test_the_name_of_what_is_no_archive_is_no_name(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "odd.tgz").write_bytes(raw)
    with pytest.raises(ArchiveUnreadable) as caught:
        packed_name(tmp_path / "odd.tgz")
    assert "odd.tgz" in caught.value.problem


def test_the_name_is_read_from_the_first_entry_alone(archive: Path, tmp_path: Path) -> None:
    assert packed_name(archive) == "churn"
    with gzip.open(archive) as stream:
        head = stream.read(32 << 10)
    (tmp_path / "cut.tgz").write_bytes(gzip.compress(head))
    assert packed_name(tmp_path / "cut.tgz") == "churn"
    large = entry("manifest.json")
    large.size = 1 << 33
    (tmp_path / "large.tgz").write_bytes(gzip.compress(large.tobuf()))
    (tmp_path / "other.tgz").write_bytes(tar((entry("other"), b"first")))
    assert packed_name(tmp_path / "large.tgz") is packed_name(tmp_path / "other.tgz") is None


def test_an_archive_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleNotFound) as caught:
        unpack(tmp_path / "none.tgz", tmp_path / "root")
    assert "none.tgz" in caught.value.problem


def test_what_unpacks_is_verified_like_any_bundle(
    bundle: Bundle, archive: Path, tmp_path: Path
) -> None:
    files = {p.relative_to(bundle.path).as_posix(): p for p in bundle.path.rglob("*.*")}
    lacking = [(entry(n), p.read_bytes()) for n, p in files.items() if n != "golden.json"]
    archive.write_bytes(tar(*lacking))
    with pytest.raises(BundleIncomplete):
        unpack(archive, tmp_path / "root")
    archive.write_bytes(tar(*lacking, (entry("golden.json"), b"{}")))
    with pytest.raises(BundleTampered):
        unpack(archive, tmp_path / "root")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_flipped_inside_the_tar_an_equal_bundle_or_a_typed_error_comes_out(
    bundle: Bundle, archive: Path, tmp_path: Path, data: st.DataObject
) -> None:
    raw = bytearray(gzip.decompress(archive.read_bytes()))
    for offset in data.draw(st.lists(st.integers(0, len(raw) - 1), min_size=1, max_size=3)):
        raw[offset] ^= data.draw(st.integers(1, 255))
    flipped = tmp_path / "flipped.tgz"
    flipped.write_bytes(gzip.compress(raw, compresslevel=1))
    try:
        digest = unpack(flipped, tmp_path / "root").digest
    except SeatrialError:
        return
    assert digest == bundle.digest
