"""How endpoints and facts are shown in a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from seatrial.cli.output import Console
from seatrial.kernel.duration import show_duration, show_watched
from seatrial.release.verdict import plain

_COLOURS = {"promoted": "green", "aborted": "red", "rejected": "red", "held": "yellow"}


def show_endpoint(
    console: Console, record: Mapping[str, Any], *, server: str | None = None
) -> None:
    """An endpoint with its release and the evidence.

    Args:
        server: address of the server of this home, where one runs.
    """
    console.say(click.style(str(record["name"]), bold=True))
    stable = record["stable"]
    former = ", ".join(str(v) for v in record["former"])
    serving = "nothing yet" if stable is None else f"version {stable}"
    console.say(f"  production  {serving}" + (f"  (before: {former})" if former else ""))
    if record["blocked"]:
        blocked = click.style("stands still", fg="red")
        console.say(f"  {blocked}: {record['blocked']['problem']}")
        console.say(f"              → {record['blocked']['remedy']}")
    release = record["release"]
    if release:
        console.say(f"  release     {release_line(release)}")
        compared = release["evaluation"] or {}
        if compared.get("metrics"):
            told = compared["reason"]["en"]
            console.say(f"  evaluation  {compared['outcome'].replace('_', ' ')}: {told}")
        for line in evidence_lines(release):
            console.say(f"              {line}")
    for version, seen in record["engines"].items():
        console.say(f"  engine      version {version}: {_SAYS[seen['says']]}{_since(seen)}")
    for version, why in record["failed"].items():
        console.say(f"  not loaded  version {version}: {why}")
    console.say(f"  served by   {_served_by(record, server)}")


_SAYS = {
    "ready": "ready, says the server elsewhere",
    "absent": "the server elsewhere has not had the model",
    "silent": "the server elsewhere has not answered",
}


def _since(seen: Mapping[str, str]) -> str:
    """Since when an engine is not as it should be."""
    when = seen["since"][:19].replace("T", " ")
    return "" if seen["says"] == "ready" else click.style(f" since {when} UTC", fg="red")


def versions_lines(totals: Mapping[str, Any]) -> list[str]:
    """What each version of a prompt did lately, side by side."""
    rows = [("version", "answers", "errors", "p95", "parsed", "cost", "score")]
    rows += [
        (
            version,
            f"{t['n']:,}",
            "–" if t["error_rate"] is None else f"{100 * t['error_rate']:.3g} %",
            "–" if t["p95_ms"] is None else f"{t['p95_ms']:.3g} ms",
            f"{100 * t['parse_rate']:.3g} %" if "parse_rate" in t else "–",
            f"{plain(format(t['cost_usd'], '.3g'))} USD" if "cost_usd" in t else "–",
            f"{t['score']:.3g}" if "score" in t else "–",
        )
        for version, t in totals.items()
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]


def _served_by(record: Mapping[str, Any], server: str | None) -> str:
    where = ", ".join(record["addresses"])
    if not record["n_workers"]:
        if server is None:
            return "no server runs on this store"
        return f"{server}, which reports nothing: see its log, its disk or store may be full"
    if record["stable"] is None and record["split"]["canary"] is None:
        return f"{where}  (nothing to serve yet)"
    ready = f"{record['n_workers_up_to_date']} of {record['n_workers']}"
    return f"{where}  ({ready} workers up to date)"


def release_line(release: Mapping[str, Any]) -> str:
    """Where a release stands, in a line."""
    phase = click.style(release["phase"], fg=_COLOURS.get(release["phase"]))
    parts = [f"version {release['version']}: {phase}"]
    if release["share"] is not None and not release["over"]:
        parts.append(f"{100 * release['share']:g} % of keys")
        parts.append(f"watched {show_watched(release['watched_s'], release['watch_s'])}")
        if release["n_steps"] > 1:
            parts.append(f"step {release['step'] + 1} of {release['n_steps']}")
    if {"phase": "canary", "left": "skipped"} in release["way"]:
        parts.append("canary skipped, nothing to compare with")
    if release["rolled_back"]:
        parts.append("rolled back since")
    if release["waiting_for"]:
        parts.append(f"waits for {release['waiting_for']}")
    told = (release["evidence"] or {}).get("reason")  # by the lines of the gates
    if release["over"] and release["reason"] and release["reason"] != told:
        parts.append(release["reason"])
    return "; ".join(parts)


def evidence_lines(release: Mapping[str, Any]) -> list[str]:
    """What each gate has seen, a line each."""
    evidence = release["evidence"] or {}
    return [f"{v['outcome']:<12} {v['reason']}" for v in evidence.get("verdicts", ())]


def fact_line(record: Mapping[str, Any]) -> str:
    """A fact in a line: when, what, by whom, and its most telling detail."""
    data = record["data"]
    told = _told(record["kind"], data) if record["readable"] else ["not read"]
    when = record["at"][:19].replace("T", " ")
    return f"{record['revision']:>4}  {when}  {record['kind']:<20} {record['by']:<12} " + ", ".join(
        told
    )


def _told(kind: str, data: Mapping[str, Any]) -> list[str]:
    told = [f"version {data['version']}"] if "version" in data else []
    if "share" in data:
        told.append(f"{100 * data['share']:g} %")
    if kind == "evidence.recorded":
        told.append(f"{data['judgement']['outcome']} after {show_duration(data['watched_s'])}")
    elif data.get("reason"):
        told.append(data["reason"])
    return told
