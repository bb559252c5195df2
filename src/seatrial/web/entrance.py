"""What every request passes before the framework reads a byte of its body.

The framework reads and parses a body before it asks whether its sender may do anything at all. So
the guard decides here, and what it lets pass is read within bounds of size and time.
"""

from __future__ import annotations

from starlette.requests import HTTPConnection

from seatrial.kernel.errors import Denied
from seatrial.web.errors import error_reply
from seatrial.web.guard import Guard
from seatrial.web.inference import App, Message, Receive, Scope, Send, body_of, send_reply

MAX_BODY_BYTES = 2**20
"""No decision that is sent to a control route needs more."""

MAX_LABELS_BYTES = 32 * 2**20
"""Labels and outcomes come in files."""

MAX_LOGIN_BYTES = 10_000

MAX_MODEL_BYTES = 256 * 2**20
"""A model's file that is registered over HTTP; larger ones have a command."""

MAX_WEBHOOK_BYTES = 64 * 2**10

LOGIN = "/console/login"
WEBHOOK = "/api/registry/webhook"
"""Who calls it signs what it sends, and has no token."""

_GUARDED = ("/api/", "/console/")
_BODILESS = frozenset({"GET", "HEAD", "OPTIONS"})


class Entrance:
    """ASGI middleware.

    Args:
        app: gets what may come in.
        guard: decides on the control routes; None where there are none.
    """

    def __init__(self, app: App, guard: Guard | None) -> None:
        self._app = app
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http" or scope["method"] in _BODILESS:
            await self._app(scope, receive, send)  # their routes ask the guard, and read no body
            return
        connection = HTTPConnection(scope)
        path = str(scope["path"]).removeprefix(str(scope.get("root_path", "")))
        try:
            self._check(connection, path)
        except Denied as denied:
            await send_reply(send, scope, error_reply(denied, path), closes=True)
            return
        body = await body_of(receive, dict(scope["headers"]), limit_of(path))
        if isinstance(body, bytes):
            await self._app(scope, _again(body, receive), send)
        elif body is not None:
            await send_reply(send, scope, error_reply(body, path), closes=True)

    def _check(self, connection: HTTPConnection, path: str) -> None:
        if self._guard is None or not path.startswith(_GUARDED):
            return
        if path in (LOGIN, WEBHOOK):
            self._guard.check_origin(connection.headers)
        else:
            check(self._guard, connection)


def limit_of(path: str) -> int:
    """How many bytes a body sent to a path may have."""
    if path == LOGIN:
        return MAX_LOGIN_BYTES
    if path == WEBHOOK:
        return MAX_WEBHOOK_BYTES
    if path.startswith("/api/") and path.endswith(("/labels", "/outcomes")):
        return MAX_LABELS_BYTES
    if path.startswith("/api/models/") and path.endswith("/versions"):
        return MAX_MODEL_BYTES
    return MAX_BODY_BYTES


def check(guard: Guard, connection: HTTPConnection) -> None:
    """Let a request pass or raise.   Raises: TokenNeeded, ForeignRequest."""
    guard.check(
        client=connection.client.host if connection.client else "",
        headers=connection.headers,
        cookies=connection.cookies,
    )


def _again(body: bytes, receive: Receive) -> Receive:
    """A ``receive`` that gives a body which was read before, then what else there is."""
    left: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def received() -> Message:
        return left.pop() if left else await receive()

    return received
