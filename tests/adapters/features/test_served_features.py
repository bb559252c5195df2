import os
from pathlib import Path

import pytest

from seatrial.adapters.features import served_features
from seatrial.adapters.features.served_features import ServedFile, prune_served, read_served
from seatrial.features.online import Read, State
from seatrial.features.served import Served


def served(at_us: int) -> Served:
    return Served(at_us=at_us, key={"id": at_us}, reads={"v:f": Read(State.PRESENT, 1.5, 0)})


def kept(folder: Path, *rows: int, name: str = "w0") -> None:
    file = ServedFile(folder, name=name, rate=1.0, chance=lambda: 0.0)
    for at_us in rows:
        file.offer(served(at_us))
    file.close()


def test_what_was_offered_is_read_the_newest_first(tmp_path: Path) -> None:
    kept(tmp_path / "churn", 1, 3, name="w0")
    kept(tmp_path / "churn", 2, 4, name="w1")
    kept(tmp_path / "churn", 5, name="w0")
    found = read_served(tmp_path / "churn", since_us=2, limit=100)
    assert found == [served(at_us) for at_us in (5, 4, 3, 2)]
    assert read_served(tmp_path / "other", since_us=0, limit=100) == []


def test_of_many_some_are_taken_over_the_whole_time(tmp_path: Path) -> None:
    kept(tmp_path, *range(100))
    found = [one.at_us for one in read_served(tmp_path, since_us=0, limit=10)]
    assert found == list(range(99, 0, -10))


def test_a_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    kept(tmp_path, 1)
    with (tmp_path / "w0.jsonl").open("a") as file:
        file.write('{"v": 1, "at_us": 2, "ke')
    assert read_served(tmp_path, since_us=0, limit=10) == [served(1)]


def test_a_share_of_rows_is_wanted(tmp_path: Path) -> None:
    draws = iter([0.0, 0.09, 0.1, 0.5])
    file = ServedFile(tmp_path, name="w", rate=0.1, chance=lambda: next(draws))
    assert [file.wants() for _ in range(4)] == [True, True, False, False]
    file.close()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_grew_too_large_makes_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served_features, "MAX_BYTES", 10)
    for at_us in range(3):
        kept(tmp_path, at_us)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["w0.before.jsonl", "w0.jsonl"]
    assert [one.at_us for one in read_served(tmp_path, since_us=0, limit=9)] == [2, 1]


def test_a_folder_that_cannot_be_written_is_said_and_does_no_harm(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "churn").write_text("a file")
    kept(tmp_path / "churn", 1)
    assert "looked-up features are not kept" in caplog.text


def test_old_files_are_removed(tmp_path: Path) -> None:
    kept(tmp_path / "churn", 1, name="old")
    kept(tmp_path / "churn", 2, name="new")
    os.utime(tmp_path / "churn" / "old.jsonl", (10.0, 10.0))
    prune_served(tmp_path, before_s=100.0)
    assert [path.name for path in (tmp_path / "churn").iterdir()] == ["new.jsonl"]
