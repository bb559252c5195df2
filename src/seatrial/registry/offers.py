"""Our own registry of models: what was offered with `seatrial register`, over HTTP, by a pipeline.

What is known of an offer is a fact; its file is kept once per content in a folder. A file is in its
place before the fact says so: who is killed between the two leaves a file that nobody asks for.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from seatrial.kernel.errors import Invalid, NotFound
from seatrial.kernel.events import Draft, Fact
from seatrial.kernel.store import FactLog
from seatrial.registry.catalog import VersionUnreadable, numbered, read_stream
from seatrial.registry.incoming import chunks_of, incoming, land, write_file, writing
from seatrial.registry.models import (
    Fetched,
    RegisteredVersion,
    RegisteredVersionUnknown,
    RegistryRefused,
    cut_tag,
    version_unknown,
)

OFFERED = "model.offered"
MARKED = "model.marked"
ALIAS_MOVED = "model.alias_moved"
PREFIX = "offers/"

_NOTHING = hashlib.sha256().hexdigest()
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_FILE = re.compile(r"[^/\x00-\x1f\x7f]{1,150}")


class OfferedFileMissing(NotFound):
    """There is no file where a model should be."""

    code = "registry.file_missing"


class OfferInvalid(Invalid):
    """An offer names a model, a file or an alias as none may be named."""

    code = "registry.offer_invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedFacts:
    """What is said of an offered model.

    Args:
        label: the column it predicts, or None.
        data: sample of the training data, or None.
        holdout: labelled rows it was not trained on, or None.
        evaluation: folder of an evaluation that was made already, or None.
        notes: JSON-able details, such as the run that made it.
    """

    label: str | None = None
    data: str | None = None
    holdout: str | None = None
    evaluation: str | None = None
    notes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedVersion:
    """An offer.

    Args:
        model: its name.
        number: 1, 2, 3, ... in the order of offers.
        file: name of the file, without folders.
        sha256: of its content.
        key: the offerer's; two offers with one key are one.
        of: what is said of it.
        by: who offered it.
    """

    model: str
    number: int
    file: str
    sha256: str
    key: str
    of: OfferedFacts
    by: str


class OwnRegistry:
    """`registry.models.ModelRegistry` over the store and a folder.

    Args:
        log: the store's facts.
        folder: of the files; one folder per content.
    """

    def __init__(self, log: FactLog, folder: Path) -> None:
        self._log = log
        self._folder = folder

    def offer(
        self, model: str, file: Path, of: OfferedFacts, *, key: str = "", by: str
    ) -> OfferedVersion:
        """Keep a file as the newest version of a model; with a key that was given before, find it.

        Args: key: unique for what is offered; "" for an offer that nobody repeats.
        Raises: OfferInvalid, OfferedFileMissing; BundleDiskFull, BundleNotWritten; NotPlain.
        """
        if not file.is_file():
            raise OfferedFileMissing(
                f"There is no file {str(file)!r}.", remedy="Give the path of the saved model."
            )
        return self.offer_bytes(model, file.name, chunks_of(file), of, key=key, by=by)

    def offer_bytes(
        self,
        model: str,
        name: str,
        chunks: Iterable[bytes],
        of: OfferedFacts,
        *,
        key: str = "",
        by: str,
    ) -> OfferedVersion:
        """As `offer`, of a content that comes in pieces.   Args: name: of the file."""
        _check(_WORD, model, "model")
        if not _FILE.fullmatch(name) or name in (".", ".."):
            raise _bad(name, "file")
        known = self._by_key(model, key)
        if known is not None:
            return known
        sha256 = self._keep(name, chunks)
        if sha256 == _NOTHING:
            raise OfferInvalid(
                f"The file {name!r} holds nothing.",
                remedy="Give the saved model; over HTTP, with --data-binary @FILE.",
                field="file",
            )
        record = msgspec.to_builtins(of)

        def decide(facts: list[Fact]) -> OfferedVersion | Draft:
            offers = _offers(facts)
            same = next((one for one in offers if key and one.key == key), None)
            data = {
                "number": len(offers) + 1,
                "file": name,
                "sha256": sha256,
                "key": key,
                "of": record,
            }
            return same or Draft(kind=OFFERED, data=data, by=by)

        found = numbered(self._log, PREFIX + model, decide)
        return found if isinstance(found, OfferedVersion) else _offer(found)

    def models(self) -> list[str]:
        """The models that were offered, sorted."""
        return [stream.removeprefix(PREFIX) for stream in self._log.streams(PREFIX)]

    def offers(self, model: str) -> list[OfferedVersion]:
        """All offers of a model, by number."""
        return _offers(read_stream(self._log, PREFIX + model))

    def versions(self, model: str, *, after: int = 0) -> list[RegisteredVersion]:
        """See ModelRegistry."""
        facts = read_stream(self._log, PREFIX + model)
        tags: dict[int, dict[str, str]] = {}
        for fact in facts:
            if fact.kind == MARKED:
                tags.setdefault(int(str(fact.data["number"])), {}).update(_texts(fact, "tags"))
        return [
            RegisteredVersion(
                model=model,
                number=one.number,
                tags=tags.get(one.number, {}),
                run=str(one.of.notes.get("run", "")),
            )
            for one in _offers(facts)
            if one.number > after
        ]

    def aliases(self, model: str) -> Mapping[str, int]:
        """See ModelRegistry."""
        moved = (f for f in read_stream(self._log, PREFIX + model) if f.kind == ALIAS_MOVED)
        return {str(f.data["alias"]): int(str(f.data["number"])) for f in moved}

    def fetch(self, model: str, number: int, folder: Path) -> Fetched:  # noqa: ARG002
        """See ModelRegistry: files are read where they lie."""
        one = self._get(model, number)
        file = self._folder / one.sha256 / one.file
        if not file.is_file():
            raise RegisteredVersionUnknown(
                f"The file of version {number} of {model!r} is not in {str(self._folder)!r}.",
                remedy="Share that folder between the machines of a store, or register it again.",
                model=model,
                version=number,
            )
        of = one.of
        return Fetched(
            file=file,
            label=of.label,
            data=_path(of.data),
            holdout=_path(of.holdout),
            evaluation=_path(of.evaluation),
        )

    def mark(self, model: str, number: int, tags: Mapping[str, str]) -> None:
        """See ModelRegistry."""
        self._get(model, number)
        data = {"number": number, "tags": {name: cut_tag(text) for name, text in tags.items()}}

        def decide(facts: list[Fact]) -> Draft | None:
            newest = next((f for f in reversed(facts) if _is_mark(f, number)), None)
            same = newest is not None and newest.data == data
            return None if same else Draft(kind=MARKED, data=data, by="registry")

        numbered(self._log, PREFIX + model, decide)

    def move_alias(self, model: str, alias: str, number: int) -> None:
        """See ModelRegistry."""
        check_alias(alias)
        self._get(model, number)
        data = {"alias": alias, "number": number}

        def decide(facts: list[Fact]) -> Draft | None:
            moved = [f for f in facts if f.kind == ALIAS_MOVED and f.data["alias"] == alias]
            there = bool(moved) and moved[-1].data == data
            return None if there else Draft(kind=ALIAS_MOVED, data=data, by="registry")

        numbered(self._log, PREFIX + model, decide)

    def _get(self, model: str, number: int) -> OfferedVersion:
        found = next((one for one in self.offers(model) if one.number == number), None)
        if found is None:
            raise version_unknown(model, number)
        return found

    def _by_key(self, model: str, key: str) -> OfferedVersion | None:
        return next((one for one in self.offers(model) if key and one.key == key), None)

    def _keep(self, name: str, chunks: Iterable[bytes]) -> str:
        """Put a content into its folder; returns its hash."""
        with incoming(self._folder) as fresh:
            record = write_file(fresh, name, chunks)
            target = self._folder / record.sha256
            with writing(self._folder):
                landed = land(fresh, target)
            if not landed and not (target / name).is_file():
                with writing(target):
                    (fresh / name).rename(target / name)
        return record.sha256


def check_alias(alias: str) -> None:
    """Raises: RegistryRefused: no alias may be called so."""
    if not _WORD.fullmatch(alias):
        raise RegistryRefused(
            f"{alias[:80]!r} is no alias.",
            remedy="Use up to 100 letters, digits, '.', '_' and '-', beginning with a letter or "
            "digit.",
            alias=alias[:80],
        )


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)


def _is_mark(fact: Fact, number: int) -> bool:
    return fact.kind == MARKED and fact.data.get("number") == number


def _texts(fact: Fact, key: str) -> dict[str, str]:
    found = fact.data.get(key)
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, Mapping) else {}


def _offers(facts: list[Fact]) -> list[OfferedVersion]:
    return [_offer(fact) for fact in facts if fact.kind == OFFERED]


class _OfferedV1(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    number: int
    file: str
    sha256: str
    key: str
    of: OfferedFacts


def _offer(fact: Fact) -> OfferedVersion:
    try:
        record = msgspec.convert(dict(fact.data), _OfferedV1)
    except msgspec.ValidationError as error:
        raise VersionUnreadable(
            f"Revision {fact.revision} of {fact.stream!r} cannot be read: {fact.damage or error}.",
            remedy="Upgrade seatrial to the version that wrote it.",
            stream=fact.stream,
            revision=fact.revision,
        ) from error
    return OfferedVersion(
        model=fact.stream.removeprefix(PREFIX),
        number=record.number,
        file=record.file,
        sha256=record.sha256,
        key=record.key,
        of=record.of,
        by=fact.by,
    )


def _check(pattern: re.Pattern[str], text: str, what: str) -> None:
    if not pattern.fullmatch(text):
        raise _bad(text, what)


def _bad(text: str, what: str) -> OfferInvalid:
    return OfferInvalid(
        f"{text[:80]!r} is no name of a {what}.",
        remedy="Use up to 100 letters, digits, '.', '_' and '-', beginning with a letter or digit.",
        field=what,
    )
