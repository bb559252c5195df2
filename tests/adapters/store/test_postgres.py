"""What the suite cannot see: addresses, outages, rights. The first part needs no server."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from uuid import uuid4

import psycopg
import pytest

from seatrial.adapters.store.postgres import PostgresStore
from seatrial.kernel.errors import MissingExtra
from seatrial.kernel.events import Draft
from seatrial.kernel.store import (
    StoreAddressInvalid,
    StoreDamaged,
    StoreDenied,
    StoreNewer,
    StoreUnavailable,
    StreamChanged,
)
from seatrial.testing.slices_suite import a_slice

DRAFT = Draft(kind="test.happened", data={"i": 1})


# --- without a server


@pytest.mark.parametrize(
    "url",
    [
        "",
        "sqlite:///x.db",
        "mysql://u:hunter2@h/db",
        "postgresql://u:hunter2@h/db?colour=red",
        "postgresql://[::1",
        "postgresql://u:hunter2@h/%zz",
    ],
)
def test_an_address_that_cannot_be_read_is_refused_without_showing_it(url):
    with pytest.raises(StoreAddressInvalid) as caught:
        PostgresStore.from_url(url)
    assert "postgresql://user:password@host" in caught.value.remedy
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("schema", ["", "Upper", "1st", "a b", 'a"; DROP', "x" * 64, "a\n"])
def test_a_schema_has_a_plain_name(schema):
    with pytest.raises(StoreAddressInvalid, match="schema"):
        PostgresStore("postgresql://h/db", schema=schema)


def test_the_schema_may_stand_in_the_address():
    with pytest.raises(StoreAddressInvalid, match="'Not Plain'"):
        PostgresStore.from_url("postgresql://h/db?schema=Not%20Plain")


def test_other_options_of_the_address_are_passed_on_as_they_stand(monkeypatch):
    seen = []
    monkeypatch.setattr(
        PostgresStore, "__init__", lambda self, url, *, schema: seen.append((url, schema))
    )
    PostgresStore.from_url("postgresql://h/db?options=-c%20a%3Db+c&schema=mine&sslmode=require")
    PostgresStore.from_url("postgresql://h/db")
    assert seen == [
        ("postgresql://h/db?options=-c%20a%3Db+c&sslmode=require", "mine"),
        ("postgresql://h/db", "seatrial"),
    ]


def test_a_server_that_is_not_there_is_unavailable_and_keeps_the_password():
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        with pytest.raises(StoreUnavailable, match=f"127.0.0.1:{port} cannot be reached") as caught:
            PostgresStore(f"postgresql://u:hunter2@127.0.0.1:{port}/db")
    assert caught.value.retryable
    assert "hunter2" not in str(caught.value)


def test_without_psycopg_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtra, match=r"seatrial\[postgres\]"):
        PostgresStore("postgresql://h/db")


# --- with a server


@pytest.fixture
def url() -> str:
    return os.environ["SEATRIAL_TEST_POSTGRES_URL"]  # set by .ci/with-postgres


@pytest.fixture
def admin(url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def schema(url: str) -> Iterator[str]:
    name = f"t_{uuid4().hex}"
    yield name
    with psycopg.connect(url, autocommit=True) as connection:  # a test may have cut others
        connection.execute(f'DROP SCHEMA IF EXISTS "{name}" CASCADE')


@pytest.fixture
def store(url: str, schema: str) -> Iterator[PostgresStore]:
    with closing(PostgresStore(url, schema=schema)) as opened:
        yield opened


def server(verb: str) -> None:
    subprocess.run(
        [os.environ["SEATRIAL_TEST_POSTGRES_CTL"], verb], check=True, capture_output=True
    )


@pytest.mark.integration
def test_stores_in_two_schemas_do_not_see_each_other(url, store, schema):
    other = f"{schema}_b"
    with closing(PostgresStore.from_url(f"{url}?schema={other}")) as second:
        store.append("a", [DRAFT], expected=0)
        assert second.head() == 0
        second.append("a", [DRAFT], expected=0)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'DROP SCHEMA "{other}" CASCADE')


@pytest.mark.integration
def test_processes_that_start_at_once_make_one_store(url, schema):
    barrier, opened = threading.Barrier(6), []

    def start() -> None:
        barrier.wait(30)
        opened.append(PostgresStore(url, schema=schema))

    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(opened) == 6
    for store in opened:
        assert store.head() == 0
        store.close()


@pytest.mark.integration
def test_a_store_of_a_newer_version_is_refused(url, admin, store, schema):
    admin.execute(f'INSERT INTO "{schema}".migrations VALUES (99, 0)')
    with pytest.raises(StoreNewer, match="version 99"):
        PostgresStore(url, schema=schema)


@contextmanager
def held_lock(url: str, schema: str, table: str) -> Iterator[psycopg.Connection]:
    """Another process in the middle of writing ``table``."""
    with psycopg.connect(url) as other:
        other.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"seatrial/{schema}/{table}",)
        )
        yield other
        other.rollback()


@pytest.mark.integration
def test_a_writer_that_never_ends_makes_others_unavailable_not_stuck(url, store, schema):
    with closing(PostgresStore(url, schema=schema, timeout_s=0.1)) as hurried:
        with held_lock(url, schema, "facts"):
            with pytest.raises(StoreUnavailable, match="statement timeout"):
                hurried.append("a", [DRAFT], expected=0)
            assert hurried.head() == 0
            assert hurried.acquire("controller", "ana", ttl_s=1)  # other tables are not held up
        assert hurried.append("a", [DRAFT], expected=0)


@pytest.mark.integration
@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_the_servers_default_isolation_changes_nothing(url, store, schema, isolation):
    strict = (
        f"{url}?options=-c%20default_transaction_isolation%3D{isolation.replace(' ', '%5C%20')}"
    )
    with closing(PostgresStore(strict, schema=schema)) as other:
        waited: list[BaseException | None] = []

        def late() -> None:
            try:
                other.append("a", [DRAFT], expected=0)
            except StreamChanged as error:
                waited.append(error)

        with held_lock(url, schema, "facts"):
            thread = threading.Thread(target=late)
            thread.start()
            wait_until_somebody_waits(url)
            with psycopg.connect(url, autocommit=True) as direct:
                direct.execute(
                    f'INSERT INTO "{schema}".facts VALUES (1, %s, 1, %s, 1, %s, 0, %s)',
                    ("a", "k", "{}", "x"),
                )
        thread.join(30)
    assert [type(error) for error in waited] == [StreamChanged]


def wait_until_somebody_waits(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in range(2000):
            waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            if connection.execute(waiting).fetchone():
                return
    raise AssertionError("nobody waits for the lock")


@pytest.mark.integration
def test_facts_are_shown_in_the_order_of_their_positions(url, store, schema):
    store.append("a", [DRAFT], expected=0)
    with held_lock(url, schema, "facts"):
        thread = threading.Thread(target=store.append, args=("b", [DRAFT]), kwargs={"expected": 0})
        thread.start()
        wait_until_somebody_waits(url)
        assert [f.seq for f in store.read()] == [1]
    thread.join(30)
    assert [(f.seq, f.stream) for f in store.read()] == [(1, "a"), (2, "b")]


@pytest.mark.integration
def test_a_slice_that_is_committed_late_is_not_missed(url, store, schema):
    """The trap of positions the server gives: they are taken before the commit that shows them."""
    with held_lock(url, schema, "slices") as slow_writer:
        slow_writer.execute(
            f'INSERT INTO "{schema}".slices (endpoint, version, revision, worker, start_us, '
            "width_s, summary) VALUES ('churn', 1, 1, 'slow', 0, 1, '')"
        )
        thread = threading.Thread(target=store.add_slices, args=([a_slice()],))
        thread.start()
        wait_until_somebody_waits(url)
        assert store.read_slices("churn") == []
        slow_writer.commit()
    thread.join(30)
    assert [s.worker for _, s in store.read_slices("churn")] == ["slow", "worker/1"]


@pytest.mark.integration
def test_a_restarted_server_is_found_again_without_an_error(store):
    store.append("a", [DRAFT], expected=0)
    server("restart")
    assert store.head() == 1
    server("restart")
    assert [f.revision for f in store.append("a", [DRAFT], expected=1)] == [2]


@pytest.mark.integration
def test_while_the_server_is_down_the_store_is_unavailable_and_keeps_nothing(store):
    store.append("a", [DRAFT], expected=0)
    server("kill")  # as after a crash: nothing is shut down in order
    try:
        for call in (store.head, lambda: store.append("a", [DRAFT], expected=1)):
            for _ in range(2):
                with pytest.raises(StoreUnavailable):
                    call()
    finally:
        server("start")
    assert [f.revision for f in store.read()] == [1]
    assert store.append("a", [DRAFT], expected=1)


@pytest.mark.integration
def test_a_connection_cut_in_the_middle_keeps_nothing(url, store, schema, admin):
    store.append("a", [DRAFT], expected=0)
    failed: list[StoreUnavailable] = []

    def append() -> None:
        try:
            store.append("a", [DRAFT], expected=1)
        except StoreUnavailable as error:
            failed.append(error)

    with held_lock(url, schema, "facts"):
        thread = threading.Thread(target=append)
        thread.start()
        wait_until_somebody_waits(url)
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' "
            "AND NOT granted"
        )
        thread.join(30)
    assert len(failed) == 1
    assert "outcome" not in failed[0].facts
    assert store.head() == 1
    assert store.append("a", [DRAFT], expected=1)


@pytest.mark.integration
def test_a_connection_cut_during_the_commit_says_the_outcome_is_unknown(store, admin, schema):
    admin.execute(f"""
        CREATE FUNCTION "{schema}".cut() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON "{schema}".facts
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION "{schema}".cut();
    """)
    with pytest.raises(StoreUnavailable, match="during a commit") as caught:
        store.append("a", [DRAFT], expected=0)
    assert caught.value.facts["outcome"] == "unknown"
    assert "Read again" in caught.value.remedy


@pytest.fixture
def reader(admin: psycopg.Connection, schema: str, store: PostgresStore) -> Iterator[str]:
    """A user that may read the store, with the password ``hunter2``."""
    name = f"{schema}_r"
    admin.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'hunter2'")
    admin.execute(f'GRANT USAGE ON SCHEMA "{schema}" TO {name}')
    admin.execute(f'GRANT SELECT ON ALL TABLES IN SCHEMA "{schema}" TO {name}')
    yield name
    admin.execute(f"DROP OWNED BY {name}")
    admin.execute(f"DROP ROLE {name}")


@pytest.mark.integration
def test_a_user_who_may_only_read_is_denied_writing(url, schema, reader):
    address = f"postgresql://{reader}:hunter2@{url.split('@')[1]}"
    with closing(PostgresStore(address, schema=schema)) as store:
        assert store.head() == 0
        with pytest.raises(StoreDenied, match="permission denied") as caught:
            store.append("a", [DRAFT], expected=0)
    assert "owns the schema" in caught.value.remedy


@pytest.mark.integration
def test_a_wrong_password_is_not_repeated_in_the_error(url):
    address = url.split("@")[1]
    with pytest.raises(StoreUnavailable, match="password authentication failed") as caught:
        PostgresStore(f"postgresql://seatrial:hunter2@{address}")
    assert "hunter2" not in str(caught.value)


@pytest.mark.integration
def test_a_schema_that_was_dropped_is_damage(store, admin, schema):
    admin.execute(f'DROP SCHEMA "{schema}" CASCADE')
    with pytest.raises(StoreDamaged, match="another schema"):
        store.head()


@pytest.mark.integration
def test_a_database_of_another_encoding_is_refused(url, admin):
    name = f"latin_{uuid4().hex}"
    admin.execute(f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    try:
        with pytest.raises(StoreAddressInvalid, match="LATIN1") as caught:
            PostgresStore(f"{url.rpartition('/')[0]}/{name}")
        assert "createdb -E UTF8" in caught.value.remedy
    finally:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.integration
def test_a_child_uses_a_connection_of_its_own(store):
    store.append("a", [DRAFT], expected=0)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            store.append("a", [DRAFT], expected=1)
            store.close()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    store.append("a", [DRAFT], expected=2)
    assert [f.revision for f in store.read()] == [1, 2, 3]


@pytest.mark.integration
def test_after_the_servers_clock_was_set_back_nothing_is_stuck(store, admin, schema):
    """A clock set back by an hour is a store written an hour ahead."""
    hour_us = 3600 * 10**6
    first = store.acquire("controller", "dead", ttl_s=0.05)
    store.beat("worker/dead", {})
    admin.execute(f'UPDATE "{schema}".leases SET until_us = until_us + {hour_us}')
    admin.execute(f'UPDATE "{schema}".beats SET at_us = at_us + {hour_us}')
    assert store.acquire("controller", "next", ttl_s=60) is None
    assert [beat.age_s for beat in store.present()] == [0]
    admin.execute("SELECT pg_sleep(0.06)")
    second = store.acquire("controller", "next", ttl_s=60)
    assert second.token > first.token
    assert store.present(within_s=0.05) == []
