"""Logged rows that a ledger does not know yet: each id once, with the row it is of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from served_models import REFERENCE, Rows, drawn

from seatrial.monitoring.performance.arrivals import Arrivals, arrivals
from seatrial.monitoring.performance.reference import regressor_reference
from seatrial.monitoring.rows.scores import ScoreColumns
from seatrial.monitoring.rows.served import NUMBER, TRUTH
from seatrial.monitoring.rows.table import Coded, Table
from seatrial.testing.memory_pending import MemoryPending


def came(ledger: MemoryPending, rows: Rows) -> Arrivals:
    return arrivals(ledger, rows, REFERENCE.reference)


def labelled(rows: Rows) -> Rows:
    """The rows with what came true beside them."""
    names = Coded((rows.labels == "yes").astype(np.int32), ("no", "yes"))
    table = Table(columns={**rows.rows.columns, TRUTH: names}, n=rows.rows.n, at=rows.rows.at)
    return replace(rows, rows=table)


def test_new_rows_come_with_the_row_they_are_of_and_rows_without_an_id_are_none() -> None:
    rows = replace(drawn(1, 4), ids=("a", None, "b", "a"))
    found = came(MemoryPending(), rows)
    assert found.new.ids == ("a", "b")
    assert found.places.tolist() == [0, 2]
    assert found.new.at_us.tolist() == [
        one.astype(np.int64) for one in np.asarray(rows.rows.at)[[0, 2]]
    ]
    assert found.again.ids == ()


def test_a_known_row_tells_only_its_label() -> None:
    ledger, rows = MemoryPending(), labelled(drawn(1, 3))
    ledger.add(came(ledger, rows).new)
    found = came(ledger, rows)
    assert found.new.ids == ()
    assert found.again.ids == ("r0", "r1", "r2")
    assert found.again.label.tolist() == (rows.labels == "yes").tolist()
    assert came(ledger, drawn(1, 3)).again.ids == ()


def test_each_number_of_an_answer_is_of_its_row() -> None:
    rng = np.random.default_rng(1)
    said = rng.normal(size=(200, 2))
    table = Table(columns={NUMBER: said, TRUTH: said + rng.normal(size=(200, 2))}, n=200)
    asked = ScoreColumns(prediction=NUMBER, label=TRUTH)
    reference = regressor_reference(table, asked, features=())
    logged = replace(drawn(1, 2), rows=Table(columns={NUMBER: said[:2]}, n=2), ids=("one#1", "two"))
    found = arrivals(MemoryPending(), logged, reference)
    assert found.new.ids == ("one#1", "one#1#1", "two", "two#1")
    assert found.places.tolist() == [0, 0, 1, 1]
    assert found.new.predicted == pytest.approx(said[:2].ravel())


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 30), max_size=5), st.integers(0, 2**16))
def test_however_rows_are_read_each_prediction_is_new_once(cuts: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    whole = drawn(2, 30)
    whole = replace(whole, ids=tuple(f"r{i}" for i in rng.integers(0, 20, 30)))
    ledger, seen = MemoryPending(), []
    for part in np.split(np.arange(30), sorted(cuts)):
        columns = {
            name: Coded(c.codes[part], c.values) if isinstance(c, Coded) else c[part]
            for name, c in whole.rows.columns.items()
        }
        at = np.asarray(whole.rows.at)[part]
        some = replace(
            whole,
            rows=Table(columns=columns, n=len(part), at=at),
            ids=tuple(whole.ids[i] for i in part.tolist()),
        )
        found = came(ledger, some)
        assert [some.ids[place] for place in found.places] == list(found.new.ids)
        ledger.add(found.new)
        seen += found.new.ids
    assert seen == list(dict.fromkeys(whole.ids))
