"""Which drives stamp their files by this machine's clock, and whether that was set back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seatrial.adapters.index import drives_linux
from seatrial.adapters.index.drives_linux import boot_clock, trusted_devices

LINE = "36 35 {device} / {place} rw,noatime shared:1 - {kind} /dev/sda rw\n"


@pytest.fixture
def mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Say what is mounted: pairs of a place and a kind."""

    def say(*mounts: tuple[object, str]) -> None:
        lines = (
            LINE.format(device="8:1", place=str(place).replace(" ", "\\040"), kind=kind)
            for place, kind in mounts
        )
        (tmp_path / "mountinfo").write_text("".join(lines), "utf-8")
        monkeypatch.setattr(drives_linux, "_MOUNTS", tmp_path / "mountinfo")

    return say


def trusts(path: Path) -> bool:
    found = trusted_devices([path])
    assert found <= {path.stat().st_dev}
    return bool(found)


def test_a_drive_of_this_machine_is_trusted_and_one_of_a_network_is_not(mounted, tmp_path):
    for kind, trusted in (("ext4", True), ("xfs", True), ("nfs4", False), ("fuse.sshfs", False)):
        mounted(("/", kind))
        assert trusts(tmp_path) == trusted


def test_the_innermost_mount_counts_and_of_those_the_last(mounted, tmp_path):
    inner = tmp_path / "a b"
    inner.mkdir()
    mounted(("/", "ext4"), (inner, "cifs"), (tmp_path / "a", "9p"))
    assert trusts(tmp_path)
    assert not trusts(inner)
    mounted(("/", "nfs"), (inner, "nfs"), (inner, "ext4"))
    assert not trusts(tmp_path)
    assert trusts(inner)


def test_a_link_is_followed_to_the_drive_that_it_leads_to(mounted, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    mounted(("/", "nfs"), (tmp_path / "real", "ext4"))
    assert trusts(tmp_path / "link")


def test_what_is_not_there_and_what_is_not_said_is_not_trusted(mounted, tmp_path, monkeypatch):
    assert trusted_devices([tmp_path / "nowhere", Path("a\0b")]) == frozenset()
    mounted()
    assert not trusts(tmp_path)
    monkeypatch.setattr(drives_linux, "_MOUNTS", tmp_path / "nowhere")
    assert not trusts(tmp_path)


def test_this_machine_says_what_is_mounted_here(tmp_path):
    assert drives_linux._kind(os.path.realpath(tmp_path), drives_linux._mounts())


def test_the_clock_of_a_boot_stays_where_it_is():
    first, second = boot_clock(), boot_clock()
    assert first is not None
    assert second is not None
    assert first.boot == second.boot
    assert first.least_ns <= first.most_ns
    assert second.most_ns >= first.least_ns


def test_a_system_that_does_not_say_in_which_boot_it_is_has_no_clock(monkeypatch, tmp_path):
    monkeypatch.setattr(drives_linux, "_BOOT", tmp_path / "nowhere")
    assert boot_clock() is None
