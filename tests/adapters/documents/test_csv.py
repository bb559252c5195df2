"""Tables in text."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.adapters.documents.csv import CsvLoader, CsvRecords, delimiter
from seatrial.rag.loading.loader import About, Record
from seatrial.rag.loading.outcome import Reason, Unloadable
from seatrial.rag.loading.settings import Fields, LimitsConfig

CELLS = st.text("ab,;\"'\n\r \t|中", max_size=6)


@pytest.mark.parametrize(
    ("head", "name", "sign"),
    [
        ("a,b\n1,2\n", "a.csv", ","),
        ("a;b\n1,5;2,5\n", "a.csv", ";"),
        ("a\tb\n1\t2\n", "a.csv", "\t"),
        ("a|b\n1|2\n", "a.csv", "|"),
        ("a,b\n1,2\n", "A.TSV.GZ", "\t"),
        ('"a;b",c\n"d;e",f\n', "a.csv", ","),
        ("alone\n", "a.csv", ","),
        ("", "a.csv", ","),
    ],
)
def test_what_stands_between_cells_is_found_out(head, name, sign):
    assert delimiter(head, name) == sign


@given(st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=6))
def test_records_hold_the_cells_as_they_were(rows):
    out = io.StringIO(newline="")
    csv.writer(out).writerows([["id", "text"], *rows])
    about = About(name="a.csv", delimiter=",", fields=Fields())
    file = io.BufferedReader(io.BytesIO(out.getvalue().encode()))
    found = [one for one in CsvRecords().records(file, about) if isinstance(one, Record)]
    kept = [row for row in rows if any(cell.strip() for cell in row)]
    assert [__import__("json").loads(one.content) for one in found] == [
        {"id": first, "text": second} for first, second in kept
    ]
    assert not file.closed


def text(content: bytes, **about: object) -> str:
    [parsed] = CsvLoader().load(content, About(name="a.csv", **about))
    return parsed.text


def test_a_table_without_a_header_is_its_cells():
    assert text(b"a,b\n\n1,2\n", header=False) == "a; b\n1; 2"
    assert text(b"a,b\n") == "a; b"


def test_a_table_in_chinese_and_gbk_is_read():
    rows = "姓名,城市,说明\n" + "李雷,武汉,海试是对成品船在航行中的检验。\n" * 3
    assert text(rows.encode("gbk")).startswith("姓名: 李雷; 城市: 武汉; 说明: 海试")


def test_a_quote_that_never_ends_is_refused_not_waited_for():
    limits = LimitsConfig(record_bytes=200_000)
    content = b'a,b\n1,"' + b"x" * 300_000
    with pytest.raises(Unloadable) as caught:
        text(content, limits=limits, delimiter=",")
    assert caught.value.reason in {Reason.TOO_LARGE, Reason.UNREADABLE}  # ours, or the module's


def test_names_of_columns_cannot_make_a_bomb():
    content = b"x" * 10_000 + b",b\n" + b"1,2\n" * 1000
    with pytest.raises(Unloadable, match="of text in its rows"):
        text(content, limits=LimitsConfig(unpacked_bytes=1_000_000))
