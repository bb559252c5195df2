"""What the suite cannot see: files, processes, clocks and disks."""

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from seatrial.adapters.store.sqlite import SqliteStore
from seatrial.kernel.events import Draft
from seatrial.kernel.store import (
    ANSWERS,
    Slice,
    StoreAddressInvalid,
    StoreDamaged,
    StoreDenied,
    StoreFull,
    StoreMissing,
    StoreNewer,
    StoreUnavailable,
)
from seatrial.testing.clock import FakeClock

DRAFT = Draft(kind="test.happened", data={"i": 1})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "seatrial.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore(path)) as opened:
        yield opened


def run(code: str, *arguments: object, **options) -> subprocess.Popen[str]:
    """A process of its own that runs ``code``."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        **options,
    )


# --- addresses


@pytest.mark.parametrize("name", ["plain.db", "with space.db", "q?#%&'.db", "模型.db", "file:x.db"])
def test_any_file_name_can_be_a_store(tmp_path, name):
    with closing(SqliteStore(tmp_path / name)) as store:
        store.append("a", [DRAFT], expected=0)
    assert (tmp_path / name).is_file()
    with closing(SqliteStore(tmp_path / name)) as store:
        assert store.head() == 1


def test_three_slashes_are_relative_and_four_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with closing(SqliteStore.from_url("sqlite:///here%20it.db")) as store:
        assert store.path == tmp_path / "here it.db"
    with closing(SqliteStore.from_url(f"sqlite:///{tmp_path}/there.db")) as store:
        assert store.path == tmp_path / "there.db"


def test_a_relative_store_stays_where_it_was_opened(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    with closing(SqliteStore("seatrial.db")) as store:
        monkeypatch.chdir(tmp_path / "elsewhere")
        with closing(SqliteStore(store.path)):
            store.append("a", [DRAFT], expected=0)
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///",
        "sqlite://host/x.db",
        "sqlite:///x.db?a=1",
        "sqlite:///x#y",
        "x.db",
    ],
)
def test_an_address_that_names_no_file_is_refused(url):
    with pytest.raises(StoreAddressInvalid, match="does not name") as caught:
        SqliteStore.from_url(url)
    assert "sqlite:////absolute" in caught.value.remedy


def test_a_missing_folder_is_named_with_the_command_that_makes_it(tmp_path):
    with pytest.raises(StoreMissing, match="folder") as caught:
        SqliteStore(tmp_path / "not" / "there.db")
    assert caught.value.remedy == f"Make it: mkdir -p {tmp_path}/not"


def test_a_folder_is_no_store(tmp_path):
    with pytest.raises(StoreDenied, match="cannot be opened"):
        SqliteStore(tmp_path)


# --- what is in the file


@pytest.mark.parametrize("content", [b"not a database, only text" * 100, os.urandom(8192)])
def test_a_file_of_another_kind_is_refused_and_left_alone(path, content):
    path.write_bytes(content)
    with pytest.raises(StoreDamaged, match="cannot be read as a store") as caught:
        SqliteStore(path)
    assert "backup" in caught.value.remedy
    assert path.read_bytes() == content


def test_a_database_of_another_program_is_refused_and_left_alone(path):
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE experiments (id INTEGER)")
        other.commit()
    content = path.read_bytes()
    with pytest.raises(StoreDamaged, match="another program"):
        SqliteStore(path)
    assert path.read_bytes() == content


def test_a_store_of_a_newer_version_is_refused(path):
    SqliteStore(path).close()
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("INSERT INTO migrations VALUES (99, 0)")
        raw.commit()
    with pytest.raises(StoreNewer, match="version 99"):
        SqliteStore(path)


def test_damage_within_the_file_is_its_own_error(path):
    with closing(SqliteStore(path)) as store:
        for i in range(20):
            store.append("a", [Draft(kind="k", data={"x": "x" * 10_000})], expected=i)
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(StoreDamaged), closing(SqliteStore(path)) as store:
        store.read()


def test_a_store_written_by_version_1_of_the_schema_is_read(path):
    dump = Path(__file__).parents[1].joinpath("store_v1.sql")
    with closing(sqlite3.connect(path)) as raw:
        raw.executescript(dump.read_text())
    with closing(SqliteStore(path)) as store:
        (fact,) = store.read()
        assert (fact.stream, fact.kind, fact.data) == (
            "endpoint/churn",
            "release.started",
            {"to": 2},
        )
        assert fact.at == datetime(2030, 1, 1, 12, tzinfo=UTC)
        ((_, kept),) = store.read_slices("churn")
        assert (kept.summary, kept.kind) == (b"\x00\xff", ANSWERS)
        assert store.acquire("controller", "new", ttl_s=1).token == 4


# --- other processes


def test_processes_that_start_at_once_make_one_store(path):
    code = """
        import sys
        from seatrial.adapters.store.sqlite import SqliteStore
        sys.stdin.readline()
        store = SqliteStore(sys.argv[1])
        store.beat(sys.argv[2], {})
        print("ok")
    """
    processes = [run(code, path, f"p{i}") for i in range(4)]
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [p.communicate(timeout=60)[0] for p in processes] == ["ok\n"] * 4
    with closing(SqliteStore(path)) as store:
        assert len(store.present(within_s=600)) == 4


def test_of_processes_that_race_exactly_one_gets_each_revision(path):
    code = """
        import sys
        from seatrial.adapters.store.sqlite import SqliteStore
        from seatrial.kernel.events import Draft
        from seatrial.kernel.store import StreamChanged
        store, won = SqliteStore(sys.argv[1]), []
        sys.stdin.readline()
        for revision in range(30):
            try:
                store.append("a", [Draft(kind="k", by=sys.argv[2])], expected=revision)
                won.append(revision + 1)
            except StreamChanged:
                pass
        print(won)
    """
    SqliteStore(path).close()
    processes = {f"p{i}": run(code, path, f"p{i}") for i in range(3)}
    for process in processes.values():
        process.stdin.write("go\n")
        process.stdin.flush()
    won = {name: process.communicate(timeout=60)[0].strip() for name, process in processes.items()}
    with closing(SqliteStore(path)) as store:
        facts = store.read()
    assert [f.revision for f in facts] == list(range(1, 31))
    for name, revisions in won.items():
        assert revisions == str([f.revision for f in facts if f.by == name])


WRITER = """
    import sys
    from seatrial.adapters.store.sqlite import SqliteStore
    from seatrial.kernel.events import Draft
    store, stream = SqliteStore(sys.argv[1]), sys.argv[2]
    revision = 0
    while True:
        batch = [Draft(kind="k", data={"of": revision, "fill": "x" * 3000}) for _ in range(7)]
        store.append(stream, batch, expected=revision)
        revision += 7
        print(revision, flush=True)
"""


def test_a_writer_killed_at_any_moment_leaves_all_of_an_append_or_nothing(path):
    SqliteStore(path).close()
    for attempt in range(6):
        process = run(WRITER, path, f"s{attempt}")
        for _ in range(attempt + 1):
            process.stdout.readline()
        time.sleep(0.0007 * attempt)  # somewhere within an append
        process.send_signal(signal.SIGKILL)
        acknowledged = [int(line) for line in process.communicate()[0].split()] or [7]
        with closing(SqliteStore(path)) as store:
            facts = store.read(stream=f"s{attempt}", limit=10**6)
            assert [f.revision for f in facts] == list(range(1, len(facts) + 1))
            assert len(facts) % 7 == 0
            assert len(facts) >= acknowledged[-1]
            store.append(f"s{attempt}", [DRAFT], expected=len(facts))
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.parametrize("lock", ["IMMEDIATE", "EXCLUSIVE"])
def test_a_store_locked_by_another_process_says_so_and_keeps_nothing(path, lock):
    code = """
        import sqlite3, sys
        connection = sqlite3.connect(sys.argv[1], isolation_level=None)
        connection.execute("BEGIN " + sys.argv[2])
        print("locked", flush=True)
        sys.stdin.readline()
    """
    with closing(SqliteStore(path, busy_timeout_s=0.05)) as store:
        store.append("a", [DRAFT], expected=0)
        process = run(code, path, lock)
        assert process.stdout.readline() == "locked\n"
        with pytest.raises(StoreUnavailable, match="locked") as caught:
            store.append("a", [DRAFT], expected=1)
        assert "end the process that holds it" in caught.value.remedy
        with pytest.raises(StoreUnavailable):
            store.acquire("controller", "ana", ttl_s=1)
        assert store.head() == 1  # readers do not wait for a writer
        process.communicate("go on\n", timeout=60)
        assert len(store.append("a", [DRAFT], expected=1)) == 1
        assert store.head() == 2


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


@pytest.mark.parametrize("replaced", [False, True])
def test_a_file_deleted_while_in_use_is_noticed_and_not_made_anew(path, store, replaced):
    store.append("a", [DRAFT], expected=0)
    for file in path.parent.iterdir():
        file.unlink()
    if replaced:
        path.touch()
    for call in (store.head, lambda: store.append("a", [DRAFT], expected=1)):
        with pytest.raises(StoreMissing, match="moved or deleted"):
            call()
    assert path.exists() == replaced


# --- disks


def test_a_full_drive_keeps_nothing_of_the_call_and_room_heals_it(tmp_path):
    drive = tmp_path / "drive"
    drive.mkdir()
    mount = shutil.which("mount")
    if os.geteuid() != 0 or not mount:
        pytest.skip("mounting a small drive needs root")
    if subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=1m", "none", drive], check=False
    ).returncode:
        pytest.skip("this machine allows no mounts")
    try:
        with closing(SqliteStore(drive / "seatrial.db")) as store:
            assert_full_and_healed(store, ballast=drive / "ballast")
    finally:
        subprocess.run(["umount", drive], check=True)


def fill(store: SqliteStore, drafts: list[Draft]) -> None:
    for _ in range(1000):
        store.append("a", drafts, expected=store.head())


def assert_full_and_healed(store: SqliteStore, ballast: Path) -> None:
    big = [Draft(kind="k", data={"x": "x" * 20_000})]
    store.append("a", big, expected=0)
    ballast.write_bytes(bytes(500_000))
    with pytest.raises(StoreFull, match="no room left") as caught:
        fill(store, big)
    assert "Free space" in caught.value.remedy
    kept = store.head()
    assert [f.revision for f in store.read()] == list(range(1, kept + 1))
    with pytest.raises(StoreFull):
        store.append("a", big * 20, expected=kept)
    assert store.head() == kept
    ballast.unlink()
    store.append("a", big, expected=kept)
    assert store.head() == kept + 1


def test_a_limit_on_file_size_is_a_full_drive(path):
    code = """
        import resource, sys
        from seatrial.adapters.store.sqlite import SqliteStore
        from seatrial.kernel.events import Draft
        from seatrial.kernel.store import StoreFull
        store = SqliteStore(sys.argv[1])
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
        kept = 0
        try:
            while True:
                store.append("a", [Draft(kind="k", data={"x": "x" * 9000})] * 3, expected=kept)
                kept += 3
        except StoreFull:
            print(kept, store.head())
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        store.append("a", [Draft(kind="k")], expected=kept)
        print(store.head())
    """
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    out = run(code, path).communicate(timeout=60)[0].split()
    kept = int(out[0])
    assert kept > 0
    assert out == [str(kept), str(kept), str(kept + 1)]


def test_a_file_that_may_not_be_written_is_denied():
    code = """
        import os, sys
        from seatrial.adapters.store.sqlite import SqliteStore
        from seatrial.kernel.events import Draft
        from seatrial.kernel.store import StoreDenied
        if os.geteuid() == 0:  # root may write anything
            os.setegid(65534)
            os.seteuid(65534)
        try:
            SqliteStore(sys.argv[1]).append("a", [Draft(kind="k")], expected=0)
        except StoreDenied as error:
            print(error)
    """
    with TemporaryDirectory() as folder:  # pytest's own folders are closed to other users
        path = Path(folder) / "seatrial.db"
        SqliteStore(path).close()
        path.chmod(0o444)
        path.parent.chmod(0o555)
        assert "right to write" in run(code, path).communicate(timeout=60)[0]
        path.parent.chmod(0o700)


@pytest.mark.parametrize("in_use", [False, True], ids=["closed", "in use"])
def test_a_file_that_may_not_be_written_is_read_where_that_is_enough(in_use):
    code = """
        import os, sys
        from seatrial.adapters.store.sqlite import SqliteStore
        from seatrial.kernel.events import Draft
        from seatrial.kernel.store import StoreDenied
        if os.geteuid() == 0:  # root may write anything
            os.setegid(65534)
            os.seteuid(65534)
        store = SqliteStore(sys.argv[1], writable=False)
        print([fact.kind for fact in store.read()])
        try:
            store.append("a", [Draft(kind="k")], expected=1)
        except StoreDenied as error:
            print(error)
    """
    with TemporaryDirectory() as folder:  # pytest's own folders are closed to other users
        path = Path(folder) / "seatrial.db"
        with closing(SqliteStore(path)) as store:
            store.append("a", [DRAFT], expected=0)
            if not in_use:
                store.close()
            for file in path.parent.iterdir():
                file.chmod(0o444)
            path.parent.chmod(0o555)
            read, denied = run(code, path).communicate(timeout=60)[0].splitlines()
            path.parent.chmod(0o700)
    assert read == str([DRAFT.kind])
    assert "right to write" in denied


def test_a_file_to_read_must_be_there_and_of_this_version(path):
    with pytest.raises(StoreMissing, match="There is no store"):
        SqliteStore(path, writable=False)
    with closing(sqlite3.connect(path)):
        pass
    with pytest.raises(StoreDenied, match="earlier version"):
        SqliteStore(path, writable=False)


def test_the_write_ahead_log_does_not_grow_without_end(path, store):
    for i in range(200):
        store.append("a", [Draft(kind="k", data={"x": "x" * 100_000})], expected=i)
    assert path.with_name(f"{path.name}-wal").stat().st_size < 10 * 2**20
    assert path.stat().st_size > 10 * 2**20


# --- clocks


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def timed(path: Path, clock: FakeClock) -> Iterator[SqliteStore]:
    with closing(SqliteStore(path, clock=clock)) as opened:
        yield opened


def test_setting_the_wall_clock_changes_who_holds_a_lease_neither_way(timed, clock):
    timed.acquire("controller", "ana", ttl_s=10)
    timed.beat("worker/1", {})
    for year in (1999, 2099):
        clock.set_wall(datetime(year, 1, 1, tzinfo=UTC))
        assert timed.acquire("controller", "bob", ttl_s=10) is None
        assert [beat.age_s for beat in timed.present()] == [0]
    clock.advance(10)
    assert timed.acquire("controller", "bob", ttl_s=10)


def test_after_a_reboot_a_lease_is_free_within_its_ttl(timed, clock):
    before = timed.acquire("controller", "ana", ttl_s=10)
    clock.reboot()
    assert timed.acquire("controller", "bob", ttl_s=10) is None
    clock.advance(10)
    after = timed.acquire("controller", "bob", ttl_s=10)
    assert after.token > before.token


def test_after_a_reboot_the_dead_are_gone_within_the_age_asked_for(timed, clock):
    timed.beat("worker/1", {})
    clock.reboot()
    assert [beat.age_s for beat in timed.present(within_s=5)] == [0]
    clock.advance(5.1)
    assert timed.present(within_s=5) == []


def test_a_name_silent_for_a_day_is_forgotten(timed, clock):
    timed.beat("worker/1", {})
    clock.advance(86_401)
    timed.beat("worker/2", {})
    assert [beat.name for beat in timed.present(within_s=10**6)] == ["worker/2"]


def test_facts_are_dated_by_the_wall_clock(timed, clock):
    clock.set_wall(datetime(2031, 5, 6, 7, 8, 9, 123456, tzinfo=UTC))
    timed.append("a", [DRAFT], expected=0)
    assert timed.read()[0].at == clock.now()


def test_slices_are_pruned_in_more_than_one_step(store):
    one = Slice(
        endpoint="churn",
        version=1,
        revision=1,
        worker="w",
        start=datetime(2030, 1, 1, tzinfo=UTC),
        width_s=1,
        summary=b"s",
    )
    store.add_slices([one] * 12_000)
    assert store.prune_slices(before=datetime(2031, 1, 1, tzinfo=UTC)) == 12_000
    assert store.read_slices("churn") == []


def test_a_fact_whose_data_is_damaged_hides_no_other(tmp_path):
    path = tmp_path / "damaged.db"
    store = SqliteStore.from_url(f"sqlite:///{path}")
    for stream in ("a", "b"):
        store.append(stream, [Draft(kind="k", data={"n": 1})], expected=0)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE facts SET data = '{\"n\": ' WHERE stream = 'a'")
    damaged, whole = store.read()
    assert (damaged.stream, damaged.data) == ("a", {})
    assert "damaged" in damaged.damage
    assert (whole.data, whole.damage) == ({"n": 1}, "")
    store.close()
