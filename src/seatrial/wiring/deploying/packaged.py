"""A bundle of what was ordered: packaged here, or taken in as an archive."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from seatrial.packaging.assemble import assemble
from seatrial.packaging.source import Source
from seatrial.packaging.standby import Start
from seatrial.registry.archive import is_archive
from seatrial.registry.bundle import Bundle
from seatrial.registry.catalog import Registration
from seatrial.registry.incoming import chunks_of
from seatrial.registry.signing_file import SUFFIX
from seatrial.release.desk import Desk
from seatrial.wiring.deploying.given import model_file
from seatrial.wiring.deploying.intake import take_in
from seatrial.wiring.deploying.order import Order
from seatrial.wiring.deploying.trust import adopt_signature, check_brought, trust_of
from seatrial.wiring.workspace import Workspace

Say = Callable[[str, str, str], None]
"""Told mark (``ok``, ``note``), name and text of a step that has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packaged:
    """A bundle among the others, and what the catalogue shall say of it.

    Args: is_signed: whether it brought its signature.
    """

    bundle: Bundle
    registration: Registration
    is_signed: bool = False


def package(
    workspace: Workspace,
    order: Order,
    desk: Desk,
    on_step: Say,
    on_progress: Callable[[str, str], None],
    *,
    start: Start | None,
) -> Packaged:
    """Package the model, or take in the archive.   Raises: what either raises."""
    if is_archive(order.model):
        return _taken_in(workspace, order, desk, on_step)
    return _assembled(workspace, order, desk, on_step, on_progress, start=start)


def _assembled(
    workspace: Workspace,
    order: Order,
    desk: Desk,
    on_step: Say,
    on_progress: Callable[[str, str], None],
    *,
    start: Start | None,
) -> Packaged:
    from seatrial.adapters.serving.onnxruntime import OnnxEngine
    from seatrial.adapters.tables.sample_file import read_sample
    from seatrial.wiring.deploying.remote_engines import check_given, engine_named, open_server

    desk.check_free(order.endpoint, target=order.target)
    config = None
    engine = order.engine or workspace.settings.engine_of(order.endpoint)
    if engine is not None:
        config = engine_named(workspace.settings.engines, engine)
        open_server(config)  # says now what is not installed
    mlflow = workspace.settings.registry.url
    with model_file(order.model, say=on_step, mlflow=mlflow, signature=order.signature) as file:
        source = Source(
            model=file,
            name=order.endpoint,
            sample=read_sample(order.data) if order.data else None,
            label=order.label,
            trust=order.trust,
            any_version=order.any_version,
            holdout=read_sample(order.holdout) if order.holdout else None,
            segments=order.segments,
            usual_segments=workspace.settings.monitoring.segments,
            engine=engine,
        )
        assembled = assemble(
            source,
            workspace.bundles,
            open_graph=OnnxEngine,
            limits=workspace.settings.server.child_limits(),
            say=on_step,
            progress=on_progress,
            start=start,
        )
    if config is not None:
        check_given(assembled.bundle, config, order.endpoint)
    return Packaged(
        bundle=assembled.bundle,
        registration=_registration(
            order, assembled.bundle, assembled.scan.sha256, notes="; ".join(assembled.notes)
        ),
    )


def _taken_in(workspace: Workspace, order: Order, desk: Desk, on_step: Say) -> Packaged:
    trusted = trust_of(workspace.settings.server.verify_key)
    bundle = take_in(
        order.model,
        workspace.bundles,
        name=order.name,
        trust=order.trust,
        welcome=partial(desk.check_free, target=order.target),
        accept=partial(check_brought, order.model, trusted),
    )
    on_step("ok", "bundle", f"{bundle.manifest.name}, {bundle.digest[:12]}…, as it was packed")
    is_signed = adopt_signature(order.model, bundle, trusted)
    if is_signed:
        on_step("ok", "signature", f"{order.model.name}{SUFFIX}, kept with it")
    registration = _registration(
        order, bundle, _sha256(order.model), notes="taken in as an archive"
    )
    return Packaged(bundle=bundle, registration=registration, is_signed=is_signed)


def _registration(order: Order, bundle: Bundle, sha256: str, *, notes: str) -> Registration:
    return Registration(
        digest=bundle.digest,
        framework=bundle.manifest.framework,
        source_name=order.model.name,
        source_sha256=sha256,
        label=order.label,
        notes=notes,
    )


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    for chunk in chunks_of(file):
        digest.update(chunk)
    return digest.hexdigest()
