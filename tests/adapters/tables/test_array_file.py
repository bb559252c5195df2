"""numpy's files of arrays, row by row."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from seatrial.adapters.tables.array_file import BadArrays, headers, rows

_SAVED = {
    "npz": np.savez,
    "packed": np.savez_compressed,
    "npy": lambda file, **arrays: np.save(file, *arrays.values()),
}
_TYPES = st.one_of(
    hnp.integer_dtypes(), hnp.unsigned_integer_dtypes(), hnp.floating_dtypes(),
    hnp.boolean_dtypes(), hnp.unicode_string_dtypes(min_len=1),
)  # fmt: skip


@pytest.mark.parametrize("how", list(_SAVED))
@given(data=st.data())
def test_arrays_are_what_numpy_reads_however_they_are_cut(
    tmp_path_factory: pytest.TempPathFactory, how: str, data: st.DataObject
) -> None:
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4))
    array = data.draw(hnp.arrays(data.draw(_TYPES), shape))
    if data.draw(st.booleans(), label="by column"):
        array = np.asfortranarray(array)
    path = tmp_path_factory.mktemp("arrays") / "rows"
    with path.open("wb") as file:
        _SAVED[how](file, input=array)
    (header,) = headers(path).values()
    assert (header.dtype, header.shape, header.n_rows) == (array.dtype, shape, shape[0])
    sizes = data.draw(st.lists(st.integers(0, 2), max_size=6).filter(lambda s: sum(s) <= shape[0]))
    sizes.append(shape[0] - sum(sizes))
    cut = [part for (part,) in rows(path, ["input"], sizes)]
    assert [len(part) for part in cut] == sizes
    np.testing.assert_array_equal(np.concatenate(cut), array)


def test_a_packed_archive_is_never_held_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "rows.npz"
    np.savez_compressed(path, a=np.zeros((200_000, 20)), b=np.arange(200_000))
    tracemalloc.start()
    seen = sum(len(a) for a, _ in rows(path, ["a", "b"], [1_000] * 200))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seen == 200_000
    assert most < 4 << 20  # of 32 million bytes


def head(text: str, body: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    """An .npy file with a header of one's own."""
    line = text.encode().ljust(117) + b"\n"
    return b"\x93NUMPY" + version + len(line).to_bytes(2, "little") + line + body


def packed(**parts: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name.replace("_npy", ".npy"), content)
    return made.getvalue()


_FLOATS = "{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }"
_HOSTILE: dict[str, tuple[bytes, str]] = {
    "longer than the file": (head(_FLOATS % "999999999999, 99"), "not as long as its shape"),
    "shorter than the file": (head(_FLOATS % "1,", bytes(400)), "not as long as its shape"),
    "negative": (head(_FLOATS % "-1, -1", bytes(4)), "claims the shape"),
    "a truth for a size": (head(_FLOATS % "True,", bytes(4)), "claims the shape"),
    "no size": (head(_FLOATS % "'x',"), "shape is not valid"),
    "empty texts": (head("{'descr': '<U0', 'fortran_order': False, 'shape': (9,), }"), "claims"),
    "pickles": (head("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"), "pickles"),
    "code": (head("__import__('os').abort()"), "malformed node"),
    "brackets": (head("(" * 110), "EOF in multi-line"),
    "a long header": (b"\x93NUMPY\x01\x00\xff\xff" + b" " * 65_535, "Header info length"),
    "a later format": (head(_FLOATS % "1,", bytes(4), version=b"\x03\x00"), "only records need"),
    "no format": (b"\x93NUMPY\x09\x09" + bytes(20), "format .9, 9."),
    "cut off": (b"\x93NUMPY\x01", "EOF: reading magic"),
    "no archive": (b"PK\x03\x04" + bytes(40), "not a zip file"),
    "other files": (packed(readme=b"hello"), "other files than arrays"),
    "an array that is none": (packed(a_npy=b"hello, world"), "magic string"),
    "a bomb's header": (packed(a_npy=head(_FLOATS % "1 << 40,")), "malformed|parse"),
}


@pytest.mark.parametrize("name", list(_HOSTILE))
def test_hostile_files_are_refused_without_taking_memory(tmp_path: Path, name: str) -> None:
    content, said = _HOSTILE[name]
    path = tmp_path / "rows"
    path.write_bytes(content)
    tracemalloc.start()
    with pytest.raises(BadArrays, match=said):
        headers(path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 32 << 20


def test_objects_in_an_archive_are_not_unpickled(tmp_path: Path) -> None:
    opened: list[str] = []

    class Mine:
        def __reduce__(self) -> Any:
            return opened.append, ("ran",)

    np.savez(tmp_path / "rows.npz", a=np.array([Mine()], object), allow_pickle=True)
    with pytest.raises(BadArrays, match="pickles"):
        headers(tmp_path / "rows.npz")
    assert opened == []


def test_damage_further_on_is_seen_when_it_is_reached(tmp_path: Path) -> None:
    path = tmp_path / "rows.npz"
    np.savez(path, a=np.arange(100_000))
    raw = bytearray(path.read_bytes())
    raw[500_000] ^= 1
    path.write_bytes(raw)
    reading = rows(path, headers(path), [10_000] * 10)
    np.testing.assert_array_equal(next(reading)[0], np.arange(10_000))
    with pytest.raises(BadArrays, match="CRC"):
        list(reading)


def test_columns_in_an_archive_are_read_up_to_a_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seatrial.adapters.tables.array_file._MAX_BYTES", 1_000)
    array = np.asfortranarray(np.arange(400.0).reshape(100, 4))
    np.savez(tmp_path / "rows.npz", a=array)
    with pytest.raises(BadArrays, match="ascontiguousarray"):
        next(rows(tmp_path / "rows.npz", ["a"], [1]))
    np.save(tmp_path / "rows.npy", array)
    ((part,),) = rows(tmp_path / "rows.npy", ["input"], [100])
    np.testing.assert_array_equal(part, array)
