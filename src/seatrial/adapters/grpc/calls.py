"""Calls of gRPC's services as requests of the data plane, whatever protocol they speak.

A call becomes the message that a body of the Open Inference Protocol over HTTP would be read as: so
validation, split, counting and errors are those of HTTP, and there is one reader of tensors.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from urllib.parse import quote

import orjson

from seatrial.serving.client_errors import Impatient
from seatrial.serving.codec.v2 import Infer, InferCall, InferReply
from seatrial.serving.exchange import Reply, Request
from seatrial.serving.plane import DataPlane

_PASSED: Final = ("x-seatrial-key", "x-seatrial-version", "x-request-id")
_TOLD: Final = frozenset({b"x-seatrial-version", b"x-request-id", b"retry-after"})

_STATUS: Final[Mapping[int, str]] = {
    400: "INVALID_ARGUMENT",
    404: "NOT_FOUND",
    413: "RESOURCE_EXHAUSTED",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
"""The code for a reply's status; every other is INTERNAL."""

Method: TypeAlias = tuple[Any, Callable[[Any, Any], Awaitable[Any]]]
"""The class of what a method takes, and what answers it: message and context to message."""


class Misformed(Exception):
    """A message is not what it should be."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service by its full name, with its methods by theirs."""

    name: str
    methods: Mapping[str, Method]


class PlaneCalls:
    """Asks a data plane on behalf of calls.

    Args:
        plane: answers.
        codes: of gRPC, by their names.
    """

    def __init__(self, plane: DataPlane, codes: Any) -> None:
        self._plane, self._codes = plane, codes

    async def says_yes(self, path: str) -> bool:
        """Whether a path is answered with 200."""
        return (await self._got(path)).status == 200

    async def document(self, path: str, context: Any) -> dict[str, Any]:
        """The document at a path; where there is none, the call ends here."""
        reply = await self._got(path)
        await self._refuse(reply, context)
        record: dict[str, Any] = orjson.loads(reply.body)
        return record

    async def infer(self, model: str, message: Infer[bytes], context: Any) -> InferReply:
        """Ask for a prediction; where there is none, the call ends here.

        Args: model: its path.
        """
        _hurry(message, context.time_remaining())
        metadata = dict(context.invocation_metadata() or ())
        headers = {
            name.encode(): str(metadata[name]).encode() for name in _PASSED if name in metadata
        }
        call = InferCall("POST", f"{model}/infer", b"", headers, b"", message)
        reply = await self._asked(call)
        context.set_trailing_metadata(
            tuple((n.decode(), v.decode()) for n, v in reply.headers if n in _TOLD)
        )
        await self._refuse(reply, context)
        assert isinstance(reply, InferReply)
        return reply

    async def _got(self, path: str) -> Reply:
        return await self._asked(Request("GET", path, b"", {}, b""))

    async def _asked(self, request: Request) -> Reply:
        reply = self._plane.handle(request)
        return reply if isinstance(reply, Reply) else await reply

    async def _refuse(self, reply: Reply, context: Any) -> None:
        if reply.status != 200:
            record = orjson.loads(reply.body)
            name = _STATUS.get(reply.status, "INTERNAL")
            if record["code"] == Impatient.code:  # the call's own deadline, seen here first
                name = "DEADLINE_EXCEEDED"
            await context.abort(getattr(self._codes, name), str(record["error"]))


def model_path(name: str, version: str = "", *, root: str = "/v2") -> str:
    """The path of a model, or of one version of it.   Raises: Misformed."""
    if not name:
        raise Misformed("The name of the model is empty. Name one of the models served.")
    path = f"{root}/models/{quote(name, safe='')}"
    return f"{path}/versions/{quote(version, safe='')}" if version else path


def _hurry(message: Infer[bytes], left_s: float | None) -> None:
    """Have the answer within the deadline of the call."""
    if left_s is None:
        return
    parameters = message.parameters = message.parameters or {}
    waits, left = parameters.get("timeout"), max(1, int(left_s * 1e6))
    if not (isinstance(waits, int) and 0 < waits < left):
        parameters["timeout"] = left
