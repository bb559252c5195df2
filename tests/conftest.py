"""Settings of all tests, and the local servers that several of them send to."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("seatrial", deadline=None)  # how long a case takes is no assertion here
settings.load_profile("seatrial")


@dataclass
class Taken:
    """A request the server answered with 2xx."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        heads = "\n".join(f"{name}: {value}" for name, value in self.headers.items())
        return f"{heads}\n\n{self.body.decode()}"


@dataclass
class HookServer:
    """A web hook on loopback: answers as it is told, and keeps what it took."""

    status: int = 200
    answer: bytes = b"ok"
    headers: dict[str, str] = field(default_factory=dict)
    drip_s: float | None = None
    taken: list[Taken] = field(default_factory=list)
    n_requests: int = 0
    port: int = 0
    tunnels: list[str] = field(default_factory=list)
    server: ThreadingHTTPServer | None = None
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks/SECRET-PATH"

    def encrypt(self, context: ssl.SSLContext) -> None:
        assert self.server is not None
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)


def _handler(hooks: HookServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hooks.n_requests += 1
            if 200 <= hooks.status < 300:
                heads = {name.lower(): value for name, value in self.headers.items()}
                hooks.taken.append(Taken(self.path, heads, body))
            self.send_response(hooks.status)
            for name, value in hooks.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self._write()

        def do_CONNECT(self) -> None:
            hooks.tunnels.append(self.path)
            self.send_response(403)
            self.end_headers()

        def do_GET(self) -> None:
            hooks.n_requests += 1
            self.send_response(200)
            self.end_headers()

        def _write(self) -> None:
            if hooks.drip_s is None:
                self.wfile.write(hooks.answer)
                return
            while not hooks.stopping.wait(hooks.drip_s):
                try:
                    self.wfile.write(b"x")
                except OSError:
                    return

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@pytest.fixture
def hooks() -> Iterator[HookServer]:
    """A web hook that takes everything."""
    hooks = HookServer()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hooks))
    server.handle_error = lambda *_: None  # a client that hangs up is wanted in some tests
    hooks.port, hooks.server = server.server_port, server
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield hooks
    hooks.stopping.set()
    server.shutdown()
    server.server_close()
    thread.join()


class Mailbox:
    """A mail server on loopback: answers as it is told, and keeps what it took."""

    def __init__(self) -> None:
        self.port = 0
        self.taken: list[bytes] = []
        self.data_reply = "250 OK"
        self.refused_recipients: set[str] = set()
        self.logins: list[tuple[bytes, bytes]] = []

    async def handle_RCPT(self, server, session, envelope, address, options) -> str:  # noqa: N802
        if address in self.refused_recipients:
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802
        if self.data_reply.startswith("250"):
            self.taken.append(envelope.original_content)
        return self.data_reply

    def authenticate(self, server, session, envelope, mechanism, data) -> Any:
        from aiosmtpd.smtp import AuthResult

        self.logins.append((data.login, data.password))
        return AuthResult(success=data.password == b"right", handled=False)


@contextmanager
def _mail_server(
    *, starttls: ssl.SSLContext | None = None, implicit: ssl.SSLContext | None = None
) -> Iterator[Mailbox]:
    from aiosmtpd.smtp import SMTP

    mailbox = Mailbox()
    loop = asyncio.new_event_loop()

    def protocol() -> SMTP:
        return SMTP(
            mailbox,
            hostname="localhost",
            tls_context=starttls,
            authenticator=mailbox.authenticate,
            auth_require_tls=implicit is None,
            loop=loop,
        )

    server = loop.run_until_complete(loop.create_server(protocol, "127.0.0.1", 0, ssl=implicit))
    mailbox.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield mailbox
    finally:

        async def end() -> None:
            server.close()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await asyncio.sleep(0)

        asyncio.run_coroutine_threadsafe(end(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """A mail server without encryption."""
    with _mail_server() as mailbox:
        yield mailbox


@pytest.fixture
def mail_server() -> Callable[..., AbstractContextManager[Mailbox]]:
    """Mail servers with encryption."""
    return _mail_server


class RedisServer:
    """A Redis of its own on loopback that keeps everything; it can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        settings = {
            "bind": "127.0.0.1",
            "port": self._port,
            "dir": self._folder,
            "save": "",
            "appendonly": "yes",
            "appendfsync": "always",
        }
        self._process = subprocess.Popen(
            ["redis-server", *(word for k, v in settings.items() for word in (f"--{k}", str(v)))],
            stdout=subprocess.DEVNULL,
        )
        until_s = time.monotonic() + 30
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self._port), 1) as connection:
                    connection.sendall(b"PING\r\n")
                    if connection.recv(100).startswith(b"+PONG"):
                        return
            except OSError:
                pass
            assert time.monotonic() < until_s, "redis-server does not answer"
            time.sleep(0.02)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A server for integration tests; each takes a prefix of its own."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()
