"""Opens bundles as live versions: the engines of a plan, from the artefacts of a bundle."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seatrial.kernel.loading import ONE_AT_A_TIME
from seatrial.registry.bundle import Bundle
from seatrial.registry.manifest import Role
from seatrial.serving.engine import Engine, EngineKind, EnginePlan
from seatrial.serving.live import LiveVersion, NativeEngine
from seatrial.serving.reach import Blame
from seatrial.serving.spawn import ChildLimits
from seatrial.wiring.deploying.trust import Trust

if TYPE_CHECKING:
    from seatrial.serving.remote_config import EngineConfig

ENGINES: dict[EngineKind, tuple[Role, str]] = {
    EngineKind.ONNX: (Role.ONNX, "seatrial.adapters.serving.onnxruntime:OnnxEngine"),
    EngineKind.WIDE: (Role.WIDE, "seatrial.adapters.serving.onnxruntime:OnnxEngine"),
}
"""The engines that run in this process: the artefact each one needs, and its adapter."""


def open_version(
    bundle: Bundle,
    *,
    endpoint: str,
    version: int,
    limits: ChildLimits,
    engines: Mapping[str, EngineConfig] | None = None,
    home: str = "",
) -> LiveVersion:
    """Load what the bundle's plan names.

    Args:
        limits: of a native engine's process; after ``call_s`` a call counts as hung.
        engines: the servers elsewhere; None has the model run here, whatever the plan names.
        home: of the workspace, which models in a server's repository belong to.
    Raises: what engines raise when an artefact cannot be loaded; PlanUnreadable; UnknownEngine.
    """
    plan = EnginePlan.from_dict(bundle.manifest.plan)
    native: NativeEngine | None = None
    if engines is None:
        plan = plan_here(bundle)
    if plan.remote is not None and engines is not None:
        with ONE_AT_A_TIME:
            from seatrial.wiring.deploying.remote_engines import open_engine
        native = open_engine(bundle, plan, engines, endpoint=endpoint, version=version, home=home)
    elif EngineKind.NATIVE in plan.engines:
        native = _native(bundle, limits)
    return LiveVersion(
        endpoint=endpoint,
        version=version,
        digest=bundle.digest,
        signature=bundle.signature,
        plan=plan,
        engines={k: _engine(bundle, k) for k in sorted(plan.engines & ENGINES.keys())},
        native=native,
        call_timeout_s=limits.call_s,
        blame=Blame(bundle.signature, lambda: bundle.golden().inputs),
    )


def plan_here(bundle: Bundle) -> EnginePlan:
    """How a bundle's model runs here, as measured, even where a server elsewhere is to run it.

    Raises: PlanUnreadable.
    """
    plan = EnginePlan.from_dict(bundle.manifest.plan)
    if plan.remote is None:
        return plan
    with ONE_AT_A_TIME:
        from seatrial.packaging.plan import plan as planned

    held = {role.value for role in bundle.manifest.artefacts}
    return planned([cost for cost in plan.costs if cost.engine.value in held])


class Shelf:
    """Opens versions from a folder of bundles; what the fleet of a worker is given.

    Args:
        bundles: one folder per digest.
        limits, engines, home: see `open_version`.
        trust: whose signature every bundle must have; None asks for none.
    """

    def __init__(
        self,
        bundles: Path,
        *,
        trust: Trust | None = None,
        limits: ChildLimits,
        engines: Mapping[str, EngineConfig],
        home: str,
    ) -> None:
        self._bundles = bundles
        self._trust = trust
        self._limits = limits
        self._engines = engines
        self._home = home

    def __call__(self, endpoint: str, version: int, digest: str) -> LiveVersion:
        """Verify every byte of a bundle, and who signed it, and load it; blocks."""
        bundle = Bundle.open(self._bundles / digest, digest=digest)
        if self._trust is not None:
            self._trust.check(bundle)
        return open_version(
            bundle,
            endpoint=endpoint,
            version=version,
            limits=self._limits,
            engines=self._engines,
            home=self._home,
        )


def _engine(bundle: Bundle, kind: EngineKind) -> Engine:
    role, adapter = ENGINES[kind]
    module, _, name = adapter.partition(":")
    with ONE_AT_A_TIME:
        engine_class: Any = getattr(import_module(module), name)
    engine: Engine = engine_class(bundle.read(role), bundle.signature)
    return engine


def _native(bundle: Bundle, limits: ChildLimits) -> NativeEngine:
    with ONE_AT_A_TIME:
        from seatrial.serving import remote

    model = remote.NativeModel(
        path=bundle.locate(Role.NATIVE),
        signature=bundle.signature,
        trust=bundle.manifest.trusted,
        any_version=bundle.manifest.trusted,
    )
    return remote.NativeEngine(model, limits=limits)
