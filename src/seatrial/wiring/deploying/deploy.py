"""Deploys a model: package, register, write files, begin the release."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from seatrial.kernel.errors import Invalid, SeatrialError
from seatrial.kernel.store import Store
from seatrial.packaging.assemble import assemble
from seatrial.packaging.source import Source
from seatrial.packaging.standby import Start
from seatrial.registry.archive import is_archive
from seatrial.registry.bundle import Bundle
from seatrial.registry.catalog import Registration, Version, register, versions
from seatrial.registry.documents import Document
from seatrial.registry.incoming import chunks_of
from seatrial.registry.naming import check_name
from seatrial.registry.signing_file import SUFFIX, signature_path
from seatrial.release.desk import Desk
from seatrial.release.rollout import MODEL, Plan
from seatrial.wiring.deploying.compatibility import check_signature
from seatrial.wiring.deploying.files import files_ready
from seatrial.wiring.deploying.given import endpoint_of, model_file
from seatrial.wiring.deploying.intake import take_in
from seatrial.wiring.deploying.trust import (
    adopt_signature,
    check_brought,
    check_key,
    sign_bundle,
    trust_of,
)
from seatrial.wiring.kinds import PROMPT
from seatrial.wiring.workspace import Workspace

Say = Callable[[str, str, str], None]
"""Told mark (``ok``, ``note``), name and text of a step that has ended."""


class OptionUnused(Invalid):
    """An option says how to package a model, and the file is an archive or a prompt."""

    code = "deploy.option_unused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a person wants deployed.

    Args:
        model: the file: a model, the archive of a bundle, or a prompt; or what else
            `wiring.deploying.given.model_file` takes.
        name: of the endpoint; None for that of the file, or of the archive's model.
        data: sample file, or None.
        label: column of the sample that the model predicts, or None.
        holdout: file of labelled rows the model was not trained on, or None.
        segments: inputs whose values are watched apart; none for those that the configuration
            names and the model has.
        target: ``staging`` or ``production``.
        share: of the canary in its first step; None as configured.
        watch_s: of every step; None as configured.
        trust: load the file whatever it imports.
        any_version: accept another version of the model's library.
        engine: name of the engine elsewhere that runs it; None for that of the endpoint, if any.
        sign_key: private key that signs its bundle; None for that of the configuration, if any.
        signature: of a SavedModel, which one answers; None for the usual one.
        new_signature: clients know that it takes or answers something else than the version in
            production.
        by: who wants it.
    """

    model: Path
    name: str | None = None
    data: Path | None = None
    label: str | None = None
    holdout: Path | None = None
    segments: tuple[str, ...] = ()
    target: str = "staging"
    share: float | None = None
    watch_s: float | None = None
    trust: bool = False
    any_version: bool = False
    engine: str | None = None
    sign_key: Path | None = None
    signature: str | None = None
    new_signature: bool = False
    by: str = "deploy"

    @property
    def endpoint(self) -> str:
        """The endpoint's name: as given, or made from the file's; an archive brings its own."""
        if self.name is not None:
            return self.name
        return endpoint_of(self.model)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A release that has begun.

    Args:
        desk: over the workspace's store.
        store: the same store.
        endpoint: its name.
        version: registered.
        release: id of the release.
    """

    desk: Desk
    store: Store
    endpoint: str
    version: Version | Document
    release: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Packaged:
    """A bundle among the others, and what the catalogue shall say of it.

    Args: is_signed: whether it brought its signature.
    """

    bundle: Bundle
    registration: Registration
    is_signed: bool = False


def deploy_order(
    workspace: Workspace, order: Order, *, on_step: Say, on_progress: Callable[[str, str], None]
) -> Placed:
    """Package the model or take in the archive, register it and begin its release.

    Args:
        on_step: told of each step that has ended.
        on_progress: told what is under way.
    Raises: what packaging or `take_in` raises; ModelNameInvalid; OptionUnused; SignatureChanged;
        RolloutConflict: another release of the endpoint is under way. Nothing is registered then,
        unless the other one began at the very last moment: then a note says which version was.
    """
    if is_prompt(order.model):
        return _deploy_prompt(workspace, order, on_step=on_step)
    archived = is_archive(order.model)
    if archived:
        _check_options(order, "is an archive, packaged already")
    else:
        check_name(order.endpoint)
    store = workspace.open_store()
    try:
        desk = Desk(store)
        version = register_order(
            workspace, desk, store, order, on_step=on_step, on_progress=on_progress
        )
        plan = _plan(workspace, order, version.name)
        return begin(desk, store, order, version, plan, on_step=on_step)
    except BaseException:
        store.close()
        raise


def register_order(
    workspace: Workspace,
    desk: Desk,
    store: Store,
    order: Order,
    *,
    on_step: Say,
    on_progress: Callable[[str, str], None],
    start: Start | None = None,
) -> Version:
    """Package the model or take in the archive, and register it.

    Args: as `deploy_order`; ``start`` as `packaging.assemble.assemble`.
    Raises: what `deploy_order` raises of a model; nothing is registered then.
    """
    key = order.sign_key or workspace.settings.server.sign_key
    if key is not None:
        check_key(key)
    on_progress("package", str(order.model))
    packaged = _packaged(workspace, order, desk, on_step, on_progress, start=start)
    check_signature(workspace, desk, packaged.bundle, meant=order.new_signature, on_step=on_step)
    if key is not None and (order.sign_key is not None or not packaged.is_signed):
        signed_by = sign_bundle(packaged.bundle, key, signature_path(packaged.bundle.path))
        on_step("ok", "sign", f"with the key {signed_by[:12]}…")
    return _registered(workspace, desk, store, order, packaged, on_step=on_step)


def _deploy_prompt(workspace: Workspace, order: Order, *, on_step: Say) -> Placed:
    """Register the prompt and begin its release."""
    from seatrial.wiring.prompts.deploy_prompt import (
        fitting,
        read_prompt,
        register_prompt,
        stable_variant,
    )

    _check_options(order, "is a prompt", {"--sign-key": order.sign_key})
    name = order.endpoint
    variant = read_prompt(workspace, order.model, name)
    on_step("ok", "prompt", f"{name}, {variant.digest[:12]}…, for the model {variant.model}")
    store = workspace.open_store()
    try:
        desk = Desk(store)
        desk.check_free(name, kind=PROMPT, target=order.target)
        stable = stable_variant(desk, store, name)
        configured = workspace.settings.prompt_release_of(name).plan()
        plan = fitting(as_asked(configured, order), variant, stable, on_step=on_step)
        version = register_prompt(store, name, variant, source=order.model.name, by=order.by)
        on_step("ok", "register", f"{name} version {version.number}")
        return begin(desk, store, order, version, plan, kind=PROMPT, on_step=on_step)
    except BaseException:
        store.close()
        raise


def _registered(
    workspace: Workspace,
    desk: Desk,
    store: Store,
    order: Order,
    packaged: _Packaged,
    *,
    on_step: Say,
) -> Version:
    """The version, once its files are written: what cannot be written is not registered."""
    bundle = packaged.bundle
    name = bundle.manifest.name
    known = versions(store, name)
    number = next((v.number for v in known if v.digest == bundle.digest), len(known) + 1)
    with files_ready(workspace, bundle, guess=number) as place:
        desk.check_free(
            name, target=order.target
        )  # packaging took its time, and an orphan is nobody's wish
        version = register(store, name, packaged.registration, by=order.by)
        place(version.number)
    on_step("ok", "files", str(workspace.release_folder(name, version.number)))
    on_step("ok", "register", f"{name} version {version.number}")
    return version


def begin(
    desk: Desk,
    store: Store,
    order: Order,
    version: Version | Document,
    plan: Plan,
    *,
    kind: str = MODEL,
    on_step: Say,
) -> Placed:
    """The release; where it cannot begin, whoever waits is told what is left behind."""
    name = version.name
    try:
        state = desk.start(
            name,
            version=version.number,
            digest=version.digest,
            target=order.target,
            plan=plan,
            by=order.by,
            notes={"source": order.model.name, "data": order.data.name if order.data else None},
            kind=kind,
        )
    except SeatrialError:
        if not _released(desk, version):
            left = f"version {version.number} stays registered; no release of it has begun"
            on_step("note", "register", f"{left}: deploy the same file again when the way is free")
        raise
    assert state.rollout is not None
    return Placed(
        desk=desk, store=store, endpoint=name, version=version, release=state.rollout.release
    )


def _released(desk: Desk, version: Version | Document) -> bool:
    """Whether a release of the version is known: the same file may have been deployed before."""
    try:
        return version.number in desk.state(version.name).digests
    except SeatrialError:
        return False


def _packaged(
    workspace: Workspace,
    order: Order,
    desk: Desk,
    on_step: Say,
    on_progress: Callable[[str, str], None],
    *,
    start: Start | None,
) -> _Packaged:
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
) -> _Packaged:
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
    return _Packaged(
        bundle=assembled.bundle,
        registration=_registration(
            order, assembled.bundle, assembled.scan.sha256, notes="; ".join(assembled.notes)
        ),
    )


def _taken_in(workspace: Workspace, order: Order, desk: Desk, on_step: Say) -> _Packaged:
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
    return _Packaged(bundle=bundle, registration=registration, is_signed=is_signed)


def is_prompt(file: Path) -> bool:
    """Whether a file is that of a prompt, by its name."""
    return file.suffix in (".yaml", ".yml")


_NONE: Mapping[str, object] = {}


def _check_options(order: Order, why: str, more: Mapping[str, object] = _NONE) -> None:
    """Refuse what only a model's own file can heed.

    Args:
        why: it is none, as the end of a sentence.
        more: options that it cannot heed either.
    """
    given = {
        "--data": order.data,
        "--label": order.label,
        "--holdout": order.holdout,
        "--segments": order.segments,
        "--any-version": order.any_version,
        "--engine": order.engine,
        **more,
        "--signature": order.signature,
    }
    for option, value in given.items():
        if value:
            raise OptionUnused(
                f"{option} was given, but {order.model.name} {why}.",
                remedy=f"Leave {option} out, or deploy the model's own file.",
                option=option,
            )


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


def _plan(workspace: Workspace, order: Order, name: str) -> Plan:
    """The configured plan, with what the command line says of it."""
    return as_asked(workspace.settings.release_of(name).plan(), order)


def as_asked(plan: Plan, order: Order) -> Plan:
    """The configured steps, with the share and the time that were asked for."""
    first, *others = plan.steps
    if order.share is not None:
        first, others = replace(first, share=order.share), []
    steps = [first, *others]
    if order.watch_s is not None:
        steps = [replace(step, watch_s=order.watch_s) for step in steps]
    return replace(plan, steps=tuple(steps))
