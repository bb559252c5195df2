"""The pages of the watch, and the report of a window that is kept or mailed: shared templates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from seatrial import __version__
from seatrial.monitoring.alerts.finding import Kind
from seatrial.monitoring.watching.sayings import said_as
from seatrial.web.console.drawings import is_cut, overlay, sparkline, twin_bars
from seatrial.web.console.legible import cut, visible
from seatrial.web.console.levels import quantity, service_sentence
from seatrial.web.console.performance_drawing import performance_chart
from seatrial.web.console.report_columns import columns_of, effects, figures, tally, value_names
from seatrial.web.console.segment_lines import (
    equals,
    segment_lines,
    segment_value,
    segment_versions,
)
from seatrial.web.console.words import percent, words
from seatrial.web.console.worse import worse_of

_STATIC = Path(__file__).parent / "static"
_LIVE = ("firing", "pending")
_WORST = ("critical", "warning", "unknown", "clear")
_KNOWN_FIRST = ("critical", "warning", "clear", "unknown")
_SERVICE = {"ok": "clear", "inconclusive": "unknown"}
_MANY_WINDOWS = 1e6


def environment() -> Environment:
    """Templates that escape what they are given, and show what cannot be printed as signs."""
    templates = Environment(
        loader=PackageLoader("seatrial.web.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=visible,
    )
    templates.globals.update(
        columns_of=columns_of,
        began=began,
        cut=cut,
        effects=effects,
        figures=figures,
        level_of=level_of,
        overlay=overlay,
        quantity=quantity,
        is_cut=is_cut,
        performance_chart=performance_chart,
        sparkline=sparkline,
        twin_bars=twin_bars,
        equals=equals,
        segment_lines=segment_lines,
        segment_value=segment_value,
        segment_versions=segment_versions,
        value_names=value_names,
        worst_of=worst_of,
    )
    return templates


def spoken(language: str) -> dict[str, Callable[..., str]]:
    """What templates say in a language."""
    return {
        "phrase": partial(_phrase, language=language),
        "said": partial(said_as, language=language),
        "alarm_sentence": partial(alarm_sentence, language=language),
        "service_said": partial(_service_said, language=language),
        "tally": partial(tally, language=language),
        "percent": partial(percent, language=language),
    }


def parts(watch: Mapping[str, Any], language: str) -> dict[str, Any]:
    """What the page of an endpoint's watch shows.

    Args: watch: as `WatchDesk.view` gives it.
    """
    live = [alert for alert in watch["alerts"] if alert["phase"] in _LIVE]
    return {
        "watch": watch,
        "live_alerts": live,
        "overall": overall(watch),
        "headline": headline(watch, language),
        "kinds": [kind.value for kind in Kind],
    }


def overall(watch: Mapping[str, Any]) -> str:
    """The worst of what fires; unknown where nothing was looked at."""
    firing = {a["severity"] for a in watch["alerts"] if a["phase"] == "firing"}
    if firing:
        return next(level for level in _WORST if level in firing)
    looked = bool(watch["versions"]) or any(
        level_of(s["level"]) == "clear" for s in watch["service"]
    )
    return "clear" if looked else "unknown"


def headline(watch: Mapping[str, Any], language: str) -> str:
    """How things stand, in one line: what fires, by kind."""
    w = words(language)
    firing = [a for a in watch["alerts"] if a["phase"] == "firing"]
    pending = sum(1 for a in watch["alerts"] if a["phase"] == "pending")
    if firing:
        kinds = dict.fromkeys(a["labels"]["kind"] for a in firing)
        named = w["comma"].join(w.get(f"kind.{kind}", kind) for kind in kinds)
        said = w["one_fires" if len(firing) == 1 else "some_fire"].format(
            n=len(firing), kinds=named
        )
    else:
        said = w["nothing_fires" if overall(watch) == "clear" else "nothing_known"]
    return said + (w["pending_too"].format(n=pending) if pending else "")


def level_of(level: str) -> str:
    """A service's level in the words of alerts."""
    return _SERVICE.get(level, level)


def worst_of(*levels: str) -> str:
    """The worst level; ``unknown`` is no worse than what is known."""
    return min(levels, key=_KNOWN_FIRST.index)


def began(alert: Mapping[str, Any]) -> str | None:
    """When an alert's trouble began, as far as is known, ISO 8601.

    What is found anew each window says the newest; the trouble is as old as its first finding.
    """
    finding = alert["finding"] or {}
    known = [at for at in (finding.get("since"), alert["pending_at"], alert["fired_at"]) if at]
    return min(known, key=datetime.fromisoformat, default=None)


def alarm_sentence(alarm: Mapping[str, Any], language: str) -> str:
    """What the alarm over windows says, in a language."""
    w = words(language)
    since = ""
    if alarm["since"]:
        since = w["alarm.since"].format(at=alarm["since"][:16].replace("T", " "))
    n = min(alarm["windows_per_false_alarm"], _MANY_WINDOWS)
    windows = w["a_million"] if n >= _MANY_WINDOWS else f"{float(f'{n:.1g}'):,.0f}"
    return w[f"alarm.{alarm['outcome']}"].format(
        floor=f"{alarm['effect_floor']:g}", since=since, windows=windows
    )


def silences_shown(
    silences: Iterable[Mapping[str, Any]], endpoint: str, language: str
) -> list[dict[str, Any]]:
    """Silences that touch an endpoint, with what they are about in words."""
    w = words(language)
    return [
        dict(one) | {"subject": _subject(one["match"], w)}
        for one in silences
        if endpoint in one["match"].get("endpoint", [endpoint])
        or any("*" in p or "?" in p or "[" in p for p in one["match"]["endpoint"])
    ]


def report_page(
    record: Mapping[str, Any],
    *,
    title: str,
    reference: str,
    window: str,
    language: str = "en",
    series: Sequence[Mapping[str, Any]] = (),
    performance: Mapping[str, Mapping[str, Any]] | None = None,
    notes: Sequence[Mapping[str, str]] = (),
    made_at: datetime | None = None,
) -> str:
    """A report as one page that needs nothing else: no script, no address, no other file.

    Args:
        record: of a window, see `monitoring.report_record`.
        title: what was compared.
        reference, window: where the rows came from.
        series: windows before, for lines over time.
        performance: by version, see `monitoring.performance.view`; None where it is not known.
        notes: what the reader should know beside it, by language.
        made_at: aware; None leaves it out, so that equal reports are equal files.
    """
    return (
        environment()
        .get_template("report.html")
        .render(
            w=words(language),
            language=language,
            style=(_STATIC / "console.css").read_text(encoding="utf-8"),
            seatrial_version=__version__,
            report=record,
            title=title,
            reference=reference,
            window=window,
            series=series,
            watch={"performance": performance or {}},
            worse=worse_of(performance or {}, language),
            open_first=True,
            notes=[_phrase(note, language) for note in notes],
            made_at=(
                None if made_at is None else made_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
            ),
            **spoken(language),
        )
    )


def _subject(match: Mapping[str, Sequence[str]], w: Mapping[str, str]) -> str:
    named = [w["comma"].join(w.get(f"kind.{k}", k) for k in match.get("kind", ()))]
    named += [
        f"{name} {w['comma'].join(some)}"
        for name, some in match.items()
        if name not in ("endpoint", "kind") and some
    ]
    return " · ".join(filter(None, named)) or w["any_kind"]


def _phrase(said: Mapping[str, str], language: str) -> str:
    if language != "zh":
        return said["en"]
    same = not said["zh"] or said["zh"] == said["en"]
    return said_as(said["en"], "zh") if same else said["zh"]


def _service_said(finding: Mapping[str, Any], language: str) -> str:
    w = words(language)
    name = w.get(f"signal.{finding['signal']}", str(finding["signal"]))
    return service_sentence(finding, name, language)
