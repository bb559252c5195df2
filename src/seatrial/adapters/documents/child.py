"""The program of a child process that parses: ``python -m seatrial.adapters.documents.child``.

Parsers of PDF, HTML, JSON, Office files and e-mail run nowhere else: what hangs, crashes or wants
too much memory there costs one file. What it sends back is plain values, never code.
"""

from __future__ import annotations

import logging
import re
import sys
import warnings
from collections.abc import Mapping
from dataclasses import fields
from functools import lru_cache, partial
from typing import TYPE_CHECKING, cast

from seatrial.adapters.child_program import run
from seatrial.adapters.documents.loaders import document_loaders
from seatrial.rag.loading.loader import About, Flaw, Piece
from seatrial.rag.loading.outcome import Unloadable
from seatrial.rag.loading.reading import pieces
from seatrial.rag.loading.settings import Fields, LimitsConfig

if TYPE_CHECKING:
    from seatrial.rag.loading.loader import Loader, Splitter

_ABOUT = tuple(one.name for one in fields(About))
_UNSTORABLE = re.compile("[\\0\ud800-\udfff]")


def about_to_dict(about: About) -> dict[str, object]:
    """What can be sent to the child."""
    plain = {name: getattr(about, name) for name in _ABOUT}
    return plain | {"fields": _dumped(about.fields), "limits": _dumped(about.limits)}


def about_from_dict(plain: Mapping[str, object]) -> About:
    """The inverse."""
    values = dict(plain)
    values["fields"] = _fields(str(values["fields"]))
    values["limits"] = _limits(str(values["limits"]))
    return About(**values)  # type: ignore[arg-type]


@lru_cache(maxsize=16)
def _dumped(model: Fields | LimitsConfig) -> str:
    return model.model_dump_json()


@lru_cache(maxsize=16)
def _fields(text: str) -> Fields:
    return Fields.model_validate_json(text)


@lru_cache(maxsize=16)
def _limits(text: str) -> LimitsConfig:
    return LimitsConfig.model_validate_json(text)


def answer(
    loaders: Mapping[str, Loader | Splitter], message: Mapping[str, object]
) -> dict[str, object]:
    """The reply to one message: what the loader of its format found in its content."""
    if message.get("op") == "ping":
        return {}
    loader = cast("Loader", loaders[str(message["format"])])
    about = about_from_dict(cast("Mapping[str, object]", message["about"]))
    try:
        found = pieces(loader, bytes(cast("bytes", message["content"])), about)
    except Unloadable as error:
        return {"error": error.as_dict()}
    return {"ok": [_plain(piece) for piece in found]}


def _plain(piece: Piece) -> dict[str, object]:
    if isinstance(piece, Flaw):
        return {"flaw": _storable(piece)}
    return {"parsed": _storable(piece)}


def _storable(value: object) -> object:
    """Plain values, whose texts hold no half characters and no zeros; lengths stay."""
    if isinstance(value, str):
        return _UNSTORABLE.sub("�", str(value)) if _UNSTORABLE.search(value) else str(value)
    if isinstance(value, Mapping):
        return {_storable(name): _storable(part) for name, part in value.items()}
    if isinstance(value, tuple | list):
        return [_storable(part) for part in value]
    if hasattr(value, "__dataclass_fields__"):
        return {one: _storable(getattr(value, one)) for one in value.__dataclass_fields__}
    return value


def main(arguments: list[str]) -> None:
    """Serve on the socket and under the limits given as file descriptors and bytes."""
    logging.disable()  # parsers complain at length about files that they can read
    warnings.simplefilter("ignore")
    run(arguments, partial(answer, document_loaders()))


if __name__ == "__main__":
    main(sys.argv[1:])
