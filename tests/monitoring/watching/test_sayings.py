"""What the watch writes in English is said in Chinese."""

from __future__ import annotations

import re

import numpy as np
import pytest

from seatrial.monitoring.drift.compare import compare
from seatrial.monitoring.drift.quality import check_quality
from seatrial.monitoring.rows.table import Coded, Table
from seatrial.monitoring.summaries.counting import Summariser
from seatrial.monitoring.summaries.profiling import profile_of
from seatrial.monitoring.watching import sayings
from seatrial.monitoring.watching.sayings import said_as

RNG = np.random.default_rng(0)


def table(n: int, *, shift: float = 0.0, missing: float = 0.0, new: bool = False) -> Table:
    numbers = RNG.normal(shift, 1, n)
    numbers[RNG.random(n) < missing] = np.nan
    names = ("red", "blue", "green") if new else ("red", "blue")
    colour = Coded(RNG.integers(0, len(names), n).astype(np.int32), names)
    return Table(columns={"size": numbers, "colour": colour}, n=n)


PROFILE = profile_of(table(5_000))
WINDOWS = {
    "alike": table(500),
    "moved": table(500, shift=1),
    "far away": table(500, shift=200),
    "moved a little": table(20_000, shift=0.15),
    "missing": table(500, missing=0.4),
    "all missing": table(50, missing=1.1),
    "new": table(500, new=True),
    "few": table(8),
    "empty": table(0),
    "stuck": Table(columns={"size": np.full(50, 1.5)}, n=50),
    "infinite": Table(columns={"size": np.full(50, np.inf)}, n=50),
    "strange": Table(columns={"other": np.zeros(50)}, n=50),
}


def english(text: str) -> list[str]:
    """English words in a text that are no names of columns and values."""
    known = {"size", "colour", "other", "red", "blue", "green", "PSI", "p", "join"}
    return [word for word in re.findall(r"[A-Za-z]+", text) if word not in known]


@pytest.mark.parametrize("name", WINDOWS)
def test_every_sentence_about_a_window_has_a_chinese_form(name: str) -> None:
    window = Summariser(PROFILE).summarise(WINDOWS[name])
    drift = compare(PROFILE, window)
    said = [column.reason for column in drift.features]
    for found in check_quality(PROFILE, window):
        said += [found.value, found.expected, found.remedy]
    assert said
    for text in said:
        assert english(said_as(text, "zh")) == [], text
        assert said_as(text, "en") == text.replace("+-", "±")


@pytest.mark.parametrize(
    ("text", "chinese"),
    [
        ("PSI 0.31 +- 0.02 (critical from 0.2).", "PSI 0.31 ± 0.02（0.2 起为严重）。"),
        (
            "moved, but by little: PSI 0.02 +- 0.01.",
            "有变化，但幅度很小：PSI 0.02 ± 0.01。",
        ),
        ("32.4% missing instead of 0.0%.", "缺失 32.4%，参考为 0.0%。"),
        ("the latest row is 5 hours old", "最新一行是 5 小时前的"),
        (
            "silenced by ann until 2026-03-01 10:00 UTC: load test",
            "ann 设置了静默，到 2026-03-01 10:00 UTC 为止：load test",
        ),
        (
            "the PSI was over 0.2 in 2 of the last 3 windows",
            "最近 3 个窗口中有 2 个的 PSI 超过 0.2",
        ),
        ("names in 5 rows", "5 行是类别"),
        ("numbers", "数值"),
        ("", ""),
    ],
)
def test_sentences(text: str, chinese: str) -> None:
    assert said_as(text, "zh") == chinese


def test_no_form_asks_for_more_than_it_reads() -> None:
    for pattern, said in sayings._FORMS:
        form = re.compile(pattern)
        asked = {int(number) for number in re.findall(r"\\(\d)", said)}
        assert asked == set(range(1, form.groups + 1)), form.pattern


@pytest.mark.parametrize(
    "text", ["because I say so", "; ", ".", r"\1 \g<0>", "always \\1", "a; b. (", "\x00"]
)
def test_what_has_no_form_is_left_as_it_is(text: str) -> None:
    assert said_as(text, "zh") in (text, text.replace("always ", "恒为 "))
