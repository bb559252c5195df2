"""Waiting predictions in a file; the port's own rules are in tests/conformance/test_pending.py."""

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from seatrial.adapters.sqlite_labels import SqlitePending
from seatrial.kernel.store import StoreDamaged, StoreMissing
from seatrial.testing.pending_suite import scored


def test_what_waits_outlives_the_process(tmp_path: Path) -> None:
    first = SqlitePending(tmp_path / "labels.db")
    first.add(scored(("a", 1, 7), ("b", 2, 8)))
    first.set_labels(["b"], np.array([1.0]))
    first.close()
    again = SqlitePending(tmp_path / "labels.db")
    found = again.since(8)
    again.close()
    assert (found.ids, found.label.tolist()) == (("b",), [1.0])


def test_a_change_that_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    pending = SqlitePending(tmp_path / "labels.db")
    pending.add(scored(("a", 1, 1)))
    with pytest.raises(ValueError, match="zip"):
        pending.set_labels(["a", "b"], np.array([1.0]))
    assert np.isnan(pending.find(["a"]).label).all()
    assert pending.add(scored(("b", 1, 1))) == 1
    pending.close()


@pytest.mark.parametrize(
    ("prepared", "says"),
    [
        ("CREATE TABLE other (x)", "database of another program"),
        ("PRAGMA application_id = 7", "database of another program"),
    ],
)
def test_another_programs_database_is_left_alone(tmp_path: Path, prepared: str, says: str) -> None:
    path = tmp_path / "labels.db"
    connection = sqlite3.connect(path)
    connection.execute(prepared)
    connection.commit()
    connection.close()
    with pytest.raises(StoreDamaged, match=says):
        SqlitePending(path)


def test_a_file_of_another_version_says_so(tmp_path: Path) -> None:
    path = tmp_path / "labels.db"
    SqlitePending(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 9")
    connection.close()
    with pytest.raises(StoreDamaged, match="version 9"):
        SqlitePending(path)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing, match="absent"):
        SqlitePending(tmp_path / "absent" / "labels.db")


def test_a_file_that_is_no_database_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "labels.db"
    path.write_bytes(b"not a database at all, but long enough to look like one" * 20)
    with pytest.raises(StoreDamaged):
        SqlitePending(path)
