"""The ledger of an experiment: each outcome once, whatever order and however often it comes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.adapters.labels.sqlite_experiment import SqliteExperiment
from seatrial.experiments.design import Experiment, Kind, Metric, Role, Variant
from seatrial.experiments.entries import Entry, Names
from seatrial.experiments.live_report import tallied
from seatrial.experiments.outcomes import Exposure, Outcome, joined

NAMES = Names(
    outcomes=("bought", "revenue"),
    denominators=(),
    covariates=("before",),
    segments=("device",),
)
DESIGN = Experiment(
    name="e",
    variants=(Variant(name="a"), Variant(name="b")),
    metrics=(
        Metric(name="bought", kind=Kind.SHARE, role=Role.PRIMARY),
        Metric(name="revenue", covariate="before"),
    ),
    window_s=50.0,
)
ZERO = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = 1_000_000


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteExperiment]:
    made = SqliteExperiment(tmp_path / "e.db", NAMES)
    yield made
    made.close()


def outcome(
    unit: str, id_: str = "o", *, name: str = "bought", value: float = 1, at: int = 9
) -> Entry:
    return Entry(unit, name, id_, value, at * SECOND)


def test_what_is_taken_twice_counts_once_and_says_so(ledger: SqliteExperiment) -> None:
    met = [("u1", 0, 0), ("u2", 1, 0)]
    said = [outcome("u1", name="revenue", value=3), outcome("u9")]
    assert ledger.take("exposures", 5, after=0, exposures=met)
    assert ledger.take("outcomes", 7, after=0, entries=said)
    assert not ledger.take("outcomes", 7, after=0, entries=said)  # another was faster
    assert ledger.take("outcomes", 8, after=7, entries=said)
    assert ledger.take("outcomes", 9, after=8, entries=[outcome("u1", name="revenue", value=4)])
    counts = ledger.counts()
    assert (counts.n_units, counts.n_outcomes, counts.n_unexposed) == (2, 2, 1)
    assert (counts.n_repeated, counts.n_changed) == (3, 1)
    assert ledger.rows(until_us=99 * SECOND, window_us=None).values["revenue"].tolist() == [3, 0]
    assert ledger.position("outcomes") == 9
    assert ledger.position("exposures") == 5


def test_the_first_exposure_counts_and_who_met_two_variants_is_left_out(
    ledger: SqliteExperiment,
) -> None:
    met = [("u1", 0, 5 * SECOND), ("u1", 0, 2 * SECOND), ("u2", 0, 1), ("u2", 1, 2)]
    ledger.take("exposures", 1, after=0, exposures=met)
    rows = ledger.rows(until_us=99 * SECOND, window_us=None)
    assert (rows.place.tolist(), rows.at_us.tolist()) == ([0], [2 * SECOND])
    assert ledger.counts().n_crossed == 1


def test_what_is_too_much_is_counted_and_left_out(tmp_path: Path) -> None:
    small = SqliteExperiment(tmp_path / "s.db", NAMES, most_units=2, most_outcomes=2)
    small.take("exposures", 1, after=0, exposures=[(f"u{i}", 0, 0) for i in range(5)])
    small.take("outcomes", 1, after=0, entries=[outcome(f"u{i}") for i in range(5)])
    counts = small.counts()
    assert (counts.n_units, counts.n_outcomes, counts.n_dropped) == (2, 2, 6)
    small.close()


def test_what_was_taken_is_there_after_the_process(tmp_path: Path) -> None:
    first = SqliteExperiment(tmp_path / "e.db", NAMES)
    first.take("answers", 3, after=0, exposures=[("u", 1, 0)], notes={"requests 0": b"\x01"})
    first.close()
    again = SqliteExperiment(tmp_path / "e.db", NAMES)
    assert (again.note("requests 0"), again.note("other"), again.position("answers")) == (
        b"\x01",
        None,
        3,
    )
    again.close()


UNITS = st.sampled_from([f"u{i}" for i in range(6)])
TIMES = st.integers(0, 100)


@settings(max_examples=15, deadline=None)
@given(
    met=st.lists(st.tuples(UNITS, st.integers(0, 1), TIMES), max_size=12),
    said=st.lists(
        st.tuples(UNITS, st.sampled_from(["bought", "revenue"]), st.integers(0, 3), TIMES),
        max_size=20,
        unique_by=lambda one: (one[0], one[1], one[2]),
    ),
    now=st.integers(0, 200),
    data=st.data(),
)
def test_the_ledger_says_what_the_join_in_memory_says(
    tmp_path_factory: pytest.TempPathFactory,
    met: list[tuple[str, int, int]],
    said: list[tuple[str, str, int, int]],
    now: int,
    data: st.DataObject,
) -> None:
    entries = [Entry(u, name, str(i), float(i), at * SECOND) for u, name, i, at in said]
    shuffled = data.draw(st.permutations([*entries, *entries[:3]]))
    at_us = [(u, place, at * SECOND) for u, place, at in met]
    ledger = SqliteExperiment(tmp_path_factory.mktemp("l") / "e.db", NAMES)
    half = len(shuffled) // 2
    ledger.take("outcomes", 1, after=0, entries=shuffled[:half])
    ledger.take("exposures", 1, after=0, exposures=data.draw(st.permutations(at_us)))
    ledger.take("outcomes", 2, after=1, entries=shuffled[half:])
    rows = ledger.rows(until_us=now * SECOND, window_us=50 * SECOND)
    ledger.close()
    moment = ZERO + timedelta(seconds=now)
    expected = joined(
        DESIGN,
        [
            Exposure(unit=u, variant="ab"[place], at=ZERO + timedelta(seconds=at))
            for u, place, at in sorted(met, key=lambda one: one[2])
            if at <= now
        ],
        [
            Outcome(
                id=f"{u}/{name}/{i}",
                unit=u,
                metric=name,
                value=float(i),
                at=ZERO + timedelta(seconds=at),
            )
            for u, name, i, at in said
        ],
        now=moment,
        slice_s=60,
    )
    late = {u for u, _, at in met if at > now}  # met later: the join was not told of them
    crossed = {u for u, p, _ in met if len({q for v, q, _ in met if v == u}) > 1}
    if late & crossed:
        return
    found = tallied(DESIGN, rows)
    assert found.sums.n.tolist() == expected.sums.n.tolist()
    for name in ("bought", "revenue"):
        one, other = found.sums.metrics[name], expected.sums.metrics[name]
        assert np.array_equal(one.y, other.y)  # type: ignore[union-attr]
