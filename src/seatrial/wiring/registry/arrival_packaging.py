"""Fetches a registered version, packages it and registers it in our catalogue."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from seatrial.kernel.errors import NotFound
from seatrial.kernel.store import Store
from seatrial.packaging.standby import Standby
from seatrial.registry.archive import is_archive
from seatrial.registry.bundle import Bundle
from seatrial.registry.catalog import Version, get, numbered, read_stream
from seatrial.registry.models import Fetched, ModelRegistry
from seatrial.release.desk import Desk
from seatrial.steps.context import Context
from seatrial.training.following.config import FollowedConfig
from seatrial.training.following.seen import PREFIX, fold, packaged
from seatrial.training.following.standing import ArrivalInput, Standing
from seatrial.wiring.deploying.deploy import register_order
from seatrial.wiring.deploying.order import Order
from seatrial.wiring.workspace import Workspace

BY = "registry"


class ArrivalPackaging:
    """Packages what arrives.

    Args: see `registry_flow.RegistryFlow`.
    """

    def __init__(
        self,
        workspace: Workspace,
        store: Store,
        desk: Desk,
        registries: Mapping[str, ModelRegistry],
        standby: Standby | None,
    ) -> None:
        self._workspace = workspace
        self._store = store
        self._desk = desk
        self._registries = registries
        self._standby = standby

    def packaged(self, context: Context, arrival: ArrivalInput) -> Standing:
        """The version of our catalogue; one that was packaged before is not packaged again.

        Raises: what fetching, packaging and registering raise; RolloutConflict.
        """
        config = self._workspace.settings.registry.of(arrival.model)
        with TemporaryDirectory(prefix="seatrial-") as scratch:
            fetched = self._registries[arrival.source].fetch(
                arrival.model, arrival.number, Path(scratch)
            )
            context.log(f"fetched {fetched.file.name}")
            version = self._known(arrival) or self._register(context, arrival, config, fetched)
        holdout = fetched.holdout or config.holdout
        return Standing(
            version=version.number,
            digest=version.digest,
            label=fetched.label or config.label,
            holdout=None if holdout is None else str(holdout),
            given=None if fetched.evaluation is None else str(fetched.evaluation),
        )

    def _known(self, arrival: ArrivalInput) -> Version | None:
        """The version of our catalogue, where this one was packaged before and is still there."""
        stream = f"{PREFIX}{arrival.source}/{arrival.model}"
        number = fold(read_stream(self._store, stream)).packaged.get(arrival.number)
        if number is None:
            return None
        try:
            version = get(self._store, arrival.endpoint, number)
            Bundle.open(self._workspace.bundles / version.digest, digest=version.digest)
        except NotFound:
            return None
        return version

    def _register(
        self, context: Context, arrival: ArrivalInput, config: FollowedConfig, fetched: Fetched
    ) -> Version:
        order = order_of(arrival, config, fetched)

        def progress(name: str, text: str) -> None:
            context.check()
            context.progress(None, f"{name}: {text}")

        version = register_order(
            self._workspace,
            self._desk,
            self._store,
            order,
            on_step=lambda _mark, name, text: context.log(f"{name}: {text}"),
            on_progress=progress,
            start=None if self._standby is None else self._standby.session,
        )
        if self._standby is not None:
            threading.Thread(target=self._standby.refill, name="standby", daemon=True).start()
        draft = packaged(arrival.number, version.number)
        stream = f"{PREFIX}{arrival.source}/{arrival.model}"
        numbered(self._store, stream, lambda _: draft)
        return version


def order_of(arrival: ArrivalInput, config: FollowedConfig, fetched: Fetched) -> Order:
    """What is packaged, as `seatrial deploy` would."""
    if is_archive(fetched.file):
        return Order(
            model=fetched.file,
            name=arrival.endpoint,
            trust=config.trust,
            new_signature=config.new_signature,
            by=BY,
        )
    holdout = fetched.holdout or config.holdout
    return Order(
        model=fetched.file,
        name=arrival.endpoint,
        data=fetched.data or config.data or holdout,
        label=fetched.label or config.label,
        holdout=holdout,
        trust=config.trust,
        any_version=config.any_version,
        new_signature=config.new_signature,
        by=BY,
    )
