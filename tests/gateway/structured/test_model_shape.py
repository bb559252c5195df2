"""Types of Pydantic: strict, every problem with its path, fields of a part."""

from __future__ import annotations

import datetime as dt
import socket
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from typing import Annotated, Generic, TypeVar
from uuid import UUID

import pytest
from orders import GOOD, ORDER, Item, Order
from pydantic import AfterValidator, BaseModel, Field, field_validator

from seatrial.gateway.structured.failures import SchemaInvalid
from seatrial.gateway.structured.model_shape import ModelShape
from seatrial.gateway.structured.shape import Fits, Plain

T = TypeVar("T")


def check(of: type, value: object) -> object:
    found = ModelShape(of).check(Plain(value))
    return found.value if isinstance(found, Fits) else {p.path: p.message for p in found}


def test_an_instance_comes_of_a_text_or_a_value():
    shape = ModelShape(Order)
    assert shape.check(Plain(None, GOOD)) == Fits(ORDER)
    assert shape.check(Plain(ORDER.model_dump())) == Fits(ORDER)
    assert shape.name == "Order"


class Colour(Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("of", "value", "instance"),
    [
        (dt.date, "2030-01-02", dt.date(2030, 1, 2)),
        (Decimal, "1.50", Decimal("1.50")),
        (UUID, "00000000-0000-0000-0000-000000000001", UUID(int=1)),
        (Colour, "red", Colour.RED),
        (tuple[int, str], [1, "a"], (1, "a")),
        (set[int], [1, 1], {1}),
        (float, 3, 3.0),
        (bytes, "x", b"x"),
    ],
)
def test_what_json_cannot_say_is_read_from_what_it_can(of, value, instance):
    assert check(of, value) == instance


@pytest.mark.parametrize(
    ("of", "value"), [(int, "3"), (str, 3), (bool, 1), (int, True), (int, 3.0)]
)
def test_nothing_is_coerced(of, value):
    assert list(check(of, value)) == ["$"]


def test_every_problem_has_its_path_without_names_of_branches():
    class Cat(BaseModel):
        lives: int

    class Dog(BaseModel):
        tricks: list[int]

    class Home(BaseModel):
        pet: Cat | Dog
        items: dict[str, Item]

    value = {"pet": {"lives": "x", "tricks": [1, "x"]}, "items": {"a b": {"name": 1}}}
    found = check(Home, value)
    assert set(found) == {
        "$.pet.lives",
        "$.pet.tricks[1]",
        "$.items['a b'].name",
        "$.items['a b'].price",
    }


def test_validators_of_the_user_are_asked_and_their_words_kept():
    def even(n: int) -> int:
        if n % 2:
            raise ValueError("it is odd")
        return n

    class Pair(BaseModel):
        n: Annotated[int, AfterValidator(even)]
        m: int = 0

        @field_validator("m")
        @classmethod
        def small(cls, m: int) -> int:
            if m > 9:
                raise AssertionError("it is big")
            return m

    assert check(Pair, {"n": 3, "m": 12}) == {
        "$.n": "Value error, it is odd",
        "$.m": "Assertion failed, it is big",
    }


def test_messages_do_not_repeat_the_value():
    found = check(Order, {"id": "secret", "level": "secret", "items": "secret"})
    assert "secret" not in str(found)
    assert len(found) == 3


def test_names_in_json_are_those_of_the_schema():
    class Aliased(BaseModel):
        inner: int = Field(alias="outer name")

    shape = ModelShape(Aliased)
    assert check(Aliased, {"outer name": 1}).inner == 1
    assert set(check(Aliased, {"inner": 1})) == {"$['outer name']"}
    assert shape.parts({"outer name": 2, "inner": 3}) == {"inner": 2}


def test_parts_of_a_model_are_typed_where_they_fit():
    shape = ModelShape(Order)
    assert shape.parts({"id": 3, "level": "middle", "items": [{"name": "a", "price": 1}]}) == {
        "id": 3,
        "items": [Item(name="a", price=1)],
    }
    partial = shape.partial({"id": 3})
    assert isinstance(partial, Order)
    assert (partial.id, partial.note) == (3, None)
    assert partial.model_fields_set == {"id"}


def test_what_was_made_of_a_class_is_kept():
    assert ModelShape(Order).schema is ModelShape(Order).schema
    assert ModelShape(list[Order]).schema is not ModelShape(list[Order]).schema


def test_other_types_have_no_parts():
    shape = ModelShape(list[int])
    assert shape.parts({"a": 1}) == {}
    assert shape.partial({}) is None


@pytest.mark.parametrize(
    ("of", "name"), [(list[int], "list"), (dict[str, list[Item]], "dict"), (int, "int")]
)
def test_a_name_fits_what_providers_take(of, name):
    assert ModelShape(of).name == name


@pytest.mark.parametrize("of", [object(), Callable[[int], int], socket.socket])
def test_a_type_that_json_cannot_hold_is_refused(of):
    with pytest.raises(SchemaInvalid, match="No JSON schema"):
        ModelShape(of)


def test_the_name_of_a_generic_model_is_made_to_fit():
    class Box(BaseModel, Generic[T]):
        value: T

    assert ModelShape(Box[list[int]]).name == "Box_list_int"
