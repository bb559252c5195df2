"""Prometheus' text at ``/metrics`` of a port on loopback, of a process that serves no model."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from seatrial.kernel.errors import Conflict

HOST = "127.0.0.1"
_CONTENT = "text/plain; version=0.0.4; charset=utf-8"


class MetricsPortTaken(Conflict):
    """The port for metrics is in use."""

    code = "monitoring.metrics_port_taken"


class MetricsPort:
    """A server in a thread, until `close`.

    Args:
        port: 0 takes any free one.
        text: what it answers; called with each request, in any thread.
    Raises: MetricsPortTaken.
    """

    def __init__(self, port: int, text: Callable[[], str]) -> None:
        try:
            self._server = ThreadingHTTPServer((HOST, port), _handler(text))
        except OSError as problem:
            raise MetricsPortTaken(
                f"Nothing can listen on {HOST}:{port}: {problem.strerror}.",
                remedy="Give another --port, or 0 for any free one.",
                port=port,
            ) from problem
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://{HOST}:{self._server.server_port}/metrics"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(text: Callable[[], str]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path.partition("?")[0] == "/metrics"
            body = text().encode() if found else b"Look at /metrics.\n"
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", _CONTENT)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Scrapes are nothing to tell."""

    return Handler
