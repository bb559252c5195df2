"""The chart of rankings over time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from parsed_page import ParsedPage

from seatrial.rag.knowledge.desk import KeptEvaluation, KeptMean
from seatrial.web.console.knowledge_drawing import ranking_chart

NAMES = {"version": "<b>version", "ndcg": "nDCG@10", "recall": "recall@10"}


def evaluated(version: int, **means: float) -> KeptEvaluation:
    return KeptEvaluation(
        at=datetime(2026, 11, 1, tzinfo=UTC) + timedelta(days=version),
        version=version,
        k=10,
        metrics={
            name: KeptMean(mean=mean, interval=(None, None), n=3) for name, mean in means.items()
        },
    )


def chart(*evaluations: KeptEvaluation) -> str:
    return str(ranking_chart(evaluations, label="<i>", names=NAMES))


def test_better_is_higher_and_newer_is_to_the_right() -> None:
    drawn = chart(evaluated(1, ndcg=0.2, recall=0.4), evaluated(2, ndcg=0.9))
    points = [
        (attributes["class"], float(str(attributes["cx"])[:-1]), float(str(attributes["cy"])))
        for tag, attributes in ParsedPage(drawn).tags
        if tag == "circle"
    ]
    assert [name for name, _, _ in points] == ["ndcg", "ndcg", "recall"]
    (_, x1, y1), (_, x2, y2), (_, _, other) = points
    assert x1 < x2
    assert y2 < other < y1
    assert drawn.count('<line class="ndcg"') == 1
    assert '<line class="recall"' not in drawn
    assert "2026-11-02 00:00 · &lt;b&gt;version 1 · nDCG@10 0.200" in drawn
    assert re.findall(r">v(\d)<", drawn) == ["1", "2"]
    assert not ParsedPage(drawn).names() & {"b", "i"}


def test_what_is_no_ranking_is_not_drawn() -> None:
    assert chart(evaluated(1, f1=0.3)) == ""
    assert chart(evaluated(1, f1=0.3), evaluated(2, ndcg=0.5)).count("<circle") == 1


@given(st.lists(st.tuples(st.integers(1, 99), st.floats(0, 1)), min_size=1, max_size=120))
def test_everything_lies_within_the_picture(found: list[tuple[int, float]]) -> None:
    parsed = ParsedPage(chart(*(evaluated(v, ndcg=m, recall=1 - m) for v, m in found)))
    height = float(str(dict(parsed.tags[0][1])["height"]))
    circles = [dict(attributes) for tag, attributes in parsed.tags if tag == "circle"]
    assert len(circles) == 2 * min(len(found), 40)
    assert all(0 <= float(str(one["cx"])[:-1]) <= 100 for one in circles)
    assert all(0 <= float(str(one["cy"])) <= height for one in circles)
    assert len([1 for tag, _ in parsed.tags if tag == "text"]) <= 3 + 8
