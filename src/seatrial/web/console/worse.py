"""What got worse of a model's performance, for the head of a report: the whole, some segments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from seatrial.monitoring.summaries.segments import segment_name
from seatrial.web.console.legible import cut
from seatrial.web.console.segment_lines import SegmentLine, segment_lines, segment_value
from seatrial.web.console.words import percent, words

_NAMED = 3
_WORSE = ("critical", "warning")


@dataclass(frozen=True, slots=True, kw_only=True)
class Worse:
    """Something that does worse.

    Args:
        level: ``warning`` or ``critical``.
        said: a line in the reader's language.
    """

    level: str
    said: str


def worse_of(performance: Mapping[str, Mapping[str, Any]], language: str) -> list[Worse]:
    """What does worse than on the reference; none where all is well.

    Args: performance: by version, see `monitoring.performance.view`.
    """
    return [
        one
        for record in performance.values()
        for one in (*_whole(record, language), *_segments(record, language))
    ]


def _whole(record: Mapping[str, Any], language: str) -> Iterator[Worse]:
    w = words(language)
    real, said = record["measured"], record["estimated"]
    known = [(real["level"], "real", real["metrics"][0]["value"])] if real else []
    known.append((said["level"], "estimated", said["value"]))
    for level in _WORSE:
        for one, how, value in known:
            if one == level and value is not None:
                metric = record["metric"]
                text = w["performance.worse"].format(
                    metric=w.get(f"performance.metric.{metric}", metric),
                    how=w[f"performance.{how}"],
                    value=_figure(metric, value, language),
                    reference=_figure(metric, record["reference"]["value"], language),
                )
                yield Worse(level=level, said=text)
                return


def _segments(record: Mapping[str, Any], language: str) -> Iterator[Worse]:
    if not record.get("segments"):
        return
    w = words(language)
    found = segment_lines(record["segments"])
    lines = (*found.first, *found.rest)
    worse = [line for line in lines if line.level in _WORSE]
    if not worse:
        return
    named = w["comma"].join(_named(line, w) for line in worse[:_NAMED])
    more = len(worse) - _NAMED
    named += w["segments.and_more"].format(n=more) if more > 0 else ""
    text = w["segments.worse"].format(n=len(worse), all=len(lines) + found.n_more, named=named)
    yield Worse(level=worse[0].level, said=text)


def _named(line: SegmentLine, w: Mapping[str, str]) -> str:
    return segment_name(cut(line.column), cut(segment_value(line.value, w)))


def _figure(metric: str, value: float, language: str) -> str:
    if metric in ("mae", "rmse"):
        return f"{value:.4g}"
    return percent(f"{100 * value:.1f}", language)
