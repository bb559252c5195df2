"""JSON, as a text that can be read and as records."""

from __future__ import annotations

import io

import pytest

from seatrial.adapters.documents.json import JsonLines, JsonLoader, record_id
from seatrial.rag.loading.loader import About, Flaw, Record
from seatrial.rag.loading.outcome import Reason, Unloadable
from seatrial.rag.loading.settings import Fields, LimitsConfig


def lines(content: bytes, **about: object) -> list[Record | Flaw]:
    return list(JsonLines().records(io.BytesIO(content), About(name="a.jsonl", **about)))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "gb18030"])
def test_lines_may_be_in_any_encoding_that_shows_or_is_named(encoding):
    content = '{"id": "海"}\r\n\n{"id": "b"}'.encode(encoding)
    named = {"encoding": encoding} if encoding == "gb18030" else {}
    assert [one.part for one in lines(content, **named)] == ["海", "b"]


def test_a_line_that_is_no_json_is_named_by_its_number():
    [first, second] = lines(b'\n{"id": 1}\n{"id": "\xff"}\n')
    assert first == Record("1", b'{"id": 1}')
    assert isinstance(second, Flaw)
    assert (second.part, second.reason) == ("line 3", Reason.BAD_RECORD)


@pytest.mark.parametrize("line", ["[" * 100_000, '{"a":' * 100_000, '"\\ud800"', "NaN", "1" * 5000])
def test_a_hostile_line_is_a_flaw_or_a_record(line):
    [one] = lines(line.encode())
    assert isinstance(one, Flaw | Record)


def test_a_line_without_end_is_refused():
    with pytest.raises(Unloadable, match=r"in line 2.*limits\.record_bytes"):
        lines(b"{}\n" + b"x" * 50, limits=LimitsConfig(record_bytes=20))


@pytest.mark.parametrize("value", [None, "", " ", True, ["a"], "x" * 600, {}])
def test_a_record_without_a_usable_id_is_named_by_its_content(value):
    name = record_id({"id": value}, b"content", Fields())
    assert name == record_id({}, b"content", Fields())
    assert name != record_id({}, b"other", Fields())
    assert len(name) == 16


def test_long_paths_cannot_make_a_bomb():
    content = b'{"' + b"k" * 100_000 + b'": [' + b"1," * 1000 + b"1]}"
    with pytest.raises(Unloadable, match="of text"):
        list(JsonLoader().load(content, About(name="a", limits=LimitsConfig(unpacked_bytes=10**6))))
