"""Keys of callers: made once, shown once, known afterwards by their digest alone.

A key is 256 random bits behind its public id. Nobody guesses that, so its SHA-256 is enough: the
slow hashes of passwords protect secrets that people choose, and would cost every request tenths of
a second. The id finds the record, and the digests are compared in constant time.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from seatrial.gateway.ledger.budget import Budget, Scope, Window
from seatrial.kernel.errors import Denied, Invalid
from seatrial.kernel.events import Draft, Fact

STREAM = "gateway/keys"
CREATED = "gateway.key_created"
REVOKED = "gateway.key_revoked"

MAX_NAME = 100
"""Characters of the name of a key."""

_PREFIX = "sk-seatrial-"
_N_ID = 5
_N_SECRET = 32
_NOBODY = bytes(32)
_ID = slice(len(_PREFIX), len(_PREFIX) + 2 * _N_ID)


class KeyUnknown(Denied):
    """The key of a call is none, or none that may be used."""

    code = "gateway.key_unknown"


class KeyNameTaken(Invalid):
    """There is a key of that name already."""

    code = "gateway.key_name_taken"


class KeyNameInvalid(Invalid):
    """A name that lists and logs could not show in one line."""

    code = "gateway.key_name_invalid"


class ModelForbidden(Denied):
    """The key may not be used for the model."""

    code = "gateway.model_forbidden"


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a key.

    Args:
        id: public; usage and budgets go by it.
        name: for people; no two keys that may be used have the same.
        digest: SHA-256 of the key, in hex.
        models: that it may be used for; empty for all.
        tenant: who shares answers of the cache with it; "" for its own id.
        groups: who reads with it: a document with an access list is found where one of these is
            on the list.
        budget_usd, window: what it may spend in each ``day``, ``month`` or ``total``; None for no
            limit of its own.
        requests_per_minute, tokens_per_minute: None for the limits of the configuration.
        expires: seconds since 1970; None for never.
        revoked: whether somebody ended its use.
    """

    id: str
    name: str
    digest: str
    models: tuple[str, ...] = ()
    tenant: str = ""
    groups: tuple[str, ...] = ()
    budget_usd: Decimal | None = None
    window: Window = Window.MONTH
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    expires: float | None = None
    revoked: bool = False

    def usable(self, at_s: float) -> bool:
        """Whether it may be used at a time, in seconds since 1970."""
        return not self.revoked and (self.expires is None or at_s < self.expires)

    @property
    def budget(self) -> Budget | None:
        """What it may spend, beside the budgets of the configuration."""
        if self.budget_usd is None:
            return None
        return Budget(limit_usd=self.budget_usd, window=self.window, scope=Scope.KEY, name=self.id)

    def check_model(self, model: str) -> None:
        """Refuse a model that it is not for.   Raises: ModelForbidden."""
        if self.models and model not in self.models:
            raise ModelForbidden(
                f"The key {self.name!r} is not for the model {model[:100]!r}.",
                remedy=f"Use one of: {', '.join(self.models)}.",
                model=model[:100],
            )


def written(random: bytes) -> tuple[str, str]:
    """A key as its user gets it, and its id.

    Args:
        random: 37 bytes that nobody can guess.
    """
    if len(random) != _N_ID + _N_SECRET:
        raise ValueError(f"a key is made of {_N_ID + _N_SECRET} bytes, not of {len(random)}")
    key_id = random[:_N_ID].hex()
    secret = base64.urlsafe_b64encode(random[_N_ID:]).rstrip(b"=").decode()
    return f"{_PREFIX}{key_id}-{secret}", key_id


def check_name(name: str) -> None:
    """Refuse a name that lists could not show.   Raises: KeyNameInvalid."""
    if not (name.strip() == name and name.isprintable() and 0 < len(name) <= MAX_NAME):
        raise KeyNameInvalid(
            f"The name of the key is {name[: MAX_NAME + 1]!r}.",
            remedy=f"Give 1 to {MAX_NAME} printable characters, with no space at either end.",
            field="name",
        )


def digest_of(secret: str) -> str:
    """What is kept of a key in place of the key."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


class KeyRing:
    """The keys that a history of facts leaves; never changed, see `with_facts`."""

    def __init__(self, keys: Mapping[str, Key] | None = None, *, seq: int = 0) -> None:
        self._keys = dict(keys or {})
        self._digests = {key.id: bytes.fromhex(key.digest) for key in self._keys.values()}
        self.seq = seq
        """Of the newest fact that is in it."""

    def with_facts(self, facts: Iterable[Fact]) -> KeyRing:
        """The ring after further facts; those of other kinds say nothing."""
        keys, seq = dict(self._keys), self.seq
        for fact in facts:
            seq = fact.seq
            if fact.kind == CREATED and not fact.damage:
                key = msgspec.convert(fact.data, Key, strict=False)
                keys[key.id] = key
            elif fact.kind == REVOKED and not fact.damage:
                known = keys.get(str(fact.data["id"]))
                if known is not None:
                    keys[known.id] = msgspec.structs.replace(known, revoked=True)
        return KeyRing(keys, seq=seq)

    def __bool__(self) -> bool:
        """Whether there ever was a key: from then on nobody comes in without one."""
        return bool(self._keys)

    def __iter__(self) -> Iterator[Key]:
        """All keys, the oldest first."""
        return iter(self._keys.values())

    def get(self, key_id: str) -> Key | None:
        """The key of an id."""
        return self._keys.get(key_id)

    def find(self, secret: str, *, at_s: float) -> Key | None:
        """Whose key it is, if it may be used at that time, in seconds since 1970."""
        given = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
        key_id = secret[_ID]
        same = hmac.compare_digest(given, self._digests.get(key_id, _NOBODY))
        key = self._keys.get(key_id)
        return key if key is not None and same and key.usable(at_s) else None

    def named(self, name: str, *, at_s: float) -> Key | None:
        """The key of a name or an id; one that may be used before others."""
        found = [key for key in self._keys.values() if name in (key.name, key.id)]
        found.sort(key=lambda key: key.usable(at_s))
        return found[-1] if found else None


def creation(ring: KeyRing, key: Key, *, at: datetime, by: str) -> Draft:
    """The fact that there is a key.   Raises: KeyNameTaken."""
    taken = ring.named(key.name, at_s=at.timestamp())
    if taken is not None and taken.usable(at.timestamp()):
        raise KeyNameTaken(
            f"There is a key named {key.name!r} already.",
            remedy="Choose another name, or revoke that key first.",
            name=key.name,
        )
    return Draft(kind=CREATED, data=msgspec.to_builtins(key), by=by)


def revocation(key: Key, *, by: str) -> Draft:
    """The fact that a key may not be used any more."""
    return Draft(kind=REVOKED, data={"id": key.id}, by=by)


def shown(key: Key, *, at: datetime) -> dict[str, object]:
    """A key as lists show it: without its digest."""
    record: dict[str, object] = msgspec.to_builtins(key)
    del record["digest"]
    if key.expires is not None:
        record["expires"] = datetime.fromtimestamp(key.expires, UTC).isoformat()
    record["usable"] = key.usable(at.timestamp())
    return record
