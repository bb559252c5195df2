"""Features for commands: the repository a workspace names, Feast beside it, its online store."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from seatrial.adapters.features.feast_child import FeastChild
from seatrial.adapters.features.feast_repository import FeastFolder, open_folder
from seatrial.features.config import FeaturesConfig
from seatrial.features.failures import EntityInvalid
from seatrial.features.offline import EntityRow, key_of
from seatrial.features.online import Read, Stored, judged
from seatrial.features.serve_check import Compared, compare
from seatrial.features.view import Field, Repository, Selected, ValueType, View, by_view
from seatrial.wiring.workspace import Workspace

_READ_S = 10.0
"""For one reading of a command, which nobody waits for as a request does."""

_BATCH = 500
_WHOLE = (ValueType.INT32, ValueType.INT64, ValueType.UNIX_TIMESTAMP)


def now_us() -> int:
    """The wall clock, in microseconds since 1970."""
    return time.time_ns() // 1000


def folder_of(workspace: Workspace, named: Path | None = None) -> Path:
    """The repository's folder: named on the command line, else configured.

    A configured one that is relative begins at the configuration file.
    """
    if named is not None:
        return named
    start = Path() if workspace.config is None else workspace.config.parent
    return start / workspace.settings.features.repository


def child_of(config: FeaturesConfig, folder: Path) -> FeastChild:
    """Feast for the repository in a folder."""
    return FeastChild(folder.absolute(), python=config.python, timeout_s=config.timeout)


def keys_of(selected: Iterable[Selected]) -> Mapping[str, Field]:
    """The join keys of features, by name."""
    return {key.name: key for one in selected for key in one.view.join_keys}


def parsed_entity(text: str, keys: Mapping[str, Field]) -> dict[str, int | str | bytes]:
    """An entity written as ``user_id=1`` or ``user_id=1,shop=eu``.   Raises: EntityInvalid."""
    entity: dict[str, int | str | bytes] = {}
    for part in text.split(","):
        name, _, value = part.partition("=")
        if name in keys:
            entity[name] = _typed(keys[name], value)
    if entity.keys() != keys.keys() or len(text.split(",")) != len(keys):
        raise EntityInvalid(
            f"{text!r} does not give each of these keys: {', '.join(keys)}.",
            remedy=f"Write {','.join(f'{name}=...' for name in keys)}",
            field="entity",
        )
    return entity


def read_entities(file: Path, keys: Mapping[str, Field]) -> list[dict[str, int | str | bytes]]:
    """Entities of a file of JSON Lines, one object a line.   Raises: EntityInvalid."""
    found: list[dict[str, int | str | bytes]] = []
    try:
        for line in file.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            found.append({name: _typed(key, str(record[name])) for name, key in keys.items()})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EntityInvalid(
            f"Line {len(found) + 1} of {file} is no entity ({type(error).__name__}: {error}).",
            remedy=f"Write one JSON object a line, with: {', '.join(keys)}.",
            field="entities",
        ) from error
    return found


def read_online(
    folder: FeastFolder,
    selected: Sequence[Selected],
    entities: Sequence[Mapping[str, int | str | bytes]],
    *,
    at_us: int,
) -> list[list[Read]]:
    """The features of entities as serving would see them: by entity, then feature.

    Raises: what `OnlineStore.read` and `FeastFolder.open_online` raise.
    """
    rows = [EntityRow(key=entity, time_us=at_us) for entity in entities]
    store = folder.open_online(timeout_s=_READ_S)
    try:
        found: dict[View, list[Stored | None]] = {}
        for view, features in by_view(selected).items():
            one = next(one for one in selected if one.view == view)
            keys = [key_of(one, row) for row in rows]
            found[view] = [
                stored
                for start in range(0, len(keys), _BATCH)
                for stored in store.read(view, features, keys[start : start + _BATCH])
            ]
    finally:
        store.close()
    return [
        [judged(found[one.view][i], one.view, one.field.name, now_us=at_us) for one in selected]
        for i in range(len(rows))
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeCheck:
    """What a comparison of offline and online found.

    Args: at_us: the time as of which both were read.
    """

    at_us: int
    n_entities: int
    features: tuple[Compared, ...]

    @property
    def agrees(self) -> bool:
        """Whether every feature of every entity is the same, and there was one."""
        return self.n_entities > 0 and not any(one.n_different for one in self.features)


def serve_check(
    child: FeastChild,
    folder: FeastFolder,
    selected: Sequence[Selected],
    *,
    entities: Sequence[Mapping[str, int | str | bytes]] | None,
    n: int,
) -> ServeCheck:
    """Compare offline and online for the same entities at this moment.

    Args:
        entities: which; None for those with the newest values offline.
        n: how many of these, >= 1.
    Raises: as `FeastChild` and `read_online`.
    """
    at_us = now_us()
    if entities is None:
        entities = _newest(child, selected, n=n, end_s=at_us / 1e6)
    rows = [EntityRow(key=entity, time_us=at_us) for entity in entities]
    offline = child.join(rows, selected)
    online = read_online(folder, selected, entities, at_us=at_us)
    return ServeCheck(
        at_us=at_us,
        n_entities=len(rows),
        features=compare(rows, selected, offline, online),
    )


def keep(folder: FeastFolder, snapshot: Mapping[str, object]) -> Repository:
    """Keep what Feast says is registered beside the repository, for serving."""
    folder.keep(snapshot)
    return folder.repository()


def _newest(
    child: FeastChild, selected: Sequence[Selected], *, n: int, end_s: float
) -> list[Mapping[str, int | str | bytes]]:
    wanted = keys_of(selected)
    for view in by_view(selected):
        if {key.name for key in view.join_keys} == wanted.keys():
            return list(child.keys(view.name, limit=n, end_s=end_s))
    raise EntityInvalid(
        f"No single view has all of the keys {', '.join(wanted)}.",
        remedy="Name the entities to compare with --entities.",
        field="entities",
    )


def _typed(key: Field, text: str) -> int | str | bytes:
    if key.type not in _WHOLE:
        return text.encode() if key.type is ValueType.BYTES else text
    try:
        return int(text)
    except ValueError as error:
        raise EntityInvalid(
            f"The join key {key.name!r} is {text[:60]!r}, not a whole number.",
            remedy=f"Give a whole number; the key is {key.type}.",
            field=key.name,
        ) from error


def open_repository(path: Path) -> FeastFolder:
    """See `feast_repository.open_folder`."""
    return open_folder(path.absolute())
