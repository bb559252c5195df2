"""Which predictions to have labelled by hand, how many, and what they buy.

Labels that come by themselves come late, and some never. A few rows chosen by chance and labelled
soon are enough to see a drop that scores do not show, and they must be chosen by chance: rows that
look wrong, or whose label is easy to get, say nothing about the others.

What a number of labels buys is found by running the very rule that alarms (`stats/fusion.py`) over
simulated windows, so it is a statement about this monitor and not about a formula.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from seatrial.kernel.errors import Invalid
from seatrial.monitoring.performance.state import UNIT_SHARE
from seatrial.monitoring.performance.verdict import PerformanceRules
from seatrial.stats.calibration import Expectation
from seatrial.stats.counts import check_share
from seatrial.stats.fusion import Fusion, Residuals, Step, extend

_SCALE = 1.0 / 2**64
_SETTLING_WINDOWS = 10
_QUIET_WINDOWS = 30


class BadAudit(Invalid):
    """An audit that cannot be planned so."""

    code = "monitoring.bad_audit"


def lot(prediction_id: str, *, salt: str = "") -> float:
    """The lot of a prediction, in [0, 1): the same on every machine, independent of what it is.

    Not the hash that splits traffic (`release/variant.py`), or an audit would see some variants
    only.

    Args: salt: another one draws other rows.
    """
    digest = blake2b(f"audit\0{salt}\0{prediction_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") * _SCALE


def chosen(prediction_ids: Sequence[str], *, share: float, salt: str = "") -> NDArray[np.bool_]:
    """Which predictions to label when a share of them shall be, one by one as they come.

    Args: share in [0, 1]; raising it drops nobody.
    Returns: shape (n,).   Raises: BadAudit.
    """
    if not 0 <= share <= 1:
        raise BadAudit(
            f"A share of {share!r} cannot be labelled.",
            remedy="Give a share between 0 and 1, such as 0.02 for one in fifty.",
            field="share",
        )
    lots = [lot(key, salt=salt) for key in prediction_ids]
    return np.fromiter((drawn < share for drawn in lots), np.bool_, len(lots))


def chosen_of_window(
    prediction_ids: Sequence[str], n_labels: int, *, salt: str = ""
) -> NDArray[np.bool_]:
    """Which predictions of a finished window to label: exactly ``n_labels``, or all there are.

    Args:
        prediction_ids: of the window, distinct.
        n_labels: >= 0.
        salt: another one draws other rows.
    Returns: shape (n,).   Raises: BadAudit.
    """
    if n_labels < 0:
        raise BadAudit(
            f"{n_labels} labels cannot be drawn.",
            remedy="Give at least 0 labels.",
            field="n_labels",
        )
    lots = np.array([lot(key, salt=salt) for key in prediction_ids])
    picked = np.zeros(len(lots), np.bool_)
    picked[np.argsort(lots, kind="stable")[:n_labels]] = True
    return picked


def labels_for_interval(*, half_width: float, share: float, row_variance: float) -> int:
    """How many labels bring an interval for the performance to a width.

    Args:
        half_width: of the interval, > 0, in the metric's unit: 0.02 for 2 points of accuracy.
        share: in (0, 1), of the interval, such as 0.9.
        row_variance: of one row's outcome around its expectation, > 0: for an accuracy the mean of
            p (1 - p), some 0.1 at 88 %.
    Raises: BadAudit; stats.counts.BadStatistic.
    """
    check_share("share", share)
    if not half_width > 0 or not row_variance > 0:
        raise BadAudit(
            f"A half-width of {half_width!r} with a row variance of {row_variance!r} has no size.",
            remedy="Give both over 0.",
            field="half_width",
        )
    z = NormalDist().inv_cdf((1 + share) / 2)
    return math.ceil(row_variance * (z / half_width) ** 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """An audit to be judged.

    Args:
        labels_per_window: rows labelled soon in every window, >= 0.
        accuracy: on the reference, in (0, 1).
        n_reference: labelled rows of the reference, >= 1.
        row_variance: mean of p (1 - p) over calibrated confidences, in (0, 0.25]; None: that of
            scores that tell nothing, the worst case.
        window_rows: predictions of a window, >= 1; matters for late labels only.
        late_windows: all labels come so many windows later, >= 1; None: they never do.
    """

    labels_per_window: int
    accuracy: float
    n_reference: int
    row_variance: float | None = None
    window_rows: int = 1_000
    late_windows: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bought:
    """What an audit buys against a sudden drop that scores do not show.

    Args:
        labels_per_window: what it costs.
        drop: of accuracy, in (0, 1).
        seen_within: chance that it is a warning or worse within 1, 2, ... windows.
        false_alarm_rate: chance of a warning in a window without a drop.
        n_trials: simulated drops behind these: chances are good to about 1 / sqrt(n_trials).
    """

    labels_per_window: int
    drop: float
    seen_within: tuple[float, ...]
    false_alarm_rate: float
    n_trials: int

    @property
    def reason(self) -> str:
        """The offer in one sentence."""
        n = len(self.seen_within)
        return (
            f"{self.labels_per_window} labels a window find a drop of {100 * self.drop:g} points "
            f"within {n} windows in {100 * self.seen_within[-1]:.0f} % of cases, with a false "
            f"alarm in {100 * self.false_alarm_rate:.1f} % of quiet windows"
        )


def bought(
    audit: Audit,
    *,
    drop: float,
    within_windows: int,
    rules: PerformanceRules | None = None,
    n_trials: int = 200,
    seed: int = 0,
) -> Bought:
    """What an audit buys.

    Args:
        audit: its size, and what is known of the model.
        drop: sudden, of accuracy, in (0, accuracy).
        within_windows: >= 1.
        rules: when it is a warning; None: the default ones.
        n_trials: >= 1.
        seed: of the simulation.
    Raises: BadAudit.
    """
    if not 0 < drop < audit.accuracy < 1 or within_windows < 1 or n_trials < 1:
        raise BadAudit(
            f"A drop of {drop!r} from {audit.accuracy!r} within {within_windows} windows in "
            f"{n_trials} trials cannot be simulated.",
            remedy="Give a drop over 0 and under the accuracy, and at least 1 window and trial.",
            field="drop",
        )
    if audit.labels_per_window < 0 or audit.n_reference < 1 or (audit.late_windows or 1) < 1:
        raise BadAudit(
            f"The audit {audit!r} is impossible.",
            remedy="Give counts of at least 0 labels, 1 reference row and a delay of 1 window.",
            field="labels_per_window",
        )
    rules, rng = rules or PerformanceRules(), np.random.default_rng(seed)
    seen = np.zeros(within_windows)
    for _ in range(n_trials):
        path = [0.0] * _SETTLING_WINDOWS + [drop] * within_windows
        alarms = _alarms(audit, path, rules, rng)[_SETTLING_WINDOWS:]
        seen += np.maximum.accumulate(alarms)
    quiet = [
        _alarms(audit, [0.0] * (_SETTLING_WINDOWS + _QUIET_WINDOWS), rules, rng)[_SETTLING_WINDOWS:]
        for _ in range(max(1, n_trials // 4))
    ]
    return Bought(
        labels_per_window=audit.labels_per_window,
        drop=drop,
        seen_within=tuple((seen / n_trials).tolist()),
        false_alarm_rate=float(np.mean(quiet)),
        n_trials=n_trials,
    )


def _alarms(
    audit: Audit, drops: Sequence[float], rules: PerformanceRules, rng: np.random.Generator
) -> list[bool]:
    """Whether each window of a path of drops is a warning or worse, as the monitor would say."""
    of_reference = audit.accuracy * (1 - audit.accuracy) / audit.n_reference
    variance = audit.row_variance or audit.accuracy * (1 - audit.accuracy)
    expected = Expectation(
        n=audit.window_rows, mean=audit.accuracy, row_variance=variance, map_variance=of_reference
    )
    m, late = audit.labels_per_window, audit.late_windows
    audits = -np.array(drops) * m + rng.normal(0, math.sqrt(m * variance), len(drops))
    wholes = -np.array(drops) * audit.window_rows
    wholes = wholes + rng.normal(0, math.sqrt(audit.window_rows * variance), len(drops))
    # What is settled: windows whose labels have all come or, where they never come, all before.
    settled = Fusion.start(unit=UNIT_SHARE, variance=of_reference)
    found = []
    for now in range(len(drops)):
        open_since = now if late is None else max(0, now - late + 1)
        if late is not None and now >= late:
            settled = extend(settled, _step(now - late, expected, wholes[now - late], full=True))
        state = settled
        for index in range(open_since, now + 1):
            state = extend(state, _step(index, expected, audits[index], m=m))
        if late is None:
            settled = state
        limits = (rules.warning_drop, rules.critical_drop)
        warning, critical = (
            state.now.chance_below(-limit, more_variance=2 * of_reference) for limit in limits
        )
        found.append(warning > rules.warning_chance or critical > rules.critical_chance)
    return found


def _step(
    index: int, expected: Expectation, total: float, *, m: int = 0, full: bool = False
) -> Step:
    n = expected.n if full else m
    residuals = Residuals(n=n, total=float(total), variance=n * expected.row_variance)
    return Step(
        index=index,
        windows=1.0,
        expected=expected,
        audited=Residuals() if full else residuals,
        labelled=residuals if full else Residuals(),
    )
