from prometheus_client.parser import text_string_to_metric_families

from seatrial.monitoring.service.exposition import (
    FAMILIES,
    DriftGauges,
    MetricGauges,
    Watched,
    exposition,
)
from seatrial.monitoring.service.finding import Level, ServiceFinding
from seatrial.stats.counts import Interval
from seatrial.stats.trend import Crossing

FULL = Watched(
    endpoint="churn",
    version=3,
    features={"age": DriftGauges(psi=0.21, ks=0.3, auc=0.7, alarm=True, missing_share=0.1)},
    outputs={"label": DriftGauges(psi=0.05, ks=0.1, auc=0.5, alarm=False)},
    estimated=MetricGauges(value=0.8, lower=0.78, upper=0.82),
    estimate_trusted=True,
    real=MetricGauges(value=0.79, lower=0.75, upper=0.83),
    reference_accuracy=0.85,
    estimates={"f1": MetricGauges(value=0.7, lower=0.6, upper=0.8)},
    reals={"f1": MetricGauges(value=0.71, lower=0.61, upper=0.81)},
    references={"f1": 0.75},
    findings=[
        ServiceFinding(
            signal="error_budget",
            level=Level.CRITICAL,
            code="x",
            reason="y",
            labels={"window": "1 h", "endpoint": "churn"},
            crossing=Crossing(in_s=600, interval=Interval(lower=1, upper=2)),
        )
    ],
    alerts_firing={"critical": 1},
    alerts_pending={"warning": 2},
    left_out={"late": 3},
    looked_at_s=1.5e9,
)


def samples(*watched: Watched) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(exposition(watched))
        for sample in family.samples
    }


def test_everything_known_is_told_and_every_family_is_in_use() -> None:
    told = samples(FULL)
    assert {name for name, _ in told} == set(FAMILIES)
    version = (("endpoint", "churn"), ("version", "3"))
    assert told["seatrial_estimated_accuracy", version] == 0.8
    f1 = (("endpoint", "churn"), ("metric", "f1"), ("version", "3"))
    assert told["seatrial_estimated_performance", f1] == 0.7
    assert told["seatrial_real_performance_lower", f1] == 0.61
    assert told["seatrial_reference_performance", f1] == 0.75
    age = (("endpoint", "churn"), ("feature", "age"), ("version", "3"))
    assert told["seatrial_drift_psi", age] == 0.21
    assert told["seatrial_drift_alarm", age] == 1


def test_what_is_not_known_is_not_told() -> None:
    assert samples(Watched(endpoint="churn")) == {}
    assert samples(Watched(endpoint="churn", features={"age": DriftGauges()})) == {}
    assert samples() == {}


def test_nothing_known_still_says_what_there_would_be() -> None:
    text = exposition([])
    assert [line.split()[2] for line in text.splitlines() if "TYPE" in line] == list(FAMILIES)


def test_a_label_is_not_repeated() -> None:
    (labels,) = (held for name, held in samples(FULL) if name == "seatrial_service_level")
    assert dict(labels) == {
        "endpoint": "churn",
        "version": "3",
        "signal": "error_budget",
        "window": "1 h",
    }


def test_a_finding_of_another_endpoint_or_version_is_not_told_here() -> None:
    found = [
        ServiceFinding(
            signal="queue",
            level=Level.OK,
            code="x",
            reason="y",
            labels={"endpoint": endpoint, "version": version, "server": "s"},
        )
        for endpoint, version in (("churn", "3"), ("churn", "2"), ("fraud", "3"))
    ]
    assert len(samples(Watched(endpoint="churn", version=3, findings=found))) == 1
    whole = samples(Watched(endpoint="churn", findings=found))
    assert sorted(dict(labels)["version"] for _, labels in whole) == ["2", "3"]


def test_levels_are_numbers_in_the_order_of_their_weight() -> None:
    found = [
        ServiceFinding(signal=f"s{i}", level=level, code="", reason="")
        for i, level in enumerate(Level)
    ]
    told = samples(Watched(endpoint="churn", findings=found))
    assert list(told.values()) == [0, 1, 2, 3]
