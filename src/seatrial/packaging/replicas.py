"""How many replicas answer so many requests a second within a p95, one of them lost.

The model. Clients are many, so arrivals are Poisson, and a balancer that picks a replica at random
leaves them so. A replica is a queue that answers X requests a second at most, X being the rate that
staging saw under sustained load: the M/G/1 queue with mean service 1/X. The mean wait of those who
wait is exact (Pollaczek and Khinchine), its distribution is taken as exponential, which is exact
for exponential service and Kingman's limit near saturation:

    P(wait > t) = rho exp(-t / m),   m = (1/X) (1 + c2) / (2 (1 - rho)),   rho = rate / X

c2 is the squared variation of service, from requests that staging sent one at a time, and no less
than 1, so that what a lone request cannot show (collections, batches) is not taken for regular. A
request takes its wait and what a lone request takes; the two are added by the union bound: a p95 is
kept where P(wait > t) <= q - 0.95 and a share q of lone requests took at most p95 - t, for some q
that staging measured. Several workers or cores in a replica wait less than this one fast server.

What it does not know: balancers that pick the least busy do better; connections kept open for long
to one replica, bursts, and cores slower than those of staging do worse; requests of many rows are
not those of staging, which had one. No replica is used above `MOST_USED`, whatever the p95.

Source: Kleinrock 1975, Queueing Systems I, 5.6; Kingman 1962, J. R. Stat. Soc. B 24:383.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from seatrial.kernel.errors import Invalid, LimitExceeded, NotFound
from seatrial.packaging.sizing import Alone, Measured, Resources, size

MOST_USED = 0.8
"""Share of its highest rate that a replica may be used at, however loose the p95."""

MOST_REPLICAS = 1_000
FEWEST_ALONE = 20
"""Requests sent one at a time without which nothing is said of their 96th percentile."""

_HALVINGS = 60
_MOST_SCALED = 10_000
_CPU_PERCENT = (1, 95)


class NotMeasured(NotFound):
    """Staging did not measure what sizing needs."""

    code = "sizing.not_measured"


class TooSlow(Invalid):
    """A lone request takes longer than the p95 that is wanted: no number of replicas keeps it."""

    code = "sizing.too_slow"


class TooMany(LimitExceeded):
    """More replicas than one release may have."""

    code = "sizing.too_many"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the replicas are to bear together.

    Args:
        rps: requests a second, > 0.
        p95_s: within which 95 of 100 are answered, in seconds, > 0.
    Raises: Invalid.
    """

    rps: float
    p95_s: float

    def __post_init__(self) -> None:
        for name in ("rps", "p95_s"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise Invalid(
                    f"{name} is {value!r}.", remedy="Give a finite number above 0.", field=name
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Replicas:
    """What to ask a cluster for.

    Args:
        n: replicas, the one that may be lost included; the fewest that the autoscaler may leave.
        most: replicas that the autoscaler may make: for twice the rate.
        cpu_percent: of the CPU request, at which it adds one: a replica lost then is borne.
        used_share: of its highest rate, at which each replica works while all are there, ...
        used_share_one_lost: ... and while one is lost.
        p95_s: bound of the p95 in seconds while all are there, ...
        p95_s_one_lost: ... and while one is lost.
        resources: of one replica.
    """

    n: int
    most: int
    cpu_percent: int
    used_share: float
    used_share_one_lost: float
    p95_s: float
    p95_s_one_lost: float
    resources: Resources


def replicas_for(wanted: Wanted, measured: Measured) -> Replicas:
    """The fewest replicas that keep the p95 while one of them is lost; never under two.

    Raises: NotMeasured, TooSlow, TooMany.
    """
    alone = _alone(measured)
    fastest_s = min(seconds for _, seconds in alone.quantiles)
    if wanted.p95_s < fastest_s:
        raise TooSlow(
            f"A p95 of {_ms(wanted.p95_s)} cannot be met by any number of replicas: 4 in 100 "
            f"requests that were alone took longer than {_ms(fastest_s)}.",
            remedy=f"Allow {_ms(math.ceil(fastest_s * 1e4) / 1e4)} or more, or make the model "
            "faster: `seatrial export --int8`, a smaller model, faster cores.",
            fastest_ms=1e3 * fastest_s,
        )
    highest = _highest_rate(wanted.p95_s, measured)
    needed = max(1, math.ceil(wanted.rps / highest * (1 - 1e-12)))
    if needed >= MOST_REPLICAS:
        raise TooMany(
            f"{wanted.rps:g} requests a second with a p95 of {_ms(wanted.p95_s)} take "
            f"{needed + 1:,} replicas, more than {MOST_REPLICAS:,}.",
            remedy="Allow a higher p95, or make the model faster.",
            n=needed + 1,
        )
    n = needed + 1
    needs = size(measured)
    cpu_m = 1e3 * measured.cpu_per_request_s * measured.requests_per_s
    percent = math.floor(100 * highest / measured.requests_per_s * needed / n * cpu_m / needs.cpu_m)
    lowest, topmost = _CPU_PERCENT
    return Replicas(
        n=n,
        most=min(_MOST_SCALED, 2 * n),
        cpu_percent=min(topmost, max(lowest, percent)),
        used_share=wanted.rps / n / measured.requests_per_s,
        used_share_one_lost=wanted.rps / needed / measured.requests_per_s,
        p95_s=p95_bound(wanted.rps / n, measured),
        p95_s_one_lost=p95_bound(wanted.rps / needed, measured),
        resources=needs,
    )


def p95_bound(rate: float, measured: Measured) -> float:
    """What the p95 of a replica stays under at a rate, in seconds; infinite at its highest rate.

    Args: rate: requests a second that it gets, >= 0.
    Raises: NotMeasured.
    """
    alone = _alone(measured)
    used = rate / measured.requests_per_s
    if used >= 1:
        return math.inf
    c2 = max(1.0, (alone.deviation_s * measured.requests_per_s) ** 2)
    wait_s = (1 + c2) / (2 * measured.requests_per_s * (1 - used))
    return min(
        seconds + wait_s * math.log(max(1.0, used / (q - 0.95))) for q, seconds in alone.quantiles
    )


def _highest_rate(p95_s: float, measured: Measured) -> float:
    """The highest rate of one replica within the p95 and `MOST_USED`; the bound rises with it."""
    low, high = 0.0, MOST_USED * measured.requests_per_s
    if p95_bound(high, measured) <= p95_s:
        return high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if p95_bound(middle, measured) <= p95_s else (low, middle)
    return low


def _alone(measured: Measured) -> Alone:
    alone = measured.alone
    if alone is None or alone.n < FEWEST_ALONE:
        seen = "no requests" if alone is None else f"only {alone.n} requests"
        raise NotMeasured(
            f"Staging sent {seen} one at a time; sizing needs {FEWEST_ALONE} and more.",
            remedy="Deploy the version again, which measures it anew; a model that takes longer "
            "than a quarter of a second must be measured under your own load.",
        )
    return alone


def _ms(seconds: float) -> str:
    return f"{1e3 * seconds:.3g} ms"
