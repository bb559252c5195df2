"""The published schema says what goes out and what is taken in."""

import json
from datetime import UTC, datetime

import jsonschema
import pytest

from seatrial.events.envelope import CloudEvent, body_of
from seatrial.events.intake import letter_of
from seatrial.events.journal import Rejected
from seatrial.events.requests import DATA, LABELS, REGISTRY, RETRAINING, DataInvalid, read_request
from seatrial.events.schema import events_schema
from seatrial.kernel.events import Fact

SCHEMA = events_schema()


def of(name):
    return jsonschema.Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": SCHEMA["$defs"]})


def test_it_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("data", [{"version": 1}, {"report": "x" * 9000}])
def test_what_goes_out_fits(data):
    fact = Fact(
        seq=1,
        stream="endpoint/a",
        revision=1,
        kind="release.promoted",
        schema=1,
        data=data,
        at=datetime(2030, 1, 1, tzinfo=UTC),
        by="controller",
    )
    of("published").validate(json.loads(body_of(fact, source="/s", max_bytes=5000)))


def test_what_is_rejected_fits():
    rejected = Rejected(place="t/0/1", type="", id="", code="c.d", problem="p")
    for body in (b"text", b"\xff"):
        of("rejected").validate(json.loads(letter_of(rejected, body)))


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (LABELS, {"endpoint": "m", "labels": [{"id": "a", "label": [1, 2.5]}]}),
        (LABELS, {"endpoint": "m", "labels": [{"id": "a", "label": None}]}),
        (LABELS, {"endpoint": "m", "labels": []}),
        (LABELS, {"endpoint": "m", "labels": [{"id": "a", "label": {}}]}),
        (LABELS, {"endpoint": "m", "labels": [{"id": "a", "label": ["x"]}]}),
        (LABELS, {"endpoint": "m", "labels": [{"id": "a"}], "odd": 1}),
        (DATA, {"retraining": "m", "n_rows": 5, "reason": "r"}),
        (DATA, {"retraining": "m", "n_rows": -5}),
        (DATA, {"n_rows": 5}),
        (RETRAINING, {"retraining": "m", "reason": None}),
        (RETRAINING, {"retraining": ""}),
        (RETRAINING, {"retraining": "m", "n_rows": 5}),
        (REGISTRY, {"anything": [1]}),
    ],
)
def test_what_is_taken_fits_and_what_is_refused_does_not(kind, data):
    record = {"specversion": "1.0", "id": "1", "source": "/s", "type": kind, "data": data}
    fits = of("received").is_valid(record)
    try:
        read_request(CloudEvent(id="1", source="/s", type=kind, subject="", data=data))
    except DataInvalid:
        assert not fits
    else:
        assert fits
