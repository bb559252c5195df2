"""What a model's process is started with."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from seatrial.serving.spawn import ChildLimits, Spawned, sweep


@contextmanager
def environment_of(limits: ChildLimits) -> Iterator[dict[str, str]]:
    spawned = Spawned(limits, [])
    try:
        while not (raw := Path(f"/proc/{spawned.pid}/environ").read_text()):
            pass  # the kernel fills it in just after the program was started
        yield dict(pair.split("=", 1) for pair in raw.split("\0") if pair)
    finally:
        spawned.channel.close()
        spawned.dispose()


@pytest.mark.parametrize("threads", [1, 3])
def test_every_numeric_library_is_told_how_many_threads_it_may_use(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "64")
    monkeypatch.setenv("SEATRIAL_TOKEN", "secret")
    with environment_of(ChildLimits(threads=threads)) as variables:
        for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR"):
            assert variables[f"{name}_NUM_THREADS"] == str(threads)
        assert variables["LOKY_MAX_CPU_COUNT"] == str(threads)
        assert (variables["OMP_WAIT_POLICY"], variables["KMP_BLOCKTIME"]) == ("PASSIVE", "0")
        assert "SEATRIAL_TOKEN" not in variables


def test_one_thread_is_the_default() -> None:
    with environment_of(ChildLimits()) as variables:
        assert variables["OMP_NUM_THREADS"] == "1"


def test_folders_whose_holder_was_killed_are_swept_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    names = ("seatrial-model-left", "seatrial-model-fresh", "other")
    left, fresh, other = folders = [tmp_path / name for name in names]
    for folder in folders:
        folder.mkdir()
    (left / "cache").touch()
    (tmp_path / "seatrial-model-link").symlink_to(other)
    with environment_of(ChildLimits()) as variables:
        held = Path(variables["HOME"])
        for folder in (left, other, held):
            os.utime(folder, (0, 0))
        assert sweep() == 1
        assert held.is_dir()
    assert {path.name for path in tmp_path.iterdir()} == {
        fresh.name,
        "other",
        "seatrial-model-link",
    }
    assert other.is_dir()
