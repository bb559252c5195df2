import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.registry.signature import Batch, Dtype, Feature, Output, Signature, Task
from seatrial.serving.exchange import BadInput, Limits
from seatrial.serving.validate import Contract
from seatrial.testing.models import column_signature, matrix_signature

LIMITS = Limits(max_rows=4)
MATRIX = Contract(matrix_signature(), LIMITS)
INTEGERS = Contract(matrix_signature(dtype=Dtype.INT64), LIMITS)
DOUBLES = Contract(matrix_signature(dtype=Dtype.FLOAT64), LIMITS)
COLUMNS = Contract(column_signature(), LIMITS)
ROW = {"age": 30.5, "visits": 2, "member": True, "plan": "pro", "note": "hi"}

floats = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(st.lists(st.lists(floats, min_size=3, max_size=3), min_size=1, max_size=4))
def test_every_form_of_the_same_rows_gives_the_same_matrix(rows: list[list[float]]) -> None:
    expected = np.array(rows, np.float32)
    flat = [value for row in rows for value in row]
    names = matrix_signature().names
    for batch in (
        MATRIX.numbers(flat, len(rows)),
        MATRIX.values(flat, len(rows)),
        MATRIX.number_rows(rows),
        MATRIX.rows(rows),
        MATRIX.rows([dict(zip(names, row, strict=True)) for row in rows]),
        MATRIX.columns({name: [row[i] for row in rows] for i, name in enumerate(names)}),
        MATRIX.matrix(expected.astype(np.float64)),
        MATRIX.matrix(expected),
    ):
        assert isinstance(batch, np.ndarray)
        assert batch.dtype == np.float32
        np.testing.assert_array_equal(batch, expected)


def taken(read: Callable[[], Batch]) -> object:
    """A batch, or the words and facts of what refuses it."""
    try:
        return read()
    except BadInput as refused:
        return str(refused), refused.facts


@pytest.mark.parametrize("dtype", ["f4", "f8", "i4", "u8", "?", "O"])
@pytest.mark.parametrize("contract", [MATRIX, INTEGERS, DOUBLES], ids=["f4", "i8", "f8"])
@pytest.mark.parametrize("value", [2.0, 0.5, 1e39, math.inf, math.nan])
def test_a_matrix_of_any_type_is_taken_or_refused_as_its_columns_are(
    contract: Contract, dtype: str, value: float
) -> None:
    matrix = np.ones((4, 3), dtype)
    if dtype in ("f4", "f8") or value == 2:
        with np.errstate(over="ignore"):
            matrix[2, 1] = value
    columns = {name: matrix[:, i] for i, name in enumerate(contract.signature.names)}
    expected = taken(lambda: contract.columns(columns))
    found = taken(lambda: contract.matrix(matrix))
    if isinstance(expected, np.ndarray):
        assert isinstance(found, np.ndarray)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
    else:
        assert found == expected


def test_columns_come_in_the_order_of_the_signature() -> None:
    batch = COLUMNS.rows([dict(reversed(ROW.items()))])
    assert isinstance(batch, dict)
    assert list(batch) == list(column_signature().names)
    assert {name: values.tolist() for name, values in batch.items()} == {
        name: [value] for name, value in ROW.items()
    }


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e39])
@pytest.mark.parametrize("at", range(6))
def test_a_number_the_model_cannot_take_is_named(bad: float, at: int) -> None:
    values = [1.0] * 6
    values[at] = bad
    with pytest.raises(BadInput) as refused:
        MATRIX.numbers(list(values), 2)
    assert refused.value.facts == {"field": ("age", "income", "tenure")[at % 3], "row": at // 3}


def test_large_but_finite_numbers_pass_although_their_squares_overflow() -> None:
    batch = MATRIX.numbers([3e38, -3e38, 3e38], 1)
    assert np.isfinite(batch).all()  # type: ignore[arg-type]


def test_nan_passes_in_the_nullable_features_of_a_matrix_only() -> None:
    features = (
        Feature(name="a", dtype=Dtype.FLOAT32, nullable=True),
        Feature(name="b", dtype=Dtype.FLOAT32),
    )
    outputs = (Output(name="prediction", dtype=Dtype.FLOAT32),)
    signature = Signature(features=features, outputs=outputs, task=Task.REGRESSION, matrix=True)
    contract = Contract(signature, LIMITS)
    assert np.isnan(contract.numbers([math.nan, 1.0], 1)[0, 0])  # type: ignore[call-overload]
    with pytest.raises(BadInput, match="'b' is missing in row 0"):
        contract.numbers([1.0, math.nan], 1)


def test_integers_stay_exact_and_fractions_are_refused() -> None:
    batch = INTEGERS.numbers([2**53 + 1, -(2**63), 2.0], 1)
    assert batch.tolist() == [[2**53 + 1, -(2**63), 2]]  # type: ignore[union-attr]
    with pytest.raises(BadInput, match=r"'income' has 1.5 in row 0"):
        INTEGERS.numbers([1, 1.5, 2], 1)
    with pytest.raises(BadInput, match="'tenure' has 9223372036854775808"):
        INTEGERS.numbers([1, 2, 2**63], 1)


@pytest.mark.parametrize("rows", [[], [[1, 2, 3]] * 5])
def test_no_rows_and_too_many_are_refused(rows: list[list[float]]) -> None:
    for refuse in (MATRIX.rows, MATRIX.number_rows):
        with pytest.raises(BadInput, match=r"Send 1 to 4 rows"):
            refuse(rows)


@pytest.mark.parametrize(
    ("rows", "problem", "facts"),
    [
        ([[1, 2, 3], [1, 2]], "Row 1 has 2 values; the model has 3 features", {"row": 1}),
        ([[1, 2, 3], 4], "Row 1 is 4", {"row": 1}),
        ([1, 2], "Row 0 is 1", {"row": 0}),
        ([{"age": 1}], "no value for the feature 'income'", {"row": 0, "field": "income"}),
        (
            [{"age": 1, "income": 2, "tenure": 3}, [1, 2, 3]],
            "Row 1 is .*not an object",
            {"row": 1},
        ),
        (
            [{"age": 1, "income": 2, "tenure": 3, "Age": 1}],
            "'Age', which is not a feature",
            {"row": 0, "field": "Age"},
        ),
        ([[1, "2", 3]], "'income' has '2' in row 0", {"row": 0, "field": "income"}),
        ([[1, 2, True]], "'tenure' has True in row 0", {"row": 0, "field": "tenure"}),
    ],
)
def test_a_row_that_does_not_fit_says_where_and_why(
    rows: list[object], problem: str, facts: dict[str, object]
) -> None:
    with pytest.raises(BadInput, match=problem) as refused:
        MATRIX.rows(rows)
    assert refused.value.facts == facts


def test_columns_of_different_lengths_are_refused() -> None:
    columns: dict[str, list[object]] = {name: [value] for name, value in ROW.items()}
    columns["plan"] = ["pro", "basic"]
    with pytest.raises(BadInput, match="'plan' has 2 values, 'age' has 1"):
        COLUMNS.columns(columns)


def test_unknown_categories_pass_where_the_limits_say_so() -> None:
    lenient = Contract(column_signature(), Limits(unknown_categories=True))
    assert lenient.rows([ROW | {"plan": "gold"}])["plan"].tolist() == ["gold"]  # type: ignore[call-overload]
    with pytest.raises(BadInput, match="unknown category 'gold'"):
        COLUMNS.rows([ROW | {"plan": "gold"}])


def test_a_matrix_with_categories_checks_them_on_the_short_way_too() -> None:
    features = tuple(Feature(name=n, dtype=Dtype.INT64, categories=(1, 2)) for n in "ab")
    outputs = (Output(name="prediction", dtype=Dtype.FLOAT32),)
    signature = Signature(features=features, outputs=outputs, task=Task.REGRESSION, matrix=True)
    with pytest.raises(BadInput, match="'b' has the unknown category 3 in row 1"):
        Contract(signature, LIMITS).numbers([1, 2, 1, 3], 2)


def test_bare_values_are_rows_where_the_model_has_one_feature() -> None:
    single = Contract(matrix_signature(["x"]), LIMITS)
    assert single.rows([1, 2.5]).tolist() == [[1.0], [2.5]]  # type: ignore[union-attr]
