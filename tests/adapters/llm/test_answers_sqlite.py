"""What the suite cannot see: several processes, files that are damaged, where time is spent."""

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from seatrial.adapters.llm.answers_sqlite import SqliteAnswers
from seatrial.kernel.store import StoreDamaged, StoreMissing, StoreUnavailable

opened = partial(SqliteAnswers, gather_s=0.01)

_OTHER = """
import asyncio, sys
from seatrial.adapters.llm.answers_sqlite import SqliteAnswers

async def main(path, me):
    answers = SqliteAnswers(path, max_entries=60, busy_timeout_s=20, gather_s=0.01)
    for number in range(100):
        await answers.put(f"{me}/{number}", me.encode() * 50, ttl_s=1000)
    held = [await answers.get(f"{me}/{number}") for number in range(100)]
    assert all(one is None or one.value == me.encode() * 50 for one in held)
    await answers.close()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_several_processes_share_a_file_and_its_bounds(tmp_path: Path) -> None:
    path = tmp_path / "answers.db"
    others = [
        subprocess.Popen([sys.executable, "-c", _OTHER, str(path), me], stderr=subprocess.PIPE)
        for me in "ab"
    ]
    for other in others:
        _, said = other.communicate()
        assert other.returncode == 0, said
    answers = opened(path)
    names = [f"{me}/{number}" for me in "ab" for number in range(100)]
    held = [one for one in [await answers.get(name) for name in names] if one is not None]
    assert len(held) == 60
    await answers.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT n, n_bytes FROM total").fetchall() == [(60, 60 * 50)]


async def test_it_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    for _ in range(2):
        answers = opened(tmp_path / "answers.db")
        held = await answers.get("a")
        await answers.put("a", b"value", ttl_s=1000)
        await answers.close()
    assert held is not None
    assert held.value == b"value"


async def test_reading_waits_for_no_writer(tmp_path: Path) -> None:
    answers = opened(tmp_path / "answers.db", busy_timeout_s=0.0)
    await answers.put("a", b"value", ttl_s=1000)
    assert await answers.get("a") is not None
    with closing(sqlite3.connect(tmp_path / "answers.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("DELETE FROM answer")
        held = await answers.get("a")
        assert held is not None
        assert held.value == b"value"
        with pytest.raises(StoreUnavailable):
            await answers.put("b", b"value", ttl_s=1000)
        other.execute("COMMIT")
    assert await answers.get("a") is None
    await answers.close()


async def test_expired_answers_make_room_as_others_come(tmp_path: Path) -> None:
    moment = [1000.0]
    answers = opened(tmp_path / "answers.db", max_entries=20, wall=lambda: moment[0])
    await answers.put("old", b"x", ttl_s=1000)
    for number in range(19):
        await answers.put(str(number), b"x", ttl_s=10)
    moment[0] = 1011.0
    for number in range(100, 119):
        await answers.put(str(number), b"x", ttl_s=10)
    assert await answers.get("old") is not None
    await answers.close()


async def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing, match="absent"):
        opened(tmp_path / "absent" / "answers.db")


async def test_a_damaged_file_of_ours_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "answers.db"
    answers = opened(path)
    for number in range(200):
        await answers.put(str(number), b"x" * 1000, ttl_s=1000)
    await answers.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"rubbish!" * ((len(whole) - 4096) // 8))
    answers = opened(path)
    assert await answers.get("1") is None
    await answers.put("1", b"value", ttl_s=1000)
    assert await answers.get("1") is not None
    await answers.close()


async def test_a_file_of_an_earlier_version_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "answers.db"
    with closing(sqlite3.connect(path)) as earlier:
        earlier.execute("CREATE TABLE answer (position INTEGER PRIMARY KEY, name TEXT)")
        earlier.execute(f"PRAGMA application_id = {0x5EA7_21A7}")
    answers = opened(path)
    await answers.put("1", b"value", ttl_s=1000)
    assert await answers.get("1") is not None
    await answers.close()


async def test_keys_are_told_apart_whatever_they_are(tmp_path: Path) -> None:
    answers = opened(tmp_path / "answers.db")
    keys = ["", "a", "a" * 64, "A" * 64, "x" * 64, "é" * 64, "\ud800", "1" * 63, "1" * 65]
    await asyncio.gather(*(answers.put(key, repr(key).encode(), ttl_s=1000) for key in keys))
    for key in keys:
        held = await answers.get(key)
        assert held is not None
        assert held.value == repr(key).encode()
    await answers.close()


async def test_a_file_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "answers.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE theirs (x)")
    for text in (path.read_bytes(), b"not a database, but long enough to look like one" * 50):
        path.write_bytes(text)
        with pytest.raises(StoreDamaged, match=r"answers\.db"):
            opened(path)
        assert path.read_bytes() == text


async def test_writes_do_not_hold_up_the_event_loop(tmp_path: Path) -> None:
    answers = opened(tmp_path / "answers.db", busy_timeout_s=5.0)
    with closing(sqlite3.connect(tmp_path / "answers.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.ensure_future(answers.put("a", b"x", ttl_s=1000))
        for _ in range(3):  # the loop goes round while the thread waits for its turn
            await asyncio.sleep(0)
        assert not writing.done()
        other.execute("COMMIT")
    await writing
    assert await answers.get("a") is not None
    await answers.close()


async def test_what_is_put_at_once_is_kept_in_order_and_counted_once(tmp_path: Path) -> None:
    answers = opened(tmp_path / "answers.db")
    puts = [answers.put("a", b"x" * n, ttl_s=1000) for n in range(1, 30)]
    await asyncio.gather(*puts, answers.put("b", b"", ttl_s=1000), answers.delete("c"))
    await asyncio.gather(answers.put("c", b"xy", ttl_s=1000), answers.delete("b"))
    held = await answers.get("a")
    assert held is not None
    assert held.value == b"x" * 29
    assert await answers.get("b") is None
    await answers.close()
    with closing(sqlite3.connect(tmp_path / "answers.db")) as other:
        assert other.execute("SELECT n, n_bytes FROM total").fetchone() == (2, 31)


async def test_of_many_put_at_once_those_that_were_there_are_replaced(tmp_path: Path) -> None:
    answers = opened(tmp_path / "answers.db")
    await asyncio.gather(*[answers.put(str(n), b"old", ttl_s=1000) for n in range(0, 200, 40)])
    await asyncio.gather(
        *[answers.put(str(n), b"newer", ttl_s=1000) for n in range(150)],
        answers.put("160", b"", ttl_s=0),
    )
    held = [await answers.get(str(n)) for n in range(200)]
    assert [one is not None and one.value == b"newer" for one in held[:150]] == [True] * 150
    assert held[150:] == [None] * 50
    await answers.close()
    with closing(sqlite3.connect(tmp_path / "answers.db")) as other:
        assert other.execute("SELECT n, n_bytes FROM total").fetchone() == (150, 150 * 5)
        places = other.execute("SELECT position FROM answer ORDER BY position").fetchall()
        assert places == [(n,) for n in range(6, 156)]  # what is looked for by others is in a row


async def test_what_comes_faster_than_it_is_written_is_refused(tmp_path: Path) -> None:
    answers = opened(tmp_path / "answers.db")
    large = bytes(1024 * 1024)
    puts = [answers.put(str(n), large, ttl_s=1000) for n in range(20)]
    outcomes = await asyncio.gather(*puts, return_exceptions=True)
    assert outcomes[:17] == [None] * 17
    assert all(isinstance(one, StoreUnavailable) for one in outcomes[17:])
    await answers.put("later", b"x", ttl_s=1000)
    assert await answers.get("16") is not None
    assert await answers.get("17") is None
    await answers.close()


async def test_closing_keeps_what_was_put_before(tmp_path: Path) -> None:
    answers = opened(tmp_path / "answers.db")
    putting = [asyncio.ensure_future(answers.put(str(n), b"x", ttl_s=1000)) for n in range(9)]
    await asyncio.sleep(0)
    await answers.close()
    await asyncio.gather(*putting)
    with closing(sqlite3.connect(tmp_path / "answers.db")) as other:
        assert other.execute("SELECT count(*) FROM answer").fetchone() == (9,)
