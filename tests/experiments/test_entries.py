"""What is said of users: taken as it is meant, refused where it is not."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from seatrial.experiments import entries
from seatrial.experiments.entries import (
    BadOutcomes,
    Entry,
    Names,
    OutcomeChanged,
    TooManyOutcomes,
    decoded,
    encoded,
    read_entries,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
US = round(NOW.timestamp() * 1e6)
NAMES = Names(
    outcomes=("bought", "clicks", "views"),
    denominators=("views",),
    covariates=("before",),
    segments=("device",),
)
GOOD: dict[str, Any] = {"user": "u1", "metric": "bought", "value": 1, "id": "o1"}


def test_outcomes_covariates_and_segments_are_taken() -> None:
    rows = [
        GOOD,
        GOOD | {"metric": "clicks", "value": True, "at": "2026-03-01T11:00:00Z"},
        {"user": "u1", "metric": "before", "value": 2.5},
        {"user": "u1", "metric": "device", "value": "phone", "id": "ignored"},
        GOOD,
    ]
    hour = 3_600_000_000
    assert read_entries(rows, NAMES, now=NOW) == [
        Entry("u1", "bought", "o1", 1.0, US),
        Entry("u1", "clicks", "o1", 1.0, US - hour),
        Entry("u1", "before", "", 2.5, US),
        Entry("u1", "device", "", "phone", US),
    ]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"user": 7}, "user"),
        ({"user": ""}, "user"),
        ({"user": "ü" * 101}, "user"),
        ({"user": "a\x00b"}, "user"),
        ({"user": "\ud800"}, "user"),
        ({"id": None}, "id"),
        ({"metric": "boughtt"}, "metric"),
        ({"metric": ["bought"]}, "metric"),
        ({"value": None}, "value"),
        ({"value": "1"}, "value"),
        ({"value": math.nan}, "value"),
        ({"value": -math.inf}, "value"),
        ({"value": 1e300}, "value"),
        ({"value": 10**400}, "value"),
        ({"metric": "views", "value": -1}, "value"),
        ({"metric": "device", "value": 7}, "value"),
        ({"metric": "device", "value": ""}, "value"),
        ({"at": "yesterday"}, "at"),
        ({"at": "2026-03-01T11:00:00"}, "at"),
        ({"at": 7}, "at"),
        ({"at": "2026-03-01T13:00:00Z"}, "at"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_is_not_meant_is_refused_with_its_row(change: dict[str, Any], field: str) -> None:
    with pytest.raises(BadOutcomes) as refused:
        read_entries([GOOD, GOOD | {"id": "o2"} | change], NAMES, now=NOW)
    assert (refused.value.facts["row"], refused.value.facts["field"]) == (1, field)
    assert len(refused.value.problem) < 200


@pytest.mark.parametrize("rows", [{"user": "u"}, "text", None, [7], [["u1"]]])
def test_what_is_no_list_of_objects_is_refused(rows: object) -> None:
    with pytest.raises(BadOutcomes):
        read_entries(rows, NAMES, now=NOW)


def test_one_id_with_two_values_is_refused_and_with_one_counts_once() -> None:
    with pytest.raises(OutcomeChanged, match="'o1'"):
        read_entries([GOOD, GOOD | {"value": 2}], NAMES, now=NOW)
    assert len(read_entries([GOOD, GOOD | {"user": "u2", "value": 2}], NAMES, now=NOW)) == 2


def test_too_many_at_once_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "MAX_ENTRIES", 2)
    with pytest.raises(TooManyOutcomes, match="3"):
        read_entries([GOOD] * 3, NAMES, now=NOW)


def test_slices_hold_what_was_said_and_fit_the_store() -> None:
    longest = Entry("x" * 200, "m" * 200, "i" * 200, 1.5, 2**52)
    (piece, rest) = encoded([longest] * (entries._PER_SLICE + 1))
    assert len(piece) < 4 * 2**20
    assert decoded(rest) == [longest]
    assert list(encoded([])) == []
    for data in (b"", b"\xc1", b"\x92\x07\x90"):
        with pytest.raises(BadOutcomes):
            decoded(data)


def test_a_clock_a_little_ahead_is_no_error() -> None:
    at = (NOW + timedelta(minutes=2)).isoformat()
    assert read_entries([GOOD | {"at": at}], NAMES, now=NOW)[0].at_us > US


def test_a_row_that_lacks_a_field_is_told_what_it_has() -> None:
    with pytest.raises(BadOutcomes) as bad:
        read_entries([{"user": "u1", "metric": "bought", "value": 1.0}], NAMES, now=NOW)
    assert bad.value.problem == "Entry 0 has no 'id'; it has user, metric, value."


def test_the_first_day_of_all_in_a_zone_that_is_ahead_is_refused() -> None:
    with pytest.raises(BadOutcomes, match="before the first day"):
        read_entries([GOOD | {"at": "0001-01-01T00:00:00+14:00"}], NAMES, now=NOW)
