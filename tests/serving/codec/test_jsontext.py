import math
import re
from typing import Any

import msgspec
import pytest

from seatrial.serving.codec.jsontext import Reader
from seatrial.serving.exchange import BadInput


class Strict(msgspec.Struct):
    rows: list[int | float]


class Loose(msgspec.Struct):
    rows: Any


READER: Reader[Any] = Reader(Strict, Loose)


def test_the_strictest_shape_that_fits_is_told() -> None:
    assert READER.read(b'{"rows":[1,2.5]}') == (Strict([1, 2.5]), 0)
    assert READER.read(b'{"rows":[1,true]}') == (Loose([1, True]), 1)


def test_integers_keep_their_digits() -> None:
    message, _ = READER.read(b'{"rows":[9007199254740993]}')
    assert message.rows == [9007199254740993]


def test_nan_as_pythons_json_module_writes_it_is_read_but_never_as_proven() -> None:
    message, shape = READER.read(b'{"rows":[NaN,-Infinity]}')
    assert shape == 1
    assert math.isnan(message.rows[0])
    assert message.rows[1] == -math.inf


def test_of_a_repeated_key_the_last_one_counts() -> None:
    assert READER.read(b'{"rows":[1],"rows":[2]}')[0].rows == [2]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"rows":[1e400]}', "out of range"),
        (b'{"rows":' + b"1" * 5000 + b"}", "out of range"),
        (b'{"rows":' + b"[" * 100_000, "nested too deeply"),
        (b'{"rows":NaN,"x":' + b"[" * 100_000, "not JSON"),
        (b'{"rows":"\xff"}', "not UTF-8"),
        (b'{"rows":"\\ud800"}', "not JSON"),
        (b'{"rows":["\\ud800",NaN]}', "not JSON"),
        (b'{"rows":NaN} trailing', "not JSON"),
        (b"[]", "Expected `object`, got `array`"),
        (b'{"raws":[]}', "missing required field `rows`"),
    ],
)
def test_what_is_no_message_is_the_clients_fault(body: bytes, why: str) -> None:
    with pytest.raises(BadInput, match=re.escape(why)):
        READER.read(body)


def test_the_place_of_a_wrong_type_is_a_fact() -> None:
    class Nested(msgspec.Struct):
        items: list[Strict]

    with pytest.raises(BadInput) as refused:
        Reader(Nested).read(b'{"items":[{"rows":[]},{"rows":1}]}')
    assert refused.value.facts["field"] == "items[1].rows"
