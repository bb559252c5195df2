"""The pages of the watch, and the report of a window that is kept or mailed: shared templates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from seatrial import __version__
from seatrial.web.console.drawings import overlay, shown_range, sparkline
from seatrial.web.console.performance_drawing import performance_chart
from seatrial.web.console.words import words

_STATIC = Path(__file__).parent / "static"
_LIVE = ("firing", "pending")
_WORST = ("critical", "warning", "unknown", "clear")
_SERVICE = {"ok": "clear", "inconclusive": "unknown"}
_MANY_WINDOWS = 1e6


def equip(templates: Environment) -> None:
    """Give templates what those of the watch need."""
    templates.globals.update(
        sparkline=sparkline,
        overlay=overlay,
        performance_chart=performance_chart,
        shown_range=shown_range,
        effects=effects,
        level_of=level_of,
    )


def spoken(language: str) -> dict[str, Callable[..., str]]:
    """What templates say in a language."""
    return {
        "phrase": partial(_phrase, language=language),
        "alarm_sentence": partial(alarm_sentence, language=language),
    }


def parts(watch: Mapping[str, Any]) -> dict[str, Any]:
    """What the page of an endpoint's watch shows.

    Args: watch: as `WatchDesk.view` gives it.
    """
    live = [alert for alert in watch["alerts"] if alert["phase"] in _LIVE]
    return {"watch": watch, "live_alerts": live, "overall": overall(watch)}


def overall(watch: Mapping[str, Any]) -> str:
    """The worst of what fires; unknown where nothing was looked at."""
    firing = {a["severity"] for a in watch["alerts"] if a["phase"] == "firing"}
    if firing:
        return next(level for level in _WORST if level in firing)
    looked = bool(watch["versions"]) or any(
        level_of(s["level"]) == "clear" for s in watch["service"]
    )
    return "clear" if looked else "unknown"


def level_of(level: str) -> str:
    """A service's level in the words of alerts."""
    return _SERVICE.get(level, level)


def effects(series: Iterable[Mapping[str, Any]], column: str) -> list[float | None]:
    """The PSI of a column over the windows kept."""
    return [point["effects"].get(column) for point in series]


def alarm_sentence(alarm: Mapping[str, Any], language: str) -> str:
    """What the alarm over windows says, in a language."""
    w = words(language)
    since = ""
    if alarm["since"]:
        since = w["alarm.since"].format(at=alarm["since"][:16].replace("T", " "))
    windows = min(alarm["windows_per_false_alarm"], _MANY_WINDOWS)
    return w[f"alarm.{alarm['outcome']}"].format(
        floor=f"{alarm['effect_floor']:g}", since=since, windows=f"{windows:,.0f}"
    )


def report_page(
    record: Mapping[str, Any],
    *,
    title: str,
    reference: str,
    window: str,
    language: str = "en",
    series: Sequence[Mapping[str, Any]] = (),
    made_at: datetime | None = None,
) -> str:
    """A report as one page that needs nothing else: no script, no address, no other file.

    Args:
        record: of a window, see `monitoring.report_record`.
        title: what was compared.
        reference, window: where the rows came from.
        series: windows before, for lines over time.
        made_at: aware; None leaves it out, so that equal reports are equal files.
    """
    templates = Environment(
        loader=PackageLoader("seatrial.web.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    equip(templates)
    return templates.get_template("report.html").render(
        w=words(language),
        language=language,
        style=(_STATIC / "console.css").read_text(),
        seatrial_version=__version__,
        report=record,
        title=title,
        reference=reference,
        window=window,
        series=series,
        open_first=True,
        made_at=None if made_at is None else made_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        **spoken(language),
    )


def _phrase(said: Mapping[str, str], language: str) -> str:
    return said["zh"] if language == "zh" and said["zh"] else said["en"]
