import json
import re
from typing import Any

import pytest

from seatrial.monitoring.service.config import Levels, ServiceConfig
from seatrial.monitoring.service.exposition import FAMILIES
from seatrial.packaging.grafana import Language, dashboard
from seatrial.packaging.grafana_words import CHINESE, ENGLISH
from seatrial.packaging.prometheus_service_rules import USUAL
from seatrial.serving.metrics import WorkerCounts, exposition

CONFIG = ServiceConfig()


def made(language: Language = Language.ENGLISH, config: ServiceConfig = CONFIG) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(dashboard(config, language=language))
    return document


def queries(document: dict[str, Any]) -> list[str]:
    return [target["expr"] for panel in document["panels"] for target in panel["targets"]]


def test_a_panel_has_what_grafana_needs_to_draw_it() -> None:
    panels = made()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) > 10
    for panel in panels:
        assert panel["type"] in ("timeseries", "stat", "bargauge")
        assert panel["title"]
        assert panel["description"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert [t["refId"] for t in panel["targets"]] == sorted(
            {t["refId"] for t in panel["targets"]}
        )
        steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
        assert steps[0]["value"] is None
        assert [s["value"] for s in steps[1:]] == sorted(s["value"] for s in steps[1:])


def test_no_panel_lies_over_another_or_beyond_the_edge() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in made()["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & taken
        taken |= cells


def test_every_variable_a_query_uses_is_there() -> None:
    document = made()
    held = {variable["name"] for variable in document["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", " ".join(queries(document))))
    assert used <= held
    assert {"datasource", "endpoint", "version"} <= held


def test_every_metric_asked_for_is_one_that_is_told() -> None:
    text = exposition({"w": WorkerCounts(versions=[], store_up=True)})
    told = set(re.findall(r"# TYPE (\S+)", text)) | set(FAMILIES) | {USUAL}
    told.add("seatrial_latency_seconds_bucket")
    asked = set(re.findall(r"seatrial[_:][a-z0-9_:]+", " ".join(queries(made()))))
    assert asked <= told
    assert {"seatrial_drift_psi", "seatrial_real_accuracy", "seatrial_alerts_firing"} <= asked


def test_every_label_of_a_legend_is_one_its_query_keeps() -> None:
    for panel in made()["panels"]:
        for target in panel["targets"]:
            kept = re.search(r"\bby \(([^)]*)\)", target["expr"])
            named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            if kept:
                assert named <= set(kept[1].split(", "))


def test_levels_are_drawn_as_lines() -> None:
    document = made(config=ServiceConfig(p95_ms=Levels(warning=20, critical=50)))
    (latency,) = (p for p in document["panels"] if p["title"] == "Latency")
    defaults = latency["fieldConfig"]["defaults"]
    assert [s["value"] for s in defaults["thresholds"]["steps"]] == [None, 0.02, 0.05]
    assert defaults["custom"]["thresholdsStyle"] == {"mode": "dashed"}


def test_both_languages_say_the_same_things() -> None:
    assert ENGLISH.keys() == CHINESE.keys()
    english, chinese = made(), made(Language.CHINESE)
    assert queries(english) == queries(chinese)
    for one, other in zip(english["panels"], chinese["panels"], strict=True):
        assert one["title"] != other["title"]
        assert re.search(r"[\u4e00-\u9fff]", other["title"] + other["description"])


@pytest.mark.parametrize("language", Language)
def test_no_words_are_left_over(language: Language) -> None:
    words = CHINESE if language is Language.CHINESE else ENGLISH
    text = dashboard(CONFIG, language=language)
    assert [key for key, (title, _) in words.items() if title not in text] == []
