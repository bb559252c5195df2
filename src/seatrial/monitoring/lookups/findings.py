"""What a window of lookups says: pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from seatrial.kernel.duration import show_duration
from seatrial.monitoring.alerts.finding import Finding, Labels, Level, Phrase
from seatrial.monitoring.lookups.config import LookupsConfig
from seatrial.monitoring.lookups.counted import Key, Window
from seatrial.stats.compare import compare_rates
from seatrial.stats.counts import Counts
from seatrial.stats.sequential import lower_bound

FRESHNESS = "feature_freshness"
ABSENCE = "feature_absence"
SKEW = "feature_skew"
KINDS = frozenset({FRESHNESS, ABSENCE, SKEW})

_ALPHA = 1e-4
"""Chance that a window without trouble is called one: about one window a quarter of a year in which
each lasts ten minutes."""

_MATERIALIZE = Phrase(
    "See whether the job that materializes features still runs, and ends well.",
    "请确认物化特征的任务仍在运行并且成功结束。",
)
_CHECK = Phrase(
    "Compare both stores: seatrial features serve-check",
    "请比较两个存储：seatrial features serve-check",
)
_SURE = Phrase(
    "Counted over the window; by chance in 1 of 10,000 windows at most.",
    "按窗口计数；因偶然而误报的窗口不超过万分之一。",
)


def freshness(key: Key, window: Window, config: LookupsConfig, *, now_s: float) -> Finding:
    """Whether values are old: the newest is, or too many expired.

    Over half of the age at which it counts no more the newest value is a warning, over all of it
    critical.

    Args: now_s: seconds since 1970.
    """
    labels = Labels(endpoint=key[0], kind=FRESHNESS, feature=key[1])
    share = _share(window.stale)
    lower = lower_bound(window.stale, alpha=_ALPHA, around=config.stale_warning)
    level = _level(lower, config.stale_warning, config.stale_critical)
    age_s = None if window.newest_s is None else now_s - window.newest_s
    what = Phrase(
        f"{share} of the values of {key[1]} are older than they may be.",
        f"{key[1]} 的值中有 {share} 已过期。",
    )
    if age_s is not None and window.limit_s is not None and age_s > window.limit_s / 2:
        of_age = Level.CRITICAL if age_s > window.limit_s else Level.WARNING
        if of_age.rank > level.rank:
            level = of_age
            old, limit = (
                [show_duration(x, language=language) for x in (age_s, window.limit_s)]
                for language in ("en", "zh")
            )
            what = Phrase(
                f"The newest value of {key[1]} is {old[0]} old; it counts for {old[1]}.",
                f"{key[1]} 的最新值距今 {limit[0]}，有效期为 {limit[1]}。",
            )
    if not level.trouble:
        return Finding(labels=labels, level=level)
    return Finding(
        labels=labels,
        level=level,
        what=what,
        sure=_SURE,
        since=None if window.newest_s is None else datetime.fromtimestamp(window.newest_s, UTC),
        features=(key[1],),
        steps=(_MATERIALIZE, _CHECK),
        evidence={
            "values": window.n,
            "stale": window.stale.k,
            "age_s": age_s,
            "limit_s": window.limit_s,
        },
    )


def absence(key: Key, window: Window, before: Counts, config: LookupsConfig) -> Finding:
    """Whether more values are missing or null than in the windows before; UNKNOWN before the first.

    Args: before: values of earlier windows, and those missing or null among them.
    """
    labels = Labels(endpoint=key[0], kind=ABSENCE, feature=key[1])
    if not before.n:
        return Finding(labels=labels, level=Level.UNKNOWN)
    compared = compare_rates(
        before,
        window.absent,
        alpha_lower=_ALPHA,
        alpha_upper=_ALPHA,
        around=config.missing_warning,
    )
    lower = compared.difference.lower
    level = _level(lower, config.missing_warning, config.missing_critical)
    if not level.trouble:
        return Finding(labels=labels, level=level)
    now, was = _share(window.absent), _share(before)
    return Finding(
        labels=labels,
        level=level,
        what=Phrase(
            f"{now} of the values of {key[1]} are missing or null; it was {was} before.",
            f"{key[1]} 的值中有 {now} 缺失或为空，此前为 {was}。",
        ),
        sure=_SURE,
        features=(key[1],),
        steps=(_CHECK, _MATERIALIZE),
        evidence={
            "values": window.n,
            "absent": window.absent.k,
            "before": before.n,
            "absent_before": before.k,
            "growth_at_least": lower,
        },
    )


def skew(key: Key, *, n: int, differences: Mapping[str, int], config: LookupsConfig) -> Finding:
    """Whether values that were served are others than the offline join has for their time.

    Args:
        n: values compared, >= 1.
        differences: of them those that differ, by kind of difference.
    """
    labels = Labels(endpoint=key[0], kind=SKEW, feature=key[1])
    counts = Counts(n=n, k=sum(differences.values()))
    lower = lower_bound(counts, alpha=_ALPHA, around=config.skew_warning)
    level = _level(lower, config.skew_warning, config.skew_critical)
    if not level.trouble:
        return Finding(labels=labels, level=level)
    worst = max(differences, key=lambda kind: differences[kind])
    return Finding(
        labels=labels,
        level=level,
        what=Phrase(
            f"{_share(counts)} of the values of {key[1]} that were served are not what training "
            f"gets for the same entity and time; most often: {worst}.",
            f"线上使用的 {key[1]} 的值中有 {_share(counts)} 与训练时同一实体、同一时刻的值不同；"
            f"最常见的原因：{worst}。",
        ),
        sure=_SURE,
        features=(key[1],),
        steps=(_MATERIALIZE, _CHECK),
        evidence={"values": n, "differences": dict(differences)},
    )


def _level(lower: float, warning: float, critical: float) -> Level:
    if lower > critical:
        return Level.CRITICAL
    return Level.WARNING if lower > warning else Level.CLEAR


def _share(counts: Counts) -> str:
    return f"{100 * counts.k / counts.n:.3g} %" if counts.n else "0 %"
