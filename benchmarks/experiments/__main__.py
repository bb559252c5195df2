"""``python -m benchmarks.experiments``: how often A/B tests err, by simulation; write the page."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from math import sqrt
from pathlib import Path

from benchmarks.experiments.errors import (
    ALPHA,
    EARLY_PART,
    explained,
    family,
    peeking,
    planned,
    split,
)
from benchmarks.experiments.streams import streams
from benchmarks.experiments.whole_rule import MARGIN, decided
from benchmarks.monitor.goals import Goal, goal_table, markdown_table
from benchmarks.serving.page import fill, marks

SUBJECT = "experiments"
_EFFECTS = {
    "share 10 %": 0.02,
    "share 1 %": 0.005,
    "mean, normal": 0.2,
    "mean, revenue": 1.0,
    "ratio": 0.01,
    "mean with covariate": 0.2,
    "the same, known of 70 %": 0.2,
}

Report = Callable[[bool], str]


def peeking_report(quick: bool) -> str:
    """Errors when looked at every hour for two weeks."""
    n_trials, n_looks = (100, 48) if quick else (1_000, 336)
    known = streams()
    found = [
        peeking(known[name], n_trials=n_trials, n_looks=n_looks, n_users=30, effect=effect)
        for name, effect in _EFFECTS.items()
    ]
    rows = [
        [
            one.stream,
            _percent(one.always),
            _percent(one.rule),
            _percent(one.horizon),
            _percent(one.naive),
            _percent(one.covered),
        ]
        for one in found
    ]
    head = ["metric", "at any look", "whole rule", "horizon, once", "naive", "covered"]
    most = ALPHA + 3 * sqrt(ALPHA * (1 - ALPHA) / n_trials)
    goals = [
        *(
            Goal(
                what=f"false positives, {what}",
                goal=f"<= {_percent(ALPHA)} in every row, within {_percent(most)} by chance",
                reached=f"{_percent(max(values))} at most",
                met=max(values) <= most if not quick else None,
            )
            for what, values in (
                ("at any look", [one.always for one in found]),
                ("whole rule", [one.rule for one in found]),
            )
        ),
        Goal(
            what="intervals for any look hold the effect at every look",
            goal=f">= {_percent(1 - ALPHA)}",
            reached=f"{_percent(min(one.covered for one in found))} at least",
            met=min(one.covered for one in found) >= 1 - most if not quick else None,
        ),
    ]
    note = f"{n_trials:,} trials a row, {n_looks} looks, 30 users of each variant an hour."
    return f"{note}\n\n{markdown_table(head, rows)}\n\n{goal_table(goals)}"


def power_report(quick: bool) -> str:
    """Power and coverage at the size that a plan asks for."""
    n_trials = 200 if quick else 5_000
    known = streams()
    r = explained(known["mean with covariate"])
    cases = [
        ("share 10 %", 0.02, {}),
        ("share 10 %", 0.02, {"ratio": 0.25}),
        ("share 1 %", 0.005, {}),
        ("mean, normal", 0.3, {}),
        ("mean, revenue", 2.0, {}),
        ("ratio", 0.02, {}),
        ("mean with covariate", 0.3, {"explained": r}),
        ("the same, known of 70 %", 0.3, {"explained": 0.7 * r}),
    ]
    found = [
        planned(known[name], n_trials=n_trials, effect=effect, **more)
        for name, effect, more in cases
    ]
    rows = [
        [
            one.stream,
            f"{one.n_control:,}",
            f"{one.ratio:g}",
            _percent(one.planned),
            _percent(one.power),
            _percent(one.covered),
            "" if one.narrower is None else f"{one.narrower:.2f}",
        ]
        for one in found
    ]
    head = ["metric", "control", "variant per control", "planned", "power", "covered", "variance"]
    worst = max(abs(one.power - one.planned) for one in found)
    held = max(abs(one.covered - (1 - ALPHA)) for one in found)
    goals = [
        Goal(
            what="power, off the plan",
            goal="<= 2 points",
            reached=f"{100 * worst:.2g} points",
            met=None if quick else worst <= 0.02,
        ),
        Goal(
            what="coverage at the horizon, off 95 %",
            goal="<= 1 point",
            reached=f"{100 * held:.2g} points",
            met=None if quick else held <= 0.01,
        ),
    ]
    note = (
        f"{n_trials:,} trials a row. The covariate explains {_percent(r)} of the variance; "
        "variance is that of the estimates over those without it."
    )
    return f"{note}\n\n{markdown_table(head, rows)}\n\n{goal_table(goals)}"


def split_report(quick: bool) -> str:
    """Sample ratio mismatch."""
    n_trials = 200 if quick else 5_000
    alpha = 0.01
    found = [
        split(share=share, alpha=alpha, n_trials=n_trials, n_looks=336, n_units=200)
        for share in (0.5, 0.505, 0.51, 0.52, 0.55)
    ]
    rows = [
        [
            _percent(one.share),
            _percent(one.always),
            "-" if one.median_units is None else f"{one.median_units:,.0f}",
            _percent(one.horizon),
            _percent(one.naive),
        ]
        for one in found
    ]
    head = ["true share, half asked for", "at any look", "median units", "chi-square, once"]
    head.append("chi-square at every look")
    most = alpha + 3 * sqrt(alpha * (1 - alpha) / n_trials)
    right = found[0]
    goals = [
        Goal(
            what="a right split called wrong, at any look",
            goal=f"<= {_percent(alpha)}",
            reached=_percent(right.always),
            met=None if quick else right.always <= most,
        )
    ]
    note = f"{n_trials:,} trials a row, 336 looks, 200 users an hour in both, alpha 1 %."
    return f"{note}\n\n{markdown_table(head, rows)}\n\n{goal_table(goals)}"


def family_report(quick: bool) -> str:
    """Several variants that do nothing."""
    n_trials = 1_000 if quick else 20_000
    found = family(n_trials=n_trials, n_users=4_000)
    rows = [
        ["one called different, p-values as they are", _percent(found.uncorrected)],
        ["one called different, by Holm", _percent(found.corrected)],
        ["all three intervals hold the effect", _percent(found.covered)],
    ]
    return f"{n_trials:,} trials.\n\n{markdown_table(['three variants, no effect', ''], rows)}"


def decisions_report(quick: bool) -> str:
    """The whole rule."""
    n_trials = 20 if quick else 500
    cases = [
        {"lift": 0.0},
        {"lift": 0.0, "n_variants": 4},
        {"lift": 0.01},
        {"lift": 0.02},
        {"lift": 0.04},
        {"lift": -0.02},
        {"lift": 0.02, "harm": MARGIN},
        {"lift": 0.02, "harm": 0.03},
    ]
    found = [decided(n_trials=n_trials, per_day=400, **case) for case in cases]
    rows = [
        [
            f"{100 * one.lift:+g} / {100 * one.harm:+g} points",
            str(one.n_variants),
            _percent(one.shipped),
            _percent(one.refused),
            _percent(one.harmed),
            _percent(one.early),
            f"{one.median_days:g}",
        ]
        for one in found
    ]
    head = ["true change / of the guardrail", "variants", "ship", "do not ship", "guardrail broken"]
    head += ["before the horizon", "median days"]
    most = ALPHA + 3 * sqrt(ALPHA * (1 - ALPHA) / n_trials)
    goals = [
        Goal(
            what="no better, and shipped",
            goal=f"<= {_percent(ALPHA)}",
            reached=_percent(max(one.shipped for one in found[:2])),
            met=None if quick else max(one.shipped for one in found[:2]) <= most,
        ),
        Goal(
            what="a guardrail at its margin called broken, or shipped",
            goal=f"<= {_percent(ALPHA)} each",
            reached=f"{_percent(found[6].harmed)}, {_percent(found[6].shipped)}",
            met=None if quick else max(found[6].harmed, found[6].shipped) <= most,
        ),
    ]
    note = f"{n_trials:,} trials a row, 14 days, judged at the end of each."
    return f"{note}\n\n{markdown_table(head, rows)}\n\n{goal_table(goals)}"


REPORTS: dict[str, Report] = {
    "peeking": peeking_report,
    "power": power_report,
    "split": split_report,
    "family": family_report,
    "decisions": decisions_report,
}


def heading(*, quick: bool) -> str:
    """When, and whether the figures may be believed."""
    day = datetime.now(UTC).date()
    said = f"Simulated on {day}; seeds are fixed, alpha is {_percent(ALPHA)}, of which "
    said += f"{_percent(EARLY_PART)} are for looks before the horizon."
    if quick:
        said += "\n\n**With `--quick`: few trials. This shows that it works, no more.**"
    return said


def main() -> int:
    """Run what the flags ask for.   Returns: 0; a missed goal is no failure of the run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.experiments", description=__doc__)
    parser.add_argument("--only", nargs="*", choices=list(REPORTS), default=list(REPORTS))
    parser.add_argument("--quick", action="store_true", help="few trials: does it work?")
    parser.add_argument("--into", type=Path, action="append", default=[], help="a page to fill")
    options = parser.parse_args()
    for page in options.into:
        begin = marks("heading", SUBJECT)[0]
        if not page.is_file() or begin not in page.read_text():
            parser.error(f"{page} is no page with the mark {begin}")
    blocks = {"heading": heading(quick=options.quick)}
    for name in options.only:
        sys.stderr.write(f"{name} ...\n")
        blocks[name] = REPORTS[name](options.quick)
    for name, text in blocks.items():
        print(f"## {name}\n\n{text}\n", flush=True)
    for page in options.into:
        page.write_text(fill(page.read_text(), blocks, SUBJECT))
    return 0


def _percent(value: float) -> str:
    return f"{100 * value:.3g} %"


if __name__ == "__main__":
    sys.exit(main())
