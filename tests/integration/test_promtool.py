"""The generated rules and queries, judged by Prometheus' own tool."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from seatrial.monitoring.service.config import ServiceConfig, ThroughputConfig
from seatrial.packaging.grafana import dashboard
from seatrial.packaging.prometheus_rule import RuleTiming
from seatrial.packaging.prometheus_rules import rule_file

pytestmark = pytest.mark.integration

CONFIG = ServiceConfig(throughput=ThroughputConfig(critical=0.2), p50_ms=None)
EDGES = ("0.05", "0.1", "0.2", "0.5", "+Inf")


def promtool(*arguments: object) -> subprocess.CompletedProcess[str]:
    program = shutil.which("promtool")
    assert program, "install Debian's package prometheus"
    return subprocess.run(
        [program, *map(str, arguments)], capture_output=True, text=True, check=False
    )


def accepted(folder: Path, groups: list[dict[str, Any]]) -> str:
    """Have rules checked; returns what promtool said against them."""
    file = folder / "checked.yml"
    file.write_text(yaml.safe_dump({"groups": groups}))
    done = promtool("check", "rules", file)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def write(file: Path, *, config: ServiceConfig = CONFIG, every_s: float = 30.0) -> None:
    file.write_text(rule_file(config, timing=RuleTiming(every_s=every_s)))


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    file = tmp_path / "rules.yml"
    write(file)
    return file


def test_the_rules_are_accepted(rules: Path) -> None:
    done = promtool("check", "rules", rules)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"SUCCESS: \d+ rules found", done.stdout)


def test_every_query_of_the_dashboard_is_accepted(tmp_path: Path) -> None:
    document = json.loads(dashboard(CONFIG))
    queries = [target["expr"] for panel in document["panels"] for target in panel["targets"]]
    wrapped = [{"record": f"panel:{i}", "expr": query} for i, query in enumerate(queries)]
    assert len(wrapped) > 15
    assert accepted(tmp_path, [{"name": "panels", "rules": wrapped}]) == ""


def test_a_query_that_is_none_would_be_found(tmp_path: Path) -> None:
    wrapped = [{"record": "panel:0", "expr": "sum by (model (up)"}]
    assert "parse error" in accepted(tmp_path, [{"name": "panels", "rules": wrapped}])


def requests(model: str = "m", **per_minute: str) -> list[dict[str, str]]:
    """Counters of requests by outcome, in promtool's notation, one step a minute."""
    labels = f'model="{model}",version="1",worker="w"'
    counters = {"ok": "0x10", "error": "0x10", "rejected": "0x10", "shed": "0x10"} | per_minute
    return [
        {"series": f'seatrial_requests_total{{{labels},outcome="{outcome}"}}', "values": values}
        for outcome, values in counters.items()
    ]


def latencies(**up_to: str) -> list[dict[str, str]]:
    labels = 'model="m",version="1",worker="w"'
    return [
        {
            "series": f'seatrial_latency_seconds_bucket{{{labels},le="{edge}"}}',
            "values": up_to[f"e{EDGES.index(edge)}"],
        }
        for edge in EDGES
    ]


def gauge(name: str, values: str, **labels: str) -> dict[str, str]:
    text = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return {"series": f"{name}{{{text}}}", "values": values}


def firing(
    rules: Path,
    series: list[dict[str, str]],
    *,
    at: str,
    expected: dict[str, int],
    every: str = "30s",
    scraped: bool = True,
) -> None:
    """Have promtool find that just these alerts fire, each for so many series."""
    up = gauge("seatrial_store_up", "1x12000", job="j", instance="i", worker="w")
    test = {
        "rule_files": [str(rules)],
        "evaluation_interval": every,
        "tests": [
            {
                "interval": "1m",
                "input_series": [up, *series] if scraped else series,
                "promql_expr_test": [
                    {
                        "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                        "eval_time": at,
                        "exp_samples": [
                            {"labels": f'{{alertname="{name}"}}', "value": n}
                            for name, n in sorted(expected.items())
                        ],
                    }
                ],
            }
        ],
    }
    file = rules.parent / "test.yml"
    file.write_text(yaml.safe_dump(test))
    done = promtool("test", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_healthy_service_fires_nothing(rules: Path) -> None:
    series = requests(ok="0+600x180", error="0+0x180")
    series += latencies(
        e0="0+590x180", e1="0+600x180", e2="0+600x180", e3="0+600x180", e4="0+600x180"
    )
    firing(rules, series, at="2h", expected={})


def test_two_percent_of_errors_burn_the_budget_within_minutes(rules: Path) -> None:
    series = requests(ok="0+588x60", error="0+12x60")
    firing(
        rules,
        series,
        at="15m",
        expected={
            "SeatrialErrorBudgetBurn1h": 1,
            "SeatrialErrorBudgetBurn6h": 1,
            "SeatrialErrorBudgetBurn3d": 1,
            "SeatrialErrorRateCritical": 1,
            "SeatrialErrorRateWarning": 1,
        },
    )


def test_errors_that_ended_stop_burning_while_the_long_window_still_holds_them(rules: Path) -> None:
    series = requests(ok="0+588x30 17640+600x30", error="0+12x30 360+0x30")
    firing(
        rules,
        series,
        at="45m",
        expected={"SeatrialErrorBudgetBurn6h": 1, "SeatrialErrorBudgetBurn3d": 1},
    )


def test_one_error_in_a_quiet_hour_fires_nothing(rules: Path) -> None:
    series = requests(ok="0+1x60", error="0x30 1x30")
    firing(rules, series, at="35m", expected={})


def test_a_creeping_loss_is_a_warning_for_the_week(rules: Path) -> None:
    series = requests(ok="0+1196x600", error="0+4x600")  # 0.33 %, three times the budget
    write(rules, every_s=300)
    firing(
        rules,
        series,
        at="9h",
        every="5m",
        expected={"SeatrialErrorBudgetBurn3d": 1, "SeatrialErrorRateWarning": 1},
    )


def test_slow_answers_fire_by_their_p95(rules: Path) -> None:
    counts = latencies(e0="0+100x60", e1="0+500x60", e2="0+590x60", e3="0+600x60", e4="0+600x60")
    series = counts + requests(ok="0+600x60")
    firing(rules, series, at="15m", expected={"SeatrialLatencyP95Warning": 1})


def test_a_few_slow_answers_are_not_a_p95(rules: Path) -> None:
    counts = latencies(e0="0+2x60", e1="0+2x60", e2="0+2x60", e3="0+4x60", e4="0+4x60")
    firing(rules, counts + requests(ok="0+4x60"), at="15m", expected={})


def test_half_the_traffic_is_a_warning_and_none_is_critical(rules: Path) -> None:
    half = requests(ok="0+600x60 36000+300x20")
    firing(rules, half, at="72m", expected={"SeatrialThroughputWarning": 1})
    none = requests(ok="0+600x60 36000+0x20")
    both = {"SeatrialThroughputWarning": 1, "SeatrialThroughputCritical": 1}
    firing(rules, none, at="72m", expected=both)


def paced(*parts: tuple[int, int]) -> str:
    """A counter that grows by so many a minute for so many minutes, part after part."""
    texts, total = [], 0
    for per_minute, minutes in parts:
        texts.append(f"{total}+{per_minute}x{minutes - 1}")
        total += per_minute * minutes
    return " ".join(texts)


@pytest.mark.parametrize(("shift", "fires"), [(0, False), (-300, True)])
def test_the_same_time_a_week_ago_is_what_is_usual(rules: Path, shift: int, *, fires: bool) -> None:
    noon, week = 12 * 60, 7 * 24 * 60
    series = requests(
        ok=paced((600, noon), (300, 180), (600, week - 180 + shift), (300, 180)),
    )
    write(rules, config=ServiceConfig(error_budget=None), every_s=300)  # three days take long
    expected = {"SeatrialThroughputWarning": 1} if fires else {}
    firing(rules, series, at=f"{noon + week + shift + 40}m", every="5m", expected=expected)


def test_refused_requests_and_a_full_queue_fire(rules: Path) -> None:
    labels = {"model": "m", "version": "1", "worker": "w"}
    series = [
        *requests(ok="0+500x60", shed="0+100x60"),
        gauge("seatrial_queue_requests", "900x60", **labels),
        gauge("seatrial_queue_limit_requests", "1024x60", **labels),
    ]
    expected = {
        f"Seatrial{what}{how}": 1 for what in ("Shed", "Queue") for how in ("Warning", "Critical")
    }
    firing(rules, series, at="15m", expected=expected)


def test_processors_and_memory_count_per_server(rules: Path) -> None:
    series = []
    for worker in ("w0", "w1"):
        labels = {"job": "j", "instance": "i", "worker": worker}
        series += [
            gauge("seatrial_cpu_seconds_total", "0+54x60", **labels),  # 0.9 of one processor
            gauge("seatrial_cpus", "2x60", **labels),
            gauge("seatrial_memory_bytes", "430x60", **labels),
            gauge("seatrial_memory_limit_bytes", "1000x60", **labels),
        ]
    expected = {"SeatrialCpuWarning": 1, "SeatrialMemoryWarning": 1}
    firing(rules, series, at="15m", expected=expected)


def test_memory_that_leaks_is_told_before_it_is_gone(rules: Path) -> None:
    labels = {"job": "j", "instance": "i", "worker": "w"}
    series = [
        gauge("seatrial_memory_bytes", "300+4x200", **labels),
        gauge("seatrial_memory_limit_bytes", "1000x200", **labels),
    ]
    firing(rules, series, at="115m", expected={"SeatrialMemoryAhead": 1})


def test_nothing_at_all_is_critical(rules: Path) -> None:
    firing(rules, [], at="10m", expected={"SeatrialAbsent": 1}, scraped=False)


def test_a_store_that_is_down_and_a_model_that_is_not_there_fire(rules: Path) -> None:
    series = [
        gauge("seatrial_store_up", "0x60", job="j", instance="other", worker="w"),
        gauge("seatrial_version_loaded", "0x60", model="m", version="1", worker="w"),
        gauge("seatrial_version_loaded", "1x60", model="n", version="1", worker="w"),
        gauge("seatrial_version_loaded", "0x60", model="n", version="2", worker="w"),
    ]
    expected = {"SeatrialStoreDown": 1, "SeatrialNothingLoaded": 1}
    firing(rules, series, at="10m", expected=expected)


def test_an_engine_that_keeps_dying_fires(rules: Path) -> None:
    labels = {"model": "m", "version": "1", "worker": "w"}
    series = [gauge("seatrial_engine_restarts_total", "0x5 1 2 3 4 5 5x60", **labels)]
    firing(rules, series, at="12m", expected={"SeatrialEngineRestarts": 1})


def test_a_watch_that_stopped_fires(rules: Path) -> None:
    series = [gauge("seatrial_watch_timestamp_seconds", "0+60x10 600x60", endpoint="m")]
    firing(rules, series, at="20m", expected={})
    firing(rules, series, at="40m", expected={"SeatrialWatchStopped": 1})


def test_drift_fires_when_it_is_proven_and_large(rules: Path) -> None:
    series = []
    for feature, psi, alarm in (("a", 0.25, 1), ("b", 0.25, 0), ("c", 0.15, 1), ("d", 0.05, 1)):
        labels = {"endpoint": "m", "version": "1", "feature": feature}
        series += [
            gauge("seatrial_drift_psi", f"{psi}x60", **labels),
            gauge("seatrial_drift_alarm", f"{alarm}x60", **labels),
        ]
    firing(
        rules, series, at="10m", expected={"SeatrialDriftWarning": 2, "SeatrialDriftCritical": 1}
    )


@pytest.mark.parametrize(("trusted", "fires"), [(1, True), (0, False), (None, True)])
def test_an_estimate_fires_unless_labels_contradict_it(
    rules: Path, trusted: int | None, *, fires: bool
) -> None:
    labels = {"endpoint": "m", "version": "1"}
    series = [
        gauge("seatrial_reference_accuracy", "0.9x60", **labels),
        gauge("seatrial_estimated_accuracy", "0.86x60", **labels),
        gauge("seatrial_estimated_accuracy_upper", "0.89x60", **labels),
    ]
    if trusted is not None:
        series.append(gauge("seatrial_estimate_trusted", f"{trusted}x60", **labels))
    expected = {"SeatrialEstimatedAccuracyWarning": 1} if fires else {}
    firing(rules, series, at="10m", expected=expected)


def test_a_real_drop_fires_when_its_interval_shows_it(rules: Path) -> None:
    series = []
    for endpoint, upper in (("m", 0.85), ("n", 0.95)):
        labels = {"endpoint": endpoint, "version": "1"}
        series += [
            gauge("seatrial_reference_accuracy", "0.9x60", **labels),
            gauge("seatrial_real_accuracy", "0.8x60", **labels),
            gauge("seatrial_real_accuracy_upper", f"{upper}x60", **labels),
        ]
    expected = {"SeatrialRealAccuracyWarning": 1, "SeatrialRealAccuracyCritical": 1}
    firing(rules, series, at="10m", expected=expected)


def test_an_alert_says_in_words_what_is_wrong(rules: Path) -> None:
    alert = next(
        rule
        for group in yaml.safe_load(rules.read_text())["groups"]
        for rule in group["rules"]
        if rule.get("alert") == "SeatrialErrorBudgetBurn1h"
    )
    test = {
        "rule_files": [str(rules)],
        "evaluation_interval": "30s",
        "tests": [
            {
                "interval": "1m",
                "input_series": requests(ok="0+98x60", error="0+2x60"),
                "alert_rule_test": [
                    {
                        "eval_time": "30m",
                        "alertname": "SeatrialErrorBudgetBurn1h",
                        "exp_alerts": [
                            {
                                "exp_labels": {
                                    "model": "m",
                                    "severity": "critical",
                                    "area": "errors",
                                },
                                "exp_annotations": {
                                    "summary": "m spends its error budget too fast: 2% errors",
                                    "description": alert["annotations"]["description"],
                                },
                            }
                        ],
                    }
                ],
            }
        ],
    }
    file = rules.parent / "test.yml"
    file.write_text(yaml.safe_dump(test))
    done = promtool("test", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr
