from __future__ import annotations

import json

import numpy as np
import pytest

from seatrial.monitoring.rows.table import Coded, Table
from seatrial.monitoring.summaries.embedding import whole_vectors_of
from seatrial.monitoring.summaries.profile import LABELS, Categorical, Embedding, Numeric, Text
from seatrial.monitoring.summaries.profile_record import write_profile
from seatrial.monitoring.summaries.profiling import MAX_CATEGORIES, column_profile, profile_of


def _coded(values: list[str | None]) -> Coded:
    names = tuple(dict.fromkeys(v for v in values if v is not None))
    place = {name: i for i, name in enumerate(names)}
    codes = [-1 if v is None else place[v] for v in values]
    return Coded(np.array(codes, np.int32), names)


def test_moments_survive_a_large_offset() -> None:
    values = 1.7e9 + np.random.default_rng(0).normal(size=10_000)
    found = column_profile(values)
    assert isinstance(found, Numeric)
    assert found.mean == pytest.approx(values.mean(), abs=1e-6)
    assert found.std == pytest.approx(1.0, abs=0.03)
    assert (found.lowest, found.highest) == (values.min(), values.max())


@pytest.mark.parametrize("values", [[np.nan] * 3, [np.inf, np.nan, np.nan], []])
def test_nothing_finite_has_no_moments(values: list[float]) -> None:
    found = column_profile(np.array(values, np.float64))
    assert isinstance(found, Numeric)
    assert found.n == len(values)
    assert found.n_missing + found.n_infinite == len(values)
    assert found.mean is None
    assert found.edges == ()


def test_names_are_counted_one_by_one_up_to_a_bound_and_the_rest_is_still_known() -> None:
    n = MAX_CATEGORIES + 50
    found = column_profile(_coded([f"v{i}" for i in range(n)] + ["v7"] * 9 + [None]))
    assert isinstance(found, Categorical)
    assert next(iter(found.counts.items())) == ("v7", 10)
    assert len(found.counts) == MAX_CATEGORIES
    assert (found.n, found.n_missing, found.n_distinct) == (n + 10, 1, n)
    assert found.n_once == n - 1
    assert found.n_other == 50
    assert found.others is not None
    assert len(found.others) == 50


def test_numbers_that_mean_classes_and_booleans_are_names() -> None:
    classes = column_profile(np.array([1.0, 2.0, 2.0, np.nan]), categorical=True)
    assert isinstance(classes, Categorical)
    assert classes.counts == {"2": 2, "1": 1}
    assert classes.n_missing == 1
    flags = column_profile(np.array([True, False, True]))
    assert isinstance(flags, Categorical)
    assert flags.counts == {"True": 2, "False": 1}


def test_texts_are_known_by_length_and_words() -> None:
    texts: list[str | None] = ["the ship left the port", "a ship came to the port", None]
    found = column_profile(_coded(texts))
    assert isinstance(found, Text)
    assert found.n_missing == 1
    assert found.length.highest == len("a ship came to the port")
    assert found.vocabulary.counts["the"] == 3
    assert found.vocabulary.n == 11


def test_vectors_are_known_along_their_principal_axes() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(500, 12)) * np.array([9.0] + [1.0] * 11)
    rows[:, :3] += 4 * rng.normal(size=(500, 1)) * np.array([9.0, 1.0, 1.0])
    rows[3, 4], rows[4] = np.nan, np.nan
    found = column_profile(rows)
    assert isinstance(found, Embedding)
    assert (found.n, found.n_missing, found.n_invalid) == (500, 1, 1)
    assert len(found.places) == 8
    axis = whole_vectors_of(found).axes[0]
    assert np.allclose(axis[:3], 3**-0.5, atol=0.03), "in units, three move together"
    assert found.places[0].std == pytest.approx(3**0.5, rel=0.1)


def test_a_profile_covers_features_answers_and_labels_and_is_the_same_each_time() -> None:
    def made() -> dict[str, object]:
        rng = np.random.default_rng(0)
        features = Table(columns={"age": rng.normal(size=40), "grade": np.ones(40)}, n=40)
        answers = Table(columns={"label": rng.integers(0, 2, 40)}, n=40)
        return write_profile(
            profile_of(
                features,
                predictions=answers,
                labels=np.zeros(40, np.int64),
                categorical={"grade", "label", LABELS},
            )
        )

    record = made()
    text = json.dumps(record, allow_nan=False)
    assert text == json.dumps(made())
    assert record["schema"] == 3
    assert record["repeat_share"] == 0.0
    for name, kind in (("age", "numeric"), ("grade", "categorical")):
        assert record["features"][name]["kind"] == kind  # type: ignore[index]
    assert record["predictions"]["label"]["kind"] == "categorical"  # type: ignore[index]
    assert record["labels"]["counts"] == {"0": 40}  # type: ignore[index]
