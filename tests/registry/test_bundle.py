import errno
import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seatrial.registry.bundle import Bundle, Contents
from seatrial.registry.bundle_files import BundleIncomplete, BundleNotFound
from seatrial.registry.incoming import BundleDiskFull, BundleNotWritten
from seatrial.registry.manifest import BundleTampered, BundleTooNew, ManifestInvalid, Role

N_WRITES = 6
"""Files of the bundle the fixture describes; each is flushed once, then so are three folders."""


def entries(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir()) if root.exists() else []


def test_a_bundle_comes_back_as_it_was_made(bundle: Bundle, contents: Contents) -> None:
    opened = Bundle.open(bundle.path, digest=bundle.digest)

    assert bundle.path.name == bundle.digest
    assert opened == bundle
    assert opened.manifest.name == "churn"
    assert opened.signature == contents.signature
    assert opened.requirements() == contents.requirements
    assert opened.profile() == contents.profile
    assert opened.golden().outputs["label"].tolist() == [0, 1]
    for role, source in contents.artefacts.items():
        assert opened.read(role) == source.read_bytes() == opened.locate(role).read_bytes()


def test_an_artefact_it_does_not_hold_is_named(bundle: Bundle) -> None:
    with pytest.raises(BundleNotFound) as caught:
        bundle.locate(Role.WIDE)
    assert "onnx_wide" in caught.value.problem
    assert "native, onnx" in caught.value.problem


def test_the_same_content_has_the_same_digest_and_bytes(
    bundle: Bundle, contents: Contents, tmp_path: Path
) -> None:
    renamed = contents.artefacts[Role.NATIVE].rename(tmp_path / "copy of model (2).pkl")
    again = Bundle.create(
        tmp_path / "elsewhere",
        replace(contents, artefacts={**contents.artefacts, Role.NATIVE: renamed}),
    )

    assert again.digest == bundle.digest
    for file in (*bundle.manifest.files, *again.manifest.files):
        assert (again.path / file.path).read_bytes() == (bundle.path / file.path).read_bytes()
    assert (again.path / "manifest.json").read_bytes() == (
        bundle.path / "manifest.json"
    ).read_bytes()


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"},
        {"python": "3.12.0"},
        {"requirements": "numpy==2.0.1\n"},
        {"profile": {"rows": 3}},
        {"plan": {"schema": 1, "steps": [1]}},
        {"parity": None},
        {"source_sha256": "cd" * 32},
    ],
)
def test_any_other_content_has_another_digest(
    bundle: Bundle, contents: Contents, change: dict[str, Any]
) -> None:
    assert Bundle.create(bundle.path.parent, replace(contents, **change)).digest != bundle.digest


def test_an_existing_bundle_is_used_again(bundle: Bundle, contents: Contents) -> None:
    before = (bundle.path / "manifest.json").stat().st_ino
    assert Bundle.create(bundle.path.parent, contents) == bundle
    assert (bundle.path / "manifest.json").stat().st_ino == before
    assert entries(bundle.path.parent) == [bundle.digest]


def test_a_damaged_bundle_is_not_used_again(bundle: Bundle, contents: Contents) -> None:
    (bundle.path / "model.onnx").write_bytes(b"")
    with pytest.raises(BundleTampered):
        Bundle.create(bundle.path.parent, contents)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_changed_byte_anywhere_is_seen(bundle: Bundle, data: st.DataObject) -> None:
    names = ["manifest.json", *(file.path for file in bundle.manifest.files)]
    path = bundle.path / data.draw(st.sampled_from(names))
    original = path.read_bytes()
    offset = data.draw(st.integers(0, len(original) - 1))
    flip = data.draw(st.integers(1, 255))
    path.write_bytes(original[:offset] + bytes([original[offset] ^ flip]) + original[offset + 1 :])
    try:
        with pytest.raises((BundleTampered, BundleTooNew)):
            Bundle.open(bundle.path)
    finally:
        path.write_bytes(original)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_file_cut_short_or_grown_is_seen(bundle: Bundle, data: st.DataObject) -> None:
    names = ["manifest.json", *(file.path for file in bundle.manifest.files)]
    path = bundle.path / data.draw(st.sampled_from(names))
    original = path.read_bytes()
    cut = data.draw(st.integers(0, len(original) - 1))
    path.write_bytes(data.draw(st.sampled_from([original[:cut], original + b"\n"])))
    try:
        with pytest.raises(BundleTampered):
            Bundle.open(bundle.path)
    finally:
        path.write_bytes(original)


def test_a_missing_file_is_named(bundle: Bundle) -> None:
    (bundle.path / "native/model.pkl").unlink()
    with pytest.raises(BundleIncomplete) as caught:
        Bundle.open(bundle.path)
    assert caught.value.facts["file"] == "native/model.pkl"


def test_a_folder_without_a_manifest_is_incomplete(tmp_path: Path) -> None:
    with pytest.raises(BundleIncomplete) as caught:
        Bundle.open(tmp_path)
    assert caught.value.facts["file"] == "manifest.json"


def test_a_bundle_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(BundleNotFound) as caught:
        Bundle.open(tmp_path / "nothing")
    assert str(tmp_path / "nothing") in caught.value.problem


def test_a_whole_bundle_in_the_place_of_another_is_seen(
    bundle: Bundle, contents: Contents, changed: Callable[[Contents], Contents]
) -> None:
    other = Bundle.create(bundle.path.parent, changed(contents))
    with pytest.raises(BundleTampered) as caught:
        Bundle.open(other.path, digest=bundle.digest)
    assert bundle.digest in caught.value.problem


def _extra_file(folder: Path) -> None:
    (folder / "native/sitecustomize.py").write_text("print('hello')")


def _extra_folder(folder: Path) -> None:
    (folder / "__pycache__").mkdir()


def _link_in_place(folder: Path) -> None:
    elsewhere = (folder / "golden.json").rename(folder.parent / "same-bytes")
    (folder / "golden.json").symlink_to(elsewhere)


def _linked_folder(folder: Path) -> None:
    elsewhere = (folder / "native").rename(folder.parent / "same-folder")
    (folder / "native").symlink_to(elsewhere)


def _manifest_linked(folder: Path) -> None:
    elsewhere = (folder / "manifest.json").rename(folder.parent / "same-manifest")
    (folder / "manifest.json").symlink_to(elsewhere)


def _fifo_in_place(folder: Path) -> None:
    (folder / "profile.json").unlink()
    os.mkfifo(folder / "profile.json")


def _folder_in_place(folder: Path) -> None:
    (folder / "profile.json").unlink()
    (folder / "profile.json").mkdir()


@pytest.mark.parametrize(
    "spoil",
    [
        _extra_file,
        _extra_folder,
        _link_in_place,
        _linked_folder,
        _manifest_linked,
        _fifo_in_place,
        _folder_in_place,
    ],
)
def test_a_folder_that_holds_anything_else_is_refused(
    bundle: Bundle, spoil: Callable[[Path], None]
) -> None:
    spoil(bundle.path)
    with pytest.raises(BundleTampered):
        Bundle.open(bundle.path)


def test_an_artefact_changed_after_opening_is_not_read(bundle: Bundle) -> None:
    path = bundle.path / "model.onnx"
    path.write_bytes(path.read_bytes()[::-1])
    with pytest.raises(BundleTampered):
        bundle.read(Role.ONNX)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"name": "Churn Model"}, ManifestInvalid),
        ({"profile": {"mean": float("inf")}}, ManifestInvalid),
        ({"artefacts": {}}, ManifestInvalid),
        ({"artefacts": {Role.ONNX: Path("/nowhere/model.onnx")}}, BundleNotWritten),
    ],
)
def test_contents_that_make_no_bundle_leave_nothing(
    tmp_path: Path, contents: Contents, change: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        Bundle.create(tmp_path / "bundles", replace(contents, **change))
    assert entries(tmp_path / "bundles") == []


@pytest.mark.parametrize("nth", range(N_WRITES + 3))
def test_a_full_disk_at_any_moment_leaves_nothing_that_opens(
    tmp_path: Path, contents: Contents, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", _failing(nth, OSError(errno.ENOSPC, "No space left on device")))
        with pytest.raises(BundleDiskFull) as caught:
            Bundle.create(tmp_path / "bundles", contents)
    assert "Free some space" in caught.value.remedy
    for name in entries(tmp_path / "bundles"):  # only after the last flush but one
        assert Bundle.open(tmp_path / "bundles" / name).path.name == name
    assert Bundle.create(tmp_path / "bundles", contents).manifest.name == "churn"


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, contents: Contents) -> None:
    (tmp_path / "bundles").write_text("a file where the folder should be")
    with pytest.raises(BundleNotWritten) as caught:
        Bundle.create(tmp_path / "bundles", contents)
    assert str(tmp_path / "bundles") in caught.value.problem


@pytest.mark.parametrize("nth", range(N_WRITES + 4))
def test_kill_9_at_any_moment_leaves_nothing_half_made(
    tmp_path: Path, contents: Contents, nth: int
) -> None:
    root = tmp_path / "bundles"
    process = multiprocessing.get_context("fork").Process(
        target=_create_and_die, args=(root, contents, nth)
    )
    process.start()
    process.join(30)
    assert process.exitcode == -signal.SIGKILL

    for name in entries(root):
        if not name.startswith("."):
            assert Bundle.open(root / name).path.name == name
    assert Bundle.open(Bundle.create(root, contents).path).manifest.name == "churn"


def test_what_a_killed_writer_left_is_swept_up_a_day_later(
    tmp_path: Path, contents: Contents
) -> None:
    root = tmp_path / "bundles"
    for name, age_s in ((".incoming-old", 90_000), (".incoming-new", 60)):
        (root / name).mkdir(parents=True)
        (root / name / "model.onnx").write_bytes(b"half")
        stamp = (root / name).stat().st_mtime - age_s
        os.utime(root / name, (stamp, stamp))
    bundle = Bundle.create(root, contents)
    assert entries(root) == [".incoming-new", bundle.digest]


def test_processes_that_make_the_same_bundle_at_once_share_it(
    tmp_path: Path, contents: Contents
) -> None:
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(4)
    results: Any = context.SimpleQueue()
    writers = [
        context.Process(target=_create_together, args=(tmp_path / "b", contents, barrier, results))
        for _ in range(4)
    ]
    for writer in writers:
        writer.start()
    digests = {results.get() for _ in writers}
    for writer in writers:
        writer.join(30)
    assert [writer.exitcode for writer in writers] == [0, 0, 0, 0]
    assert len(digests) == 1
    assert entries(tmp_path / "b") == sorted(digests)
    Bundle.open(tmp_path / "b" / digests.pop())


def test_a_copy_is_equal_and_damage_on_the_way_is_seen(bundle: Bundle, tmp_path: Path) -> None:
    copy = bundle.copy_to(tmp_path / "release/bundle")
    assert copy.manifest == bundle.manifest
    assert bundle.copy_to(tmp_path / "release/bundle") == copy

    (bundle.path / "golden.json").write_bytes(b"{}")
    with pytest.raises(BundleTampered):
        bundle.copy_to(tmp_path / "other/bundle")
    assert entries(tmp_path / "other") == []


def test_any_user_of_an_image_can_read_a_bundle(bundle: Bundle) -> None:
    assert bundle.path.stat().st_mode & 0o777 == 0o755
    assert (bundle.path / "native").stat().st_mode & 0o005 == 0o005
    assert (bundle.path / "native/model.pkl").stat().st_mode & 0o777 == 0o644


def _failing(nth: int, error: OSError) -> Callable[[int], None]:
    real, calls = os.fsync, iter(range(10_000))

    def fsync(descriptor: int) -> None:
        if next(calls) == nth:
            raise error
        real(descriptor)

    return fsync


def _create_and_die(root: Path, contents: Contents, nth: int) -> None:
    real, calls = os.fsync, iter(range(10_000))

    def fsync(descriptor: int) -> None:
        if next(calls) == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        real(descriptor)

    os.fsync = fsync
    Bundle.create(root, contents)
    os.kill(os.getpid(), signal.SIGKILL)  # right after the last flush


def _create_together(root: Path, contents: Contents, barrier: Any, results: Any) -> None:
    barrier.wait()
    results.put(Bundle.create(root, contents).digest)
