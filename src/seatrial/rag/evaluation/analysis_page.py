"""An analysis as a page and as a record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from html import escape
from typing import Any

from seatrial.kernel.report_page import page, share, size, table, terms
from seatrial.rag.chunking.spoken import chunker_spoken
from seatrial.rag.evaluation.analysis import Analysis, Note, Recommendation
from seatrial.rag.evaluation.corpus import ChunkerFacts, Lengths
from seatrial.rag.evaluation.evaluation import Metric
from seatrial.rag.evaluation.hosted import HostedCost
from seatrial.rag.evaluation.report_words import words
from seatrial.rag.evaluation.trial import Trial
from seatrial.stats.interval_text import bounds, span, span_or_dash

FILES: Mapping[str, str] = {"en": "analysis.html", "zh": "analysis.zh-CN.html"}
"""What the page of each language is called."""

_SHOWN_GROUPS = 20


def analysis_page(
    analysis: Analysis, language: str = "en", *, languages: Mapping[str, str] = FILES
) -> str:
    """The page of an analysis.

    Args:
        language: ``en`` or ``zh``.
        languages: address of the page in each language.
    """
    w = words(language)
    body = "".join(
        (
            f"<h2>{w['recommended']}</h2>",
            f'<p class="sum">{escape(summary(analysis, language))}</p>',
            "".join(f"<p>{escape(text)}</p>" for text in told(analysis, language)),
            f"<h2>{w['corpus']}</h2>{terms(_facts(analysis, w))}",
            f"<h2>{w['chunkers']}</h2>{_chunkers(analysis.chunkers, language)}",
            f"<h2>{w['trials']}</h2>{_trials(analysis, language)}" if analysis.trials else "",
            f"<h2>{w['costs']}</h2>{_costs(analysis, w)}",
            _groups(analysis, w),
        )
    )
    return page(w["analysis"], body, language, languages)


def summary(analysis: Analysis, language: str = "en") -> str:
    """The recommendation in a sentence or two, as plain text."""
    w = words(language)
    found = analysis.recommendation
    if found is None:
        return w["no_question"]
    evaluation = found.trial.evaluation
    chosen = w["set"].format(
        chunker=chunker_spoken(found.trial.chunker, language), mode=w[found.trial.mode.value]
    )
    reached = w["reached"].format(
        k=evaluation.k, ndcg=_mean(found.trial, Metric.NDCG), n=analysis.n_questions
    )
    return f"{chosen}{w['colon']}{reached}{w['stop']} {_reason(analysis, found, language)}".strip()


def told(analysis: Analysis, language: str = "en") -> list[str]:
    """The notes, as plain texts."""
    facts = {
        "sampled": share(analysis.sampled),
        "n": analysis.n_questions,
        "embedder": analysis.embedder,
    }
    return [words(language)[f"note_{note.value}"].format(**facts) for note in analysis.notes]


def counted(analysis: Analysis, language: str = "en") -> list[str]:
    """What the corpus is, as plain texts: formats, languages, lengths, copies."""
    w = words(language)
    return [f"{name}{w['colon']}{said}" for name, said in _facts(analysis, w)]


def costs_told(analysis: Analysis, language: str = "en") -> list[str]:
    """What hosted embedders would cost, as plain texts."""
    w = words(language)
    first = f"{w['costs']}{w['colon']}{w['costs_of']}"
    if all(cost.corpus_usd is None for cost in analysis.hosted):
        return [first, w["no_prices"]]
    return [
        first,
        *(
            w["cost"].format(model=model, n=n, corpus=corpus, asked=asked)
            for model, n, corpus, asked in _cost_rows(analysis, w)
        ),
    ]


def analysis_record(analysis: Analysis) -> dict[str, Any]:
    """The analysis as JSON has it; sums of money are texts, and questions keep their scores."""
    found = analysis.recommendation
    return {
        "corpus": asdict(analysis.corpus),
        "sampled_share": analysis.sampled,
        "chunkers": [asdict(facts) for facts in analysis.chunkers],
        "trials": [_trial_record(trial) for trial in analysis.trials],
        "n_questions": analysis.n_questions,
        "embedder": analysis.embedder,
        "recommendation": found
        and {
            "chunker": found.trial.chunker,
            "mode": found.trial.mode.value,
            "best": found.best.evaluation.name,
            "behind": found.behind.mean,
            "behind_interval": bounds(found.behind.interval),
            "alike": list(found.alike),
            "said": {language: summary(analysis, language) for language in FILES},
        },
        "n_corpus_tokens": analysis.n_corpus_tokens,
        "hosted": [_cost_record(cost) for cost in analysis.hosted],
        "notes": [note.value for note in analysis.notes],
        "told": {language: told(analysis, language) for language in FILES},
    }


def _trial_record(trial: Trial) -> dict[str, Any]:
    evaluation = trial.evaluation
    mean = evaluation.mean(Metric.NDCG)
    return {
        "chunker": trial.chunker,
        "mode": trial.mode.value,
        "k": evaluation.k,
        "means": {
            metric.value: found.mean
            for metric in evaluation.scores
            if (found := evaluation.mean(metric)) is not None
        },
        "ndcg_interval": mean and bounds(mean.interval),
        "p95_seconds": evaluation.quantile(Metric.SECONDS, 0.95),
        "n_chunks": trial.n_chunks,
        "n_tokens": trial.n_tokens,
        "held_bytes": trial.held_bytes,
        "scores": {metric.value: dict(by_id) for metric, by_id in evaluation.scores.items()},
    }


def _cost_record(cost: HostedCost) -> dict[str, Any]:
    return {
        "provider": cost.provider,
        "model": cost.model,
        "n_tokens": cost.n_tokens,
        "exact": cost.exact,
        "corpus_usd": None if cost.corpus_usd is None else str(cost.corpus_usd),
        "thousand_questions_usd": None
        if cost.thousand_questions_usd is None
        else str(cost.thousand_questions_usd),
    }


def _reason(analysis: Analysis, found: Recommendation, language: str) -> str:
    w = words(language)
    if found.trial is found.best:
        return w["is_best_cut" if Note.GENERATED in analysis.notes else "is_best"]
    return w["behind" if found.behind.mean else "as_well"].format(
        best=w["setting"].format(
            chunker=chunker_spoken(found.best.chunker, language), mode=w[found.best.mode.value]
        ),
        behind=f"{found.behind.mean:.3f}",
        interval=span(found.behind.interval),
        vectors=size(found.trial.held_bytes),
        others=size(found.best.held_bytes),
    )


def _facts(analysis: Analysis, w: Mapping[str, str]) -> list[tuple[str, str]]:
    corpus = analysis.corpus
    return [
        (w["documents"], f"{corpus.n_documents:,}"),
        (w["formats"], _counted(corpus.formats, w)),
        (w["languages"], _counted(corpus.languages, w)),
        (w["characters"], _lengths(corpus.characters, w)),
        (w["tokens"], _lengths(corpus.tokens, w)),
        (w["all_tokens"], f"{corpus.n_tokens:,}"),
        (w["empty"], f"{corpus.n_empty:,}"),
        (w["duplicates"], f"{_n_copies(corpus.duplicates):,}"),
        (w["near_duplicates"], f"{_n_copies(corpus.near_duplicates):,}"),
    ]


def _n_copies(groups: tuple[tuple[str, ...], ...]) -> int:
    return sum(len(group) - 1 for group in groups)


def _counted(counts: Mapping[str, int], w: Mapping[str, str]) -> str:
    return w["list"].join(f"{name or w['unknown']} {n:,}" for name, n in counts.items())


def _lengths(lengths: Lengths, w: Mapping[str, str]) -> str:
    if not lengths.n:
        return w["none"]
    return w["quantiles"].format(
        lowest=f"{lengths.quantiles[0]:,}",
        highest=f"{lengths.quantiles[-1]:,}",
        median=f"{lengths.quantiles[3]:,}",
        total=f"{lengths.total:,}",
    )


def _chunkers(tried: tuple[ChunkerFacts, ...], language: str) -> str:
    w = words(language)
    heads = ("chunker", "chunks", "median", "longest", "repeated", "cut", "too_long", "unseen")
    rows = [
        [
            chunker_spoken(facts.chunker, language),
            f"{facts.tokens.n:,}",
            f"{facts.tokens.quantiles[3]:,}" if facts.tokens.n else w["none"],
            f"{facts.tokens.quantiles[-1]:,}" if facts.tokens.n else w["none"],
            share(facts.repeated_share),
            share(facts.cut_share),
            share(facts.too_long_share),
            share(facts.unseen_share),
        ]
        for facts in tried
    ]
    return table([w[head] for head in heads], rows)


def _trials(analysis: Analysis, language: str) -> str:
    w = words(language)
    k = analysis.trials[0].evaluation.k
    heads = (
        *("chunker", "mode", "ndcg", "interval", "recall", "reciprocal_rank"),
        *("mean_ms", "p95_ms", "chunks", "vectors"),
    )
    chosen = analysis.recommendation.trial if analysis.recommendation else None
    return table(
        [w[head].format(k=k) for head in heads],
        [_trial(trial, language) for trial in analysis.trials],
        n_texts=2,
        chosen=next((n for n, trial in enumerate(analysis.trials) if trial is chosen), -1),
    )


def _trial(trial: Trial, language: str) -> list[str]:
    w = words(language)
    ndcg = trial.evaluation.mean(Metric.NDCG)
    seconds = trial.evaluation.mean(Metric.SECONDS)
    p95 = trial.evaluation.quantile(Metric.SECONDS, 0.95)
    return [
        chunker_spoken(trial.chunker, language),
        w[trial.mode.value],
        _mean(trial, Metric.NDCG),
        span_or_dash(ndcg.interval) if ndcg else w["none"],
        _mean(trial, Metric.RECALL),
        _mean(trial, Metric.RECIPROCAL_RANK),
        f"{seconds.mean * 1000:.2f}" if seconds else w["none"],
        f"{p95 * 1000:.2f}" if p95 is not None else w["none"],
        f"{trial.n_chunks:,}",
        size(trial.held_bytes),
    ]


def _mean(trial: Trial, metric: Metric) -> str:
    found = trial.evaluation.mean(metric)
    return "" if found is None else f"{found.mean:.3f}"


def _costs(analysis: Analysis, w: Mapping[str, str]) -> str:
    heads = [w[head] for head in ("model", "corpus_tokens", "corpus_usd", "questions_usd")]
    return f'<p class="quiet">{escape(w["costs_of"])}</p>{table(heads, _cost_rows(analysis, w))}'


def _cost_rows(analysis: Analysis, w: Mapping[str, str]) -> list[list[str]]:
    return [
        [
            f"{cost.provider} {cost.model}",
            f"{'' if cost.exact else '~'}{cost.n_tokens:,}",
            _usd(cost.corpus_usd, w),
            _usd(cost.thousand_questions_usd, w),
        ]
        for cost in analysis.hosted
    ]


def _usd(cost: Decimal | None, w: Mapping[str, str]) -> str:
    if cost is None:
        return w["unknown"]
    return "< 0.0001" if 0 < cost < Decimal("0.0001") else f"{cost:.4f}"


def _groups(analysis: Analysis, w: Mapping[str, str]) -> str:
    groups = analysis.corpus.near_duplicates or analysis.corpus.duplicates
    if not groups:
        return ""
    shown = "".join(f"<li>{escape(w['list'].join(g[:10]))}</li>" for g in groups[:_SHOWN_GROUPS])
    return f"<h2>{w['groups']}</h2><ul>{shown}</ul>"
