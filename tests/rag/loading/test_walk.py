"""The files under what was named, and nothing else."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.rag.loading.globs import Globs
from seatrial.rag.loading.outcome import Reason, Skipped, Unloadable
from seatrial.rag.loading.walk import Choice, Found, open_found, read_found, walk

ALL = Choice(include=Globs([]), exclude=Globs([]), hidden=False, max_files=1000)
NAME = st.text("abé海 .-\n", min_size=1, max_size=5).filter(lambda name: name.strip("."))


def files(path: Path, choice: Choice = ALL) -> list[str]:
    return [item.source for item in walk(path, choice) if isinstance(item, Found)]


def reasons(path: Path, choice: Choice = ALL) -> dict[str, Reason]:
    return {one.source: one.reason for one in walk(path, choice) if isinstance(one, Skipped)}


def write(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@given(paths=st.sets(st.lists(NAME, min_size=1, max_size=3).map(tuple), max_size=8))
def test_every_file_comes_once_in_a_fixed_order(tmp_path_factory, paths):
    root = tmp_path_factory.mktemp("walk")
    written = set()
    for parts in paths:
        path = root.joinpath(*parts)
        if any(parent.is_file() for parent in path.parents) or path.is_dir():
            continue
        write(path)
        written.add(path.relative_to(root).as_posix())
    choice = Choice(include=Globs([]), exclude=Globs([]), hidden=True, max_files=1000)
    found = files(root, choice)
    assert sorted(found) == sorted(written)
    assert found == files(root, choice)
    visible = {path for path in written if not any(p.startswith(".") for p in path.split("/"))}
    assert set(files(root)) == visible


def test_patterns_choose(tmp_path):
    for name in ("a.md", "b.txt", "x/c.md", "drafts/d.md"):
        write(tmp_path / name)
    choice = Choice(
        include=Globs(["*.md"]), exclude=Globs(["drafts/**"]), hidden=False, max_files=9
    )
    assert files(tmp_path, choice) == ["a.md", "x/c.md"]


def test_a_folder_that_is_left_out_is_not_even_listed(tmp_path, monkeypatch):
    write(tmp_path / "drafts/x/a.md")
    listed = []
    scan = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: listed.append(str(path)) or scan(path))
    choice = Choice(include=Globs([]), exclude=Globs(["drafts/**"]), hidden=False, max_files=9)
    assert files(tmp_path, choice) == []
    assert not any("drafts" in path for path in listed)


def test_one_file_can_be_named(tmp_path):
    assert files(write(tmp_path / "a.md")) == ["a.md"]


def test_what_is_named_may_itself_be_a_link(tmp_path):
    write(tmp_path / "real/a.md")
    (tmp_path / "link").symlink_to("real")
    assert files(tmp_path / "link") == ["a.md"]


def test_what_is_not_there_is_told(tmp_path):
    assert reasons(tmp_path / "nowhere") == {str(tmp_path / "nowhere"): Reason.NOT_FOUND}
    assert list(reasons(Path("a\0b")).values()) == [Reason.UNREADABLE]


def test_links_lead_nowhere_out(tmp_path):
    secret = write(tmp_path / "secret.txt", b"secret")
    write(tmp_path / "docs2/e.md")
    docs = tmp_path / "docs"
    write(docs / "a.md")
    write(docs / "x/b.md")
    (docs / "out.txt").symlink_to(secret)
    (docs / "up.txt").symlink_to("../docs2/e.md")  # a folder whose name begins alike
    (docs / "folder").symlink_to(tmp_path / "docs2")
    (docs / "chain.txt").symlink_to("out.txt")
    (docs / "null").symlink_to("/dev/null")
    (docs / "gone.txt").symlink_to("nowhere.txt")
    (docs / "loop").symlink_to("loop")
    (docs / "x/again").symlink_to(docs)
    (docs / "inner.md").symlink_to("x/b.md")
    assert files(docs) == ["a.md", "inner.md", "x/b.md"]
    assert reasons(docs) == {
        "out.txt": Reason.OUTSIDE,
        "up.txt": Reason.OUTSIDE,
        "folder": Reason.OUTSIDE,
        "chain.txt": Reason.OUTSIDE,
        "null": Reason.OUTSIDE,
        "gone.txt": Reason.UNREADABLE,
        "loop": Reason.UNREADABLE,
        "x/again": Reason.LINK,
    }


def test_a_link_to_a_folder_inside_is_told_and_not_followed(tmp_path):
    write(tmp_path / "x/a.md")
    (tmp_path / "y").symlink_to("x")
    assert files(tmp_path) == ["x/a.md"]
    assert reasons(tmp_path) == {"y": Reason.LINK}


def test_pipes_and_sockets_are_never_opened(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe.txt")
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket.txt")
        assert reasons(tmp_path) == {"pipe.txt": Reason.SPECIAL, "socket.txt": Reason.SPECIAL}
    assert reasons(Path("/dev/null")) == {"null": Reason.SPECIAL}


def test_a_file_that_is_swapped_later_is_not_read(tmp_path):
    secret = write(tmp_path / "outside/a.md", b"secret")
    path = write(tmp_path / "docs/x/a.md")
    [found] = [one for one in walk(tmp_path / "docs", ALL) if isinstance(one, Found)]
    path.unlink()
    path.symlink_to(secret)
    with pytest.raises(Unloadable):
        open_found(found)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(Unloadable) as caught:
        open_found(found)
    assert caught.value.reason is Reason.SPECIAL
    path.unlink()
    path.parent.rmdir()
    path.parent.symlink_to(secret.parent)  # the folder this time
    with pytest.raises(Unloadable) as caught:
        open_found(found)
    assert caught.value.reason is Reason.OUTSIDE


def test_the_number_of_files_is_bounded_and_that_is_told(tmp_path):
    for number in range(5):
        write(tmp_path / f"{number}.md")
    choice = Choice(include=Globs([]), exclude=Globs([]), hidden=False, max_files=3)
    assert files(tmp_path, choice) == ["0.md", "1.md", "2.md"]
    assert set(reasons(tmp_path, choice).values()) == {Reason.TOO_LARGE}


def test_a_name_that_is_no_text_is_escaped(tmp_path):
    write(tmp_path / os.fsdecode(b"a\xff.md"))
    [found] = [one for one in walk(tmp_path, ALL) if isinstance(one, Found)]
    assert found.source == "a\\xff.md"
    assert found.source.encode()
    opened, status = open_found(found)
    with opened:
        assert opened.read() == b"x"
    assert status.st_ino == found.status.st_ino


def test_a_folder_that_may_not_be_read_is_told(tmp_path, monkeypatch):
    write(tmp_path / "a.md")
    write(tmp_path / "closed/b.md")
    scan = os.scandir

    def refusing(path: str) -> object:
        if path.rstrip("/").endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", refusing)
    assert files(tmp_path) == ["a.md"]
    assert reasons(tmp_path) == {"closed/": Reason.UNREADABLE}


def test_folders_may_nest_as_deep_as_the_system_lets_them(tmp_path):
    deep = tmp_path.joinpath(*["x"] * 400)
    write(deep / "a.md")
    assert files(tmp_path) == [f"{'x/' * 400}a.md"]


def found_in(folder: Path, content: bytes) -> Found:
    write(folder / "a.txt", content)
    (found,) = walk(folder, ALL)
    assert isinstance(found, Found)
    return found


def seen_smaller(monkeypatch, n_bytes: int) -> None:
    """Let files be smaller when they are opened than when they are read."""
    whole = os.fstat

    def smaller(fd: int) -> os.stat_result:
        status = list(whole(fd)[:10])
        status[6] = n_bytes
        return os.stat_result(status)

    monkeypatch.setattr(os, "fstat", smaller)


@pytest.mark.parametrize(
    ("limit", "expected"), [(5, b"abcde"), (9, b"abcde"), (4, None), (0, None)]
)
def test_a_file_is_read_whole_or_not_at_all(tmp_path, limit, expected):
    assert read_found(found_in(tmp_path, b"abcde"), limit)[0] == expected


@pytest.mark.parametrize(("limit", "expected"), [(5, b"abcde"), (4, None), (3, None)])
@pytest.mark.parametrize("seen", [0, 2, 3])
def test_a_file_that_grows_while_it_is_read_is_read_to_its_end(
    tmp_path, monkeypatch, seen, limit, expected
):
    found = found_in(tmp_path, b"abcde")
    seen_smaller(monkeypatch, seen)
    assert read_found(found, limit)[0] == expected


def test_a_drive_that_gives_little_at_a_time_gives_all(tmp_path, monkeypatch):
    found = found_in(tmp_path, b"abcde" * 100)
    read = os.read
    monkeypatch.setattr(os, "read", lambda fd, n: read(fd, min(n, 7)))
    assert read_found(found, 1000)[0] == b"abcde" * 100


def test_a_file_that_was_read_is_closed(tmp_path):
    found = found_in(tmp_path, b"a")
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for limit in (0, 1):
        read_found(found, limit)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
