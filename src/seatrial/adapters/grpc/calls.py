"""Calls of gRPC's services as requests of the data plane, whatever protocol they speak.

A call becomes the request that the Open Inference Protocol over HTTP would make of it, with raw
tensors: so validation, split, counting and errors are those of HTTP, and there is one parser of
tensors.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from urllib.parse import quote

import orjson

from seatrial.serving.client_errors import Impatient
from seatrial.serving.exchange import Reply, Request
from seatrial.serving.plane import DataPlane

_LENGTH: Final = b"inference-header-content-length"
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
        return (await self._asked("GET", path)).status == 200

    async def document(self, path: str, context: Any) -> dict[str, Any]:
        """The document at a path; where there is none, the call ends here."""
        reply = await self._asked("GET", path)
        await self._refuse(reply, context)
        record: dict[str, Any] = orjson.loads(reply.body)
        return record

    async def infer(
        self, model: str, record: dict[str, Any], raw: Sequence[bytes], context: Any
    ) -> tuple[dict[str, Any], list[bytes]]:
        """Ask for a prediction; where there is none, the call ends here.

        Args:
            model: its path.
            record: the JSON part of the request, as over HTTP.
            raw: the tensors in the order of its inputs.
        Returns: the JSON part of the reply, and the tensors in the order of its outputs.
        """
        _limit(record, context.time_remaining())
        for given, part in zip(record["inputs"], raw, strict=True):
            given.setdefault("parameters", {})["binary_data_size"] = len(part)
        head = orjson.dumps(record)
        metadata = dict(context.invocation_metadata() or ())
        headers = {
            name.encode(): str(metadata[name]).encode() for name in _PASSED if name in metadata
        }
        headers[_LENGTH] = str(len(head)).encode()
        reply = await self._asked("POST", f"{model}/infer", b"".join([head, *raw]), headers)
        context.set_trailing_metadata(
            tuple((n.decode(), v.decode()) for n, v in reply.headers if n in _TOLD)
        )
        await self._refuse(reply, context)
        return _parts(reply)

    async def _asked(
        self, method: str, path: str, body: bytes = b"", headers: dict[bytes, bytes] | None = None
    ) -> Reply:
        reply = self._plane.handle(Request(method, path, b"", headers or {}, body))
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


def _limit(record: dict[str, Any], left_s: float | None) -> None:
    """Ask for raw answers, within the deadline of the call."""
    parameters = record.setdefault("parameters", {})
    parameters["binary_data_output"] = True
    waits = parameters.get("timeout")
    left = None if left_s is None else max(1, int(left_s * 1e6))
    if left is not None and not (isinstance(waits, int) and 0 < waits < left):
        parameters["timeout"] = left


def _parts(reply: Reply) -> tuple[dict[str, Any], list[bytes]]:
    length = next(int(value) for name, value in reply.headers if name == _LENGTH)
    record, place = orjson.loads(reply.body[:length]), length
    raw = []
    for output in record["outputs"]:
        size = output["parameters"]["binary_data_size"]
        raw.append(reply.body[place : place + size])
        place += size
    return record, raw
