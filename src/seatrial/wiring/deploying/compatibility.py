"""Whether a version that is deployed fits the clients of the one in production."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from seatrial.kernel.errors import Conflict, SeatrialError
from seatrial.registry.bundle import Bundle
from seatrial.registry.signature_change import differences, narrowings
from seatrial.release.desk import Desk
from seatrial.wiring.workspace import Workspace

_N_LISTED = 6
"""Phrases that a message lists."""


class SignatureChanged(Conflict):
    """The version takes or answers something else than the version in production."""

    code = "deploy.signature_changed"


def check_signature(
    workspace: Workspace,
    desk: Desk,
    bundle: Bundle,
    *,
    meant: bool,
    on_step: Callable[[str, str, str], None],
) -> None:
    """Refuse a version that clients of the one in production could not go on with.

    Args:
        meant: whoever deploys knows that it differs.
        on_step: told what differs where that is no reason to refuse it.
    Raises: SignatureChanged: with ``facts["differences"]``.
    """
    name = bundle.manifest.name
    state = desk.state(name) if name in desk.names() else None
    if state is None or state.stable is None:
        return
    try:
        served = Bundle.open(workspace.bundles / state.digests[state.stable]).signature
    except SeatrialError as problem:
        # Damaged, or on another machine: no reason to refuse what may be better.
        on_step("note", "signature", f"not compared with version {state.stable}: {problem}")
        return
    found = differences(served, bundle.signature)
    if found and not meant:
        raise SignatureChanged(
            f"The model does not fit the clients of {name!r}: unlike version {state.stable}, which "
            f"is in production, {_listed(found)}.",
            remedy="Deploy it under another --name, or say --new-signature if clients are ready "
            "for both.",
            endpoint=name,
            differences=list(found),
        )
    if said := (*found, *narrowings(served, bundle.signature)):
        on_step("note", "signature", f"unlike version {state.stable}: {_listed(said)}")


def _listed(phrases: Sequence[str]) -> str:
    return "; ".join(phrases[:_N_LISTED]) + ("; ..." if len(phrases) > _N_LISTED else "")
