"""Rules over what is there at all, and over what `monitoring/service/exposition.py` shows."""

from __future__ import annotations

from collections.abc import Iterator

from seatrial.packaging.prometheus_rule import Rule, RuleTiming, alert
from seatrial.packaging.promql import span


def presence_rules(timing: RuleTiming) -> Iterator[Rule]:
    """Servers, versions, store, engines and the watch itself: gone, or going again and again."""
    yield alert(
        "SeatrialAbsent",
        "absent(seatrial_store_up)",
        severity="critical",
        held_s=timing.absent_s,
        area="presence",
        summary="No seatrial server tells its metrics",
        description="Nothing was scraped: no server runs, or Prometheus does not reach it.",
    )
    yield alert(
        "SeatrialNothingLoaded",
        "sum by (model) (seatrial_version_loaded) == 0",
        severity="critical",
        held_s=timing.for_s,
        area="presence",
        summary="No version of {{ $labels.model }} is loaded",
        description="Requests to it are refused. See /readyz of the server.",
    )
    yield alert(
        "SeatrialStoreDown",
        "min by (job, instance) (seatrial_store_up) == 0",
        severity="warning",
        held_s=timing.for_s,
        area="presence",
        summary="The store of {{ $labels.instance }} does not answer",
        description="Versions are served as before; releases and measurements wait.",
    )
    yield alert(
        "SeatrialEngineRestarts",
        f"sum by (model, version) (increase(seatrial_engine_restarts_total[{span(900)}])) > 2",
        severity="warning",
        held_s=0,
        area="presence",
        summary="The engine of {{ $labels.model }} version {{ $labels.version }} died "
        "{{ $value | humanize }} times",
        description="It was started again more than twice in 15 minutes. See the worker's log.",
    )
    yield from stopped_rules(timing)


def stopped_rules(timing: RuleTiming) -> Iterator[Rule]:
    """The watch itself."""
    yield alert(
        "SeatrialWatchStopped",
        f"time() - max by (endpoint) (seatrial_watch_timestamp_seconds) > {timing.watch_s:g}",
        severity="warning",
        held_s=timing.for_s,
        area="presence",
        summary="Nobody watched {{ $labels.endpoint }} for {{ $value | humanizeDuration }}",
        description=f"It last looked over {span(timing.watch_s)} ago. See whether it runs.",
    )


def drift_rules(timing: RuleTiming) -> Iterator[Rule]:
    """Features and outputs whose drift is proven and large enough to matter."""
    for kind, label in (("drift", "feature"), ("prediction_drift", "output")):
        for severity, level in (("warning", 0.1), ("critical", 0.2)):
            both = f"seatrial_{kind}_psi > {level:g} and seatrial_{kind}_alarm == 1"
            yield alert(
                f"Seatrial{kind.title().replace('_', '')}{severity.title()}",
                both,
                severity=severity,
                held_s=timing.for_s,
                area="drift",
                summary=f"{label} {{{{ $labels.{label} }}}} of {{{{ $labels.endpoint }}}} drifts: "
                "PSI {{ $value | humanize }}",
                description="The alarm that controls false alarms is on, and the effect is over "
                f"{level:g}.",
            )


def performance_rules(timing: RuleTiming) -> Iterator[Rule]:
    """Accuracy, estimated and real, against the reference; and the alerts of the watch."""
    for kind, trusted in (("estimated", " unless seatrial_estimate_trusted == 0"), ("real", "")):
        name = f"seatrial_{kind}_accuracy"
        for severity, level in (("warning", 0.02), ("critical", 0.05)):
            drop = f"seatrial_reference_accuracy - {name} > {level:g}"
            shown = f"seatrial_reference_accuracy > {name}_upper"
            yield alert(
                f"Seatrial{kind.title()}Accuracy{severity.title()}",
                f"{drop} and {shown}{trusted}",
                severity=severity,
                held_s=timing.for_s,
                area="performance",
                summary=f"The {kind} accuracy of {{{{ $labels.endpoint }}}} is down by "
                "{{ $value | humanizePercentage }}",
                description=f"More than {100 * level:g} points below the reference, and its "
                "interval does not reach the reference.",
            )
    yield alert(
        "SeatrialAlertsFiring",
        'sum by (endpoint, severity) (seatrial_alerts_firing{severity="critical"}) > 0',
        severity="critical",
        held_s=0,
        area="watch",
        summary="{{ $value }} critical alerts of {{ $labels.endpoint }} fire",
        description="The watch found what these rules cannot see. The console says what.",
    )
