"""The door of a model repository: models are loaded and unloaded by request.

Whatever else is asked, another application answers.
Source: Triton's model repository extension of the Open Inference Protocol.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

import orjson

from seatrial.kernel.errors import SeatrialError
from seatrial.serving.exchange import BodyTooLarge, BodyTooSlow, Reply
from seatrial.serving.hosting import READY, Hosting
from seatrial.web.errors import error_reply
from seatrial.web.inference import App, Receive, Scope, Send, body_of, path_of, send_reply

_ORDER: Final = re.compile(r"/v2/repository/models/([^/]+)/(load|unload)")
_INDEX: Final = "/v2/repository/index"
_MOST_BYTES: Final = 1 << 20


class RepositoryDoor:
    """An ASGI application.

    Args:
        hosting: runs the models.
        others: answers every other request.
    """

    def __init__(self, hosting: Hosting, others: App) -> None:
        self._hosting = hosting
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        path = path_of(scope) if scope["type"] == "http" else ""
        order = _ORDER.fullmatch(path)
        if (order is None and path != _INDEX) or scope["method"] != "POST":
            await self._others(scope, receive, send)
            return
        body = await body_of(receive, dict(scope["headers"]), _MOST_BYTES)
        if body is None:
            return
        if isinstance(body, BodyTooLarge | BodyTooSlow):
            await send_reply(send, scope, error_reply(body, path), closes=True)
            return
        await send_reply(send, scope, await self._reply(path, order))

    async def _reply(self, path: str, order: re.Match[str] | None) -> Reply:
        try:
            if order is None:
                return _json(_index(await self._hosting.states()))
            act = self._hosting.load if order[2] == "load" else self._hosting.unload
            await act(unquote(order[1]))
        except SeatrialError as problem:
            return error_reply(problem, path)
        return _json({})


def _index(states: Mapping[str, str]) -> list[dict[str, str]]:
    return [
        {"name": name, "version": "1", "state": READY, "reason": ""}
        if state == READY
        else {"name": name, "version": "1", "state": "UNAVAILABLE", "reason": state}
        for name, state in sorted(states.items())
    ]


def _json(document: object) -> Reply:
    return Reply(200, orjson.dumps(document))
