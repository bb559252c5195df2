"""How comparisons, alerts and windows are shown in a terminal: the worst first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from seatrial.cli.marks import cut, mark
from seatrial.cli.output import Console
from seatrial.cli.performance_show import performance_lines
from seatrial.cli.segment_show import drift_lines, performance_segment_lines, worst_segment

Record = Mapping[str, Any]

_METRICS = {"error_rate": "error rate", "p50_ms": "p50", "p95_ms": "p95", "p99_ms": "p99"}
_MOST = 12
_NAME = 24


def show_comparison(console: Console, record: Record) -> None:
    """What `batch_report.Compared.as_dict` says: the verdict, columns that moved, what to do."""
    report = record["report"]
    there, here = record["reference"], record["current"]
    console.say(f"{mark(record['outcome'], text=record['outcome'].upper())}  {record['reason']}")
    console.say(f"  {here['rows']:,} rows of {here['source']}")
    console.say(f"  beside {there['rows']:,} rows of {there['source']}")
    for note in (record["importance"]["said"]["en"], *record["notes"], *record["problems"][:_MOST]):
        console.say(f"  note: {note}")
    if record["performance"] is not None:
        console.say("")
        console.say("  performance")
        for line in performance_lines(record["performance"]):
            console.say(f"  {line}")
        for line in performance_segment_lines(record["performance"]):
            console.say(f"    {line}")
    elif record["unmeasured"]:
        console.say(f"  note: the performance is not known: {record['unmeasured']}")
    _show_columns(console, report, record["rules"])
    _show_quality(console, report["quality"])
    for line in drift_lines(report["segments"], report["n_more"]):
        console.say(f"  {line}")
    for step in _steps(record):
        console.say(f"  → {step}")


def show_alert(console: Console, alert: Record) -> None:
    """An alert in two lines: what it is about, and what to do."""
    labels = alert["labels"]
    about = [labels["endpoint"]]
    about += [
        f"{name} {labels[name]}" for name in ("version", "feature", "segment") if name in labels
    ]
    when = alert["fired_at"] or alert["pending_at"]
    cared = f", in the hands of {alert['acknowledged_by']}" if alert["acknowledged_by"] else ""
    muted = f" ({alert['muted']})" if alert["muted"] else ""
    console.say(
        f"  {mark(alert['phase'], 9)}"
        f"{mark(alert['severity'], 9)}"
        f"{labels['kind']:<18} {' '.join(about)}  since {moment(when)}{cared}{muted}  "
        f"[{alert['key']}]"
    )
    finding = alert["finding"]
    if finding and finding["what"]["en"]:
        console.say(f"      {finding['what']['en']}")
    if alert["stale"]:
        console.say(f"      The evidence is {alert['stale']['en']}")
    for step in alert["steps"][:2]:
        console.say(f"      → {step['en']}")


def show_view(console: Console, view: Record) -> None:
    """How an endpoint is: who watches, the newest window of each version, and live alerts."""
    watching = "watched" if view["watching"] else click.style("not watched now", fg="yellow")
    console.say(click.style(view["endpoint"], bold=True) + f"  {watching}")
    for version, kept in view["versions"].items():
        console.say(f"  version {version}  {window_text(kept['report'])}")
    for version, one in view["performance"].items():
        console.say(f"  version {version}  performance on {one['n_seen']:,} predictions")
        for line in performance_lines(one):
            console.say(f"    {line}")
    for version, n in view["filling"].items():
        console.say(f"  version {version}  {n:,} rows wait for their window to be complete")
    for one in view["troubles"]:
        console.say(
            f"  {click.style('not watched', fg='yellow')}  {one['about']}: {one['problem']}"
        )
    _show_by_segment(console, view)
    for one in view["service"]:
        console.say(f"  {one['signal']:<12} {mark(one['level'])}")
    _show_variants(console, view["variants"])
    live = [a for a in view["alerts"] if a["phase"] in ("firing", "pending")]
    for alert in live:
        show_alert(console, alert)
    if not view["versions"]:
        console.say("  No window is complete yet.")
    elif not live:
        console.say("  Nothing fires.")


def _show_variants(console: Console, side: Record | None) -> None:
    """Versions that serve at the same time, held against the one in production."""
    if not side:
        return
    console.say(f"  side by side since {moment(side['since'])}:")
    for one in side["variants"]:
        rate, p95 = (one["metrics"][name]["value"] for name in ("error_rate", "p95_ms"))
        figures = f"{_figure(rate and 100 * rate)} % errors, p95 {_figure(p95)} ms"
        apart = ", ".join(
            f"{_METRICS[name]} " + ("worse" if one["differences"][name]["value"] > 0 else "better")
            for name in one["differs"]
        )
        stable = one["version"] == side["compared_with"]
        stands = "in production" if stable else apart or "within chance"
        console.say(f"    version {one['version']:<4} {one['n']:>9,} answers  {figures}  {stands}")


def window_text(report: Record) -> str:
    """A judged window in a line."""
    outcome = report["alarm"]["outcome"]
    moved = [c["name"] for c in report["features"] if c["severity"] != "none"][:3]
    named = f"  {', '.join(moved)}" if moved else ""
    return (
        f"{moment(report['start'])} - {moment(report['end'])}  {report['n']:>9,} rows  "
        f"{mark(outcome, 7)}{named}"
    )


def moment(iso: str | None) -> str:
    """A time of a record, to the minute."""
    return "-" if iso is None else iso[:16].replace("T", " ")


def _show_columns(console: Console, report: Record, rules: Record) -> None:
    columns = [*report["features"], *report["predictions"]]
    moved = {m["column"] for m in report["alarm"]["movements"] if m["found"]}
    worst = [
        c
        for c in columns
        if c["severity"] != "none" or (report["alarm"]["alarm"] and _in(c, moved))
    ]
    by_rule = [c for c in columns if c not in worst and _over(c, rules)]
    shown = [*worst, *by_rule][:_MOST]
    if shown:
        console.say("")
        console.say(f"  {'column':<{_NAME}} {'severity':<9} {'PSI':>6} {'KS':>6} {'p':>8}  what")
    for column in shown:
        console.say(f"  {_column(column, rules)}")
    rest = [c for c in columns if c not in shown]
    if rest and report["n"]:
        names = ", ".join(c["name"] for c in rest[:6])
        more = f" and {len(rest) - 6} more" if len(rest) > 6 else ""
        console.say(f"  {len(rest)} without a finding: {names}{more}")
    console.say("")


def _column(column: Record, rules: Record) -> str:
    thumb = []
    if column["name"] in rules["psi"]:
        rule = rules["psi"][column["name"]]
        thumb.append(f"psi rule: {rule['severity']} ({rule['psi']:.2f} in {rule['n_bins']} bins)")
    if rules["ks"].get(column["name"], {}).get("drift_detected"):
        thumb.append("ks rule: drift")
    told = "  ".join([column["reason"], *thumb])
    return (
        f"{cut(column['name'], _NAME):<{_NAME}} "
        f"{mark(column['severity'], 9)} "
        f"{_figure(column['effect']):>6} {_figure(_distance(column)):>6} "
        f"{column['p_value']:>8.1g}  {told}"
    )


def _show_quality(console: Console, quality: Sequence[Record]) -> None:
    for one in quality[:_MOST]:
        where = cut(one["column"] or "rows", _NAME)
        console.say(
            f"  {where:<{_NAME}} {mark(one['severity'], 9)} {one['value']}, expected "
            f"{one['expected']}"
        )
    if len(quality) > _MOST:
        console.say(f"  and {len(quality) - _MOST} more findings about the data")


def _show_by_segment(console: Console, view: Record) -> None:
    """What is known of each version by segment: the newest window, and where it does worse."""
    for version, kept in view.get("segments", {}).items():
        if kept["problem"] is not None:
            console.say(f"  version {version}  {kept['problem']['en']}")
        if kept.get("unjudged"):
            console.say(f"  version {version}  {kept['unjudged']['en']}")
        for line in drift_lines(kept["segments"], kept["n_more"]):
            console.say(f"  {line}")
    for version, record in view.get("performance", {}).items():
        for line in performance_segment_lines(record):
            console.say(f"  version {version}  {line}")


def _steps(record: Record) -> list[str]:
    """What to do next."""
    if record["outcome"] == "clear":
        return []
    if record["outcome"] == "inconclusive":
        return ["Gather more rows and compare again: nothing is shown, good or bad."]
    steps = [one["remedy"] for one in record["report"]["quality"][:3]]
    drifted = [c for c in record["columns"] if c]
    if drifted:
        steps.append(
            f"Look at {drifted[0]!r} first: a fault upstream, or a new population? --html draws it."
        )
        steps.append("Evaluate the model on recent labelled rows; retrain when it got worse.")
    worst = worst_segment(record["performance"] or {})
    if worst:
        steps.append(f"Look at the rows with {worst}: the model does worse there than it did.")
    return list(dict.fromkeys(steps))


def _in(column: Record, moved: set[str]) -> bool:
    name = column["name"]
    return any(m in (name, f"prediction: {name}") or m.startswith(f"{name}/") for m in moved)


def _over(column: Record, rules: Record) -> bool:
    psi, ks = rules["psi"].get(column["name"]), rules["ks"].get(column["name"])
    return bool((psi and psi["severity"] != "none") or (ks and ks["drift_detected"]))


def _distance(column: Record) -> float | None:
    found = [part["ks"]["value"] for part in column["parts"] if part["ks"] is not None]
    return max(found, default=None)


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
