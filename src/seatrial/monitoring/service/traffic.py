"""Is there less traffic than usual? Throughput against its own baseline as a finding."""

from __future__ import annotations

from seatrial.kernel.duration import show_duration
from seatrial.monitoring.service.baseline import (
    BaselineKind,
    Throughput,
    ThroughputCode,
    Traffic,
    baseline,
    throughput,
)
from seatrial.monitoring.service.config import ThroughputConfig
from seatrial.monitoring.service.finding import Level, ServiceFinding


def judge_traffic(config: ThroughputConfig, traffic: Traffic, *, alpha: float) -> ServiceFinding:
    """Whether the newest span has fewer requests than is usual at its time.

    Args:
        config: the shares of the baseline that are too low.
        traffic: what was seen, the span in question last.
        alpha: in (0, 1), chance that Poisson traffic just at the level has so few requests.

    Returns: INCONCLUSIVE without enough history.
    """
    if not len(traffic.counts):
        return ServiceFinding(
            signal="throughput",
            level=Level.INCONCLUSIVE,
            code="service.no_requests",
            reason="throughput: no request was ever seen",
            unit="per_s",
        )
    width, n = traffic.width_s, int(traffic.counts[-1])
    usual = baseline(
        traffic, at_s=float(traffic.starts_s[-1]), recent_s=config.recent, low_share=config.warning
    )
    shares = [config.warning] if config.critical is None else [config.warning, config.critical]
    found = [throughput(n, width_s=width, usual=usual, least_share=s, alpha=alpha) for s in shares]
    low = [f.code is ThroughputCode.LOW for f in found]
    level = _LEVELS[found[0].code]
    if low[-1] and len(low) > 1:
        level = Level.CRITICAL
    limit = shares[-1] if level is Level.CRITICAL else shares[0]
    return ServiceFinding(
        signal="throughput",
        level=level,
        code=found[0].code.value,
        reason=_sentence(found[0], width, limit),
        unit="per_s",
        value=found[0].rate_per_s,
        limit=limit * usual.rate_per_s if usual else None,
        n=n,
        evidence={
            "share": found[0].share,
            "baseline_per_s": usual.rate_per_s if usual else None,
            "baseline": usual.kind.value if usual else None,
        },
    )


_LEVELS = {
    ThroughputCode.USUAL: Level.OK,
    ThroughputCode.LOW: Level.WARNING,
    ThroughputCode.UNPROVEN: Level.INCONCLUSIVE,
    ThroughputCode.NO_BASELINE: Level.INCONCLUSIVE,
    ThroughputCode.NO_TRAFFIC_EVER: Level.INCONCLUSIVE,
}
_WHENCE = {
    BaselineKind.TIME_OF_WEEK: "at this time of the week",
    BaselineKind.TIME_OF_DAY: "at this time of the day",
    BaselineKind.RECENT: "shortly before",
}


def _sentence(found: Throughput, width_s: float, limit: float) -> str:
    said = f"throughput {found.rate_per_s:.3g} requests a second over {show_duration(width_s)}"
    if found.baseline is None:
        return f"{said}; there is too little history to say what is usual"
    usual = f"the usual {found.baseline.rate_per_s:.3g} {_WHENCE[found.baseline.kind]}"
    if found.share is None:
        return f"{said}, none before" if found.n else f"{said} and none before: nothing to judge"
    said = f"{said}, {100 * found.share:.3g} % of {usual}"
    match found.code:
        case ThroughputCode.LOW:
            return f"{said}: under {100 * limit:.3g} %"
        case ThroughputCode.UNPROVEN:
            return f"{said}: less, but not less than it has been by chance"
        case _:
            return said
