"""Writes a release's files: before it is registered, and again once staging has measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from seatrial.packaging.files import BUNDLE_FOLDER
from seatrial.packaging.files import write_files as write
from seatrial.packaging.kubernetes import KubernetesConfig
from seatrial.packaging.load import TAIL
from seatrial.packaging.replicas import Replicas
from seatrial.packaging.sizing import Alone, Measured
from seatrial.packaging.staging_report import StagingReport
from seatrial.registry.bundle import Bundle
from seatrial.registry.incoming import incoming, land
from seatrial.registry.signing_file import read_signature, signature_path, write_signature
from seatrial.wiring.deploying.trust import trust_of
from seatrial.wiring.workspace import Workspace


def write_files(
    workspace: Workspace,
    bundle: Bundle,
    report: StagingReport | None,
    version: int,
    *,
    replicas: Replicas | None = None,
) -> None:
    """Write Dockerfile, manifests and the rest into the version's folder.

    Args:
        report: of its staging; None, or one without a load, leaves the sizes a guess.
        replicas: what the autoscaler is told; None for what the configuration says.
    Raises: as `packaging.files.write_files`; KeyUnusable, MissingExtra.
    """
    folder = workspace.release_folder(bundle.manifest.name, version)
    measured = measured_of(report)
    _write(workspace, folder, bundle, version=version, measured=measured, replicas=replicas)


@contextmanager
def files_ready(
    workspace: Workspace, bundle: Bundle, *, guess: int
) -> Iterator[Callable[[int], None]]:
    """Write a version's files before it has a number, so that what cannot be written gets none.

    They lie in a hidden folder, which is gone afterwards unless they were given their place.
    Nothing is ever written under a number that another version may get.

    Args:
        guess: the number it will have unless somebody is faster.
    Yields: gives the files their place, told the number the version got.
    Raises: as `write_files`.
    """
    name = bundle.manifest.name
    with incoming(workspace.release_folder(name, guess).parent) as fresh:
        _write(workspace, fresh, bundle, version=guess, measured=None)

        def place(number: int) -> None:
            landed = number == guess and land(fresh, workspace.release_folder(name, number))
            if not landed:  # another number, or a folder of this very version is there already
                write_files(workspace, bundle, None, number)

        yield place


def ship_signature(release: Path, bundle: Bundle) -> None:
    """Put the signature of a registered bundle into its release's folder, if that is there."""
    content = read_signature(signature_path(bundle.path))
    if content is not None and (release / BUNDLE_FOLDER).is_dir():
        write_signature(signature_path(release / BUNDLE_FOLDER), content)


def _write(
    workspace: Workspace,
    folder: Path,
    bundle: Bundle,
    *,
    version: int,
    measured: Measured | None,
    replicas: Replicas | None = None,
) -> None:
    settings = workspace.settings
    server = settings.server
    trust = trust_of(server.verify_key)
    chosen = "native_memory_mib" in server.model_fields_set
    write(
        folder,
        bundle,
        version=version,
        measured=measured,
        manifests=_scaled(settings.kubernetes, replicas),
        plan=settings.release_of(bundle.manifest.name).plan(),
        native_memory_mib=server.native_memory_mib if chosen else None,
        keys=None if trust is None else trust.pem,
        engine=settings.engines.get(str(bundle.manifest.plan.get("remote"))),
    )


def _scaled(config: KubernetesConfig, replicas: Replicas | None) -> KubernetesConfig:
    if replicas is None:
        return config
    scaling = {
        "min_replicas": replicas.n,
        "max_replicas": replicas.most,
        "target_cpu": replicas.cpu_percent,
    }
    return config.model_copy(update=scaling)


def measured_of(report: StagingReport | None) -> Measured | None:
    """What staging measured of one server; None where it failed or measured no load."""
    if report is None or not report.passed or "p95_ms" not in report.measured:
        return None
    m = report.measured
    return Measured(
        rss_bytes=int(m["rss_bytes"]),
        cpu_per_request_s=max(m["cpu_s_per_request"], 1e-9),
        requests_per_s=m["requests_per_s"],
        p95_s=m["p95_ms"] / 1e3,
        start_s=m["cold_start_s"],
        alone=_alone(m),
    )


def _alone(m: Mapping[str, float]) -> Alone | None:
    if "alone_n" not in m:  # measured by an older version of seatrial
        return None
    return Alone(
        n=int(m["alone_n"]),
        deviation_s=m["alone_sd_ms"] / 1e3,
        quantiles=tuple((p / 100, m[f"alone_p{p}_ms"] / 1e3) for p in TAIL),
    )
