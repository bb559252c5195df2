"""The section of performance: chart, words, and what is not known."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from seatrial.web.console.performance_drawing import MOST_WINDOWS, performance_chart
from seatrial.web.console.performance_words import EN, ZH


def point(window: int, value: float | None, **more: Any) -> dict[str, Any]:
    known = value is not None
    return {
        "window": window,
        "start": 1_750_000_000 + 600 * window,
        "end": 1_750_000_600 + 600 * window,
        "estimated": value,
        "lower": value - 0.03 if known else None,
        "upper": value + 0.03 if known else None,
        "real": None,
        "real_lower": None,
        "real_upper": None,
        "level": "clear",
        "trust": "unverified",
        **more,
    }


def record(
    *points: dict[str, Any], metric: str = "accuracy", reference: float = 0.8
) -> dict[str, Any]:
    return {"metric": metric, "reference": {"value": reference}, "series": list(points)}


def drawn(found: dict[str, Any]) -> ET.Element:
    return ET.fromstring(str(performance_chart(found, label="a <b> & c")))


def of(root: ET.Element, name: str) -> list[ET.Element]:
    return [e for e in root.iter() if e.get("class") == name or e.tag == name]


def heights(root: ET.Element, name: str) -> list[float]:
    (line,) = of(root, name)
    return [float(pair.split(",")[1]) for pair in (line.get("points") or "").split()]


def test_no_window_is_no_chart() -> None:
    assert str(performance_chart(record(), label="")) == ""


def test_a_drop_goes_down_within_its_band_and_labels_are_points() -> None:
    real = {"real": 0.61, "real_lower": 0.58, "real_upper": 0.64}
    root = drawn(record(point(0, 0.8), point(1, 0.79), point(2, 0.6, **real)))
    first, second, third = heights(root, "estimate")
    assert first < second < third
    assert len(of(root, "band")) == len(of(root, "circle")) == len(of(root, "bar")) == 1
    (level,) = of(root, "level")
    assert float(level.get("y1") or 0) == pytest.approx(first, abs=0.1)
    assert root.get("aria-label") == "a <b> & c"
    assert [t.text for t in of(root, "text")][-2:] == ["06-15 15:06", "06-15 15:36"]


def test_windows_without_an_estimate_are_gaps() -> None:
    root = drawn(record(point(0, 0.8), point(1, None), point(2, 0.8)))
    assert len(of(root, "estimate")) == len(of(root, "band")) == 2


def test_a_share_stays_within_its_bounds_and_an_error_above_nothing() -> None:
    root = drawn(record(point(0, 0.99), reference=1.0))
    assert "100 %" in [t.text for t in of(root, "text")]
    assert all(
        float(n) >= 0 for n in re.findall(r'(?:y\d?)="([-\d.]+)"', ET.tostring(root).decode())
    )
    root = drawn(record(point(0, 0.0), metric="mae", reference=0.0))
    assert of(root, "estimate")


def test_a_quiet_series_looks_quiet() -> None:
    root = drawn(record(*(point(i, 0.8 + 0.001 * (i % 2)) for i in range(20))))
    found = heights(root, "estimate")
    assert max(found) - min(found) < 5


def test_only_the_newest_windows_are_drawn() -> None:
    root = drawn(record(*(point(i, 0.8) for i in range(256))))
    assert len(heights(root, "estimate")) == MOST_WINDOWS


def test_both_languages_have_the_same_words_with_the_same_gaps() -> None:
    assert set(EN) == set(ZH)
    for key, text in EN.items():
        assert sorted(re.findall(r"{\w+}", text)) == sorted(re.findall(r"{\w+}", ZH[key]))
    assert {f"trust.{t}" for t in ("unverified", "confirmed", "contradicted")} <= set(EN)


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_the_page_of_the_watch_has_a_section_for_each_version(
    language: str, world: Any, browse: Any
) -> None:
    from seatrial.web.console.words import words

    world.start("churn", 1)
    beat: dict[str, Any] = {
        **record(point(0, 0.8), point(1, 0.6)),
        "endpoint": "churn",
        "version": 1,
        "n_seen": 1_200,
        "n_labelled": 0,
        "n_waiting": 3,
        "measured": None,
        "estimated": {
            "level": "critical",
            "value": 0.6,
            "lower": 0.57,
            "upper": 0.63,
            "n": 600,
            "trust": {"trust": "contradicted", "reason": "labels show it"},
        },
    }
    beat["reference"] |= {"flatters": True, "origin": "sample"}
    world.store.beat("performance/churn/1", beat)
    beat = {**beat, "version": 2, "series": [], "reference": {"value": 0.8, "flatters": False}}
    beat["estimated"] = {**beat["estimated"], "value": None, "level": "unknown"}
    world.store.beat("performance/churn/2", beat)
    f1 = {"name": "f1", "value": 0.41, "lower": 0.38, "upper": 0.44, "reference": 0.5, "drop": 0.09}
    real = {
        "level": "warning",
        "metrics": [{**f1, "name": "accuracy"}, {**f1, "value": 0.37}, {**f1, "name": "auc"}],
    }
    of_rows = {"value": 0.8, "flatters": True, "origin": "rows"}
    beat = {**beat, "version": 3, "measured": real, "reference": of_rows, "estimates": False}
    world.store.beat("performance/churn/3", beat)
    beat = {**beat, "version": 4, "estimates": True}
    beat["estimated"] = {**beat["estimated"], "value": 0.6, "others": [f1]}
    world.store.beat("performance/churn/4", beat)
    async with browse(headers={"accept-language": language}) as http:
        page = (await http.get("/endpoints/churn/watch")).text
    w = words(language)
    assert w["trust.contradicted"] in page
    assert w["performance.flatters"].split("--")[0] in page
    assert w["performance.no_estimate"] in page
    assert ("60.0%" if language == "zh" else "60.0 %") in page
    assert page.count('<svg class="performance"') == 1
    assert w["performance.labels_only"].replace("'", "&#39;") in page
    assert w["performance.flatters.rows"].split("`")[0] in page
    assert page.count('<table class="metrics">') == 2
    assert page.count(f'<th class="num">{w["performance.from_scores"]}</th>') == 1
    for said in ("37.0", "41.0", "ROC AUC"):
        assert said in page
