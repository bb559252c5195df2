"""CSV as it is found in the world: encodings, malformed lines, mixed columns, growing files."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seatrial.adapters.tables import csv as table_csv
from seatrial.adapters.tables.csv import CsvSource
from seatrial.monitoring.rows.columns import Columns, DuplicateColumn
from seatrial.monitoring.rows.source import Chunk, SourceUnreadable
from seatrial.testing.table_source_suite import together


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.csv"


def chunks(path: Path, columns: Columns | None = None, **options: Any) -> list[Chunk]:
    return list(CsvSource(path, columns, **options).chunks())


def flaws(found: list[Chunk]) -> list[tuple[str, str | None, int | None]]:
    return [(p.flaw, p.column, p.n) for chunk in found for p in chunk.problems]


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "\n", "\n\n"])
def test_line_ends_do_not_matter(path: Path, ending: str, last: str) -> None:
    path.write_bytes(("a,b\n1,x\n\n2,y" + last).replace("\n", ending).encode())
    assert together(chunks(path)) == {"a": [1, 2], "b": ["x", "y"]}


def test_malformed_lines_are_left_out_with_their_number(path: Path) -> None:
    path.write_text('a,b\n1,"two\nlines"\n7\n2,x\n1,2,3\n' + "9\n" * 8 + "3,y\n")
    found = chunks(path)
    assert together(found) == {"a": [1, 2, 3], "b": ["two\nlines", "x", "y"]}
    (problem,) = found[0].problems
    assert (problem.flaw, problem.n) == ("line", 10)
    assert "line 4 (1 fields), 6 (3 fields), 7 (1 fields)" in problem.message
    assert "and 5 more" in problem.message


def test_line_numbers_go_on_after_a_restart(path: Path) -> None:
    path.write_text("a,b\n" + "1,2\n" * 9 + "oops\n3,4\n")
    source = CsvSource(path, max_rows=5)
    first = next(iter(source.chunks()))
    _, *rest = source.chunks()
    later = list(source.chunks(after=first.cursor))
    assert [c.problems for c in later] == [c.problems for c in rest]
    assert any("line 11 (1 fields)" in p.message for c in later for p in c.problems)


def test_a_quote_that_never_closes_does_not_swallow_the_file(path: Path) -> None:
    path.write_text('a,b\n1,"x\n2,y\n3,z\n')
    assert together(chunks(path)) == {"a": [1, 2, 3], "b": ['"x', "y", "z"]}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(path: Path, delimiter: str) -> None:
    path.write_text("a,b,c\n1,2.5,x\n".replace(",", delimiter))
    assert together(chunks(path)) == {"a": [1], "b": [2.5], "c": ["x"]}


def test_a_delimiter_may_be_said(path: Path) -> None:
    path.write_text("a;x,b;y~c\n1~2\n")
    assert together(chunks(path, delimiter="~")) == {"a;x,b;y": [1], "c": [2]}


@pytest.mark.parametrize("encoding", ["gbk", "gb18030", "latin-1", "shift_jis", "utf-8-sig"])
def test_other_encodings_are_read_when_they_are_named(path: Path, encoding: str) -> None:
    text = "Köln" if encoding == "latin-1" else "東京"
    path.write_bytes(f"城市,n\n{text},1\n".replace("城市", "city").encode(encoding))
    assert together(chunks(path, encoding=encoding)) == {"city": [text], "n": [1]}


def test_text_that_is_not_utf_8_asks_for_its_encoding(path: Path) -> None:
    path.write_bytes("城市,n\n武汉,1\n".encode("gbk"))
    with pytest.raises(SourceUnreadable, match=r"not UTF-8.*Save it as UTF-8.*encoding: gbk"):
        chunks(path)


def test_a_wrong_byte_further_on_is_replaced_and_said(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_csv, "_LOOK_BYTES", 16)
    path.write_bytes(b"a,b\n1,x\n2,x\n3,x\n4,\xff\n5,y\n")
    found = chunks(path)
    assert together(found)["b"] == ["x", "x", "x", "\N{REPLACEMENT CHARACTER}", "y"]
    assert any("Line 5 of log.csv" in p.message for p in found[0].problems)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"\n\n", "has no header"),
        (gzip.compress(b"a\n1\n", mtime=0), "is compressed"),
        ("a\n1\n".encode("utf-16"), "is UTF-16"),
    ],
)
def test_files_that_are_no_csv_say_what_to_do(path: Path, data: bytes, said: str) -> None:
    path.write_bytes(data)
    with pytest.raises(SourceUnreadable, match=said):
        chunks(path)


def test_a_file_with_a_header_alone_shows_its_columns(path: Path) -> None:
    for text in ("a,b", "a,b\n", "\ufeffa,b\r\n"):
        path.write_text(text, encoding="utf-8")
        (chunk,) = chunks(path)
        assert (chunk.table.n, chunk.columns.features) == (0, ("a", "b"))


def test_a_followed_file_may_not_have_begun(path: Path) -> None:
    path.write_bytes(b"")
    source = CsvSource(path, follow=True)
    assert list(source.chunks()) == []
    path.write_text("a\n1\n")
    assert together(list(source.chunks())) == {"a": [1]}


def test_two_columns_of_one_name_are_refused(path: Path) -> None:
    path.write_text("a,b,a\n1,2,3\n")
    with pytest.raises(DuplicateColumn, match="column 'a' twice"):
        chunks(path)


def test_texts_among_numbers_make_names_unless_they_are_few(path: Path) -> None:
    path.write_text("a\n" + "1\n" * 9 + "n.a.\n")
    found = chunks(path)
    assert set(together(found)["a"]) == {"1", "n.a."}
    assert flaws(found) == [("value", "a", None)]
    path.write_text("a\n" + "1\n" * 200 + "n.a.\n")
    found = chunks(path)
    assert together(found)["a"] == [1.0] * 200 + [None]
    assert flaws(found) == [("value", "a", None), ("value", "a", 1)]
    assert set(together(chunks(path, Columns(kinds={"a": "name"})))["a"]) == {"1", "n.a."}


def test_what_a_column_is_does_not_change_on_the_way(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_csv, "_LOOK_BYTES", 64)
    head = "n,x,ok,day\n" + "1,2.5,true,2030-01-01\n" * 4
    path.write_text(head + "n/b,1e3,maybe,never\n2.5,7,false,2030-01-02\n")
    found = chunks(path, max_rows=2)
    rows = together(found)
    assert rows["n"] == [1, 1, 1, 1, None, 2.5]
    assert rows["x"] == [2.5] * 4 + [1000, 7]
    assert rows["ok"] == [1, 1, 1, 1, None, 0]
    assert rows["day"][4] is None
    assert rows["day"][5] - rows["day"][0] == 86_400
    assert sorted(flaws(found)) == [("value", "day", 1), ("value", "n", 1), ("value", "ok", 1)]


def test_huge_integers_stay_exact(path: Path) -> None:
    path.write_text(f"a\n{2**53 + 1}\n{2**62 + 1}\n")
    (chunk,) = chunks(path)
    column = chunk.table.columns["a"]
    assert isinstance(column, np.ndarray)
    assert column.tolist() == [2**53 + 1, 2**62 + 1]


def test_ten_thousand_columns_are_read(path: Path) -> None:
    names = [f"x{i}" for i in range(10_000)]
    path.write_text(",".join(names) + "\n" + (",".join(["1.5"] * 10_000) + "\n") * 3)
    (chunk,) = chunks(path, Columns(features=tuple(names[:3])))
    assert together([chunk]) == {name: [1.5] * 3 for name in names[:3]}
    (chunk,) = chunks(path)
    assert len(chunk.table.columns) == 10_000


def test_a_record_may_be_larger_than_a_block(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_csv, "_BLOCK_BYTES", 16)
    text = "a\n" * 40
    path.write_text(f'n,text\n1,x\n2,"{text}"\n3,y\n')
    assert together(chunks(path)) == {"n": [1, 2, 3], "text": ["x", text, "y"]}


# --- files that change while they are followed


def followed(path: Path) -> tuple[CsvSource, str]:
    source = CsvSource(path, follow=True, max_rows=3)
    return source, list(source.chunks())[-1].cursor


def test_a_line_that_is_being_written_is_left_for_later(path: Path) -> None:
    path.write_text('a,b\n1,x\n2,"y')
    source, cursor = followed(path)
    with path.open("a") as file:
        file.write('\nz"\n3')
    new = list(source.chunks(after=cursor))
    assert together(new) == {"a": [2], "b": ["y\nz"]}
    with path.open("a") as file:
        file.write("0,w\n")
    assert together(list(source.chunks(after=new[-1].cursor))) == {"a": [30], "b": ["w"]}


def test_a_file_that_is_replaced_is_read_anew_and_said(path: Path) -> None:
    path.write_text("a,b\n1,x\n2,y\n")
    source, cursor = followed(path)
    path.write_text("a,b\n7,x\n8,y\n9,z\n")
    new = list(source.chunks(after=cursor))
    assert together(new)["a"] == [7, 8, 9]
    assert [p.flaw for p in new[0].problems] == ["replaced"]


def test_a_file_that_is_emptied_is_read_anew_when_it_fills(path: Path) -> None:
    path.write_text("a,b\n1,x\n2,y\n")
    source, cursor = followed(path)
    path.write_text("")
    (gone,) = source.chunks(after=cursor)
    assert (gone.table.n, [p.flaw for p in gone.problems]) == (0, ["replaced"])
    path.write_text("a,b\n1,x\n")
    new = list(source.chunks(after=gone.cursor))
    assert together(new)["a"] == [1]


def test_a_file_that_loses_its_end_is_said_and_goes_on(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_csv, "_MARKED_BYTES", 8)
    path.write_text("a,b\n1,x\n2,y\n3,z\n")
    source, cursor = followed(path)
    path.write_text("a,b\n1,x\n2,y\n")
    (cut,) = source.chunks(after=cursor)
    assert (cut.table.n, [p.flaw for p in cut.problems]) == (0, ["truncated"])
    with path.open("a") as file:
        file.write("4,w\n")
    assert together(list(source.chunks(after=cut.cursor)))["a"] == [4]
