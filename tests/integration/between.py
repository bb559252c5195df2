"""A server between an engine and those who ask it, which can make its answers bad."""

from __future__ import annotations

import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError

SLOW_S = 4.0
"""How much later it answers when it is slow."""


class Between(ThreadingHTTPServer):
    """Hands requests on to a server, until a fault is set."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behind = f"http://127.0.0.1:{port}"
        self.fault: str | None = None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Between

    def _hand_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        kept = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
        if self.server.fault == "slow":
            time.sleep(SLOW_S)
        if self.server.fault == "nonsense":
            self._answer(200, {"content-type": "text/html"}, b"<html>Welcome</html>")
            return
        url = self.server.behind + self.path
        asked = urllib.request.Request(url, body or None, kept, method=self.command)
        try:
            with urllib.request.urlopen(asked, timeout=30) as reply:
                self._answer(reply.status, dict(reply.headers), reply.read())
        except HTTPError as refused:
            self._answer(refused.code, dict(refused.headers), refused.read())

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _hand_on  # noqa: N815 - the library's names

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


@contextmanager
def between(port: int) -> Iterator[Between]:
    server = Between(port)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
