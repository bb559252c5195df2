"""Names that callers choose, as they may be kept: users and tags with secrets and personal data
written over.

Names are masked as logs are, and told apart afterwards by a sign: ``[EMAIL] #3f9a1c22`` is always
the same address. The sign is a digest: who knows an address can recognise it, and nobody can read
it.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Final

from msgspec.structs import replace

from seatrial.gateway.ledger.budget import Budget, Scope, plain_name
from seatrial.gateway.policies.mask import Mask

_MASK: Final = Mask()
_SIGN_DIGITS: Final = 8


@lru_cache(maxsize=8192)
def kept_name(name: str) -> str:
    """A name of a user or a tag, or a value of one, as the ledger keeps it."""
    masked = _MASK.text(name)
    if masked == name:
        return plain_name(name)
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    return plain_name(f"{masked} #{digest[:_SIGN_DIGITS]}")


def kept_budget(budget: Budget) -> Budget:
    """A budget that finds whom it is about by the names that are kept."""
    if budget.scope not in (Scope.USER, Scope.TAG):
        return budget
    return replace(
        budget,
        name=None if budget.name is None else kept_name(budget.name),
        tag=None if budget.tag is None else kept_name(budget.tag),
    )
