"""Deploys what an order asks for: package, register, write files, begin the release."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from seatrial.kernel.errors import SeatrialError
from seatrial.kernel.store import Store
from seatrial.packaging.standby import Start
from seatrial.registry.archive import is_archive
from seatrial.registry.catalog import Version, register, versions
from seatrial.registry.documents import Document
from seatrial.registry.naming import check_name
from seatrial.registry.signing_file import signature_path
from seatrial.release.desk import Desk
from seatrial.release.rollout import MODEL, Plan
from seatrial.wiring.deploying.compatibility import check_signature
from seatrial.wiring.deploying.files import files_ready
from seatrial.wiring.deploying.order import Order, as_asked, check_options, is_prompt
from seatrial.wiring.deploying.packaged import Packaged, Say, package
from seatrial.wiring.deploying.trust import (
    check_key,
    sign_bundle,
)
from seatrial.wiring.kinds import PROMPT
from seatrial.wiring.workspace import Workspace


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
        check_options(order, "is an archive, packaged already")
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
    packaged = package(workspace, order, desk, on_step, on_progress, start=start)
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

    check_options(order, "is a prompt", {"--sign-key": order.sign_key})
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
    packaged: Packaged,
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


def _plan(workspace: Workspace, order: Order, name: str) -> Plan:
    """The configured plan, with what the command line says of it."""
    return as_asked(workspace.settings.release_of(name).plan(), order)
