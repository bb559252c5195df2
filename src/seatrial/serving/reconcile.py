"""What a worker has to do so that it serves what it should: pure, from two states to actions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from seatrial.release.endpoint import EndpointTarget
from seatrial.release.variant import Split

Bundle: TypeAlias = tuple[str, int, str]
"""Endpoint, version, digest: what is loaded as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """The table an endpoint has now.

    Args:
        revision: of the target it came from.
        split: as applied.
        versions: loaded and reachable.
    """

    revision: int
    split: Split
    versions: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Actions:
    """What to do, in this order: apply, close, load.

    Args:
        load: bundles to load.
        apply: tables to put in place, by endpoint; everything they name is loaded.
        close: bundles that no table and no target names any more.
    """

    load: frozenset[Bundle] = frozenset()
    apply: Mapping[str, Applied] = field(default_factory=dict)
    close: frozenset[Bundle] = frozenset()


def reconcile(
    targets: Mapping[str, EndpointTarget],
    *,
    loaded: frozenset[Bundle],
    busy: frozenset[Bundle],
    applied: Mapping[str, Applied],
) -> Actions:
    """The next actions towards ``targets``.

    A split is applied only when every version it names is loaded; until then the old one stays, and
    what it names stays loaded. Where nothing is served yet and the stable version is there, it
    alone is served meanwhile, so that a canary that cannot be loaded stops nobody.

    Args:
        targets: what to serve, by endpoint.
        loaded: bundles ready to serve.
        busy: bundles being loaded, or that failed too recently to be tried again.
        applied: the tables in place.
    """
    wanted = {bundle for target in targets.values() for bundle in _bundles(target)}
    tables: dict[str, Applied] = {}
    for name, target in targets.items():
        ready = frozenset(b[1] for b in _bundles(target) if b in loaded)
        table = _table(target, ready, applied.get(name))
        if table is not None and table != applied.get(name):
            tables[name] = table
    kept = {**applied, **tables}
    digests = {(b[0], b[1]): b for b in loaded}
    in_use = {
        digests[name, version]
        for name, table in kept.items()
        for version in table.split.versions
        if (name, version) in digests
    }
    return Actions(
        load=frozenset(wanted - loaded - busy),
        apply=tables,
        close=frozenset(loaded - wanted - in_use),
    )


def _bundles(target: EndpointTarget) -> list[Bundle]:
    return [(target.endpoint, version, digest) for version, digest in target.digests.items()]


def _table(target: EndpointTarget, ready: frozenset[int], now: Applied | None) -> Applied | None:
    split = target.split
    if ready.issuperset(split.versions):
        return Applied(revision=target.revision, split=split, versions=ready)
    if now is None and split.stable in ready:
        alone = Split(stable=split.stable)
        return Applied(revision=target.revision, split=alone, versions=ready)
    return None
