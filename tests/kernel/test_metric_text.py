import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from seatrial.kernel.metric_text import metric_text

FAMILIES = {"a_total": ("counter", "As."), "b": ("gauge", "Bs."), "c": ("histogram", "Cs.")}


def read(text: str) -> list[tuple[str, dict[str, str], float]]:
    return [
        (sample.name, sample.labels, sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    ]


def test_samples_stand_under_their_family() -> None:
    text = metric_text(FAMILIES, [("c_sum", (), 2.5), ("b", (("x", "1"),), 1), ("c_count", (), 2)])
    assert text == (
        "# HELP a_total As.\n# TYPE a_total counter\n"
        '# HELP b Bs.\n# TYPE b gauge\nb{x="1"} 1\n'
        "# HELP c Cs.\n# TYPE c histogram\nc_sum{} 2.5\nc_count{} 2\n"
    )


@given(st.text(st.characters(exclude_categories=("Cs",))))
def test_any_label_is_read_back(value: str) -> None:
    assert read(metric_text(FAMILIES, [("b", (("x", value),), 1)])) == [("b", {"x": value}, 1)]


@pytest.mark.parametrize("value", [0.0, 1e-12, 123456789012.0, math.inf, -math.inf])
def test_any_number_is_read_back(value: float) -> None:
    assert read(metric_text(FAMILIES, [("b", (), value)])) == [("b", {}, value)]


def test_what_is_no_number_is_said_so() -> None:
    ((_, _, value),) = read(metric_text(FAMILIES, [("b", (), math.nan)]))
    assert math.isnan(value)


def test_a_metric_of_no_family_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        metric_text(FAMILIES, [("d", (), 1)])
