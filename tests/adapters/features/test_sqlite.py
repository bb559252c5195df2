import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seatrial.adapters.features.sqlite import SqliteFeatures
from seatrial.features.failures import OnlineStoreUnavailable
from seatrial.features.online import Stored
from seatrial.testing.online_store_suite import EVENT_US, VIEW


def test_a_file_that_is_not_there_is_told_and_not_made(tmp_path: Path) -> None:
    store = SqliteFeatures(tmp_path / "none.db", project="shop", timeout_s=0.1)
    with pytest.raises(OnlineStoreUnavailable, match=r"none\.db cannot be read") as told:
        store.read(VIEW, ["count"], [(1, "eu")])
    assert "seatrial features apply" in told.value.remedy
    assert not list(tmp_path.iterdir())


def test_a_view_that_was_never_applied_is_told(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "online.db").execute("CREATE TABLE other (x)").connection.close()
    store = SqliteFeatures(tmp_path / "online.db", project="shop", timeout_s=0.1)
    with pytest.raises(OnlineStoreUnavailable, match="no such table: shop_stats"):
        store.read(VIEW, ["count"], [(1, "eu")])


_WRITE = """
import sqlite3, sys
from datetime import datetime
key, path = bytes.fromhex(sys.argv[1]), sys.argv[2]
session = sqlite3.connect(path)
session.execute("CREATE TABLE shop_stats (entity_key, feature_name, value, event_ts)")
stamp = int(datetime(2026, 3, 10, 12).timestamp())  # a time of UTC without a zone, as Feast does
session.execute("INSERT INTO shop_stats VALUES (?, 'count', ?, ?)", (key, b"\\x20\\x05", stamp))
session.commit()
"""


def test_times_are_right_in_any_zone_that_reader_and_writer_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seatrial.adapters.features.feast_format import KeyFormat

    key = KeyFormat(VIEW.join_keys).pack((1, "eu")).hex()
    path = tmp_path / "online.db"
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        subprocess.run([sys.executable, "-c", _WRITE, key, str(path)], check=True)
        store = SqliteFeatures(path, project="shop", timeout_s=1.0)
        found = store.read(VIEW, ["count"], [(1, "eu")])
        store.close()
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()
    assert found == [Stored(EVENT_US, {"count": 5})]
