"""Metadata as documents keep it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.rag.loading.metadata import flat, language_code, moment, moment_of_ns, readers_of
from seatrial.rag.loading.outcome import Reason, Unloadable

MOMENTS = st.datetimes(min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29))  # noqa: DTZ001
ZONES = st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(
    lambda offset: timezone(timedelta(seconds=offset.days * 86400 + offset.seconds))
)


@given(st.lists(st.tuples(MOMENTS, ZONES), min_size=2, max_size=5))
def test_moments_sort_as_texts_as_they_do_in_time(pairs):
    aware = [when.replace(tzinfo=zone, microsecond=0) for when, zone in pairs]
    shown = [moment(when) for when in aware]
    assert None not in shown
    by_text = sorted(zip(shown, aware, strict=True), key=lambda pair: pair[0])
    assert [when for _, when in by_text] == sorted(aware)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("2030-01-05", "2030-01-05T00:00:00Z"),
        ("2030-01-05T13:00:00+01:00", "2030-01-05T12:00:00Z"),
        (" 2030-01-05 13:00 ", "2030-01-05T13:00:00Z"),
        ("Sat, 05 Jan 2030 13:00:00 +0100", "2030-01-05T12:00:00Z"),
        (date(30, 1, 5), "0030-01-05T00:00:00Z"),
        (datetime(2030, 1, 5, 12, 0, 0, 5, tzinfo=UTC), "2030-01-05T12:00:00Z"),
        ("0001-01-01T00:00:00+05:00", None),
        ("soon", None),
        ("2030", None),
        ("99999999", None),
        (2030, None),
        (None, None),
    ],
)
def test_a_moment_is_iso_8601_in_utc(value, shown):
    assert moment(value) == shown


def test_a_moment_of_a_file():
    assert moment_of_ns(0) == "1970-01-01T00:00:00Z"
    assert moment_of_ns(10**30) is None


@given(st.text(max_size=70))
def test_any_text_is_a_moment_or_none(text):
    assert moment(text) is None or moment(text).endswith("Z")


@pytest.mark.parametrize(
    ("written", "code"),
    [("zh-CN", "zh"), ("EN", "en"), ("en_US", "en"), ("eng", None), ("", None), (3, None)],
)
def test_a_language_is_two_letters(written, code):
    assert language_code(written) == code


def test_metadata_become_flat_and_bear_the_usual_names():
    found = flat(
        {
            "Authors": ["Ada", "Bob"],
            "keywords": "ships; 检验、tests",
            "date": "2030-01-05",
            "updated": "last week",
            "project": {"name": "X", "phase": {"n": 3}},
            "draft": False,
            "rating": 4.5,
            "nothing": None,
            "blank": " ",
            "none": [],
            "nan": float("nan"),
            "when": date(2030, 1, 5),
        }
    )
    assert found == {
        "author": ("Ada", "Bob"),
        "tags": ("ships", "检验", "tests"),
        "created": "2030-01-05T00:00:00Z",
        "updated": "last week",
        "project.name": "X",
        "project.phase.n": 3,
        "draft": False,
        "rating": 4.5,
        "when": "2030-01-05T00:00:00Z",
    }


def test_a_number_beyond_64_bits_is_kept_as_text():
    assert flat({"isbn": 10**30, "least": -(2**63)}) == {"isbn": f"1{30 * '0'}", "least": -(2**63)}


@pytest.mark.parametrize("value", [{str(i): i for i in range(300)}, {"text": "x" * 5000}])
def test_metadata_beyond_use_are_refused(value):
    with pytest.raises(Unloadable, match="metadata over") as caught:
        flat(value)
    assert caught.value.reason is Reason.BAD_METADATA


def test_readers_are_a_name_or_several():
    assert readers_of("hr") == ("hr",)
    assert readers_of("hr, 法务，legal") == ("hr", "法务", "legal")
    assert readers_of([" hr ", "legal"]) == ("hr", "legal")
    assert readers_of([]) == ()


@pytest.mark.parametrize("value", [None, 3, {"hr": True}, [3], [""], "", ["x" * 300], [["hr"]]])
def test_readers_that_are_unclear_are_refused(value):
    with pytest.raises(Unloadable) as caught:
        readers_of(value)
    assert caught.value.reason is Reason.BAD_METADATA
