"""Everything a release needs to run elsewhere, in one folder.

    releases/<name>/<version>/       a complete Docker build context
      Dockerfile  .dockerignore      the image
      compose.yaml                   one container on this machine
      keys.pem                       whom that container trusts, where keys are configured
      kubernetes/                    many of them on a cluster
      requirements.txt  wheels/      the exact libraries, and seatrial itself
      healthcheck.py                 what the image asks itself
      bundle/                        the verified bundle
      bundle.sig                     who signed it, if somebody did
      sbom.cdx.json                  what the image is made of

The folder is derived: writing it again, with what staging measured for instance, changes only what
differs, and other files that lie in it stay: wheels of a person's own packages, for one.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from seatrial.kernel.errors import SeatrialError
from seatrial.packaging import compose, dockerfile, kubernetes, sbom
from seatrial.packaging.kubernetes import KubernetesConfig
from seatrial.packaging.kubernetes.manifests import MARK
from seatrial.packaging.requirements import Pins, parse_pins, render_pins, server_pins
from seatrial.packaging.sizing import Measured, size
from seatrial.packaging.wheel import Wheel, serving_wheel
from seatrial.registry.bundle import Bundle
from seatrial.registry.incoming import writing
from seatrial.registry.manifest import Role
from seatrial.registry.signing_file import read_signature, signature_path
from seatrial.release.rollout import Plan, Step
from seatrial.serving.remote_config import EngineConfig

BUNDLE_FOLDER = "bundle"
_MANIFESTS = "kubernetes"
_PLAIN = KubernetesConfig()
_AT_ONCE = Plan(steps=(Step(share=1.0, watch_s=0.0),))


def write_files(
    folder: Path,
    bundle: Bundle,
    *,
    version: int,
    measured: Measured | None,
    manifests: KubernetesConfig = _PLAIN,
    plan: Plan = _AT_ONCE,
    native_memory_mib: int | None = None,
    keys: str | None = None,
    engine: EngineConfig | None = None,
) -> None:
    """Write a release's files; on return ``folder`` builds without anything outside it.

    Args:
        folder: made when missing; ``releases/<name>/<version>``.
        bundle: what the release serves.
        version: its number.
        measured: what staging saw, or None before staging.
        manifests: in which form a cluster is told.
        plan: how its share of the traffic grows, where that form has shares.
        native_memory_mib: see `dockerfile.render`.
        keys: public keys in PEM, one of which must have signed the bundle; None asks for none, and
            leaves the image unable to check who did.
        engine: of a version that one elsewhere runs; None where its address is not known.
    Raises: BundleTampered, BundleDiskFull, BundleNotWritten, RequirementMissing,
        RequirementsUnreadable, SignatureUnreadable.
    """
    wheel = serving_wheel()
    native = Role.NATIVE in bundle.manifest.artefacts
    elsewhere = bundle.manifest.plan.get("remote") is not None
    server = server_pins(native=native, elsewhere=elsewhere, verified=keys is not None)
    pins = {**server, **parse_pins(bundle.requirements())}
    files: dict[str, bytes] = {
        path: text.encode()
        for path, text in render(
            bundle,
            version=version,
            pins=pins,
            wheel=wheel,
            measured=measured,
            manifests=manifests,
            plan=plan,
            native_memory_mib=native_memory_mib,
            keys=keys,
            engine=engine,
        ).items()
    }
    files[f"wheels/{wheel.filename}"] = wheel.content
    signature = read_signature(signature_path(bundle.path))
    if signature is not None:
        files[signature_path(Path(BUNDLE_FOLDER)).name] = signature
    _copy(bundle, folder / BUNDLE_FOLDER)
    with writing(folder):
        for path, content in files.items():
            _write(folder / path, content)
        for old in (folder / "wheels").glob("seatrial-*.whl"):
            if old.name != wheel.filename:
                old.unlink()
        _drop_other_forms(folder, files)
        if keys is None:
            (folder / dockerfile.KEYS_FILE).unlink(missing_ok=True)


def render(
    bundle: Bundle,
    *,
    version: int,
    pins: Pins,
    wheel: Wheel,
    measured: Measured | None,
    manifests: KubernetesConfig = _PLAIN,
    plan: Plan = _AT_ONCE,
    native_memory_mib: int | None = None,
    keys: str | None = None,
    engine: EngineConfig | None = None,
) -> Mapping[str, str]:
    """The texts of a release by path; a function of its arguments."""
    name = bundle.manifest.name
    needs = size(measured)
    remote = bundle.manifest.plan.get("remote")
    runs_on = None if remote is None or engine is None else (str(remote), engine)
    shipped = kubernetes.Shipped(
        name=name,
        version=version,
        digest=bundle.digest,
        resources=needs,
        config=manifests,
        steps=plan.steps,
        keys=keys,
        engine=runs_on,
    )
    objects = kubernetes.render(shipped, extend_s=plan.extend_s)
    return {
        "Dockerfile": dockerfile.render(
            name=name,
            version=version,
            python=bundle.manifest.python,
            libraries=frozenset(pins),
            start_s=needs.start_s,
            latency_s=needs.latency_s,
            native_memory_mib=native_memory_mib,
        ),
        ".dockerignore": dockerfile.DOCKERIGNORE,
        "compose.yaml": compose.render(
            name=name, version=version, resources=needs, keys=keys, engine=runs_on
        ),
        **({} if keys is None else {dockerfile.KEYS_FILE: keys}),
        "requirements.txt": f"--find-links wheels\n{wheel.requirement}\n{render_pins(pins)}",
        sbom.FILE: sbom.render(bundle.manifest, pins, version=version),
        "healthcheck.py": resources.files("seatrial.packaging")
        .joinpath("healthcheck.py")
        .read_text(),
        **{f"{_MANIFESTS}/{path}": text for path, text in objects.items()},
    }


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_file() and path.read_bytes() == content:
        return
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _drop_other_forms(folder: Path, files: Mapping[str, bytes]) -> None:
    """Take away manifests of another form: applied together they would contradict each other."""
    for path in (folder / _MANIFESTS).rglob("*.yaml"):
        if path.relative_to(folder).as_posix() not in files:
            with path.open(encoding="utf-8", errors="replace") as file:
                ours = file.readline().startswith(MARK)
            if ours:
                path.unlink()


def _copy(bundle: Bundle, folder: Path) -> None:
    try:
        Bundle.open(folder, digest=bundle.digest)
    except SeatrialError:
        # Absent, of another version, or damaged: a copy is not worth saving.
        shutil.rmtree(folder, ignore_errors=True)
        bundle.copy_to(folder)
