import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from seatrial.serving.usage import machine, usage


def test_it_says_what_the_kernel_says():
    found = usage([os.getpid()])
    process = psutil.Process()
    times = process.cpu_times()
    assert 0 < found.cpu_s <= times.user + times.system
    assert found.rss_bytes == pytest.approx(process.memory_info().rss, rel=0.2)


def test_an_engine_counts_with_its_worker():
    program = "bytearray(64 << 20); import sys; print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", f"held = {program}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as engine:
        assert engine.stdout is not None
        engine.stdout.readline()
        both, alone = usage([os.getpid(), engine.pid]), usage([os.getpid()])
        assert both.rss_bytes - alone.rss_bytes > 60 << 20
        engine.communicate()


def test_a_process_that_is_gone_uses_nothing():
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    assert usage([gone.pid]).rss_bytes == 0


def test_without_limits_there_is_the_whole_machine(tmp_path: Path):
    found = machine(tmp_path)
    assert found.n_cpus == len(os.sched_getaffinity(0))
    assert found.memory_bytes == psutil.virtual_memory().total


def test_a_container_has_what_its_limits_leave(tmp_path: Path):
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    (tmp_path / "memory.max").write_text("268435456\n")
    found = machine(tmp_path)
    assert (found.n_cpus, found.memory_bytes) == (0.5, 256 << 20)


def test_a_container_without_limits_has_the_whole_machine(tmp_path: Path):
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert machine(tmp_path) == machine(tmp_path / "nowhere")


def test_the_older_kind_of_limit_counts_too(tmp_path: Path):
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("134217728\n")
    assert machine(tmp_path).memory_bytes == 128 << 20
