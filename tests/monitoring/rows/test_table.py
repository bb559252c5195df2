"""Rows as the watch sees them."""

from __future__ import annotations

import numpy as np
import pytest

from seatrial.monitoring.rows.table import BadTable, Coded, Table, rows_of

AGE = np.array([30.0, np.nan, 41.0])
CITY = Coded(np.array([0, 1, -1], np.int32), ("Oslo", "Wuhan"))


def test_some_rows_keep_every_column_and_its_time() -> None:
    at = np.array(["2026-01-01", "2026-01-02", "NaT"], "datetime64[us]")
    table = Table(columns={"age": AGE, "city": CITY}, n=3, at=at)
    for rows in (slice(1, None), np.array([1, 2])):
        some = rows_of(table, rows)
        assert some.n == 2
        np.testing.assert_array_equal(some.columns["age"], AGE[1:])
        city = some.columns["city"]
        assert isinstance(city, Coded)
        assert (city.codes.tolist(), city.values) == ([1, -1], CITY.values)
        assert some.at is not None
        assert some.at[0] == at[1]


@pytest.mark.parametrize(
    ("columns", "n", "at", "named"),
    [
        ({"age": AGE, "city": CITY}, 2, None, "'age' has 3 rows"),
        ({"name": np.array(["x"], object)}, 1, None, "'name' has the dtype object"),
        ({"age": AGE}, 3, np.array(["NaT"], "datetime64[us]"), "1 times for 3 rows"),
    ],
)
def test_columns_that_do_not_belong_together_are_refused(
    columns: dict[str, object], n: int, at: object, named: str
) -> None:
    with pytest.raises(BadTable, match=named):
        Table(columns=columns, n=n, at=at)  # type: ignore[arg-type]
