"""How often does the judge err, and how soon does it speak? Canaries with known true rates.

    python benchmarks/judge.py [--trials 20000] [--json]

Prints Markdown tables, or one JSON document. The judge looks after every request, against stable
at 60 looks. Beside it: one look at the point estimate, and a fixed-sample interval looked at
just as often. Seeds are fixed, so the numbers are the same each time.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from seatrial.stats.compare import compare_rates
from seatrial.stats.counts import Counts, Interval
from seatrial.stats.sequential import log_evidence_over, requests_needed

ALPHA = 0.05
HORIZON = 36_000
SEED = 2_024
NO_VERDICT = math.inf

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    true: str
    passed: float
    failed: float
    inconclusive: float
    median: float | None
    p90: float | None
    others: dict[str, float]


@dataclass(frozen=True)
class Table:
    title: str
    of: str
    rows: list[Row]


def verdict_times(
    rate: float, pass_at: Floats, fail_within: Floats, n_trials: int
) -> tuple[Floats, Floats]:
    """Requests until each canary passes and until it fails; infinite when it does not."""
    rng = np.random.default_rng(SEED)
    passes, fails = [], []
    for start in range(0, n_trials, 1_000):
        shape = (min(1_000, n_trials - start), len(pass_at))
        gaps = rng.geometric(rate, shape) if rate else np.full(shape, HORIZON + 1)
        errors_at = np.cumsum(gaps, axis=1)
        passed = errors_at > pass_at
        first = passed.argmax(axis=1)
        passes.append(np.where(passed.any(axis=1), pass_at[first], NO_VERDICT))
        failed = errors_at <= fail_within
        at = errors_at[np.arange(shape[0]), failed.argmax(axis=1)]
        fails.append(np.where(failed.any(axis=1), at, NO_VERDICT))
    return np.concatenate(passes), np.concatenate(fails)


def boundaries(limit: float, alpha_fail: float) -> tuple[Floats, Floats]:
    """Requests at which k = 0, 1, ... errors pass, and within which k = 1, 2, ... errors fail."""
    most = math.ceil(HORIZON * limit + 10 * math.sqrt(HORIZON * limit) + 40)
    pass_at, fail_within = [], []
    within = 0
    for k in range(most):
        more = requests_needed(Counts(n=k, k=k), limit=limit, alpha=ALPHA)
        pass_at.append(NO_VERDICT if more is None else k + more)
        within = _last_failing(k + 1, within, limit, alpha_fail)
        fail_within.append(within)
    return np.array(pass_at, dtype=float), np.array(fail_within, dtype=float)


def _last_failing(k: int, low: int, limit: float, alpha: float) -> int:
    def fails(n: int) -> bool:
        return log_evidence_over(Counts(n=n, k=k), limit=limit) >= -math.log(alpha)

    low, high = max(low, k - 1), HORIZON + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fails(middle) else (low, middle)
    return low


def summarise(true: str, passes: Floats, fails: Floats, others: dict[str, float]) -> Row:
    at = np.minimum(passes, fails)
    done = at <= HORIZON

    def quantile(q: float) -> float | None:
        value = float(np.quantile(np.where(done, at, 1e12), q, method="inverted_cdf"))
        return value if value <= HORIZON else None

    return Row(
        true=true,
        passed=float(np.mean(done & (passes < fails))),
        failed=float(np.mean(done & (fails <= passes))),
        inconclusive=float(np.mean(~done)),
        median=quantile(0.5),
        p90=quantile(0.9),
        others=others,
    )


def one_rate(
    title: str, of: str, limit: float, rates: Sequence[float], n_gates: float, n_trials: int
) -> Table:
    """One gate on one rate, beside one look at the point estimate.

    n_gates is the sum of the weights of the gates that share alpha; see `release/judge.py`.
    """
    pass_at, fail_within = boundaries(limit, ALPHA / n_gates)
    rng = np.random.default_rng(SEED)
    rows = []
    for rate in rates:
        others = {
            f"one look at {n:,}: promotes": float(
                np.mean(rng.binomial(n, rate, n_trials) < limit * n)
            )
            for n in (HORIZON, 180)
        }
        times = verdict_times(rate, pass_at, fail_within, n_trials)
        rows.append(summarise(f"{100 * rate:g} %", *times, others))
    return Table(title=title, of=of, rows=rows)


def against_stable(margin: float, pairs: Sequence[tuple[float, float]], n_trials: int) -> Table:
    """Canary at 5 % against stable, beside fixed-sample intervals read once and at every look."""
    rng = np.random.default_rng(SEED)
    looks = np.unique(np.geomspace(20, HORIZON, 60).astype(int))
    steps = np.diff(looks, prepend=0)
    rows = []
    for stable_rate, canary_rate in pairs:
        passes, fails = np.full(n_trials, NO_VERDICT), np.full(n_trials, NO_VERDICT)
        peeking = {"promotes": 0, "aborts": 0}
        for trial in range(n_trials):
            canary = np.cumsum(rng.binomial(steps, canary_rate)).tolist()
            stable = np.cumsum(rng.binomial(19 * steps, stable_rate)).tolist()
            seen = [
                (Counts(n=19 * n, k=s), Counts(n=n, k=c))
                for n, s, c in zip(looks.tolist(), stable, canary, strict=True)
            ]
            passes[trial], fails[trial] = _first_verdict(seen, margin)
            said = _first_peek(seen, margin)
            if said:
                peeking[said] += 1
        others = {
            f"fixed-sample interval, read at every look: {said}": n / n_trials
            for said, n in peeking.items()
        }
        name = f"{100 * stable_rate:g} % / {100 * canary_rate:g} %"
        rows.append(summarise(name, passes, fails, others))
    return Table(
        title=f"Error rate against stable, margin {100 * margin:g} points, canary share 5 %",
        of="true rates, stable / canary",
        rows=rows,
    )


def _first_verdict(seen: Sequence[tuple[Counts, Counts]], margin: float) -> tuple[float, float]:
    for stable, canary in seen:
        found = compare_rates(
            stable, canary, alpha_lower=ALPHA, alpha_upper=ALPHA, around=margin
        ).difference
        if found.lower >= margin:
            return NO_VERDICT, canary.n
        if found.upper <= margin:
            return canary.n, NO_VERDICT
    return NO_VERDICT, NO_VERDICT


def _at_one_look(stable: Counts, canary: Counts, *, alpha: float) -> Interval:
    """The usual interval of a difference of rates, right at one look chosen beforehand.

    Source: Newcombe 1998, Stat. Med. 17:873, method 10, of the score interval of each rate.
    """
    z = NormalDist().inv_cdf(1 - alpha / 2)

    def rate(counts: Counts) -> tuple[float, float, float]:
        n, seen = counts.n, counts.k / counts.n
        centre = seen + z * z / (2 * n)
        half = z * math.sqrt(seen * (1 - seen) / n + (z / (2 * n)) ** 2)
        return seen, (centre - half) / (1 + z * z / n), (centre + half) / (1 + z * z / n)

    (q, q_low, q_high), (p, p_low, p_high) = rate(stable), rate(canary)
    return Interval(
        lower=p - q - math.hypot(p - p_low, q_high - q),
        upper=p - q + math.hypot(p_high - p, q - q_low),
    )


def _first_peek(seen: Sequence[tuple[Counts, Counts]], margin: float) -> str | None:
    for stable, canary in seen:
        found = _at_one_look(stable, canary, alpha=2 * ALPHA)  # two-sided: ALPHA on each side
        if found.lower >= margin:
            return "aborts"
        if found.upper <= margin:
            return "promotes"
    return None


def tables(n_trials: int) -> list[Table]:
    rates = (0, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.05, 0.5)
    slow = (0, 0.01, 0.03, 0.04, 0.05, 0.06, 0.1, 0.3, 0.5)
    pairs = (
        (0.0, 0.0),
        (0.0005, 0.0005),
        (0.001, 0.001),
        (0.0005, 0.0015),
        (0.0005, 0.003),
        (0.0005, 0.005),
        (0.001, 0.05),
    )
    return [
        one_rate("Error rate under 0.1 %", "true error rate", 0.001, rates, 1, n_trials),
        one_rate(
            "Error rate under 0.1 %, one of the five default gates",
            "true error rate",
            0.001,
            rates,
            4.1,
            n_trials,
        ),
        one_rate(
            "p95 under a limit: share of slower answers under 5 %",
            "true share of slow answers",
            0.05,
            slow,
            1,
            n_trials,
        ),
        against_stable(0.001, pairs, n_trials // 50),
    ]


def markdown(table: Table) -> str:
    extra = list(table.rows[0].others)
    head = [table.of, "pass", "fail", "inconclusive", "median", "p90", *extra]
    lines = [f"### {table.title}", "", _line(head), _line(["---:"] * len(head))]
    for row in table.rows:
        shares = [_share(s) for s in (row.passed, row.failed, row.inconclusive)]
        times = ["-" if t is None else f"{t:,.0f}" for t in (row.median, row.p90)]
        lines.append(_line([row.true, *shares, *times, *(_share(v) for v in row.others.values())]))
    return "\n".join(lines)


def _share(value: float) -> str:
    return f"{100 * value:.4g} %"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=20_000, help="simulated canaries per row")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of tables")
    options = parser.parse_args()
    found = tables(options.trials)
    if options.json:
        document = {"alpha": ALPHA, "horizon": HORIZON, "trials": options.trials}
        print(json.dumps(document | {"tables": [asdict(t) for t in found]}, indent=1))
        return
    print(
        f"alpha {ALPHA:g}, at most {HORIZON:,} canary requests, {options.trials:,} canaries a row"
    )
    for table in found:
        print(f"\n{markdown(table)}")


if __name__ == "__main__":
    main()
