"""Is a rate under a limit? Evidence that may be looked at as often as one likes.

The question is asked in both directions. Each answer is an e-process: a process that starts at 1
and, as long as its null hypothesis is true, stays a non-negative supermartingale. By Ville's
inequality the chance that it *ever* reaches 1/alpha is then at most alpha, whoever looks, however
often, and whatever makes them stop (Ramdas, Gruenwald, Vovk, Shafer 2023, Statist. Sci. 38:576).

**The process.** After n requests with k errors, the evidence against a rate p is a likelihood ratio
averaged over alternatives q with fixed weights w (Robbins 1970, Ann. Math. Statist. 41:1397)::

    E_p(n, k) = sum_j w_j (q_j / p)^k ((1 - q_j) / (1 - p))^(n - k),      sum_j w_j = 1

**Why it holds for the whole null, not only at its edge.** For "the rate is at least p" every q_j is
<= p (the prior is cut at p). If a request fails with probability r, one factor has expectation
``r q/p + (1 - r)(1 - q)/(1 - p)``: 1 at r = p, and falling in r because q/p <= 1 <= (1-q)/(1-p). So
it is <= 1 for every r >= p, even when r changes from request to request with the past, as long as
it stays >= p. For "at most p" every q_j is >= p and the same line holds mirrored.

**Why quantities in [0, 1] are fine.** Such an x counts as x of an event, and its factor, (q/p)^x
((1-q)/(1-p))^(1-x), is convex in x: at most x times the factor of an event and 1 - x times that of
none. So its expectation is at most that of an event with the probability E x. Only waiting gets
longer: x that hardly vary count as if they were events.

**Why slices are fine.** E depends on (n, k) only, not on the order of the requests, so aggregated
slices lose nothing; and looking only at slice ends looks at a subset of the times Ville covers.

**Why a sum and not a Beta density.** A density cut at p needs the incomplete beta function; a sum
over a dozen rates is an e-process in its own right, not an approximation of one, needs only
``exp`` and ``log``, and is as strong (docs/adr/0003 has the comparison).

**Bounds.** The alternatives move with p (``q = p u`` below it, ``q = p + (1 - p) s`` above it), so
log E_p is monotone and convex in p, and the rates not rejected form an interval that is valid at
every look: a confidence sequence. Every root below is of a convex function and approached by
Newton's method from the rejected side, so a bound is never too tight.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from math import exp, log, log1p

from seatrial.stats.counts import Counts, check_share

# Alternatives below the limit, as fractions u of it: one for a perfect canary (1e-12, so that one
# formula serves), the rest from 2 % to 99.97 % of the limit, dense near both ends.
_LOGITS = (log(1e-12), *(float(x) for x in range(-4, 9)))
_LOG_U = tuple(-log1p(exp(-x)) for x in _LOGITS)
_ONE_MINUS_U = tuple(1.0 / (1.0 + exp(x)) for x in _LOGITS)


def _weights_under() -> tuple[float, ...]:
    """35 % on a perfect canary, 58.5 % around a quarter of the limit, 6.5 % spread up to the limit.

    Chosen by search: a perfect canary passes within 3,500 requests at limit 0.1 % and alpha 5 %,
    and among the priors that do so, canaries at 10 to 70 % of the limit pass soonest.
    """
    u = [exp(x) for x in _LOG_U[1:]]
    around_a_quarter = [x**3 * (1 - x) ** 8 for x in u]
    spread = [x * (1 - x) for x in u]
    near, wide = sum(around_a_quarter), sum(spread)
    mixed = (0.9 * a / near + 0.1 * b / wide for a, b in zip(around_a_quarter, spread, strict=True))
    return (0.35, *(0.65 * w for w in mixed))


_UNDER = tuple(zip(map(log, _weights_under()), _LOG_U, _ONE_MINUS_U, strict=True))

# Alternatives above the limit: 3 % to 31 times the limit on top of it, equally likely on a log
# scale. Their mean stays under 19, so at alpha <= 5 % one single error never aborts anything.
_EXCESS = tuple(0.03 * 2.0**i for i in range(11))
_LOG_W_OVER = -log(len(_EXCESS))
_LARGEST_S = 0.9

_MAX_STEPS = 100
_NEVER = 1e12
_ALMOST_ZERO, _ALMOST_ONE = 1e-15, 1 - 1e-12


def log_evidence_under(counts: Counts, *, limit: float) -> float:
    """Natural logarithm of the evidence that a rate is under ``limit``.

    Args: limit in (0, 1).
    Returns: log of an e-process for the null "rate >= limit"; reject at log(1 / alpha).
    Raises: BadStatistic.   Source: the module's docstring.
    """
    check_share("limit", limit)
    return _log_sum_exp(_terms_under(counts.n, counts.k, limit))[0]


def log_evidence_over(counts: Counts, *, limit: float) -> float:
    """Natural logarithm of the evidence that a rate is over ``limit``.

    Args: limit in (0, 1).
    Returns: log of an e-process for the null "rate <= limit"; reject at log(1 / alpha).
    Raises: BadStatistic.   Source: the module's docstring.
    """
    check_share("limit", limit)
    return _log_sum_exp(_terms_over(counts.n, counts.k, limit, _s_nodes(limit)))[0]


def upper_bound(counts: Counts, *, alpha: float) -> float:
    """Upper confidence bound of a rate, valid at every look.

    Args: alpha in (0, 1), the chance that the bound is ever below the rate.
    Returns: a rate in (0, 1]; it is <= a limit just when log_evidence_under reaches log(1 / alpha).
    Raises: BadStatistic.
    """
    check_share("alpha", alpha)
    n, k = counts.n, counts.k
    if k == n:
        return 1.0
    target = -log(alpha)

    def excess(p: float) -> tuple[float, float]:
        value, powers, total = _log_sum_exp(_terms_under(n, k, p))
        slope = sum([e * v / (1 - p + p * v) for e, v in zip(powers, _ONE_MINUS_U, strict=True)])
        return value - target, (n - k) / (1 - p) * slope / total

    mean, reach = k / n, (target + 3) / n
    distance = math.sqrt(2 * mean * reach) + reach

    while (p := mean + distance / (1 + distance / (1 - mean))) < _ALMOST_ONE:
        if excess(p)[0] >= 0:
            return _newton(excess, p)
        distance *= 2
    return 1.0


def lower_bound(counts: Counts, *, alpha: float, around: float) -> float:
    """Lower confidence bound of a rate, valid at every look.

    Args:
        counts: what was seen.
        alpha: in (0, 1), the chance that the bound is ever above the rate.
        around: in (0, 1), the limit the rate will be held against. It places the alternatives, so
            it must be fixed before the data; the bound is valid for any, and sharpest near it.

    Returns: a rate in [0, 1); with ``around`` as limit it is over the limit just when
        log_evidence_over reaches log(1 / alpha).
    Raises: BadStatistic.
    """
    check_share("alpha", alpha)
    check_share("around", around)
    n, k, s = counts.n, counts.k, _s_nodes(around)
    if k == 0:
        return 0.0
    target = -log(alpha)

    def excess(p: float) -> tuple[float, float]:
        value, powers, total = _log_sum_exp(_terms_over(n, k, p, s))
        slope = sum([e * x / (p + x * (1 - p)) for e, x in zip(powers, s, strict=True)])
        return value - target, -k / p * slope / total

    mean, reach = k / n, (target + 3) / n
    start = max(mean - math.sqrt(2 * mean * reach), mean / 8)
    while excess(start)[0] < 0:
        start /= 8
        if start < _ALMOST_ZERO:
            return 0.0
    return _newton(excess, start)


def most_under(n: int, *, limit: float, alpha: float) -> int:
    """The largest number of events among n that still shows the rate to be under the limit.

    Args: n >= 0; limit and alpha in (0, 1).
    Returns: a count in [0, n), or -1 when n is too small for any.
    Raises: BadStatistic.
    """
    check_share("limit", limit)
    check_share("alpha", alpha)
    per_event = [u - log1p(limit / (1 - limit) * v) for _, u, v in _UNDER]
    excess = _along(_terms_under(n, 0, limit), per_event, -log(alpha))
    if excess(0.0)[0] < 0:
        return -1
    start = max(0.0, n * limit - math.sqrt(2 * n * limit * (8 - log(alpha))))
    return math.floor(_newton(excess, start if excess(start)[0] >= 0 else 0.0) + 1e-6)


def least_over(n: int, *, limit: float, alpha: float) -> int:
    """The smallest number of events among n that shows the rate to be over the limit.

    Args: n >= 0; limit and alpha in (0, 1).
    Returns: a count in (0, n], or n + 1 when n is too small for any.
    Raises: BadStatistic.
    """
    check_share("limit", limit)
    check_share("alpha", alpha)
    s = _s_nodes(limit)
    per_event = [log1p(x * ((1 - limit) / limit)) - log1p(-x) for x in s]
    excess = _along(_terms_over(n, 0, limit, s), per_event, -log(alpha))
    if excess(float(n))[0] < 0:
        return n + 1
    reach = 3 - log(alpha)
    start = min(float(n), n * limit + math.sqrt(2 * n * limit * reach) + reach)
    return math.ceil(_newton(excess, start if excess(start)[0] >= 0 else float(n)) - 1e-6)


def requests_needed(counts: Counts, *, limit: float, alpha: float, rate: float = 0.0) -> int | None:
    """How many further requests until the rate is shown to be under the limit.

    Args:
        counts: what was seen so far.
        limit: in (0, 1).
        alpha: in (0, 1).
        rate: share of the further requests that will fail, in [0, 1); 0 gives the least possible.

    Returns: requests, 0 when it is shown already; None when no number would do at that rate.
    Raises: BadStatistic.
    """
    check_share("limit", limit)
    check_share("alpha", alpha)
    odds = limit / (1 - limit)
    per_request = [rate * u + (1 - rate) * log1p(odds * v) for _, u, v in _UNDER]
    excess = _along(_terms_under(counts.n, counts.k, limit), per_request, -log(alpha))
    if excess(0.0)[0] >= 0:
        return 0
    fastest = max(per_request)
    if fastest <= 0:
        return None
    start = (1 - log(alpha)) / fastest
    while excess(start)[0] < 0:
        start *= 2
        if start > _NEVER:
            return None
    return math.ceil(_newton(excess, start) - 1e-6)


def _terms_under(n: int, k: float, p: float) -> list[float]:
    odds, fine = p / (1 - p), n - k
    return [w + k * u + fine * log1p(odds * v) for w, u, v in _UNDER]


def _terms_over(n: int, k: float, p: float, s: Sequence[float]) -> list[float]:
    odds, fine = (1 - p) / p, n - k
    return [_LOG_W_OVER + k * log1p(odds * x) + fine * log1p(-x) for x in s]


def _s_nodes(around: float) -> list[float]:
    odds = around / (1 - around)
    return [min(x * odds, _LARGEST_S) for x in _EXCESS]


def _log_sum_exp(terms: Sequence[float]) -> tuple[float, list[float], float]:
    """Logarithm of the sum of exp(terms); exp(terms) up to a factor; the sum of those."""
    top = max(terms)
    powers = [exp(t - top) for t in terms]
    total = sum(powers)
    return top + log(total), powers, total


_Excess = Callable[[float], tuple[float, float]]
"""How far the log evidence at a place is over what is asked for, and its slope there."""


def _along(terms: Sequence[float], steps: Sequence[float], target: float) -> _Excess:
    """The evidence along a straight line of counts: convex, as a log of a sum of exponentials."""

    def excess(x: float) -> tuple[float, float]:
        value, powers, total = _log_sum_exp([t + x * d for t, d in zip(terms, steps, strict=True)])
        slope = sum([e * d for e, d in zip(powers, steps, strict=True)])
        return value - target, slope / total

    return excess


def _newton(excess: _Excess, start: float) -> float:
    """The root of a convex function, from a start where it is >= 0: no iterate goes past it."""
    x = start
    for _ in range(_MAX_STEPS):
        value, slope = excess(x)
        step = value / slope
        x -= step
        if abs(step) <= 1e-7 * abs(x):
            break
    return x
