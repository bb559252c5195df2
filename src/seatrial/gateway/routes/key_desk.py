"""Makes, lists and revokes keys; they are facts of the store. Everything here blocks."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from seatrial.gateway.ledger.budget import Window
from seatrial.gateway.routes.keys import (
    STREAM,
    Key,
    KeyRing,
    check_name,
    creation,
    digest_of,
    revocation,
    written,
)
from seatrial.kernel.errors import NotFound
from seatrial.kernel.events import Draft
from seatrial.kernel.store import FactLog, StreamChanged

_N_RANDOM = 37
_PAGE = 1000
_TRIES = 5


class KeyMissing(NotFound):
    """There is no key of that name or id."""

    code = "gateway.key_missing"


class KeyDesk:
    """Decides on keys.

    Args:
        facts: where they are kept.
        now: the wall clock, aware.
        random: so many bytes that nobody can guess.
    """

    def __init__(
        self,
        facts: FactLog,
        *,
        now: Callable[[], datetime],
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._facts, self._now, self._random = facts, now, random

    def ring(self, known: KeyRing | None = None) -> KeyRing:
        """All keys there are.

        Args:
            known: what was read before; only what came since is read.
        """
        ring = known or KeyRing()
        while found := self._facts.read(stream=STREAM, after=ring.seq, limit=_PAGE):
            ring = ring.with_facts(found)
            if len(found) < _PAGE:
                break
        return ring

    def create(
        self,
        name: str,
        *,
        by: str,
        models: tuple[str, ...] = (),
        tenant: str = "",
        groups: tuple[str, ...] = (),
        budget_usd: Decimal | None = None,
        window: Window = Window.MONTH,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        expires: float | None = None,
    ) -> tuple[str, Key]:
        """A new key: what its user gets, which is kept nowhere, and what is kept.

        Args: as `Key`.
        Raises: KeyNameInvalid, KeyNameTaken, BudgetInvalid; StoreUnavailable, StoreFull.
        """
        check_name(name)
        secret, key_id = written(self._random(_N_RANDOM))
        key = Key(
            id=key_id,
            name=name,
            digest=digest_of(secret),
            models=models,
            tenant=tenant,
            groups=groups,
            budget_usd=budget_usd,
            window=window,
            requests_per_minute=requests_per_minute,
            tokens_per_minute=tokens_per_minute,
            expires=expires,
        )
        _ = key.budget  # refused now rather than at the first call
        self._append(lambda ring: creation(ring, key, at=self._now(), by=by))
        return secret, key

    def revoke(self, name: str, *, by: str) -> Key:
        """End the use of the key of a name or an id; nothing happens if it was ended before.

        Raises: KeyMissing, StoreUnavailable, StoreFull.
        """

        found: list[Key] = []

        def decide(ring: KeyRing) -> Draft | None:
            found.append(self._find(ring, name))
            return None if found[-1].revoked else revocation(found[-1], by=by)

        self._append(decide)
        return found[-1]

    def _find(self, ring: KeyRing, name: str) -> Key:
        key = ring.named(name, at_s=self._now().timestamp())
        if key is None:
            raise KeyMissing(
                f"There is no key named {name!r}.",
                remedy="See 'seatrial llm keys list' for those there are.",
                name=name,
            )
        return key

    def _append(self, decide: Callable[[KeyRing], Draft | None]) -> None:
        for attempt in range(_TRIES):
            facts = self._facts.read(stream=STREAM, limit=_PAGE)
            revision, ring = 0, KeyRing()
            while facts:
                revision, ring = facts[-1].revision, ring.with_facts(facts)
                facts = self._facts.read(stream=STREAM, after=ring.seq, limit=_PAGE)
            draft = decide(ring)
            if draft is None:
                return
            try:
                self._facts.append(STREAM, [draft], expected=revision)
            except StreamChanged:
                if attempt == _TRIES - 1:
                    raise
            else:
                return
