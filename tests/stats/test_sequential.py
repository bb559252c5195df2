"""The sequential test against its definition, numeric integration, exact probabilities and luck."""

from math import exp, inf, log

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import integrate, stats

from seatrial.stats.counts import BadStatistic, Counts
from seatrial.stats.sequential import (
    least_over,
    log_evidence_over,
    log_evidence_under,
    lower_bound,
    most_under,
    requests_needed,
    upper_bound,
)

LIMIT, ALPHA = 0.001, 0.05
PROOF = -log(ALPHA)
HORIZON = 36_000

limits = st.sampled_from([1e-5, 0.001, 0.01, 0.05, 0.3, 0.9])
alphas = st.sampled_from([0.001, 0.0125, 0.05, 0.2])


@st.composite
def counts(draw: st.DrawFn, most: int = 200_000) -> Counts:
    n = draw(st.integers(0, most))
    return Counts(n=n, k=min(n, draw(st.one_of(st.integers(0, 30), st.integers(0, n)))))


# The e-process.


@given(counts(), limits, st.floats(0, 1))
def test_evidence_is_a_supermartingale_under_its_whole_null(
    seen: Counts, limit: float, place: float
) -> None:
    bad, good = Counts(n=seen.n + 1, k=seen.k + 1), Counts(n=seen.n + 1, k=seen.k)
    for evidence, rate in (
        (log_evidence_under, limit + (1 - limit) * place),
        (log_evidence_over, limit * place),
    ):
        now = evidence(seen, limit=limit)
        after_error = exp(min(700.0, evidence(bad, limit=limit) - now))
        after_answer = exp(evidence(good, limit=limit) - now)
        assert rate * after_error + (1 - rate) * after_answer <= 1 + 1e-9
        assert limit * after_error + (1 - limit) * after_answer == pytest.approx(1, rel=1e-9)


@given(limits)
def test_evidence_starts_at_one(limit: float) -> None:
    nothing = Counts(n=0, k=0)
    assert log_evidence_under(nothing, limit=limit) == pytest.approx(0, abs=1e-12)
    assert log_evidence_over(nothing, limit=limit) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("n", "k", "limit"),
    [(3000, 0, 0.001), (9000, 2, 0.001), (36_000, 18, 0.001), (2000, 1, 0.001), (2000, 50, 0.05)],
)
def test_a_sum_of_alternatives_is_as_strong_as_the_density_it_stands_for(
    n: int, k: int, limit: float
) -> None:
    def likelihood(u: float) -> float:
        return exp(k * log(u) + (n - k) * (np.log1p(-limit * u) - np.log1p(-limit)))

    def density(u: float) -> float:
        return 0.585 * stats.beta.pdf(u, 3, 8) + 0.065

    perfect = 0.35 * exp(-n * np.log1p(-limit)) if k == 0 else 0.0
    spread, _ = integrate.quad(lambda u: likelihood(u) * density(u), 0, 1, points=[0.1, 0.5])
    oracle = log(perfect + spread)
    assert log_evidence_under(Counts(n=n, k=k), limit=limit) == pytest.approx(oracle, abs=0.4)


# Probabilities of error: exact for a small case, simulated for the real one.


def _chance_of_ever(limit: float, n_most: int, *, passing: bool) -> float:
    """By carrying the distribution of errors forward request by request, at the null's edge."""
    alive, ever = np.zeros(n_most + 2), 0.0
    alive[0] = 1.0
    for n in range(1, n_most + 1):
        alive[1:] = alive[1:] * (1 - limit) + alive[:-1] * limit
        alive[0] *= 1 - limit
        if passing:
            gone = slice(0, most_under(n, limit=limit, alpha=ALPHA) + 1)
        else:
            gone = slice(least_over(n, limit=limit, alpha=ALPHA), None)
        ever += alive[gone].sum()
        alive[gone] = 0.0
    return ever


def test_the_exact_chance_of_ever_passing_at_the_limit_is_under_alpha_and_not_wasted() -> None:
    assert 0.5 * ALPHA < _chance_of_ever(0.05, 1500, passing=True) <= ALPHA


def test_the_exact_chance_of_ever_failing_at_the_limit_is_under_alpha_and_not_wasted() -> None:
    assert 0.3 * ALPHA < _chance_of_ever(0.05, 1500, passing=False) <= ALPHA


def _arrivals(rate: float, n_canaries: int, n_errors: int) -> np.ndarray:
    """Which request brings the 1st, 2nd, ... error, shape (n_canaries, n_errors)."""
    gaps = np.random.default_rng(20_240).geometric(rate, (n_canaries, n_errors))
    return np.cumsum(gaps, axis=1)


@pytest.fixture(scope="module")
def pass_at() -> np.ndarray:
    """Requests after which k errors still pass."""
    needed = [requests_needed(Counts(n=k, k=k), limit=LIMIT, alpha=ALPHA) for k in range(40)]
    return np.array([k + (inf if m is None else m) for k, m in enumerate(needed)])


@pytest.fixture(scope="module")
def fail_within() -> np.ndarray:
    """Requests within which the k-th error fails, from k = 1."""
    largest = []
    for k in range(1, 120):
        low, high = k - 1, 10**6
        while high - low > 1:
            middle = (low + high) // 2
            over = log_evidence_over(Counts(n=middle, k=k), limit=LIMIT) >= PROOF
            low, high = (middle, high) if over else (low, middle)
        largest.append(low)
    return np.array(largest)


def _requests_to_pass(rate: float, pass_at: np.ndarray, n_canaries: int = 20_000) -> np.ndarray:
    passed = _arrivals(rate, n_canaries, len(pass_at)) > pass_at
    return np.where(passed.any(axis=1), pass_at[passed.argmax(axis=1)], inf)


def _requests_to_fail(rate: float, fail_within: np.ndarray, n_canaries: int = 20_000) -> np.ndarray:
    arrivals = _arrivals(rate, n_canaries, len(fail_within))
    failed = arrivals <= fail_within
    at = arrivals[np.arange(n_canaries), failed.argmax(axis=1)]
    return np.where(failed.any(axis=1), at, inf)


def _more_than_chance(n: int, share: float) -> int:
    """The count that a share of n exceeds once in a million."""
    return int(stats.binom.ppf(1 - 1e-6, n, share))


def test_canaries_at_the_limit_pass_no_more_often_than_alpha(pass_at: np.ndarray) -> None:
    n_passed = int((_requests_to_pass(LIMIT, pass_at) <= HORIZON).sum())
    assert n_passed <= _more_than_chance(20_000, ALPHA)


def test_canaries_at_twice_the_limit_practically_never_pass(pass_at: np.ndarray) -> None:
    n_passed = int((_requests_to_pass(2 * LIMIT, pass_at) <= HORIZON).sum())
    assert n_passed <= _more_than_chance(20_000, 0.002)


def test_canaries_at_the_limit_are_failed_no_more_often_than_alpha(
    fail_within: np.ndarray,
) -> None:
    n_failed = int((_requests_to_fail(LIMIT, fail_within) <= HORIZON).sum())
    assert n_failed <= _more_than_chance(20_000, ALPHA)


@pytest.mark.parametrize(("rate", "most"), [(0.5, 10), (0.05, 60), (0.005, 1_300)])
def test_bad_canaries_fail_early(rate: float, most: int, fail_within: np.ndarray) -> None:
    assert np.median(_requests_to_fail(rate, fail_within)) <= most


@pytest.mark.parametrize(("rate", "least_share"), [(0.0002, 0.99), (0.0005, 0.70)])
def test_good_canaries_pass_within_the_horizon(
    rate: float, least_share: float, pass_at: np.ndarray
) -> None:
    assert np.mean(_requests_to_pass(rate, pass_at) <= HORIZON) >= least_share


def test_a_perfect_canary_passes_within_3500_requests_and_none_can_before_2995() -> None:
    needed = requests_needed(Counts(n=0, k=0), limit=LIMIT, alpha=ALPHA)
    assert needed is not None
    assert PROOF / -np.log1p(-LIMIT) <= needed <= 3_500


@pytest.mark.parametrize("limit", [1e-4, 0.001, 0.05, 0.5])
def test_one_single_error_never_fails_a_canary(limit: float) -> None:
    assert log_evidence_over(Counts(n=1, k=1), limit=limit) < PROOF


# Bounds.


@given(counts(), limits, alphas)
def test_bounds_say_the_same_as_the_evidence(seen: Counts, limit: float, alpha: float) -> None:
    proof = -log(alpha)
    under, over = log_evidence_under(seen, limit=limit), log_evidence_over(seen, limit=limit)
    assume(abs(under - proof) > 1e-6 and abs(over - proof) > 1e-6)
    assert (upper_bound(seen, alpha=alpha) <= limit) == (under >= proof)
    assert (lower_bound(seen, alpha=alpha, around=limit) >= limit) == (over >= proof)


@given(counts(most=10**9), limits, alphas)
def test_bounds_enclose_the_rate_seen(seen: Counts, limit: float, alpha: float) -> None:
    lower, upper = lower_bound(seen, alpha=alpha, around=limit), upper_bound(seen, alpha=alpha)
    rate = seen.rate if seen.n else 0.5
    assert 0 <= lower <= rate <= upper <= 1


@pytest.mark.parametrize("rate", [0.0005, 0.001, 0.002, 0.02])
def test_bounds_close_in_on_the_rate(rate: float) -> None:
    for n, width in ((10**5, 0.75), (10**6, 0.25), (10**7, 0.08)):
        seen = Counts(n=n, k=round(n * rate))
        assert upper_bound(seen, alpha=ALPHA) - rate <= width * rate
        assert rate - lower_bound(seen, alpha=ALPHA, around=LIMIT) <= width * rate


@given(st.integers(0, 100_000), limits, alphas)
def test_decisive_counts_are_where_the_evidence_turns(n: int, limit: float, alpha: float) -> None:
    proof = -log(alpha)
    k = most_under(n, limit=limit, alpha=alpha)
    for count, passes in ((k, True), (k + 1, False)):
        if 0 <= count <= n:
            evidence = log_evidence_under(Counts(n=n, k=count), limit=limit)
            assert evidence >= proof - 1e-5 if passes else evidence < proof + 1e-5
    k = least_over(n, limit=limit, alpha=alpha)
    for count, fails in ((k, True), (k - 1, False)):
        if 0 <= count <= n:
            evidence = log_evidence_over(Counts(n=n, k=count), limit=limit)
            assert evidence >= proof - 1e-5 if fails else evidence < proof + 1e-5


@given(counts(), limits, alphas)
def test_requests_needed_are_enough_and_one_fewer_is_not(
    seen: Counts, limit: float, alpha: float
) -> None:
    needed = requests_needed(seen, limit=limit, alpha=alpha)
    assert needed is not None
    enough = log_evidence_under(Counts(n=seen.n + needed, k=seen.k), limit=limit)
    assert enough >= -log(alpha) - 1e-6
    if needed:
        fewer = log_evidence_under(Counts(n=seen.n + needed - 1, k=seen.k), limit=limit)
        assert fewer < -log(alpha) + 1e-6


def test_more_requests_are_needed_the_more_of_them_fail_and_none_suffice_at_the_limit() -> None:
    seen = Counts(n=1_200, k=0)
    needed = [requests_needed(seen, limit=LIMIT, alpha=ALPHA, rate=r) for r in (0, 2e-4, 5e-4)]
    assert needed == sorted(needed)
    assert requests_needed(seen, limit=LIMIT, alpha=ALPHA, rate=LIMIT) is None


@pytest.mark.parametrize("wrong", [{"limit": 0.0}, {"limit": 1.5}])
def test_a_limit_that_is_no_share_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(BadStatistic, match="limit is"):
        log_evidence_under(Counts(n=1, k=0), **wrong)
    with pytest.raises(BadStatistic, match="limit is"):
        requests_needed(Counts(n=1, k=0), alpha=0.05, **wrong)
