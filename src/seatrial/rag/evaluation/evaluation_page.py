"""Evaluations and comparisons as pages and as records."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from seatrial.kernel.report_page import page, table
from seatrial.rag.evaluation.comparison import Comparison, MetricComparison, Outcome
from seatrial.rag.evaluation.evaluation import LESS_IS_BETTER, Evaluation, Metric
from seatrial.rag.evaluation.report_words import words
from seatrial.stats.interval_text import bounds, span, span_or_dash

FILES: Mapping[str, str] = {"en": "evaluation.html", "zh": "evaluation.zh-CN.html"}
"""What the page of an evaluation is called in each language."""

COMPARISON_FILES: Mapping[str, str] = {"en": "comparison.html", "zh": "comparison.zh-CN.html"}
"""The same of a comparison."""

_N_WORST = 10


def evaluation_page(
    evaluation: Evaluation, language: str = "en", *, languages: Mapping[str, str] = FILES
) -> str:
    """The page of an evaluation.

    Args:
        language: ``en`` or ``zh``.
        languages: address of the page in each language.
    """
    w = words(language)
    rows = [
        [
            _name(metric, evaluation.k, w),
            f"{found.mean:.3f}",
            span_or_dash(found.interval),
            f"{found.n:,}",
        ]
        for metric in Metric
        if (found := evaluation.mean(metric)) is not None
    ]
    asked = escape(w["asked"].format(index=evaluation.index, version=evaluation.version))
    body = (
        f'<p class="quiet">{asked}</p><h2>{w["metrics"]}</h2>'
        + table([w["metric"], w["mean"], w["interval"], w["n"]], rows)
        + _abstention(evaluation, w)
        + _worst(evaluation, w)
    )
    return page(w["evaluation"].format(name=evaluation.name), body, language, languages)


def comparison_page(
    comparison: Comparison, language: str = "en", *, languages: Mapping[str, str] = COMPARISON_FILES
) -> str:
    """The page of a comparison. Arguments as of `evaluation_page`."""
    w = words(language)
    heads = [w["metric"], comparison.first, comparison.second]
    heads += [w["difference"], w["interval"], w["n"], w["outcome"]]
    rows = [
        [
            _name(one.metric, comparison.k, w),
            f"{one.first:.3f}",
            f"{one.second:.3f}",
            f"{one.difference:+.3f}",
            span_or_dash(one.interval),
            f"{one.n:,}",
            w[one.outcome.value],
        ]
        for one in comparison.metrics
    ]
    mark = {Outcome.BETTER: "ok", Outcome.WORSE: "bad"}.get(comparison.outcome, "quiet")
    said = escape(verdict(comparison, language))
    body = f'<p class="sum {mark}">{said}</p>{table(heads, rows)}'
    title = w["comparison"].format(first=comparison.first, second=comparison.second)
    return page(title, body, language, languages)


def verdict(comparison: Comparison, language: str = "en") -> str:
    """What a comparison comes to, in a sentence, as plain text."""
    w = words(language)
    deciding = comparison.deciding
    return (
        w[f"decided_{comparison.outcome.value}"].format(
            first=comparison.first,
            second=comparison.second,
            metric=_name(deciding.metric, comparison.k, w),
            n=deciding.n,
        )
        + w["colon"]
        + f"{deciding.difference:+.3f} ({span(deciding.interval)})"
        + w["stop"]
    )


def evaluation_record(evaluation: Evaluation) -> dict[str, Any]:
    """An evaluation as JSON has it, with the score of every question."""
    return {
        "name": evaluation.name,
        "index": evaluation.index,
        "version": evaluation.version,
        "k": evaluation.k,
        "metrics": {
            metric.value: {
                "mean": found.mean,
                "interval": bounds(found.interval),
                "n": found.n,
                "less_is_better": metric in LESS_IS_BETTER,
            }
            for metric in Metric
            if (found := evaluation.mean(metric)) is not None
        },
        "abstention": evaluation.abstention
        and {
            "auroc": evaluation.abstention.value,
            "standard_error": evaluation.abstention.standard_error,
        },
        "scores": {metric.value: dict(by_id) for metric, by_id in evaluation.scores.items()},
        "questions": dict(evaluation.texts),
    }


def comparison_record(comparison: Comparison) -> dict[str, Any]:
    """A comparison as JSON has it."""
    return {
        "first": comparison.first,
        "second": comparison.second,
        "outcome": comparison.outcome.value,
        "decided_by": comparison.deciding.metric.value,
        "alpha": comparison.alpha,
        "metrics": [_metric_record(one) for one in comparison.metrics],
        "said": {language: verdict(comparison, language) for language in FILES},
    }


def _metric_record(one: MetricComparison) -> dict[str, Any]:
    return {
        "metric": one.metric.value,
        "n": one.n,
        "first": one.first,
        "second": one.second,
        "difference": one.difference,
        "interval": bounds(one.interval),
        "outcome": one.outcome.value,
    }


def _name(metric: Metric, k: int, w: Mapping[str, str]) -> str:
    return w[f"m_{metric.value}"].format(k=k)


def _abstention(evaluation: Evaluation, w: Mapping[str, str]) -> str:
    found = evaluation.abstention
    if found is None:
        return ""
    said = w["abstention"].format(auc=f"{found.value:.3f}", error=f"{found.standard_error:.3f}")
    return f"<p>{escape(said)}</p>"


def _worst(evaluation: Evaluation, w: Mapping[str, str]) -> str:
    metric = next((one for one in (Metric.NDCG, Metric.F1) if evaluation.scores.get(one)), None)
    if metric is None:
        return ""
    rows = [
        [evaluation.texts[name], f"{score:.3f}"]
        for name, score in evaluation.worst(metric, _N_WORST)
    ]
    name = _name(metric, evaluation.k, w)
    return f"<h2>{w['worst']}</h2>" + table([w["question"], name], rows)
