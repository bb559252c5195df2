"""Every online store against the suite that defines one; Feast's own writing: integration."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from seatrial.adapters.features.feast_format import KeyFormat
from seatrial.adapters.features.postgres import PostgresFeatures
from seatrial.adapters.features.redis import RedisFeatures
from seatrial.adapters.features.sqlite import SqliteFeatures
from seatrial.testing.memory_features import MemoryOnlineStore
from seatrial.testing.online_store_suite import VIEW, OnlineStoreSuite, TypedKeysSuite, Write

from .feast_rows import SqliteRows, value_bytes, write_redis


class TestMemory(OnlineStoreSuite):
    @pytest.fixture
    def store(self) -> MemoryOnlineStore:
        return MemoryOnlineStore()

    @pytest.fixture
    def write(self, store: MemoryOnlineStore) -> Write:
        return partial(store.put, VIEW)


class TestSqlite(TypedKeysSuite):
    @pytest.fixture
    def rows(self, tmp_path: Path) -> SqliteRows:
        return SqliteRows(tmp_path / "online.db", "shop", VIEW)

    @pytest.fixture
    def store(self, rows: SqliteRows) -> Iterator[SqliteFeatures]:
        store = SqliteFeatures(rows.path, project="shop", timeout_s=5.0)
        yield store
        store.close()

    @pytest.fixture
    def write(self, rows: SqliteRows) -> Write:
        return rows.write


@pytest.mark.integration
class TestRedis(TypedKeysSuite):
    @pytest.fixture
    def project(self) -> str:
        return f"shop{uuid4().hex}"

    @pytest.fixture
    def store(self, redis_server: Any, project: str) -> Iterator[RedisFeatures]:
        address = urlsplit(redis_server.url).netloc
        store = RedisFeatures(f"{address},db=0", project=project, timeout_s=5.0)
        yield store
        store.close()

    @pytest.fixture
    def write(self, redis_server: Any, project: str) -> Iterator[Write]:
        import redis

        with redis.Redis.from_url(redis_server.url) as client:
            yield partial(write_redis, client, project, VIEW)


@pytest.mark.integration
class TestPostgres(TypedKeysSuite):
    @pytest.fixture
    def table(self) -> Iterator[tuple[Any, str]]:
        import psycopg

        url = os.environ["SEATRIAL_TEST_POSTGRES_URL"]  # set by .ci/with-postgres
        project = f"shop{uuid4().hex}"
        with psycopg.connect(url, autocommit=True) as session:
            session.execute(
                f'CREATE TABLE public."{project}_stats" (entity_key BYTEA, feature_name TEXT, '
                "value BYTEA, event_ts TIMESTAMPTZ, PRIMARY KEY(entity_key, feature_name))"
            )
            yield session, project
            session.execute(f'DROP TABLE public."{project}_stats"')

    @pytest.fixture
    def store(self, table: tuple[Any, str]) -> Iterator[PostgresFeatures]:
        parts = urlsplit(os.environ["SEATRIAL_TEST_POSTGRES_URL"])
        options = {
            "host": parts.hostname,
            "port": parts.port,
            "database": parts.path[1:],
            "user": parts.username,
            "password": parts.password,
            "sslmode": "disable",
        }
        store = PostgresFeatures(options, project=table[1], timeout_s=5.0)
        yield store
        store.close()

    @pytest.fixture
    def write(self, table: tuple[Any, str]) -> Write:
        session, project = table

        def write(key: Any, event_us: int, values: Any) -> None:
            moment = datetime.fromtimestamp(event_us / 1e6, UTC).replace(tzinfo=None)
            packed = KeyFormat(VIEW.join_keys).pack(key)
            for name, value in values.items():
                session.execute(
                    f'INSERT INTO public."{project}_stats" VALUES (%s, %s, %s, %s) '
                    "ON CONFLICT (entity_key, feature_name) DO UPDATE "
                    "SET value = EXCLUDED.value, event_ts = EXCLUDED.event_ts",
                    (packed, name, value_bytes(value), moment),
                )

        return write
