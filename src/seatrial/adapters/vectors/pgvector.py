"""Vectors in PostgreSQL with the extension pgvector (0.8 or later)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seatrial.adapters.store.pool import Pool
from seatrial.adapters.store.postgres_errors import first_line
from seatrial.adapters.vectors.pgvector_sql import (
    NOTHING_TOLD,
    SPARSE,
    as_json,
    clean,
    hybrid_statement,
    scoped,
    sparse_of,
)
from seatrial.adapters.vectors.remote import VectorsUnavailable, answering, shown
from seatrial.adapters.vectors.sparse import ONCE, asked_of, kept_of
from seatrial.kernel.errors import Invalid, MissingExtra
from seatrial.rag.index.passage import Hits
from seatrial.rag.index.reading import Scope
from seatrial.rag.index.vector_store import Idf, Point, in_order, query_of, rows_of, sorted_hits

if TYPE_CHECKING:
    from psycopg import Connection

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,50}")
_BATCH = 500
_PAGE = 10_000
_MOST_WORDS = 10_000
_LONGEST_GRAPH = 2_000
"""Dimensions that an HNSW graph of pgvector takes; longer vectors are scanned."""

_GRAPH_FROM = 20_000
"""Rows from which a graph pays: below, a scan takes a few milliseconds and finds all there is."""

_SEARCHING = (
    "SET LOCAL hnsw.ef_search = 200",
    # Without this a condition is applied to the 40 nearest rows and most of what is sought is lost.
    "SET LOCAL hnsw.iterative_scan = 'strict_order'",
    "SET LOCAL hnsw.max_scan_tuples = 200000",
)


class CollectionNameInvalid(Invalid):
    """A collection has a name that cannot be a table's."""

    code = "rag.collection_name_invalid"


class PgVectors:
    """One table of vectors; see `VectorStore`.

    Conditions are evaluated in SQL, exactly as `conditions.satisfies` says. Words are
    numbers, an array for which there is an index, and a ``sparsevec`` of what each tells.

    Args:
        url: ``postgresql://user:password@host:port/database``; the extension must be there, or the
            user allowed to make it.
        collection: name of the table; made if it is not there.
        dimensions: of the vectors, at most 16,000.
        timeout_s: of connecting and of a statement.
    Raises: MissingExtra; CollectionNameInvalid; VectorsUnavailable.
    """

    def __init__(
        self, url: str, collection: str, dimensions: int, *, timeout_s: float = 30.0
    ) -> None:
        try:
            import psycopg
        except ImportError as error:
            raise MissingExtra("psycopg", "postgres") from error
        if not _NAME.fullmatch(collection):
            raise CollectionNameInvalid(
                f"The collection {collection!r} cannot be a table.",
                remedy="Use lower-case letters, digits and '_', 51 at most.",
                field="collection",
            )
        self._table, self._dimensions = collection, dimensions
        self._where = f"PostgreSQL at {shown(url)}"
        options = f"-c statement_timeout={int(timeout_s * 1000)}"

        def connect() -> Connection[Any]:
            try:
                return psycopg.connect(
                    url, autocommit=True, connect_timeout=max(2, int(timeout_s)), options=options
                )
            except psycopg.Error as problem:
                raise VectorsUnavailable(
                    f"{self._where} cannot be reached ({first_line(problem)}).",
                    remedy="Check that it runs, and the host, port, database and password.",
                ) from problem

        self._pool: Pool[Connection[Any]] = Pool(
            connect, lambda one: one.close(), fresh=lambda one: not one.closed
        )
        self._is_made = False
        with self._lent():
            pass

    @contextmanager
    def _lent(self) -> Iterator[Connection[Any]]:
        """A connection, in a transaction; the table is there, made anew where it was dropped."""
        with answering(self._where), self._pool.lend() as connection, connection.transaction():
            if not self._is_made:
                self._make(connection)
            yield connection

    def _make(self, db: Connection[Any]) -> None:
        db.execute("SELECT pg_advisory_xact_lock(hashtextextended('seatrial vectors', 0))")
        db.execute("CREATE EXTENSION IF NOT EXISTS vector")
        db.execute(
            f"CREATE TABLE IF NOT EXISTS {self._table} ("
            f"key BIGINT PRIMARY KEY, embedding vector({self._dimensions}) NOT NULL, "
            "document TEXT NOT NULL, meta JSONB NOT NULL, readers TEXT[], "
            f"said INT[] NOT NULL DEFAULT '{{}}', told {SPARSE} NOT NULL DEFAULT '{NOTHING_TOLD}')"
        )
        self._renew(db)
        db.execute(
            f"CREATE INDEX IF NOT EXISTS {self._table}_said ON {self._table} USING gin (said)"
        )
        self._is_made = True

    def _renew(self, db: Connection[Any]) -> None:
        """Tables of older versions hold the text of each chunk, and PostgreSQL's words of it."""
        column = "SELECT FROM pg_attribute WHERE attrelid = %s::regclass AND attname = 'body'"
        if db.execute(f"{column} AND NOT attisdropped", (self._table,)).fetchone() is not None:
            db.execute(
                f"ALTER TABLE {self._table} DROP COLUMN body, DROP COLUMN words, "
                "ADD COLUMN said INT[] NOT NULL DEFAULT '{}', "
                f"ADD COLUMN told {SPARSE} NOT NULL DEFAULT '{NOTHING_TOLD}'"
            )

    def upsert(self, points: Sequence[Point]) -> None:
        """See VectorStore; all of the points or none."""
        rows = rows_of(points, self._dimensions)
        values = [
            (
                point.key,
                _literal(row.tolist()),
                clean(point.document),
                as_json(_meta(point)),
                None if point.readers is None else [clean(one) for one in sorted(point.readers)],
                *sparse_of(kept_of(point.words, _MOST_WORDS)),
            )
            for point, row in zip(points, rows, strict=True)
        ]
        statement = (
            f"INSERT INTO {self._table} "  # noqa: S608 - a name that was checked
            "(key, embedding, document, meta, readers, said, told) VALUES "
            "(%s, %s::vector, %s, %s::jsonb, %s::text[], %s::int[], %s::sparsevec) "
            "ON CONFLICT (key) DO UPDATE SET embedding = excluded.embedding, "
            "document = excluded.document, meta = excluded.meta, "
            "readers = excluded.readers, said = excluded.said, told = excluded.told"
        )
        with self._lent() as db, db.cursor() as cursor:
            for start in range(0, len(values), _BATCH):
                cursor.executemany(statement, values[start : start + _BATCH])
            self._graph(db)

    def _graph(self, db: Connection[Any]) -> None:
        """Make the graph once there are enough rows for it."""
        if self._dimensions > _LONGEST_GRAPH:
            return
        name = f"{self._table}_graph"
        (found,) = db.execute("SELECT to_regclass(%s) IS NOT NULL", (name,)).fetchone() or (True,)
        if found:
            return
        (many,) = db.execute(
            f"SELECT count(*) >= {_GRAPH_FROM} FROM "  # noqa: S608
            f"(SELECT 1 FROM {self._table} LIMIT {_GRAPH_FROM}) AS few"
        ).fetchone() or (False,)
        if many:
            db.execute(
                f"CREATE INDEX {name} ON {self._table} USING hnsw (embedding vector_cosine_ops)"
            )

    def delete(self, keys: Sequence[int]) -> None:
        """See VectorStore."""
        with self._lent() as db:
            db.execute(
                f"DELETE FROM {self._table} WHERE key = ANY(%s)",  # noqa: S608
                (list(map(int, keys)),),
            )

    def search(self, vector: NDArray[np.float32], k: int, scope: Scope) -> Hits:
        """See VectorStore."""
        where, values = scoped(scope)
        literal = _literal(query_of(vector, self._dimensions))
        statement = (
            f"SELECT key, 1 - (embedding <=> %s::vector) FROM {self._table} "  # noqa: S608
            f"WHERE {where} ORDER BY embedding <=> %s::vector LIMIT %s"
        )
        with self._lent() as db:
            for setting in _SEARCHING:
                db.execute(setting)
            found = db.execute(statement, (literal, *values, literal, max(0, k))).fetchall()
        return sorted_hits(((int(key), float(score)) for key, score in found), k)

    def hybrid(
        self,
        vector: NDArray[np.float32],
        words: Sequence[str],
        k: int,
        scope: Scope,
        *,
        dense_weight: float,
        idf: Idf | None = None,
    ) -> Hits:
        """See VectorStore: the cosine, and BM25 as a share of what it could be, each by its weight;
        both are known of all that either found."""
        where, values = scoped(scope)
        literal, n = _literal(query_of(vector, self._dimensions)), max(0, k)
        share = dense_weight if words else 1.0
        said, told = list[int](), NOTHING_TOLD
        if share < 1:
            said, told = sparse_of(asked_of(words, ONCE * (1 - share), _MOST_WORDS, idf))
        near, by_words = (*values, literal, n), (said, *values, told, n)
        with self._lent() as db:
            for setting in _SEARCHING:
                db.execute(setting)
            found = db.execute(
                hybrid_statement(self._table, where),
                (*near, *by_words, share / 2, literal, told, n),
            ).fetchall()
        return sorted_hits(((int(key), float(score)) for key, score in found), k)

    def keys(self) -> Iterator[NDArray[np.int64]]:
        """See VectorStore."""
        after = -1
        while True:
            with self._lent() as db:
                found = db.execute(
                    f"SELECT key FROM {self._table} WHERE key > %s "  # noqa: S608
                    f"ORDER BY key LIMIT {_PAGE}",
                    (after,),
                ).fetchall()
            if not found:
                return
            after = found[-1][0]
            yield np.array([key for (key,) in found], np.int64)

    def vectors(self, keys: Sequence[int]) -> NDArray[np.float32]:
        """See VectorStore."""
        wanted = list(map(int, keys))
        with self._lent() as db:
            found = db.execute(
                f"SELECT key, embedding::text FROM {self._table} "  # noqa: S608
                "WHERE key = ANY(%s)",
                (wanted,),
            ).fetchall()
        return in_order({key: json.loads(text) for key, text in found}, wanted, self._dimensions)

    def drop(self) -> None:
        """See VectorStore."""
        with self._lent() as db:
            db.execute(f"DROP TABLE IF EXISTS {self._table}")
            self._is_made = False

    def close(self) -> None:
        """See VectorStore."""
        self._pool.close()


def _meta(point: Point) -> dict[str, object]:
    return {
        clean(field): [clean(one) for one in value]
        if isinstance(value, tuple)
        else clean(value)
        if isinstance(value, str)
        else value
        for field, value in point.metadata.items()
    }


def _literal(row: Sequence[float]) -> str:
    return "[" + ",".join(map(repr, row)) + "]"
