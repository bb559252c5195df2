"""Rows in an online store as Feast writes them, for tests without Feast."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seatrial.adapters.features.feast_format import KeyFormat
from seatrial.adapters.features.redis import field_of
from seatrial.features.online import EntityKey, Value
from seatrial.features.view import View


def value_bytes(value: Value) -> bytes:
    """Feast's message ``Value``, of the types these tests use."""
    if value is None:
        return b""
    if isinstance(value, float):
        return b"\x29" + struct.pack("<d", value)
    if isinstance(value, str):
        return b"\x12" + varint(len(value.encode())) + value.encode()
    assert isinstance(value, int)
    return b"\x20" + varint(value % 2**64)


def varint(number: int) -> bytes:
    parts = []
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])


class SqliteRows:
    """Feast's file; its times are whole seconds of the writer's zone, so of this process's."""

    def __init__(self, path: Path, project: str, view: View) -> None:
        self.path, self._view = path, view
        self._table = f"{project}_{view.online_name}"
        with sqlite3.connect(path) as session:
            session.execute(
                f'CREATE TABLE "{self._table}" (entity_key BLOB, feature_name TEXT, value BLOB, '
                "value_text TEXT, vector_value BLOB, event_ts timestamp, created_ts timestamp, "
                "PRIMARY KEY(entity_key, feature_name))"
            )

    def write(self, key: EntityKey, event_us: int, values: Mapping[str, Value]) -> None:
        moment = datetime.fromtimestamp(event_us / 1e6, UTC).replace(tzinfo=None)
        packed = KeyFormat(self._view.join_keys).pack(key)
        with sqlite3.connect(self.path) as session:
            session.executemany(
                f'INSERT OR REPLACE INTO "{self._table}" VALUES (?, ?, ?, NULL, NULL, ?, NULL)',
                [
                    (packed, name, value_bytes(value), int(moment.timestamp()))
                    for name, value in values.items()
                ],
            )


def write_redis(
    client: Any,
    project: str,
    view: View,
    key: EntityKey,
    event_us: int,
    values: Mapping[str, Value],
) -> None:
    seconds, micros = divmod(event_us, 10**6)
    time = b"\x08" + varint(seconds) + (b"\x10" + varint(micros * 1000) if micros else b"")
    held = {field_of(view.online_name, name): value_bytes(v) for name, v in values.items()}
    held[f"_ts:{view.online_name}".encode()] = time
    client.hset(KeyFormat(view.join_keys).pack(key) + project.encode(), mapping=held)
