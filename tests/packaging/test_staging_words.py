"""The words of a staging report."""

from __future__ import annotations

import pytest

from seatrial.packaging.staging_words import LANGUAGES, figures, name_of_test, seen, took, words


def test_every_language_has_the_same_words() -> None:
    assert len({frozenset(words(language)) for language in LANGUAGES}) == 1


@pytest.mark.parametrize(
    ("seconds", "english", "chinese"),
    [(0.00063, "0.63 ms", "0.63 ms"), (0.021, "21 ms", "21 ms"), (5.04, "5.0 s", "5.0 秒")],
)
def test_times_have_the_unit_that_fits(seconds: float, english: str, chinese: str) -> None:
    assert took(seconds, "en") == english
    assert took(seconds, "zh") == chinese


def test_figures_come_in_the_order_of_reading_and_unknown_ones_last() -> None:
    shown = figures({"x": 1.5, "rss_bytes": 9e7, "n": 1000.0, "cold_start_s": 2.0}, "zh")
    assert shown == [
        ("从进程启动到就绪", "2.0 秒"),
        ("负载中的请求数", "1,000"),
        ("负载结束后的内存", "90 MB"),
        ("x", "1.5"),
    ]


def test_what_is_not_known_stays_as_it_was_said() -> None:
    assert name_of_test("new test", "zh") == "new test"
    assert seen("the outputs are ['a']", "zh") == "the outputs are ['a']"
    assert seen("6 addresses answer 200", "en") == "6 addresses answer 200"


def test_one_input_is_no_plural() -> None:
    assert seen("1 input and 2 outputs as in the signature", "zh").startswith("1 个输入")
