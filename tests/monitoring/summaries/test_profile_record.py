from __future__ import annotations

import contextlib
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.monitoring.rows.table import Coded, Table
from seatrial.monitoring.summaries.counting import Summariser
from seatrial.monitoring.summaries.profile import Categorical, Numeric, Profile
from seatrial.monitoring.summaries.profile_record import (
    NoProfile,
    ProfileUnreadable,
    read_profile,
    write_profile,
)
from seatrial.monitoring.summaries.profiling import profile_of
from seatrial.monitoring.summaries.summary import Numbers

SAMPLE = json.loads((Path(__file__).parent / "samples" / "profile-1.json").read_text())


def _table() -> Table:
    rng = np.random.default_rng(0)
    texts = tuple(f"a text of some words {i}" for i in range(9))
    return Table(
        columns={
            "x": rng.normal(size=90),
            "c": Coded(rng.integers(0, 3, 90).astype(np.int32), ("a", "b", "c")),
            "t": Coded(rng.integers(0, 9, 90).astype(np.int32), texts),
            "v": rng.normal(size=(90, 5)),
        },
        n=90,
    )


def test_what_was_written_is_read_back() -> None:
    profile = profile_of(_table(), labels=np.arange(90))
    record = write_profile(profile)
    assert read_profile(json.loads(json.dumps(record, allow_nan=False))) == profile


def test_a_record_of_schema_1_is_read() -> None:
    profile = read_profile(SAMPLE)
    age, city, grade = (profile.features[name] for name in ("age", "city", "grade"))
    assert profile.n == 60
    assert isinstance(age, Numeric)
    assert age.n_missing == 1
    assert sum(age.counts) == 59
    assert len(age.edges) == len(SAMPLE["features"]["age"]["edges"]) + 1
    assert age.counts[0] == 0
    assert isinstance(city, Categorical)
    assert city.n_missing == SAMPLE["features"]["city"]["n_missing"]
    assert isinstance(grade, Categorical)
    assert set(grade.counts) == {"1", "2"}
    assert set(profile.predictions) == {"label", "probabilities.no", "probabilities.yes"}
    assert profile.labels is not None
    assert profile.repeat_share is None


def test_a_window_is_counted_against_a_profile_of_schema_1() -> None:
    profile = read_profile(SAMPLE)
    age = profile.features["age"]
    assert isinstance(age, Numeric)
    values = np.array([age.lowest, age.lowest - 1.0, age.highest, age.highest + 1])
    counted = Summariser(profile).summarise(Table(columns={"age": values}, n=4))
    found = counted.features.known["age"]
    assert isinstance(found, Numbers)
    assert (found.counts[0], found.counts[-1]) == (1, 1)


def test_a_bundle_without_sample_data_has_no_profile() -> None:
    with pytest.raises(NoProfile, match="without sample data"):
        read_profile({})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"schema": 9}, "schema 9"),
        ({"schema": None}, "schema None"),
        ({"features": 7}, "features"),
        ({"n": "many"}, "int"),
    ],
)
def test_a_record_of_another_form_is_refused(change: dict[str, object], why: str) -> None:
    with pytest.raises(ProfileUnreadable, match=why):
        read_profile(write_profile(profile_of(_table())) | change)


def test_counts_that_do_not_fit_the_edges_are_refused_by_name() -> None:
    record = json.loads(json.dumps(write_profile(profile_of(_table()))))
    record["features"]["x"]["counts"].pop()
    with pytest.raises(ProfileUnreadable, match="'x'"):
        read_profile(record)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.dictionaries(
                st.sampled_from(["schema", "n", "features", "predictions", "kind", "a"]), inner
            )
            | st.lists(inner, max_size=3)
        ),
        max_leaves=12,
    ).filter(lambda record: isinstance(record, dict)),
    st.sampled_from([1, 2, 9]),
)
def test_no_record_crashes_the_reader(record: dict[str, object], schema: int) -> None:
    with contextlib.suppress(ProfileUnreadable, NoProfile):
        assert isinstance(read_profile(record | {"schema": schema}), Profile)
