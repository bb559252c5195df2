"""How well a version does, in a terminal: estimated, by labels, and against the reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from seatrial.monitoring.performance.findings import figure
from seatrial.monitoring.performance.verdict import Level

Record = Mapping[str, Any]


def performance_lines(record: Record) -> Iterator[str]:
    """What is known of a version.   Args: record: see `monitoring.performance.view`."""
    said, real, metric = record["estimated"], record["measured"], record["metric"]
    if said["value"] is not None:
        alone = f"; from scores alone {figure(metric, said['label_free'])}"
        yield f"  estimated  {metric} {_with_bounds(metric, said)}{_drop(metric, said)}{alone}"
    else:
        yield f"  estimated  unknown: {said['reason']}"
    if real is not None:
        main = real["metrics"][0]
        where = f"{real['n_labelled']:,} of {real['n']:,} rows have labels"
        yield f"  measured   {metric} {_with_bounds(metric, main)}{_drop(metric, main)}; {where}"
        if real["level"] == Level.UNKNOWN:
            yield f"             not judged: {real['reason']}"
    flatters = "; it may flatter: the model may know these rows"
    yield (
        f"  reference  {metric} {figure(metric, record['reference']['value'])}"
        f"{flatters if record['reference']['flatters'] else ''}"
    )
    if said["value"] is not None:
        yield f"  trust      {said['trust']['trust']}: {said['trust']['reason']}"
    if record["n_unusable"]:
        yield f"  note       {record['n_unusable']:,} predictions have no usable score"
    yield from _others(record)


def _others(record: Record) -> Iterator[str]:
    real = record["measured"]
    estimated = {one["name"]: one for one in record["estimated"].get("others", ())}
    measured = {one["name"]: one for one in (real["metrics"][1:] if real else ())}
    for name in dict.fromkeys((*estimated, *measured)):
        parts = []
        if name in estimated:
            parts.append(f"estimated {_with_bounds(name, estimated[name])}")
        if name in measured:
            parts.append(f"measured {_with_bounds(name, measured[name])}")
        reference = (measured.get(name) or estimated[name])["reference"]
        if reference is not None:
            parts.append(f"reference {figure(name, reference)}")
        yield f"  {name:<10} {', '.join(parts)}"


def _with_bounds(name: str, one: Record) -> str:
    if one["lower"] is None:
        return figure(name, one["value"])
    bounds = f"{figure(name, one['lower'])} to {figure(name, one['upper'])}"
    return f"{figure(name, one['value'])} ({bounds})"


def _drop(metric: str, one: Record) -> str:
    """By how much it is worse than the reference, with its interval."""
    drop, lower = one.get("drop"), one.get("drop_lower")
    if drop is None:
        return ""
    unit = "points" if metric == "accuracy" else "%"
    bounds = "" if lower is None else f" ({100 * lower:.1f} to {100 * one['drop_upper']:.1f})"
    return f", worse by {100 * drop:.1f} {unit}{bounds}"
