"""What a model card says, section by section, whatever it is written in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from seatrial.kernel.report_page import size
from seatrial.registry.signature import Feature, Output
from seatrial.stats.counts import Interval
from seatrial.stats.reliability import Reliability
from seatrial.training.evaluation.card_words import (
    chance,
    finding_said,
    metric_name,
    number,
    segment_said,
    signed,
    words,
)
from seatrial.training.evaluation.decision import MetricPair
from seatrial.training.evaluation.evaluation import BASELINE, NEW, Evaluation
from seatrial.training.evaluation.latency import Times
from seatrial.training.evaluation.metrics import usual_margin
from seatrial.training.evaluation.rules import Guardrail, Rules

_DIGEST = 12
_MOST = 30
"""Inputs, segments a column and labels that are listed one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A paragraph."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tabled:
    """A table; the first column holds words, the others numbers, but for ``n_texts``."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    n_texts: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Termed:
    """Names and what they are."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Reliability diagrams, by version; a format without pictures shows the tables only."""

    curves: Mapping[str, Reliability]


Block: TypeAlias = Said | Tabled | Termed | Drawn


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading and what is below it."""

    title: str
    blocks: tuple[Block, ...]


def title(found: Evaluation, language: str = "en") -> str:
    """The title of a card."""
    return words(language)["title"].format(
        new=found.versions[NEW].name, baseline=found.versions[BASELINE].name
    )


def outcome(found: Evaluation, language: str = "en") -> str:
    """What came of it, in a word or two."""
    return words(language)[found.decision.outcome.value]


def reason(found: Evaluation, language: str = "en") -> str:
    """Why, as plain text."""
    space = "" if language == "zh" else " "
    return space.join(finding_said(one, language) for one in found.decision.reasons)


def sections(found: Evaluation, language: str) -> tuple[Section, ...]:
    """All sections that have something to say, in order."""
    return tuple(
        section
        for section in (
            _versions(found, language),
            _data(found, language),
            _metrics(found, language),
            _segments(found, language),
            _calibration(found, language),
            _signature(found, language),
            _rules(found, language),
        )
        if section.blocks
    )


def _versions(found: Evaluation, language: str) -> Section:
    w = words(language)
    new, baseline = found.versions[NEW], found.versions[BASELINE]
    rows = [
        (w["named"], new.name, baseline.name),
        (w["digest"], f"{new.digest[:_DIGEST]}…", f"{baseline.digest[:_DIGEST]}…"),
        (w["framework"], new.framework, baseline.framework),
        (w["engine"], new.engine, baseline.engine),
        (w["size"], size(new.n_bytes), size(baseline.n_bytes)),
    ]
    if new.one is not None and baseline.one is not None:
        rows.append((w["one"], _times(new.one, w), _times(baseline.one, w)))
    if new.many is not None and baseline.many is not None:
        name = w["many"].format(n=f"{new.many.n_rows:,}")
        rows.append((name, _times(new.many, w), _times(baseline.many, w)))
    table = Tabled(heads=("", w["new"], w["baseline"]), rows=tuple(rows), n_texts=3)
    return Section(title=w["versions"], blocks=(table,))


def _times(times: Times, w: Mapping[str, str]) -> str:
    return w["ms"].format(p50=f"{1e3 * times.p50_s:.3g}", p95=f"{1e3 * times.p95_s:.3g}")


def _data(found: Evaluation, language: str) -> Section:
    w, data = words(language), found.data
    pairs = [(w["source"], data.source)]
    if data.digest is not None:
        pairs.append((w["sha256"], data.digest))
    repeated = w["not_known"] if data.n_repeated is None else f"{data.n_repeated:,}"
    pairs += [
        (w["label"], data.label),
        (w["rows"], f"{data.n_rows:,}"),
        (w["compared"], f"{data.n:,}"),
        (w["unlabelled"], f"{data.n_unlabelled:,}"),
        (w["repeated"], repeated),
        (
            w["unanswered"],
            w["unanswered_by"].format(
                new=f"{data.n_unanswered[NEW]:,}", baseline=f"{data.n_unanswered[BASELINE]:,}"
            ),
        ),
    ]
    if data.unseen:
        pairs.append((w["unseen"], _counted(data.unseen, w)))
    if data.by_class:
        pairs.append((w["classes"], _counted(data.by_class, w)))
    pairs.append((w["made_at"], found.made_at.isoformat(timespec="seconds")))
    return Section(title=w["data"], blocks=(Termed(pairs=tuple(pairs)),))


def _counted(counts: Mapping[str, int], w: Mapping[str, str]) -> str:
    shown = [f"{name} {n:,}" for name, n in list(counts.items())[:_MOST]]
    return w["list"].join([*shown, *(["…"] if len(counts) > _MOST else [])])


def _metrics(found: Evaluation, language: str) -> Section:
    w = words(language)
    if not found.metrics:
        return Section(title=w["metrics"], blocks=())
    level = w["interval"].format(level=f"{100 * (1 - found.rules.alpha):g}")
    heads = (w["metric"], w["new"], level, w["baseline"], level, w["difference"], level)
    rows = tuple(
        (
            _metric(pair, language),
            number(pair.new.value),
            _span(pair.new.interval),
            number(pair.baseline.value),
            _span(pair.baseline.interval),
            signed(pair.difference.value),
            _span(pair.difference.interval, sign=True),
        )
        for pair in found.metrics
    )
    told = [
        w["decides"].format(metric=metric_name(found.primary, language), margin=found.margin),
    ]
    if found.constant is not None:
        told.append(w["constant"].format(value=number(found.constant)))
    if found.rightness is not None:
        told.append(
            w["rightness"].format(
                new=f"{found.rightness.n_first_only:,}",
                baseline=f"{found.rightness.n_second_only:,}",
                p=chance(found.rightness.p_mid),
                exact=chance(found.rightness.p_exact),
            )
        )
    return Section(
        title=w["metrics"],
        blocks=(Tabled(heads=heads, rows=rows), *(Said(text=text) for text in told)),
    )


def _metric(pair: MetricPair, language: str) -> str:
    name = metric_name(pair.metric, language)
    return words(language)["less"].format(metric=name) if pair.less_is_better else name


def _span(interval: Interval, *, sign: bool = False) -> str:
    ends = (interval.lower, interval.upper)
    if any(end in (float("inf"), float("-inf")) for end in ends):
        return "–"
    return " … ".join(signed(end) if sign else number(end) for end in ends)


def _segments(found: Evaluation, language: str) -> Section:
    w = words(language)
    if not found.segments:
        return Section(title=w["segments"], blocks=())
    rows = tuple(
        (
            segment_said(segment.column, segment.value),
            _metric(pair, language),
            f"{segment.n:,}",
            number(pair.new.value),
            number(pair.baseline.value),
            signed(pair.difference.value),
            _span(pair.difference.interval, sign=True) if segment.judged else w["not_judged"],
        )
        for segment in found.segments
        for pair in segment.metrics
    )
    heads = (
        *(w["segment"], w["metric"], w["n"], w["new"], w["baseline"], w["difference"]),
        w["interval"].format(level=f"{100 * (1 - found.rules.alpha):g}"),
    )
    told = w["segments_told"].format(metric=metric_name(found.primary, language))
    return Section(
        title=w["segments"],
        blocks=(Said(text=told), Tabled(heads=heads, rows=rows, n_texts=2)),
    )


def _calibration(found: Evaluation, language: str) -> Section:
    w = words(language)
    if not found.calibration:
        return Section(title=w["calibration"], blocks=())
    rows = tuple(
        (w[name], number(one.ece), number(one.ece_if_calibrated), number(one.rms))
        for name, one in found.calibration.items()
    )
    return Section(
        title=w["calibration"],
        blocks=(
            Said(text=w["calibration_told"]),
            Drawn(curves=found.calibration),
            Tabled(heads=("", w["ece"], w["ece_if"], w["rms"]), rows=rows),
        ),
    )


def _signature(found: Evaluation, language: str) -> Section:
    w = words(language)
    signature = found.versions[NEW].signature
    blocks: list[Block] = [
        Termed(
            pairs=(
                (w["inputs"], w["list"].join(_inputs(signature.features))),
                (w["outputs"], w["list"].join(map(_output, signature.outputs))),
            )
        )
    ]
    if found.differences:
        text = f"{w['other_signature']}{w['colon']}{'; '.join(found.differences)}."
        blocks.append(Said(text=text))
    else:
        blocks.append(Said(text=w["same_signature"]))
    return Section(title=w["signature"], blocks=tuple(blocks))


def _inputs(features: tuple[Feature, ...]) -> Iterator[str]:
    for feature in features[:_MOST]:
        shape = f" × {' × '.join(map(str, feature.shape))}" if feature.shape else ""
        yield f"{feature.name} ({feature.dtype.value}{'?' if feature.nullable else ''}{shape})"
    if len(features) > _MOST:
        yield f"… {len(features)}"


def _output(output: Output) -> str:
    width = "".join(f" × {size}" for size in output.row_shape)
    return f"{output.name} ({output.dtype.value}{width})"


def _rules(found: Evaluation, language: str) -> Section:
    w, rules = words(language), found.rules
    told = [
        w["rules_told"].format(
            n=f"{rules.n_resamples:,}", seed=rules.seed, alpha=f"{rules.alpha:g}"
        )
    ]
    if rules.guardrails:
        named = w["list"].join(_guardrail(guard, language) for guard in rules.guardrails)
        told.append(w["guardrails"].format(named=named))
    told.append(w["limits"].format(named=w["list"].join(_limits(rules, w))))
    return Section(title=w["rules"], blocks=tuple(Said(text=text) for text in told))


def _guardrail(guard: Guardrail, language: str) -> str:
    w, metric = words(language), metric_name(guard.metric, language)
    if guard.column is not None:
        metric = w["by_column"].format(metric=metric, column=guard.column)
    margin = guard.margin or usual_margin(guard.metric)
    return w["allowed"].format(metric=metric, margin=margin)


def _limits(rules: Rules, w: Mapping[str, str]) -> Iterator[str]:
    yield w["unanswered_limit"].format(share=f"{rules.max_unanswered_share:.2g}")
    if rules.max_latency_ms is not None:
        yield w["latency_limit"].format(ms=f"{rules.max_latency_ms:g}")
    if rules.max_latency_growth is not None:
        yield w["latency_growth"].format(
            growth=f"{rules.max_latency_growth:g}", slack=f"{rules.latency_slack_ms:g}"
        )
    if rules.max_bytes is not None:
        yield w["size_limit"].format(size=size(rules.max_bytes))
    if rules.max_size_growth is not None:
        yield w["size_growth"].format(
            growth=f"{rules.max_size_growth:g}", slack=size(rules.size_slack_bytes)
        )
