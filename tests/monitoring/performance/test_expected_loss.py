"""The error to expect of a regressor, from columns of any kind."""

import json

import numpy as np
import pytest

from seatrial.monitoring.performance.expected_loss import (
    N_NAMES,
    BadExpectedLoss,
    learn_expected_loss,
    loss_from_dict,
    loss_to_dict,
)
from seatrial.monitoring.rows.table import Coded, Table


def table(seed: int, n: int = 4_000) -> tuple[Table, np.ndarray]:
    rng = np.random.default_rng(seed)
    size = rng.lognormal(0, 1, n)
    size[rng.random(n) < 0.1] = np.nan
    city = Coded(rng.integers(-1, 40, n).astype(np.int32), tuple(f"city{i}" for i in range(40)))
    error = np.abs(rng.normal(0, 1, n)) * np.where(np.isnan(size), 5, np.where(size > 2, 3, 1))
    error[city.codes == 0] *= 4
    vector = rng.normal(size=(n, 3))
    return Table(columns={"size": size, "city": city, "vector": vector}, n=n), error


def test_numbers_names_and_what_is_missing_tell_hard_rows_from_easy_ones() -> None:
    rows, error = table(1)
    loss = learn_expected_loss(rows, ["size", "city", "vector"], error)
    assert [b.name for b in loss.binnings] == ["size", "city"]
    assert [len(b.names) for b in loss.binnings] == [0, N_NAMES]
    other, real = table(2)
    expected = loss.of(other)
    for hard in (np.isnan(other.columns["size"]), other.columns["size"] > 3):  # type: ignore[call-overload, operator]
        assert expected[hard].mean() == pytest.approx(real[hard].mean(), rel=0.25)
    assert np.corrcoef(expected, real)[0, 1] > 0.3


def test_names_never_seen_and_infinite_numbers_are_rows_like_others() -> None:
    loss = learn_expected_loss(*_learned())
    new = Table(
        columns={
            "size": np.array([np.inf, -np.inf, np.nan]),
            "city": Coded(np.array([0, 0, -1], np.int32), ("elsewhere",)),
        },
        n=3,
    )
    assert np.isfinite(loss.of(new)).all()


def _learned() -> tuple[Table, list[str], np.ndarray]:
    rows, error = table(1)
    return rows, ["size", "city"], error


def test_a_column_without_any_value_says_nothing() -> None:
    rows, error = table(3)
    nothing = Table(columns={**rows.columns, "gone": np.full(rows.n, np.nan)}, n=rows.n)
    loss = learn_expected_loss(nothing, ["gone"], error)
    np.testing.assert_allclose(loss.of(nothing), error[1::2].mean())


def test_a_column_that_vanished_or_changed_its_kind_is_named() -> None:
    rows, names, error = _learned()
    loss = learn_expected_loss(rows, names, error)
    with pytest.raises(BadExpectedLoss, match="'city' is not among size"):
        loss.of(Table(columns={"size": rows.columns["size"]}, n=rows.n))
    swapped = {"size": rows.columns["size"], "city": rows.columns["size"]}
    with pytest.raises(BadExpectedLoss, match="'city' holds names in the reference"):
        loss.of(Table(columns=swapped, n=rows.n))


def test_what_was_learned_is_read_back_from_json() -> None:
    rows, names, error = _learned()
    loss = learn_expected_loss(rows, names, error)
    again = loss_from_dict(json.loads(json.dumps(loss_to_dict(loss))))
    np.testing.assert_array_equal(again.of(rows), loss.of(rows))


def test_a_record_that_is_none_is_refused() -> None:
    with pytest.raises(BadExpectedLoss, match="cannot be read"):
        loss_from_dict({"binnings": [{}]})
