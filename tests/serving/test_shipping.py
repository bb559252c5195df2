from __future__ import annotations

import sys
from pathlib import Path

import pytest

from seatrial.serving.shipping import Shipper
from seatrial.testing.clock import FakeClock


def command(folder: Path, after: str = "") -> list[str]:
    code = f"import pathlib, time; open({str(folder / 'runs')!r}, 'a').write('x'); {after}"
    return [sys.executable, "-c", code]


def ended(shipper: Shipper) -> None:
    assert shipper._process is not None
    shipper._process.wait(timeout=20)


def test_it_runs_when_due_and_one_at_a_time(tmp_path: Path, clock: FakeClock) -> None:
    shipper = Shipper(command(tmp_path), clock=clock, every_s=30.0)
    shipper.poll()
    assert shipper._process is None
    clock.advance(31.0)
    shipper.poll()
    first = shipper._process
    clock.advance(31.0)
    ended(shipper)
    shipper.poll()
    shipper.poll()
    assert shipper._process is not first
    ended(shipper)
    assert (tmp_path / "runs").read_text() == "xx"
    shipper.close()


def test_one_that_hangs_is_killed_and_one_that_fails_is_said(
    tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    shipper = Shipper(command(tmp_path, "time.sleep(600)"), clock=clock, timeout_s=60.0)
    clock.advance(31.0)
    shipper.poll()
    clock.advance(61.0)
    shipper.poll()
    ended(shipper)
    shipper.poll()
    assert "took over" in caplog.text
    assert "ended with -9" in caplog.text
    shipper.close()


def test_closing_ends_it(tmp_path: Path, clock: FakeClock) -> None:
    shipper = Shipper(command(tmp_path, "time.sleep(600)"), clock=clock)
    clock.advance(31.0)
    shipper.poll()
    process = shipper._process
    shipper.close()
    assert process is not None
    assert process.returncode == -9


def test_a_command_that_does_not_exist_stops_nobody(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    shipper = Shipper(["/nonexistent/program"], clock=clock)
    clock.advance(31.0)
    shipper.poll()
    assert "cannot be converted" in caplog.text
