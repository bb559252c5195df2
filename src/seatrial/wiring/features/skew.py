"""Training against serving: what was looked up for requests, held against the offline join."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seatrial.adapters.features.feast_child import FeastChild
from seatrial.adapters.features.served_features import read_served
from seatrial.adapters.tables.parquet_log import folder_name
from seatrial.features.offline import EntityRow
from seatrial.features.serve_check import Compared, compare
from seatrial.features.served import with_features
from seatrial.features.view import Selected
from seatrial.kernel.clock import SystemClock
from seatrial.kernel.errors import NotFound
from seatrial.monitoring.alerts.book import AlertBook
from seatrial.monitoring.alerts.finding import Finding
from seatrial.monitoring.lookups.findings import skew
from seatrial.wiring.workspace import Workspace


class NothingServed(NotFound):
    """Nothing that was looked up for an endpoint was kept."""

    code = "features.nothing_served"


def served_folder(workspace: Workspace, endpoint: str) -> Path:
    """Where what is looked up for an endpoint is kept."""
    return workspace.home / "features" / folder_name(endpoint)


def compare_served(
    workspace: Workspace,
    child: FeastChild,
    endpoint: str,
    selected: Sequence[Selected],
    *,
    since_us: int,
    n: int,
    max_age_us: int | None = None,
) -> tuple[Compared, ...]:
    """Each row that was kept, against the offline join for the same entity and time.

    Args:
        n: how many rows at most, >= 1.
        max_age_us: how old values may be for the endpoint besides their TTL.
    Raises: NothingServed; as `FeastChild`.
    """
    kept = read_served(served_folder(workspace, endpoint), since_us=since_us, limit=n)
    references = [str(one.reference) for one in selected]
    served = with_features(kept, references)
    if not served:
        raise NothingServed(
            f"Nothing that was looked up for {endpoint!r} is kept of that time.",
            remedy="Raise features.log_sample_rate or --since, and see that requests name "
            "entities.",
            endpoint=endpoint,
        )
    rows = [EntityRow(key=one.key, time_us=one.at_us) for one in served]
    offline = child.join(rows, selected, max_age_us=max_age_us)
    online = [[one.reads[name] for name in references] for one in served]
    return compare(rows, selected, offline, online)


def tell(workspace: Workspace, endpoint: str, compared: Sequence[Compared]) -> list[Finding]:
    """Let the alerts of the endpoint live through what was found; the server's monitor, or the
    next that starts, tells people.

    Raises: StoreUnavailable and its kin.
    """
    config = workspace.settings.monitoring
    findings = [
        skew(
            (endpoint, one.reference),
            n=one.n,
            differences={kind.value: n for kind, n in one.differences.items()},
            config=config.lookups,
        )
        for one in compared
    ]
    store = workspace.open_store()
    try:
        book = AlertBook(store, timing=config.alerts.timing)
        book.refresh()
        book.observe(findings, now=SystemClock().now())
    finally:
        store.close()
    _keep_comparison(workspace, endpoint, compared, findings)
    return findings


def last_comparison(workspace: Workspace, endpoint: str) -> Mapping[str, Any] | None:
    """What the last `tell` was told, by feature; None where there was none."""
    with suppress(OSError, ValueError):
        found: Mapping[str, Any] = json.loads(_comparison(workspace, endpoint).read_bytes())
        return found
    return None


def _keep_comparison(
    workspace: Workspace,
    endpoint: str,
    compared: Sequence[Compared],
    findings: Sequence[Finding],
) -> None:
    record = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "features": {
            one.reference: {
                "n": one.n,
                "n_different": one.n_different,
                "differences": {kind.value: n for kind, n in one.differences.items()},
                "level": finding.level.value,
            }
            for one, finding in zip(compared, findings, strict=True)
        },
    }
    file = _comparison(workspace, endpoint)
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    draft.write_text(json.dumps(record), encoding="utf-8")
    draft.replace(file)


def _comparison(workspace: Workspace, endpoint: str) -> Path:
    return served_folder(workspace, endpoint) / "skew.json"
