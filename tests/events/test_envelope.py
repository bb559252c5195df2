"""Facts as CloudEvents, and what comes from outside as one."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.events.envelope import (
    LEAST_BYTES,
    EventInvalid,
    EventTooLarge,
    body_of,
    read_event,
)
from seatrial.kernel.events import Fact

AT = datetime(2030, 1, 2, 3, 4, 5, 600_000, tzinfo=UTC)


def fact(data=None, **more):
    given = {
        "seq": 17,
        "stream": "endpoint/churn",
        "revision": 3,
        "kind": "release.promoted",
        "schema": 1,
        "data": {"version": 2} if data is None else data,
        "at": AT,
        "by": "controller",
    }
    return Fact(**(given | more))


def event(**more):
    record = {"specversion": "1.0", "id": "1", "source": "/x", "type": "t", "data": {}}
    return json.dumps({k: v for k, v in (record | more).items() if v is not ...}).encode()


def test_a_fact_is_an_event_of_the_specification():
    assert json.loads(body_of(fact(), source="/seatrial/a", max_bytes=10_000)) == {
        "specversion": "1.0",
        "id": "endpoint/churn/3",
        "source": "/seatrial/a",
        "type": "seatrial.release.promoted",
        "subject": "endpoint/churn",
        "time": "2030-01-02T03:04:05.600000Z",
        "datacontenttype": "application/json",
        "dataschema": "urn:seatrial:fact:release.promoted:1",
        "sequence": "00000000000000000017",
        "by": "controller",
        "data": {"version": 2},
    }


def test_the_largest_fields_of_a_large_fact_are_left_out_and_named():
    data = {"reason": "good", "report": {"rows": ["x"] * 5000}, "evidence": "y" * 9000}
    whole = json.loads(body_of(fact(data), source="/s", max_bytes=100_000))
    assert whole["data"] == data
    assert "omitted" not in whole
    cut = json.loads(body_of(fact(data), source="/s", max_bytes=12_000))
    assert cut["omitted"] == "report"
    assert set(cut["data"]) == {"reason", "evidence"}
    least = json.loads(body_of(fact(data), source="/s", max_bytes=LEAST_BYTES))
    assert least["omitted"] == "evidence,report"
    assert least["data"] == {"reason": "good"}


def test_a_fact_whose_data_cannot_be_read_says_so():
    record = json.loads(body_of(fact({}, damage="no JSON"), source="/s", max_bytes=10_000))
    assert (record["omitted"], record["data"]) == ("data", {})


NAMES = st.text(st.characters(categories=["L", "N", "S"]), min_size=1, max_size=200)


@settings(max_examples=30)
@given(
    data=st.dictionaries(st.text(max_size=300), st.text(max_size=3000), max_size=20),
    stream=NAMES,
    limit=st.integers(LEAST_BYTES, 10_000),
)
def test_every_event_fits_and_can_be_read(data, stream, limit):
    body = body_of(fact(data, stream=stream), source="/s", max_bytes=limit)
    assert len(body) <= limit
    record = json.loads(body)
    assert record["id"] == f"{stream}/3"
    assert set(record["data"]) <= set(data)


def test_what_comes_is_read_as_it_was_sent():
    found = read_event(event(id="7", subject="数", data={"a": [1]}), max_bytes=1000)
    assert (found.id, found.source, found.type, found.subject) == ("7", "/x", "t", "数")
    assert found.data == {"a": [1]}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b'{"specversion": "1.0", "data": {"x": NaN}}', "NaN"),
        (b"[]", "a JSON list, not an object"),
        (b"null", "NoneType"),
        (event(specversion="0.3"), "specversion '0.3'"),
        (event(specversion=...), "specversion None"),
        (event(id=""), "id ''"),
        (event(id=7), "id 7"),
        (event(id="x" * 201), "1 to 200"),
        (event(source="a\nb"), "source"),
        (event(type=...), "type None"),
        (event(subject=5), "subject 5"),
        (event(data=...), "no data"),
        (event(data="text"), "no data"),
        (event(data=[1]), "no data"),
    ],
)
def test_what_is_no_event_is_refused_with_the_reason(body, says):
    with pytest.raises(EventInvalid, match=says) as caught:
        read_event(body, max_bytes=1_000_000)
    assert "CloudEvent 1.0" in caught.value.remedy


def test_a_message_that_is_too_large_is_not_looked_at():
    with pytest.raises(EventTooLarge, match="2,000 bytes"):
        read_event(b"x" * 2000, max_bytes=1999)


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_nothing_that_comes_raises_anything_else(body):
    with pytest.raises(EventInvalid):
        read_event(body, max_bytes=10_000)
