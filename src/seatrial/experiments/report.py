"""A judgement as a record for machines and as a page that a product manager reads."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from seatrial.experiments.comparing import Effect
from seatrial.experiments.design import Kind, Metric, Role
from seatrial.experiments.drawing import STYLE, Bar, bar_axis, bar_row, limit, over_time
from seatrial.experiments.verdicts import Comparison, Guard, Judgement, Outcome, State
from seatrial.experiments.words import change, days_said, p_said, percent, said, span, value, words
from seatrial.kernel.report_page import page, table, terms
from seatrial.stats.counts import Interval

FILES: Mapping[str, str] = {"en": "experiment.html", "zh": "experiment.zh-CN.html"}
"""What the page of each language is called."""

_MARKS = {Outcome.SHIP: "ok", Outcome.DO_NOT_SHIP: "bad", Outcome.INCONCLUSIVE: "quiet"}


def headline(judgement: Judgement, language: str = "en") -> str:
    """What is to be done, in a few words."""
    return words(language)[judgement.outcome.value].format(winner=judgement.winner)


def state_said(judgement: Judgement, language: str = "en") -> str:
    """How far the experiment is."""
    w = words(language)
    days = (
        "" if judgement.days is None else w["days"].format(days=days_said(judgement.days, language))
    )
    return w["state"].format(
        n=f"{judgement.n:,}",
        units=w[judgement.experiment.unit.value],
        state=w[judgement.state.value],
        days=days,
    )


def judgement_record(judgement: Judgement) -> dict[str, Any]:
    """A judgement as JSON has it; None stands for what is not known, and for infinite ends."""
    j = judgement
    return {
        "experiment": j.experiment.name,
        "state": j.state.value,
        "outcome": j.outcome.value,
        "winner": j.winner,
        "stop": j.stop,
        "reason": j.reason.why.value,
        "said": {language: said(j, j.reason, language) for language in FILES},
        "alpha": j.alpha,
        "n": j.n,
        "n_after_horizon": j.n_after,
        "n_crossed": j.n_crossed,
        "n_unexposed": j.n_unexposed,
        "days": j.days,
        "split": {
            "mismatch": j.mismatch.found,
            "p_value": j.mismatch.p_value,
            "counts": dict(zip(_names(j), j.mismatch.counts, strict=True)),
            "shares": dict(zip(_names(j), j.mismatch.shares, strict=True)),
        },
        "variants": [
            {
                "variant": one.variant,
                "outcome": one.outcome.value,
                "reason": one.reason.why.value,
                "said": {language: said(j, one.reason, language) for language in FILES},
            }
            for one in j.verdicts
        ],
        "metrics": [_comparison_record(one) for one in j.comparisons],
        "over_time": {
            name: [
                {
                    "at": point.at.isoformat(),
                    "n": point.n,
                    "difference": point.difference,
                    "interval": _ends(point.interval),
                }
                for point in points
            ]
            for name, points in j.series.items()
        },
        "segments": [
            {
                "column": one.column,
                "value": one.value,
                "variant": one.variant,
                "n": one.n,
                **_effect_record(one.effect),
            }
            for one in j.segments
        ],
    }


def _names(judgement: Judgement) -> list[str]:
    return [variant.name for variant in judgement.experiment.variants]


def _comparison_record(one: Comparison) -> dict[str, Any]:
    return {
        "metric": one.metric.name,
        "kind": one.metric.kind.value,
        "role": one.metric.role.value,
        "direction": one.metric.direction.value,
        "variant": one.variant,
        **_effect_record(one.effect),
        "adjusted_p": one.adjusted_p,
        "guard": None if one.guard is None else one.guard.value,
        "gain_at_least": _finite(one.gain_bound),
    }


def _effect_record(effect: Effect) -> dict[str, Any]:
    return {
        "control": effect.control,
        "treated": effect.treated,
        "difference": effect.difference,
        "interval": _ends(effect.interval),
        "relative": effect.relative,
        "relative_interval": _ends(effect.relative_interval),
        "p_value": effect.p_value,
        "explained": effect.explained,
    }


def _ends(interval: Interval) -> list[float | None]:
    return [_finite(interval.lower), _finite(interval.upper)]


def _finite(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None


def experiment_page(
    judgement: Judgement, language: str = "en", *, languages: Mapping[str, str] = FILES
) -> str:
    """The page of a judgement, self-contained.

    Args:
        language: ``en`` or ``zh``.
        languages: address of the page in each language.
    """
    title = words(language)["title"].format(name=judgement.experiment.name)
    return page(title, experiment_body(judgement, language), language, languages, style=STYLE)


def experiment_body(judgement: Judgement, language: str = "en") -> str:
    """What the page of a judgement says, as HTML for a page whose style has `drawing.STYLE`."""
    w = words(language)
    j = judgement
    hypothesis = j.experiment.hypothesis
    go_on = w["stop"] if j.stop else w["go_on"]
    return (
        f'<p class="sum {_MARKS[j.outcome]}"><strong>{escape(headline(j, language))}</strong></p>'
        f"<p>{escape(said(j, j.reason, language))}{w['space']}{go_on}</p>"
        f'<p class="quiet">{escape(state_said(j, language))}</p>'
        + (f"<p>{w['hypothesis']}{w['colon']}{escape(hypothesis)}</p>" if hypothesis else "")
        + _effects(j, language)
        + _verdicts(j, language)
        + _over_time(j, language)
        + _segments(j, language)
        + f"<h2>{w['checks']}</h2>{terms(_checks(j, language))}"
    )


def _effects(j: Judgement, language: str) -> str:
    w = words(language)
    bars = [_bar(one) for one in j.comparisons]
    most = limit(bars)
    rows = "".join(
        _forest_row(one, bar, most, language) for one, bar in zip(j.comparisons, bars, strict=True)
    )
    look = w["one_look" if j.state is State.AT_HORIZON else "any_look"]
    note = w["effects_note"].format(level=f"{100 * (1 - j.alpha):.4g} %") + look
    heads = (w["metric"], w["relative"], w["change"], w["control"], w["treated"], w["p"])
    title = escape(w["effects"].format(control=_names(j)[0]))
    return f'<h2>{title}</h2>{_forest(heads, rows, most)}<p class="quiet">{escape(note)}</p>'


def _forest(heads: Sequence[str], rows: str, most: float) -> str:
    """A table whose second column is a picture, with its axis below."""
    return (
        '<div class="wide"><table class="forest"><thead><tr>'
        + "".join(
            f"<th{' class=number' if place > 1 else ''}>{escape(head)}</th>"
            for place, head in enumerate(heads)
        )
        + f'</tr></thead><tbody>{rows}<tr><td></td><td class="bar">{bar_axis(most)}</td>'
        f'<td colspan="{len(heads) - 2}"></td></tr></tbody></table></div>'
    )


def _forest_row(one: Comparison, bar: Bar, most: float, language: str) -> str:
    w = words(language)
    effect, metric = one.effect, one.metric
    role = w[metric.role.value]
    if one.guard is not None:
        role = f"{role}{w['colon']}{w[f'guard.{one.guard.value}']}"
    relative = f"{percent(effect.relative, language)} ({_relative_span(effect, language)})"
    drawn = bar_row(bar, most, label=f"{metric.name}, {one.variant}: {relative}")
    shown = span(metric, effect.interval, language)
    below = f"{one.variant}{w['semicolon']}{role}"
    return (
        f"<tr>{_two(metric.name, below)}"
        f'<td class="bar">{drawn}<span class="quiet">{escape(relative)}</span></td>'
        + _two(change(metric, effect.difference, language), shown, kind="number")
        + "".join(
            f"<td class=number>{escape(text)}</td>"
            for text in (
                value(metric, effect.control, language),
                value(metric, effect.treated, language),
                p_said(one.adjusted_p),
            )
        )
        + "</tr>"
    )


def _two(first: str, second: str, *, kind: str = "name") -> str:
    """A cell of two lines."""
    return f'<td class="{kind}">{escape(first)}<br><span class="quiet">{escape(second)}</span></td>'


def _relative_span(effect: Effect, language: str) -> str:
    interval = effect.relative_interval
    return f"{percent(interval.lower, language)} … {percent(interval.upper, language)}"


def _bar(one: Comparison) -> Bar:
    effect, metric = one.effect, one.metric
    marks = []
    if effect.control:
        wanted = [metric.effect, None if metric.margin is None else -metric.margin]
        whole = 1.0 if metric.relative else abs(effect.control)
        marks = [metric.sign * at / whole for at in wanted if at is not None]
    known = effect.interval.lower > 0 or effect.interval.upper < 0
    tone = "open"
    if one.guard is not None:
        tone = {Guard.KEPT: "good", Guard.BROKEN: "bad", Guard.OPEN: "open"}[one.guard]
    elif known and effect.difference is not None:
        tone = "good" if effect.difference * metric.sign > 0 else "bad"
    return Bar(
        value=effect.relative, interval=effect.relative_interval, marks=tuple(marks), tone=tone
    )


def _verdicts(j: Judgement, language: str) -> str:
    if len(j.verdicts) < 2:
        return ""
    w = words(language)
    rows = [
        [one.variant, w[f"{one.outcome.value}_variant"], said(j, one.reason, language)]
        for one in j.verdicts
    ]
    heads = [w["variant"], w["verdict"], w["reason"]]
    return f"<h2>{w['verdicts']}</h2>{table(heads, rows, n_texts=3)}"


def _over_time(j: Judgement, language: str) -> str:
    w = words(language)
    metric = j.experiment.primary
    scale = 100.0 if metric.kind is Kind.SHARE else 1.0
    mark = None if metric.effect is None else metric.sign * metric.effect
    if mark is not None and metric.relative:
        control = next(o.effect.control for o in j.comparisons if o.metric.role is Role.PRIMARY)
        mark = None if control is None else mark * abs(control)
    figures = []
    for name, points in j.series.items():
        label = f"{name}{w['colon']}{_last(metric, points, language)}" if points else name
        if drawn := over_time(points, scale=scale, mark=mark, label=label):
            caption = f"<figcaption>{escape(label)}</figcaption>"
            figures.append(f"<figure>{caption}{drawn}</figure>")
    if not figures:
        return ""
    title = escape(w["over_time"].format(metric=metric.name))
    note = escape(w["over_time_note"].format(units=w[j.experiment.unit.value]))
    return f'<h2>{title}</h2>{"".join(figures)}<p class="quiet">{note}</p>'


def _last(metric: Metric, points: Sequence[Any], language: str) -> str:
    last = points[-1]
    shown = change(metric, last.difference, language)
    return f"{shown} ({span(metric, last.interval, language)})"


def _segments(j: Judgement, language: str) -> str:
    if not j.segments:
        return ""
    w = words(language)
    metric = j.experiment.primary
    bars = [
        Bar(value=one.effect.relative, interval=one.effect.relative_interval, tone="open")
        for one in j.segments
    ]
    most = limit(bars)
    n = w["n"].format(units=w[j.experiment.unit.value])
    rows = "".join(
        f"<tr>{_two(f'{one.column}={one.value}', one.variant)}"
        f'<td class="bar">{bar_row(bar, most, label=f"{one.column}={one.value}")}</td>'
        + _two(
            change(metric, one.effect.difference, language),
            span(metric, one.effect.interval, language),
            kind="number",
        )
        + f"<td class=number>{one.n:,}</td></tr>"
        for one, bar in zip(j.segments, bars, strict=True)
    )
    title = escape(w["segments"].format(metric=metric.name))
    table_ = _forest((w["segment"], w["relative"], w["change"], n), rows, most)
    return f'<h2>{title}</h2>{table_}<p class="quiet">{w["segments_note"]}</p>'


def _checks(j: Judgement, language: str) -> list[tuple[str, str]]:
    w = words(language)
    units = w[j.experiment.unit.value]
    names = _names(j)
    counts = ", ".join(f"{k} {n:,}" for k, n in zip(names, j.mismatch.counts, strict=True))
    shares = ", ".join(f"{k} {s:.3g}" for k, s in zip(names, j.mismatch.shares, strict=True))
    split = w["split_wrong" if j.mismatch.found else "split_right"]
    rows = [
        (
            w["split"],
            split.format(counts=counts, shares=shares, p_value=p_said(j.mismatch.p_value)),
        )
    ]
    for name, n in (("crossed", j.n_crossed), ("unexposed", j.n_unexposed), ("after", j.n_after)):
        if n:
            rows.append((w[name], w[f"{name}_said"].format(n=f"{n:,}", units=units)))
    for one in j.comparisons:
        if one.effect.explained is not None and one.variant == names[1]:
            text = w["explained_said"].format(
                metric=one.metric.name, share=f"{one.effect.explained:.0%}"
            )
            rows.append((w["explained"], text))
    return rows


def lines(judgement: Judgement) -> list[str]:
    """The judgement as text: the table of effects, one line a comparison."""
    rows = [("metric", "for", "variant", "control", "variant's", "change", "interval", "p")]
    for one in judgement.comparisons:
        effect, metric = one.effect, one.metric
        guard = "" if one.guard is None else f" ({words('en')[f'guard.{one.guard.value}']})"
        rows.append(
            (
                metric.name,
                words("en")[metric.role.value] + guard,
                one.variant,
                value(metric, effect.control),
                value(metric, effect.treated),
                change(metric, effect.difference),
                span(metric, effect.interval),
                p_said(one.adjusted_p),
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
