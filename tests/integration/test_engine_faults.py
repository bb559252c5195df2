"""An engine elsewhere that answers well until it is in production, and then does not."""

from __future__ import annotations

import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
from engine_home import NAME, Home, Traffic, iris_models, until

pytestmark = [pytest.mark.integration, pytest.mark.slow]

STAGED = ("deploy", f"{NAME}.pkl", "--data", "rows.csv", "--label", "target")
PROMOTED = (*STAGED, "--target", "production")
_SLOW_S = 8.0
"""Longer than the deadline of a home's requests."""


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
            time.sleep(_SLOW_S)
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


def test_a_version_whose_engine_turns_bad_aborts_and_stable_stays(tmp_path: Path) -> None:
    for name in ("there", "here"):
        (tmp_path / name).mkdir()
    rows, _ = iris_models(tmp_path)
    for name in ("there", "here"):
        (tmp_path / name / "rows.csv").write_bytes((tmp_path / "rows.csv").read_bytes())
    there = Home(tmp_path / "there", {})
    homes = [there]
    try:
        assert there.deploy(tmp_path / "b.pkl", PROMOTED)["phase"] == "promoted"
        with between(there.port) as engine:
            url = f"http://127.0.0.1:{engine.server_port}"
            home = Home(tmp_path / "here", {"oip": {"url": url, "model": NAME}})
            homes.append(home)
            assert home.deploy(tmp_path / "a.pkl", PROMOTED)["phase"] == "promoted"
            for version, fault in (("2", "nonsense"), ("3", "slow")):
                engine.fault = None
                home.deploy(
                    tmp_path / "b.pkl", PROMOTED, "--engine", "oip", "--watch", "10m", "--no-wait"
                )
                with Traffic(home.port, rows.to_numpy()) as traffic:
                    seen = traffic.seen
                    until("it answers", lambda v=version, seen=seen: (200, v) in seen)
                    engine.fault = fault

                    def over(home: Home = home) -> Any:
                        found = home.seatrial("status", NAME)["release"]
                        return found if found["phase"] != "canary" else None

                    ended = until("it is judged", over)
                assert ended["phase"] == "aborted", (fault, ended)
                assert "error" in ended["reason"], (fault, ended)
                assert {s for s, v in traffic.seen if v == "1"} == {200}, Counter(traffic.seen)
    finally:
        for one in homes:
            one.stop()
