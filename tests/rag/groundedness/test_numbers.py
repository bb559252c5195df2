import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.rag.groundedness.numbers import dates, numbers


def values(text):
    return [number.value for number in numbers(text)]


@pytest.mark.parametrize(
    "text",
    [
        "1,000",
        "1000",
        "one thousand",
        "1 thousand",
        "1k",
        "1000.0",
        "１０００",
        "一千",
        "1千",
        "一千个",
    ],
)
def test_one_value_however_it_is_written(text):
    assert values(text) == [1000]


@pytest.mark.parametrize(
    "text",
    ["5 %", "5%", "five percent", "5 per cent", "百分之五", "５％", "5 Prozent", "5 pour cent"],
)
def test_a_percentage_is_told_from_a_count(text):
    assert [(n.value, n.dimension) for n in numbers(text)] == [(5, "%")]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3.5万人", 35_000),
        ("两万五千", 25_000),
        ("三百", 300),
        ("二十三", 23),
        ("一百零五", 105),
        ("1.2 million", 1_200_000),
        ("3bn", 3_000_000_000),
        ("twenty-three", 23),
        ("one hundred and five", 105),
        ("two thousand and six", 2006),
        ("the 3rd of them", 3),
        ("third", 3),
        ("第三", 3),
        ("三个", 3),
        ("1.5亿", 150_000_000),
        ("百分之三点五", 3.5),
        ("1.234,5 Euro", 1234.5),
        ("1.234.567 Euro", 1_234_567),
    ],
)
def test_a_number_is_read(text, value):
    assert values(text) == [pytest.approx(value)]


def test_units_of_one_dimension_are_one_scale():
    (kilometres,), (metres,) = numbers("5 km"), numbers("5,000 metres")
    assert kilometres[:2] == metres[:2] == (5000, "length")
    assert numbers("5 公里")[0][:2] == (5000, "length")
    assert numbers("2 hours")[0][:2] == numbers("120 minutes")[0][:2]


@pytest.mark.parametrize(
    "text",
    ["one of them", "first of all", "一些", "万一", "十分重要", "四川", "a second chance", "B2B"],
)
def test_what_counts_nothing_is_no_number(text):
    assert numbers(text) == []


def test_and_joins_numbers_only_where_it_does_in_speech():
    assert values("five and six") == [5, 6]


def test_a_rough_number_says_so():
    assert [n.rough for n in numbers("about 950 ships and 40 boats, 约300人")] == [
        True,
        False,
        True,
    ]


def test_the_short_end_of_a_range_of_years_is_a_year():
    assert values("1939–45") == [1939, 1945]


@pytest.mark.parametrize(
    "text",
    [
        "1 March 2017",
        "March 1st, 2017",
        "the 1st of March 2017",
        "Mar. 1, 2017",
        "2017-03-01",
        "2017/3/1",
        "3/1/2017",
        "2017年3月1日",
        "二〇一七年三月一日",
        "发售于2017-03-01。",
        "am 1. März 2017",
        "am 1.3.2017",
        "le 1er mars 2017",
        "el 1 de marzo de 2017",
        "il 1º marzo 2017",
    ],
)
def test_one_date_however_it_is_written(text):
    assert [date[:3] for date in dates(text)] == [(2017, 3, 1)]
    assert numbers(text) == []


def test_a_planet_is_no_month():
    assert dates("Mars 2020 landed; mai and août alone say nothing.") == []


def test_a_date_is_read_as_far_as_it_is_told():
    assert [d[:3] for d in dates("May 2004, 5 June, 1998年, 7月4日")] == [
        (2004, 5, None),
        (None, 6, 5),
        (1998, None, None),
        (None, 7, 4),
    ]


@given(st.integers(0, 10**12))
def test_any_integer_is_read_back(n):
    assert values(f"{n}") == values(f"{n:,}") == [n]


@given(st.text(max_size=200))
def test_spans_lie_in_the_text_in_order(text):
    for found in (numbers(text), dates(text)):
        ends = [0]
        for one in found:
            assert ends[-1] <= one.start < one.end <= len(text)
            ends.append(one.end)


@pytest.mark.parametrize(
    "unit",
    ["1 ", "一", "一千", "1,000,", "twenty ", "May ", "2017 ", "百分之", "9", "about ", "1/", "-1"],
)
def test_a_long_text_takes_no_longer_than_its_length(unit, cpu_seconds):
    text = unit * (100_000 // len(unit))
    with cpu_seconds(at_most=3):
        numbers(text)
