"""Feast's bytes, as Feast 0.67 wrote them; more of them beside Feast itself: integration."""

import pytest

from seatrial.adapters.features.feast_format import KeyFormat, murmur3_32, read_time_us, read_value
from seatrial.features.failures import EntityInvalid, OnlineStoreUnavailable
from seatrial.features.view import Field, ValueType


def test_a_key_of_one_number() -> None:
    form = KeyFormat([Field("user_id", ValueType.INT64)])
    assert form.pack((1001,)).hex() == (
        "010000000200000007000000757365725f69640400000008000000e903000000000000"
    )


def test_the_keys_of_several_are_ordered_by_name_whatever_the_view_says() -> None:
    one = KeyFormat([Field("b", ValueType.STRING), Field("a", ValueType.INT32)])
    other = KeyFormat([Field("a", ValueType.INT32), Field("b", ValueType.STRING)])
    assert one.pack(("x", 7)) == other.pack((7, "x"))
    assert one.pack(("x", 7)).endswith(b"\x03\0\0\0\x04\0\0\0\x07\0\0\0\x02\0\0\0\x01\0\0\0x")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (ValueType.INT32, 2**31),
        (ValueType.INT64, -(2**63) - 1),
        (ValueType.INT64, "1"),
        (ValueType.STRING, 1),
        (ValueType.STRING, "\ud800"),
    ],
)
def test_a_key_its_type_cannot_hold_is_refused_by_name(kind: ValueType, value: object) -> None:
    with pytest.raises(EntityInvalid, match="'user_id' cannot be"):
        KeyFormat([Field("user_id", kind)]).pack((value,))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ("", None),
        ("980100", None),
        ("2007", 7),
        ("20ffffffffffffffffff01", -1),
        ("18ffffffffffffffffff01", -1),
        ("20808080808080808040", 2**62),
        ("29000000000000e03f", 0.5),
        ("350000c03f", 1.5),
        ("1203c3a961", "éa"),
        ("1200", ""),
        ("0a0200ff", b"\x00\xff"),
        ("3801", True),
        ("3800", False),
        ("40feffffffffffffffff01", -2),
        ("4080808080808080808001", None),
    ],
)
def test_a_value_of_each_type_is_read(data: str, value: object) -> None:
    found = read_value(bytes.fromhex(data))
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "data", ["20", "20ff", "20ffffffffffffffffffffff01", "2900", "35", "1205aa", "1201ff", "1200ff"]
)
def test_damaged_values_are_told(data: str) -> None:
    with pytest.raises(OnlineStoreUnavailable, match="cut off or damaged"):
        read_value(bytes.fromhex(data))


def test_lists_and_maps_are_no_single_value() -> None:
    with pytest.raises(OnlineStoreUnavailable, match="no single number"):
        read_value(bytes.fromhex("6a03080102"))


@pytest.mark.parametrize(
    ("data", "us"),
    [
        ("", 0),
        ("0801", 10**6),
        ("080110d8ff3b", 1_000_983),
        ("08ffffffffffffffffff0110809481ac03", -102_400),
    ],
)
def test_times_are_read_to_the_microsecond(data: str, us: int) -> None:
    assert read_time_us(bytes.fromhex(data)) == us


@pytest.mark.parametrize("data", ["08", "0801ff", "1aff"])
def test_damaged_times_are_told(data: str) -> None:
    with pytest.raises(OnlineStoreUnavailable, match="has a time that is"):
        read_time_us(bytes.fromhex(data))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (b"", 0),
        (b"a", 0x3C2569B2),
        (b"ab", 0x9BBFD75F),
        (b"abc", 0xB3DD93FA),
        (b"abcd", 0x43ED676A),
        (b"Hello, world!", 0xC0363E43),
        (b"The quick brown fox jumps over the lazy dog", 0x2E4FF723),
    ],
)
def test_murmur3_is_the_published_one(text: bytes, number: int) -> None:
    assert murmur3_32(text) == number
