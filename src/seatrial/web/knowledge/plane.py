"""Answers ``/v1/knowledge``: which indexes there are, what is found, what is answered.

Who asks decides what is found: with a key, the groups of the key read; the body may narrow them,
and not widen them. Without one, as programs on this machine may come, the body says who reads, and
documents with an access list are found by nobody whom it does not name.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias, overload
from urllib.parse import unquote

import orjson

from seatrial.gateway.dialects import fields
from seatrial.gateway.routes.doorman import Doorman
from seatrial.gateway.routes.gateway import Caller
from seatrial.gateway.routes.keys import Key
from seatrial.kernel.errors import NotFound, SeatrialError
from seatrial.rag.index.conditions import condition_of
from seatrial.rag.index.failures import IndexDamaged, IndexDenied, IndexUnavailable
from seatrial.rag.knowledge.asked import Asked, Knowledge
from seatrial.rag.knowledge.provider import PREFIX
from seatrial.rag.knowledge.record import facts_record, reply_record, retrieved_record
from seatrial.serving.client_errors import as_told
from seatrial.serving.exchange import (
    JSON,
    BadInput,
    Limits,
    Reply,
    Request,
    UnknownRoute,
    shown,
)
from seatrial.serving.flight import KEY as STICKY
from seatrial.serving.flight import forced_version
from seatrial.web.errors import error_reply
from seatrial.web.knowledge.description import document
from seatrial.web.llm.here import enter
from seatrial.web.llm.refusal import status_of
from seatrial.web.llm.visit import Visit
from seatrial.web.llm.wires import OPENAI
from seatrial.web.server_paths import without_places

_logger = logging.getLogger(__name__)

ROOT = "/v1/knowledge"
_MOST_K = 1_000
_MOST_READERS = 1_000
_FIELDS = frozenset({"question", "k", "filter", "readers", "version", "user"})

Answer: TypeAlias = Callable[[str, Asked], Awaitable[dict[str, Any]]]


class KnowledgePlane:
    """See `web.streaming.StreamPlane`.

    Args:
        knowledge: answers.
        doorman: says who calls.
        limits: of these, that of the body counts.
    """

    def __init__(self, knowledge: Knowledge, doorman: Doorman, limits: Limits) -> None:
        self.limits = limits
        self._knowledge, self._doorman = knowledge, doorman
        self._verbs: Mapping[str, Answer] = {"search": self._search, "answer": self._answer}

    def owns(self, path: str) -> bool:
        """See `StreamPlane`."""
        return path == ROOT or path.startswith(f"{ROOT}/")

    def described(self) -> Mapping[str, Any]:
        """See `StreamPlane`."""
        return document()

    def refused(self, error: SeatrialError, path: str) -> Reply:
        """See `StreamPlane`."""
        reply = error_reply(error, path)
        return Reply(status_of(error), reply.body, reply.content_type, reply.headers)

    async def answer(self, request: Request) -> Reply:
        """See `StreamPlane`."""
        visit = Visit(request, OPENAI)
        named: str | None = None
        try:
            name, verb = _place(request.path)
            named = name
            allowed = ("GET", "HEAD", "OPTIONS") if verb is None else ("POST", "OPTIONS")
            if (told := await enter(visit, self._doorman, allowed)) is not None:
                return told
            record = await self._told(visit, name, verb)
        except Exception as problem:  # noqa: BLE001 - the border of a request
            refused = self.refused(as_told(_without_paths(problem, named), None), request.path)
            return Reply(refused.status, refused.body, JSON, (*refused.headers, *_headers(visit)))
        return Reply(200, orjson.dumps(record), JSON, _headers(visit))

    async def _told(self, visit: Visit, name: str | None, verb: str | None) -> object:
        if name is None:
            names = [one for one in self._knowledge.names() if _may(visit.key, one)]
            return {"data": [await self._listed(one) for one in names]}
        if visit.key is not None:
            visit.key.check_model(PREFIX + name)
        if verb is None:
            return facts_record(await self._knowledge.facts(name))
        return await self._verbs[verb](name, self._asked(visit))

    async def _listed(self, name: str) -> dict[str, Any]:
        """An index; one that was not built yet or cannot be read, which it says, has no version."""
        try:
            return facts_record(await self._knowledge.facts(name))
        except NotFound:
            return {"name": name, "version": None}
        except SeatrialError as found:
            problem = without_places(_without_paths(found, name))
            return {"name": name, "version": None, "error": str(problem), "code": problem.code}

    async def _search(self, name: str, asked: Asked) -> dict[str, Any]:
        return retrieved_record(await self._knowledge.search(name, asked))

    async def _answer(self, name: str, asked: Asked) -> dict[str, Any]:
        return reply_record(await self._knowledge.answer(name, asked))

    def _asked(self, visit: Visit) -> Asked:
        body = fields.mapping(visit.body(self.limits.max_body_bytes), "")
        if unknown := sorted(body.keys() - _FIELDS):
            raise BadInput(
                f"The body has a field {shown(unknown[0])}, which is not known here.",
                remedy=f"Known are: {', '.join(sorted(_FIELDS))}.",
                field=unknown[0][:100],
            )
        k = fields.optional_count(body, "k")
        if k is not None and k > _MOST_K:
            raise fields.wrong("k", k, f"a whole number of at most {_MOST_K}")
        written = body.get("filter")
        version = fields.optional_count(body, "version")
        user = fields.optional_text(body, "user")
        return Asked(
            question=fields.named(body, "question"),
            k=k,
            where=None if written is None else condition_of(written),
            readers=_readers(visit.key, body),
            version=forced_version(visit.request.headers) if version is None else version,
            key=visit.request.headers.get(STICKY) or (user and user.encode()) or None,
            caller=_caller(visit, user),
        )


def _readers(key: Key | None, body: Mapping[str, Any]) -> frozenset[str]:
    given = body.get("readers")
    if given is None:
        return frozenset() if key is None else frozenset(key.groups)
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise fields.wrong("readers", given, "a list of texts")
    if len(given) > _MOST_READERS:
        raise fields.wrong("readers", f"{len(given)} texts", f"at most {_MOST_READERS} texts")
    asked = frozenset(given)
    return asked if key is None else asked & frozenset(key.groups)


def _caller(visit: Visit, user: str | None) -> Caller:
    key = visit.key
    return Caller(
        key=None if key is None else key.id,
        tenant="" if key is None else key.tenant or key.id,
        user=user,
        tags=visit.tags(),
    )


def _may(key: Key | None, name: str) -> bool:
    return key is None or not key.models or PREFIX + name in key.models


_OF_FILES: Mapping[type[SeatrialError], tuple[str, str]] = {
    IndexDamaged: ("is damaged", "names the file"),
    IndexDenied: ("may not be read", "names the folder"),
    IndexUnavailable: ("cannot be read now", "says why"),
}


@overload
def _without_paths(problem: SeatrialError, name: str | None = None) -> SeatrialError: ...
@overload
def _without_paths(problem: Exception, name: str | None = None) -> Exception: ...
def _without_paths(problem: Exception, name: str | None = None) -> Exception:
    """An error of an index's files without their places on the server, which go to its log."""
    for kind, (what, log) in _OF_FILES.items():
        if isinstance(problem, kind):
            _logger.error("the index %s %s: %s", name or "asked", what, problem)
            index = "The index" if name is None else f"The index {name!r}"
            return kind(f"{index} {what}.", remedy=f"Tell who runs the server: its log {log}.")
    return problem


def _place(path: str) -> tuple[str | None, str | None]:
    """The name and the verb of a path.   Raises: UnknownRoute."""
    parts = [unquote(part) for part in path.removeprefix(ROOT).split("/")[1:] if part]
    match parts:
        case []:
            return None, None
        case [name]:
            return name, None
        case [name, ("search" | "answer") as verb]:
            return name, verb
    raise UnknownRoute(
        f"There is nothing at {shown(path)}.",
        remedy=f"Use {ROOT}/NAME/search or {ROOT}/NAME/answer.",
    )


def _headers(visit: Visit) -> tuple[tuple[bytes, bytes], ...]:
    return ((b"x-request-id", visit.id.encode()),)
