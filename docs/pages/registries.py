"""The facts about registries, as they are kept: what was offered, and what was seen."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from seatrial.kernel.events import Draft
from seatrial.registry.offers import ALIAS_MOVED, MARKED, OFFERED, OfferedFacts, OwnRegistry
from seatrial.testing.memory_store import MemoryStore
from seatrial.training.following.seen import (
    ALIAS_SEEN,
    ALIAS_SET,
    ASKED_AGAIN,
    FOLLOWED,
    PACKAGED,
    VERSION_SEEN,
    Seen,
    announce,
    ask_again,
    decide,
    packaged,
)

_MEANING = {
    OFFERED: "A version was offered to our own registry.",
    MARKED: "Tags of an offered version were set.",
    ALIAS_MOVED: "An alias of our own registry points elsewhere.",
    FOLLOWED: "A model was looked at first; these versions are history.",
    VERSION_SEEN: "A version was met; whether that is an event.",
    ALIAS_SEEN: "The followed alias was met elsewhere; whether that is an event.",
    ALIAS_SET: "seatrial is about to move the alias itself.",
    PACKAGED: "A version of the registry is this version of our catalogue.",
    ASKED_AGAIN: "A person wants a version to arrive once more.",
}
_TYPES = {str: "text", list: "list", dict: "object", bool: "boolean", int: "integer"}


def registry_rows() -> list[list[str]]:
    """A row for each kind."""
    return [
        [
            f"`{kind}`",
            "`offers/MODEL`" if kind.startswith("model.") else "`followed/REGISTRY/MODEL`",
            meaning,
            ", ".join(f"`{name}` {_type(value)}" for name, value in _data()[kind].items()),
        ]
        for kind, meaning in _MEANING.items()
    ]


def _type(value: object) -> str:
    return _TYPES.get(type(value), "null")


def _data() -> dict[str, dict[str, object]]:
    seen = [
        *decide(Seen(), numbers=[1, 2], every=True, alias="a", at=2),
        announce("a", 1),
        packaged(1, 1),
        ask_again(1, by="person"),
    ]
    return {draft.kind: dict(draft.data) for draft in [*seen, *_offered()]}


def _offered() -> list[Draft]:
    with TemporaryDirectory() as folder:
        store = MemoryStore()
        own = OwnRegistry(store, Path(folder))
        own.offer_bytes("m", "m.pkl", [b"x"], OfferedFacts(), by="person")
        own.mark("m", 1, {"seatrial.verdict": "worse"})
        own.move_alias("m", "champion", 1)
        return [Draft(kind=fact.kind, data=fact.data) for fact in store.read()]
