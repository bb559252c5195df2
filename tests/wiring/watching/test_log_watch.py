"""A watch of a log goes on whatever the store or the disk does meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from seatrial.kernel.store import StoreUnavailable
from seatrial.monitoring.watching.watch_file import MonitoringFile
from seatrial.testing.clock import FakeClock
from seatrial.wiring.watching.folder import WatchFolder
from seatrial.wiring.watching.log_watch import LogWatch

REFERENCE = "".join(f"{i % 97},{i % 13}\n" for i in range(2_000))


def line(second: int) -> str:
    return f"2030-01-01T00:{second // 60:02}:{second % 60:02}Z,{second % 97},{second % 13}\n"


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def watch(tmp_path: Path, clock: FakeClock, said: list[str]) -> Iterator[LogWatch]:
    (tmp_path / "reference.csv").write_text(f"a,b\n{REFERENCE}")
    (tmp_path / "log.csv").write_text("at,a,b\n" + "".join(map(line, range(1_500))))
    file = MonitoringFile.model_validate(
        {
            "endpoint": "churn",
            "data": {"source": "log.csv", "columns": {"timestamp": "at"}},
            "reference": {"source": "reference.csv", "columns": {}},
            "windows": {"every": "10m", "lateness": "1m"},
        }
    )
    WatchFolder.of(file, tmp_path).make()
    clock.advance(1_500)
    opened = LogWatch(
        file,
        folder=tmp_path,
        workspace=lambda: pytest.fail("no bundle is named"),
        clock=clock,
        env={},
        say=said.append,
    )
    yield opened
    opened.close()


@pytest.mark.parametrize("problem", [OSError(28, "No space left on device"), None])
def test_what_the_disk_or_the_store_keeps_from_being_done_is_said_once_and_done_later(
    watch: LogWatch, said: list[str], monkeypatch: pytest.MonkeyPatch, problem: OSError | None
) -> None:
    def fails(*_: object, **__: object) -> Any:
        raise problem or StoreUnavailable("The store is locked.", remedy="Wait.")

    with monkeypatch.context() as patched:
        if problem is None:
            patched.setattr(watch.store, "add_slices", fails)
        else:
            patched.setattr(type(watch.out), "write", fails)
        for _ in range(5):
            assert watch.tick_again() == []
        with pytest.raises((OSError, StoreUnavailable)):
            watch.tick()
    watch.tick_again()
    kept = watch.monitor.kept()
    assert kept is not None
    assert [point.n for point in kept.series] == [600, 600]
    begins = (
        "Nothing is watched: The store is locked" if problem is None else "Nothing is watched: ["
    )
    assert [text.startswith(begins) for text in said] == [True, False]
    assert said[1] == "It is watched again."


def test_rows_that_come_after_the_clock_closed_their_window_are_a_gauge(
    watch: LogWatch, clock: FakeClock, said: list[str], tmp_path: Path
) -> None:
    watch.tick()
    clock.advance(3_600)
    assert [judged.report.n for judged in watch.tick()] == [300]
    with (tmp_path / "log.csv").open("a") as log:
        log.writelines(map(line, range(1_500, 1_510)))
    watch.tick()
    (late,) = said
    assert late.startswith("10 rows of the window from 2030-01-01 00:20:00+00:00 came after")
    text = watch.out.metrics.read_text()
    assert 'seatrial_rows_left_out_total{endpoint="churn",reason="late"} 10' in text
    assert 'seatrial_rows_left_out_total{endpoint="churn",reason="undated"} 0' in text
