"""Files of an index are whole or not there, and a changed byte is told."""

import errno
import os
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from seatrial.adapters.index.file import (
    MappedArrays,
    locked,
    read_json,
    replacing,
    translated,
    write_arrays,
    write_json,
)
from seatrial.rag.index.failures import (
    IndexBeingBuilt,
    IndexDamaged,
    IndexDenied,
    IndexUnavailable,
)

ARRAYS = {
    "numbers": np.arange(5, dtype=np.int32),
    "vectors": np.ones((3, 4), np.float32),
    "nothing": np.empty((0, 4), np.float32),
    "text": np.frombuffer("naïve 船".encode(), np.uint8),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_arrays(tmp_path / "a.seg", ARRAYS)
    return tmp_path / "a.seg"


def test_arrays_are_read_as_they_were_written(path: Path) -> None:
    arrays = MappedArrays(path)
    assert list(arrays) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        assert arrays[name].tolist() == array.tolist()
    assert arrays.changed() == []
    with pytest.raises(IndexDamaged, match="'absent'"):
        arrays["absent"]


def test_arrays_stay_readable_when_the_file_is_gone(path: Path) -> None:
    arrays = MappedArrays(path)
    path.unlink()
    assert arrays["numbers"].tolist() == [0, 1, 2, 3, 4]


def test_every_changed_byte_is_found_by_reading_all(path: Path) -> None:
    whole = path.read_bytes()
    unused = 0
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with suppress(IndexDamaged):
            unused += not MappedArrays(path).changed()
    assert unused < 3 * 64  # what lies between the arrays


def test_a_changed_array_is_not_read(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole.replace(ARRAYS["numbers"].tobytes(), bytes(20)))
    with pytest.raises(IndexDamaged, match="'numbers'"):
        MappedArrays(path)["numbers"]


def test_a_cut_file_is_told(path: Path) -> None:
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(IndexDamaged):
            MappedArrays(path)


def test_a_small_file_is_compared_with_its_checksum(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"name": "海试"})
    assert read_json(path) == {"name": "海试"}
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 2]) + whole[place + 1 :])
        with pytest.raises(IndexDamaged):
            read_json(path)


def test_what_fails_midway_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, 1)

    def half() -> None:
        with replacing(path) as file:
            file.write(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(IndexUnavailable, match="no room"):
        half()
    assert read_json(path) == 1
    assert [one.name for one in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, IndexUnavailable),
        (errno.EDQUOT, IndexUnavailable),
        (errno.EFBIG, IndexUnavailable),
        (errno.EIO, IndexUnavailable),
        (errno.EACCES, IndexDenied),
        (errno.EROFS, IndexDenied),
        (errno.ENOENT, FileNotFoundError),
    ],
)
def test_errors_of_the_drive_are_told_in_our_words(number: int, kind: type[Exception]) -> None:
    with pytest.raises(kind), translated(Path("/some/where")):
        raise OSError(number, os.strerror(number))


def test_a_lock_is_held_by_one(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    told = pytest.raises(IndexBeingBuilt, match=repr(tmp_path.name))
    with locked(path, wait=True), told, locked(path, wait=False):
        pass
    with locked(path, wait=False):
        pass


def test_what_is_read_in_small_parts_leaves_the_memory_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "arrays"
    random = np.random.default_rng(1)
    arrays = {
        name: random.integers(0, 255, n, np.uint8)
        for name, n in [("spans", 7), ("records", 8 << 20), ("word_rows", 5), ("word_counts", 9000)]
    }
    write_arrays(path, arrays)
    mapped = MappedArrays(path)
    for name, array in arrays.items():
        assert np.array_equal(mapped[name][:5], array[:5])
    assert _held(path) < 1 << 20
    for name, array in arrays.items():
        assert np.array_equal(mapped[name], array)
    assert mapped.changed() == []
    assert _held(path) < 1 << 20


def _held(path: Path) -> int:
    """Bytes of a mapped file that are in the memory of this process."""
    lines = iter(Path("/proc/self/smaps").read_text().splitlines())
    next(line for line in lines if line.endswith(str(path)))
    return 1024 * int(next(line for line in lines if line.startswith("Rss:")).split()[1])
