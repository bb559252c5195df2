import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.registry.naming import MAX_LENGTH, ModelNameInvalid, check_name, suggest_name


@pytest.mark.parametrize("name", ["churn", "a", "on", "v2", "credit-risk-2", "x" * MAX_LENGTH])
def test_a_dns_label_is_a_name(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("Churn", "churn"),
        ("my_model", "my-model"),
        ("CreditRisk", "credit-risk"),
        ("2024 churn", "model-2024-churn"),
        ("-churn-", "churn"),
        ("../../etc/passwd", "etc-passwd"),
        ("模型", "model"),
        ("", "model"),
        ("churn\n", "churn"),
        ("x" * 60, "x" * MAX_LENGTH),
    ],
)
def test_any_other_name_is_refused_with_the_nearest_valid_one(name: str, suggestion: str) -> None:
    with pytest.raises(ModelNameInvalid) as caught:
        check_name(name)
    assert caught.value.facts["suggestion"] == suggestion
    latin = name == "" or not name.isalpha() or name.isascii()
    assert (repr(suggestion) if latin else "Latin letters") in caught.value.remedy


@given(st.text())
def test_every_suggestion_is_a_valid_name(text: str) -> None:
    assert check_name(suggest_name(text)) == suggest_name(text)
