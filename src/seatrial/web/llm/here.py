"""Who may call without a key: programs on this machine, and no page of another site."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from seatrial.gateway.routes.keys import KeyUnknown
from seatrial.web.guard import ForeignRequest, Guard

_LOCAL: Final = Guard(token=None)
_HERE: Final = "127.0.0.1"
"""Where a request comes from that was let in without a key: the server listens there alone."""


def check_here(headers: Mapping[bytes, bytes]) -> None:
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
