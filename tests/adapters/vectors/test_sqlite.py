import sqlite3

import pytest

from seatrial.adapters.vectors.sqlite import SqliteVectors
from seatrial.kernel.store import StoreDamaged
from seatrial.testing.vector_cache_suite import entries


def test_another_opening_finds_what_was_put(tmp_path):
    first, second = SqliteVectors(tmp_path / "v.db"), SqliteVectors(tmp_path / "v.db")
    first.put(entries(10))
    assert dict(second.get(list(entries(10)))) == entries(10)
    first.close()
    second.close()
    third = SqliteVectors(tmp_path / "v.db")
    assert len(third.get(list(entries(10)))) == 10
    third.close()


def test_a_vector_larger_than_all_the_room_is_not_kept(tmp_path):
    cache = SqliteVectors(tmp_path / "v.db", max_bytes=100)
    cache.put({b"k": b"v" * 101})
    assert not cache.get([b"k"])
    cache.put({b"k": b"v"})
    assert dict(cache.get([b"k"])) == {b"k": b"v"}
    cache.close()


def test_a_damaged_file_is_begun_anew_and_a_strange_one_left_alone(tmp_path):
    cache = SqliteVectors(tmp_path / "v.db")
    cache.put(entries(3))
    cache.close()
    raw = (tmp_path / "v.db").read_bytes()
    (tmp_path / "v.db").write_bytes(raw[:100] + b"\xff" * (len(raw) - 100))
    again = SqliteVectors(tmp_path / "v.db")
    assert not again.get(list(entries(3)))
    again.close()
    other = sqlite3.connect(tmp_path / "o.db")
    other.execute("CREATE TABLE mine (a)")
    other.close()
    with pytest.raises(StoreDamaged):
        SqliteVectors(tmp_path / "o.db")
