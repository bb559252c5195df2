"""Real servers on loopback, in threads of the test process."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn
import uvloop

from seatrial.serving.exchange import Limits
from seatrial.serving.plane import DataPlane
from seatrial.testing.models import column_signature, live_version, matrix_signature, router_of
from seatrial.web.app import build
from seatrial.web.errors import error_reply
from seatrial.web.protocol import HotProtocol

LIMITS = Limits(max_body_bytes=200_000, max_rows=1000)


class Served:
    """A running server."""

    def __init__(self, app: Any, http: Any, options: dict[str, Any]) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            app, http=http, lifespan="off", log_config=None, access_log=False, **options
        )
        self.server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        while not self.server.started:
            time.sleep(0.005)

    def connect(self) -> socket.socket:
        """A new connection; reads give up after some seconds."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def exchange(self, sent: bytes) -> bytes:
        """Everything that comes back for ``sent`` until the server closes."""
        with self.connect() as client:
            client.sendall(sent)
            return read_all(client)

    def stop(self) -> None:
        """End in good order."""
        self.server.should_exit = True
        self._thread.join(10)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self.server.serve(sockets=[self._socket]))
        self._socket.close()


def read_all(client: socket.socket) -> bytes:
    """What arrives until the other side closes."""
    parts = []
    while part := client.recv(65536):
        parts.append(part)
    return b"".join(parts)


Serve = Callable[..., Served]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts servers over an app; all are stopped at the end of the test."""
    running: list[Served] = []

    def start(app: Any, http: Any = HotProtocol, **options: Any) -> Served:
        running.append(Served(app, http, options))
        return running[-1]

    yield start
    for served in running:
        served.stop()


def make_plane() -> DataPlane:
    return DataPlane(
        router_of(
            live_version(matrix_signature()), live_version(column_signature(), endpoint="col")
        ),
        error_reply,
        LIMITS,
        default_model="churn",
    )


@pytest.fixture
def two_models() -> DataPlane:
    """A data plane with a matrix model `churn` and a column model `col`."""
    return make_plane()


@pytest.fixture
def served(serve: Serve, two_models: DataPlane) -> Served:
    """A server on the hot protocol."""
    return serve(build(two_models))


@pytest.fixture(scope="module")
def doors() -> Iterator[tuple[Served, Served]]:
    """The same app behind the hot protocol and behind plain ASGI."""
    app = build(make_plane())
    both = Served(app, HotProtocol, {}), Served(app, "httptools", {})
    yield both
    for one in both:
        one.stop()
