"""As much of Prometheus as is asked here: range queries of selectors over scraped readings."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

_MATCHER = re.compile(r'(\w+)(=~|!=|=)"((?:[^"\\]|\\.)*)"')
STALE_S = 300.0

Readings = dict[float, float]


@dataclass
class Double:
    """Counters by name and labels, each with its readings by time in seconds."""

    series: list[tuple[dict[str, str], Readings]] = field(default_factory=list)
    answer: tuple[int, bytes] | None = None
    forms: list[dict[str, str]] = field(default_factory=list)
    heads: list[dict[str, str]] = field(default_factory=list)
    url: str = ""

    def add(self, name: str, readings: Readings, **labels: str) -> None:
        """A counter that was scraped at some times."""
        self.series.append(({"__name__": name, **labels}, readings))

    def range(self, query: str, start: float, end: float, step: float) -> list[Any]:
        """The matrix of a query; as there, the newest reading of five minutes holds."""
        name, _, rest = query.partition("{")
        found = []
        for labels, readings in self.series:
            if labels["__name__"] != name or not _matches(labels, rest):
                continue
            values = []
            at = start
            while at <= end + 1e-6:
                recent = [t for t in readings if at - STALE_S < t <= at + 1e-6]
                if recent:
                    values.append([at, str(readings[max(recent)])])
                at += step
            if values:
                metric = {k: v for k, v in labels.items() if k != "__name__"}
                found.append({"metric": metric, "values": values})
        return found


def _matches(labels: dict[str, str], matchers: str) -> bool:
    for label, how, quoted in _MATCHER.findall(matchers):
        have, value = labels.get(label, ""), json.loads(f'"{quoted}"')
        if how == "=~":
            fits = re.fullmatch(value, have) is not None
        else:
            fits = (have == value) == (how == "=")
        if not fits:
            return False
    return True


def served(double: Double) -> ThreadingHTTPServer:
    """A server on a free port of loopback, running; the caller shuts it down."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {key: value[0] for key, value in parse_qs(body).items()}
            double.forms.append(form)
            double.heads.append(dict(self.headers))
            status, answer = double.answer or (200, self._found(form))
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def _found(self, form: dict[str, str]) -> bytes:
            assert self.path == "/prom/api/v1/query_range"
            times = (float(form[key]) for key in ("start", "end", "step"))
            found = double.range(form["query"], *times)
            data = {"resultType": "matrix", "result": found}
            return json.dumps({"status": "success", "data": data}).encode()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    double.url = f"http://127.0.0.1:{server.server_port}/prom"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
    return server
