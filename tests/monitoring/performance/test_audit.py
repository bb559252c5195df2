"""Which rows to have labelled, how many, and what they buy."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from seatrial.monitoring.performance.audit import (
    Audit,
    BadAudit,
    bought,
    chosen,
    chosen_of_window,
    labels_for_interval,
    lot,
)
from seatrial.release.position import position

IDS = [f"prediction-{i}" for i in range(20_000)]
AUDIT = Audit(labels_per_window=50, accuracy=0.85, n_reference=5_000)


def test_lots_are_uniform_even_for_ids_that_count_up() -> None:
    lots = [lot(key) for key in IDS]
    assert stats.kstest(lots, "uniform").pvalue > 0.001


def test_a_share_is_chosen_and_raising_it_drops_nobody() -> None:
    few, more = chosen(IDS, share=0.02), chosen(IDS, share=0.05)
    # 20,000 rows at 2 %: 400 within 3 standard deviations of 20
    assert abs(few.sum() - 400) < 60
    assert not (few & ~more).any()
    assert not chosen(IDS, share=0.0).any()
    assert chosen(IDS, share=1.0).all()


def test_the_choice_knows_nothing_of_the_variant_that_answered() -> None:
    of_canary = np.array([position("", key.encode()) < 0.3 for key in IDS])
    picked = chosen(IDS, share=0.1)
    table = [[(picked & of_canary).sum(), (~picked & of_canary).sum()]]
    table += [[(picked & ~of_canary).sum(), (~picked & ~of_canary).sum()]]
    assert stats.chi2_contingency(table).pvalue > 0.001


def test_a_window_gets_exactly_its_labels_and_every_row_the_same_chance() -> None:
    ids = IDS[:100]
    times = sum(chosen_of_window(ids, 20, salt=str(s)).astype(int) for s in range(400))
    assert times.sum() == 400 * 20
    # binomial(400, 0.2): 80, standard deviation 8; 100 rows, so 4.5 of them
    assert np.abs(times - 80).max() < 4.5 * 8
    assert chosen_of_window(ids, 500).all()
    assert not chosen_of_window(ids, 0).any()


def test_more_labels_drop_no_row_of_a_window() -> None:
    few, more = chosen_of_window(IDS[:200], 20), chosen_of_window(IDS[:200], 30)
    assert not (few & ~more).any()


def test_the_labels_of_an_interval_are_those_of_the_normal_law() -> None:
    n = labels_for_interval(half_width=0.02, share=0.9, row_variance=0.1275)
    z = stats.norm.ppf(0.95)
    assert z * np.sqrt(0.1275 / n) <= 0.02 < z * np.sqrt(0.1275 / (n - 1))


def test_more_labels_and_larger_drops_are_found_sooner_and_the_offer_says_so() -> None:
    small = bought(AUDIT, drop=0.10, within_windows=3, n_trials=100)
    large = bought(replace(AUDIT, labels_per_window=400), drop=0.10, within_windows=3, n_trials=100)
    assert list(large.seen_within) == sorted(large.seen_within)
    assert large.seen_within[-1] > small.seen_within[-1] + 0.1
    assert large.seen_within[-1] > 0.9
    assert small.false_alarm_rate < 0.04
    assert "400 labels a window find a drop of 10 points within 3 windows" in large.reason


def test_late_labels_do_not_help_before_they_come() -> None:
    audit = replace(AUDIT, labels_per_window=0, window_rows=2_000, late_windows=3)
    found = bought(audit, drop=0.15, within_windows=5, n_trials=60)
    assert max(found.seen_within[:3]) < 0.05
    assert found.seen_within[4] > 0.9


def test_the_same_seed_gives_the_same_offer() -> None:
    one, two = (bought(AUDIT, drop=0.1, within_windows=2, n_trials=20, seed=3) for _ in range(2))
    assert one == two


def test_audits_that_cannot_be_are_refused() -> None:
    with pytest.raises(BadAudit, match="share of 2"):
        chosen(IDS, share=2)
    with pytest.raises(BadAudit, match="-1 labels"):
        chosen_of_window(IDS[:3], -1)
    with pytest.raises(BadAudit, match="half-width of 0"):
        labels_for_interval(half_width=0, share=0.9, row_variance=0.1)
    with pytest.raises(BadAudit, match=r"drop of 0\.9 from 0\.85"):
        bought(AUDIT, drop=0.9, within_windows=3)
    with pytest.raises(BadAudit, match="impossible"):
        bought(replace(AUDIT, late_windows=-1), drop=0.1, within_windows=3)
