"""Writes a release's files again once staging has measured what a replica needs."""

from __future__ import annotations

from seatrial.packaging.files import write_files as write
from seatrial.packaging.sizing import Measured
from seatrial.packaging.staging_report import StagingReport
from seatrial.registry.bundle import Bundle
from seatrial.wiring.workspace import Workspace


def write_files(
    workspace: Workspace, bundle: Bundle, report: StagingReport | None, version: int
) -> None:
    """Write Dockerfile, manifests and the rest into the version's folder.

    Args:
        report: of its staging; None, or one without a load, leaves the sizes a guess.
    """
    folder = workspace.release_folder(bundle.manifest.name, version)
    write(folder, bundle, version=version, measured=_measured(report))


def _measured(report: StagingReport | None) -> Measured | None:
    if report is None or not report.passed or "p95_ms" not in report.measured:
        return None
    m = report.measured
    return Measured(
        rss_bytes=int(m["rss_bytes"]),
        cpu_per_request_s=max(m["cpu_s_per_request"], 1e-9),
        requests_per_s=m["requests_per_s"],
        p95_s=m["p95_ms"] / 1e3,
        start_s=m["cold_start_s"],
    )
