"""Is this server healthy? Copied into every image; needs nothing but Python.

    python healthcheck.py --bundle /app/bundle [--host 127.0.0.1] [--port 8080]
                          [--rows 4] [--max-latency-s 2] [--timeout-s 5]

It asks the server whether it is well, sends the first golden rows of the bundle over the Open
Inference Protocol and compares the answers with those the model gave when it was packaged. One line
of JSON goes to stdout. Exit codes: 0 healthy; 1 not ready; 3 wrong answers; 4 too slow; 5 the
bundle's own files cannot be read. It ends within --timeout-s seconds whatever the server does.
"""

from __future__ import annotations

import argparse
import http.client
import json
import math
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

HEALTHY, NOT_READY, WRONG, SLOW, UNREADABLE = 0, 1, 3, 4, 5  # Docker reserves 2
_WORDS = {HEALTHY: "healthy", NOT_READY: "not ready", WRONG: "wrong", SLOW: "slow"}
_MAX_REPLY_BYTES = 16 << 20
_INFINITE = ("Infinity", "-Infinity")


@dataclass(frozen=True)
class Health:
    """What was found.

    Args:
        code: the exit code.
        reason: one sentence.
        latency_s: of the golden prediction; None when none was answered.
    """

    code: int
    reason: str
    latency_s: float | None = None


class Unhealthy(Exception):
    """The server failed a question; carries the exit code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def check(
    bundle: Path, *, host: str, port: int, rows: int, max_latency_s: float, timeout_s: float
) -> Health:
    """Ask the server at ``host:port`` whether it serves ``bundle`` well.

    Args:
        bundle: folder with ``manifest.json`` and ``golden.json``.
        rows: how many golden rows to send, at least 1.
        max_latency_s: how long the golden prediction may take.
        timeout_s: how long any one read may take.
    """
    try:
        name = json.loads((bundle / "manifest.json").read_text())["name"]
        golden = sendable(json.loads((bundle / "golden.json").read_text()), rows)
    except (OSError, ValueError, KeyError, TypeError) as error:
        return Health(UNREADABLE, f"the bundle at {bundle} cannot be read: {error}")
    server = http.client.HTTPConnection(host, port, timeout=timeout_s)
    path = f"/v2/models/{quote(name, safe='')}"
    try:
        _ask(server, "GET", "/health")
        body = json.dumps({"inputs": tensors(golden, _ask(server, "GET", path))}).encode()
        started = time.monotonic()
        reply = _ask(server, "POST", f"{path}/infer", body)
        latency_s = time.monotonic() - started
        if fault := difference(golden, reply):
            return Health(WRONG, fault, latency_s)
    except Unhealthy as error:
        return Health(error.code, str(error))
    except (OSError, http.client.HTTPException) as error:
        return Health(NOT_READY, f"no answer from {host}:{port}: {error!r}")
    finally:
        server.close()
    if latency_s > max_latency_s:
        return Health(SLOW, f"the golden prediction took more than {max_latency_s:g} s", latency_s)
    return Health(HEALTHY, "ready, and the golden rows are answered as packaged", latency_s)


def sendable(golden: dict[str, Any], rows: int) -> dict[str, Any]:
    """The first rows of the golden data that JSON can carry to a server: those without infinities.

    Raises: ValueError when there is none.
    """
    inputs = golden["inputs"]
    wanted = [
        row
        for row in range(golden["rows"])
        if not any(column["values"][row] in _INFINITE for column in inputs if _floating(column))
    ][:rows]
    if not wanted:
        raise ValueError("no golden row can be sent as JSON")
    return {
        **golden,
        "rows": len(wanted),
        "inputs": [_take(column, wanted) for column in inputs],
        "outputs": [_take(column, wanted) for column in golden["outputs"]],
    }


def tensors(golden: dict[str, Any], metadata: Any) -> list[dict[str, Any]]:
    """The request's inputs in the form the server says it takes: one matrix, or a tensor each.

    Raises: Unhealthy when the server describes other inputs than the bundle has.
    """
    columns = {column["name"]: column["values"] for column in golden["inputs"]}
    rows = golden["rows"]
    try:
        wanted = [
            (i["name"], i["datatype"], len(i["shape"]), i["shape"][-1]) for i in metadata["inputs"]
        ]
    except (KeyError, TypeError, IndexError) as error:
        raise Unhealthy(WRONG, f"the model's metadata lacks its inputs: {error!r}") from error
    if len(wanted) == 1 and wanted[0][2:] == (2, len(columns)):
        flat = [values[row] for row in range(rows) for values in columns.values()]
        name, datatype, _, width = wanted[0]
        return [{"name": name, "datatype": datatype, "shape": [rows, width], "data": flat}]
    if {name for name, *_ in wanted} != set(columns):
        raise Unhealthy(WRONG, "the model's metadata names other inputs than the bundle")
    return [
        {
            "name": name,
            "datatype": datatype,
            "shape": [rows] if n_axes == 1 else [rows, 1],
            "data": columns[name],
        }
        for name, datatype, n_axes, _ in wanted
    ]


def difference(golden: dict[str, Any], reply: Any) -> str | None:
    """What is wrong with a reply, or None when it holds every expected output within tolerance."""
    try:
        answered = {output["name"]: _flat(output["data"]) for output in reply["outputs"]}
    except (KeyError, TypeError) as error:
        return f"the reply holds no outputs: {error!r}"
    for column in golden["outputs"]:
        name, expected = column["name"], column["values"]
        got = answered.get(name)
        if got is None or len(got) != len(expected):
            return f"the output {name!r} is missing or has another size"
        for index, (want, have) in enumerate(zip(expected, got, strict=True)):
            if not _same(want, have, golden["rtol"], golden["atol"], floating=_floating(column)):
                return f"the output {name!r} is {have!r} at {index}, not {want!r}"
    return None


def main(arguments: list[str] | None = None) -> int:
    """Run the check and say what was found; returns the exit code."""
    parser = argparse.ArgumentParser(description="Is this server healthy?")
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--rows", type=int, default=4)
    parser.add_argument("--max-latency-s", type=float, default=2.0)
    parser.add_argument("--timeout-s", type=float, default=5.0)
    given = parser.parse_args(arguments)

    # A server that sends a byte now and then outlives every timeout of a socket, not this one.
    signal.signal(signal.SIGALRM, _out_of_time)
    signal.setitimer(signal.ITIMER_REAL, given.timeout_s)
    try:
        health = check(
            given.bundle,
            host=given.host,
            port=given.port,
            rows=given.rows,
            max_latency_s=given.max_latency_s,
            timeout_s=given.timeout_s,
        )
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    told = {
        "status": _WORDS.get(health.code, "unreadable"),
        "reason": health.reason,
        "latency_s": health.latency_s,
    }
    sys.stdout.write(json.dumps(told) + "\n")
    return health.code


def _out_of_time(*_: object) -> None:
    raise TimeoutError("it took too long")


def _ask(server: http.client.HTTPConnection, method: str, path: str, body: bytes = b"") -> Any:
    headers = {"content-type": "application/json"} if body else {}
    server.request(method, path, body or None, headers)
    response = server.getresponse()
    content = response.read(_MAX_REPLY_BYTES + 1)
    if response.status != http.HTTPStatus.OK:
        said = content[:200].decode(errors="replace")
        raise Unhealthy(NOT_READY, f"{method} {path} answered {response.status}: {said}")
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Unhealthy(WRONG, f"{method} {path} did not answer JSON") from error


def _take(column: dict[str, Any], rows: list[int]) -> dict[str, Any]:
    width = math.prod(column["shape"][1:])
    values = [value for row in rows for value in column["values"][row * width : (row + 1) * width]]
    return {**column, "shape": [len(rows), *column["shape"][1:]], "values": values}


def _flat(data: Any) -> list[Any]:
    if not isinstance(data, list):
        return [data]
    return [value for item in data for value in _flat(item)] if data else []


def _floating(column: dict[str, Any]) -> bool:
    return bool(column["dtype"] in ("float32", "float64"))


def _same(want: Any, have: Any, rtol: float, atol: float, *, floating: bool) -> bool:
    if not floating or isinstance(want, str):
        return bool(type(want) is type(have) and want == have)
    if want is None or have is None:
        return want is have
    if isinstance(have, bool) or not isinstance(have, int | float):
        return False
    return math.isclose(have, want, rel_tol=0.0, abs_tol=atol + rtol * abs(want))


if __name__ == "__main__":
    sys.exit(main())
