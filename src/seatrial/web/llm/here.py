"""Who may call: whoever brings a key; without one programs on this machine, no page of a site."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from seatrial.gateway.routes.doorman import Doorman
from seatrial.gateway.routes.keys import KeyUnknown
from seatrial.serving.exchange import JSON, MethodNotAllowed, Reply, shown
from seatrial.web.guard import ForeignRequest, Guard
from seatrial.web.llm.visit import Visit

_LOCAL: Final = Guard(token=None)
_HERE: Final = "127.0.0.1"
"""Where a request comes from that was let in without a key: the server listens there alone."""


async def enter(visit: Visit, doorman: Doorman, allowed: Sequence[str]) -> Reply | None:
    """Let a request in, with the key it brings; the answer to OPTIONS needs none.

    Args: allowed: methods, the usual one first.
    Raises: MethodNotAllowed, KeyUnknown and what else the doorman says.
    """
    request = visit.request
    if request.method == "OPTIONS":
        return Reply(200, b"", JSON, ((b"allow", ", ".join(allowed).encode()),))
    if request.method not in allowed:
        raise MethodNotAllowed(
            f"{shown(request.method)} is not allowed at {shown(request.path)}.",
            remedy=f"Use {allowed[0]}.",
            allow=", ".join(allowed),
        )
    visit.key = await doorman.admit(visit.secret)
    if visit.key is None:
        _check_here(request.headers)
    return None


def _check_here(headers: Mapping[bytes, bytes]) -> None:
    """Refuse what comes through a proxy, or from a page of another site.   Raises: KeyUnknown."""
    texts = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()}
    try:
        _LOCAL.check(client=_HERE, headers=texts, cookies={})
    except ForeignRequest as foreign:
        raise KeyUnknown(
            "Calls without a key are for programs on this machine only: not for pages of other "
            "sites, and not through a proxy.",
            remedy="Make a key with 'seatrial llm keys create' and send it.",
        ) from foreign
