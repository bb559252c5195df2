"""What the console says of a version's model: by its bundle's manifest, read once."""

from __future__ import annotations

from seatrial.kernel.errors import SeatrialError
from seatrial.kernel.store import Store
from seatrial.registry.bundle import Bundle
from seatrial.registry.catalog import get
from seatrial.serving.engine import EnginePlan
from seatrial.web.console.model_pages import Shown
from seatrial.wiring.workspace import Workspace

_KEPT = 200


class ModelViews:
    """Looks versions up; a version never changes, so what was found is kept (`Models`)."""

    def __init__(self, workspace: Workspace, store: Store) -> None:
        self._workspace, self._store = workspace, store
        self._found: dict[tuple[str, int], Shown] = {}

    def __call__(self, endpoint: str, version: int) -> Shown | None:
        """See `Models`."""
        key = (endpoint, version)
        if key not in self._found:
            try:
                shown = self._read(endpoint, version)
            except (SeatrialError, OSError):
                return None
            if len(self._found) >= _KEPT:
                self._found.clear()
            self._found[key] = shown
        return self._found[key]

    def _read(self, endpoint: str, version: int) -> Shown:
        digest = get(self._store, endpoint, version).digest
        manifest = Bundle.known(self._workspace.bundles / digest, digest=digest).manifest
        return Shown(
            framework=manifest.framework,
            signature=manifest.signature,
            plan=EnginePlan.from_dict(manifest.plan),
        )
