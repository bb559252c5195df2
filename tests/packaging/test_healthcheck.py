import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from seatrial.packaging import healthcheck
from seatrial.packaging.healthcheck import HEALTHY, NOT_READY, SLOW, UNREADABLE, WRONG, Health
from seatrial.registry.bundle import Bundle

COLUMNS = {
    "inputs": [
        {"name": "a", "datatype": "FP32", "shape": [-1]},
        {"name": "b", "datatype": "FP32", "shape": [-1, 1]},
    ]
}
MATRIX = {"inputs": [{"name": "input", "datatype": "FP32", "shape": [-1, 2]}]}
ANSWERS = {0.5: ("no", [0.75, 0.25]), None: ("yes", [0.5, 0.5]), 0.25: ("no", [1.0, 0.0])}


class Model:
    """A server of the golden bundle that a test can spoil; counts what it was asked."""

    def __init__(self, metadata: dict[str, Any]) -> None:
        self.metadata = metadata
        self.health = 200
        self.spoil: Callable[[dict[str, Any]], Any] = lambda reply: reply
        self.raw: bytes | None = None
        self.asked: list[Any] = []

    def infer(self, body: dict[str, Any]) -> Any:
        self.asked.append(body)
        inputs = body["inputs"]
        first = inputs[0]["data"][::2] if len(inputs) == 1 else inputs[0]["data"]
        answers = [ANSWERS[value] for value in first]
        rows = len(answers)
        scores = [score for _, row in answers for score in row]
        return self.spoil(
            {
                "outputs": [
                    {"name": "label", "shape": [rows], "data": [label for label, _ in answers]},
                    {"name": "probabilities", "shape": [rows, 2], "data": scores},
                ]
            }
        )


@contextmanager
def serving(model: Model) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path == "/health":
                self.answer(model.health, {})
            else:
                self.answer(200 if self.path == "/v2/models/on" else 404, model.metadata)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            self.answer(200 if self.path == "/v2/models/on/infer" else 404, model.infer(body))

        def answer(self, status: int, data: Any) -> None:
            raw = json.dumps(data).encode() if model.raw is None else model.raw
            self.send_response(status)
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def health(model: Model, bundle: Bundle, *, rows: int = 4, max_latency_s: float = 30.0) -> Health:
    with serving(model) as port:
        return healthcheck.check(
            bundle.path,
            host="127.0.0.1",
            port=port,
            rows=rows,
            max_latency_s=max_latency_s,
            timeout_s=30.0,
        )


@pytest.mark.parametrize("metadata", [COLUMNS, MATRIX], ids=["columns", "matrix"])
def test_a_server_that_answers_as_packaged_is_healthy(
    bundle: Bundle, metadata: dict[str, Any]
) -> None:
    found = health(Model(metadata), bundle)
    assert found.code == HEALTHY
    assert found.latency_s is not None


def test_inputs_are_sent_in_the_form_the_server_names(bundle: Bundle) -> None:
    columns, matrix = Model(COLUMNS), Model(MATRIX)
    health(columns, bundle)
    health(matrix, bundle)
    # The row that holds an infinity stays out: JSON has no word for it.
    assert columns.asked[0]["inputs"] == [
        {"name": "a", "datatype": "FP32", "shape": [3], "data": [0.5, None, 0.25]},
        {"name": "b", "datatype": "FP32", "shape": [3, 1], "data": [1.0, 2.0, 4.0]},
    ]
    assert matrix.asked[0]["inputs"] == [
        {
            "name": "input",
            "datatype": "FP32",
            "shape": [3, 2],
            "data": [0.5, 1.0, None, 2.0, 0.25, 4.0],
        }
    ]


def test_only_as_many_rows_as_asked_for_are_sent(bundle: Bundle) -> None:
    model = Model(COLUMNS)
    assert health(model, bundle, rows=1).code == HEALTHY
    assert model.asked[0]["inputs"][0]["data"] == [0.5]


def test_small_differences_and_nested_data_are_fine(bundle: Bundle) -> None:
    model = Model(COLUMNS)

    def spoil(reply: dict[str, Any]) -> dict[str, Any]:
        data = reply["outputs"][1]["data"]
        reply["outputs"][1]["data"] = [[data[i] + 1e-6, data[i + 1]] for i in range(0, 6, 2)]
        return reply

    model.spoil = spoil
    assert health(model, bundle).code == HEALTHY


def _label(reply: dict[str, Any]) -> Any:
    reply["outputs"][0]["data"][0] = "yes"
    return reply


def _score(reply: dict[str, Any]) -> Any:
    reply["outputs"][1]["data"][3] += 1e-3
    return reply


def _missing_value(reply: dict[str, Any]) -> Any:
    reply["outputs"][1]["data"][3] = None
    return reply


def _text_for_number(reply: dict[str, Any]) -> Any:
    reply["outputs"][1]["data"][0] = "0.75"
    return reply


def _short(reply: dict[str, Any]) -> Any:
    reply["outputs"][1]["data"].pop()
    return reply


def _no_output(reply: dict[str, Any]) -> Any:
    reply["outputs"].pop()
    return reply


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (_label, "'label' is 'yes' at 0, not 'no'"),
        (_score, "'probabilities'"),
        (_missing_value, "'probabilities' is None at 3"),
        (_text_for_number, "'0.75'"),
        (_short, "another size"),
        (_no_output, "missing"),
        (lambda reply: [], "no outputs"),
        (lambda reply: {"outputs": [1]}, "no outputs"),
    ],
)
def test_any_other_answer_is_wrong(bundle: Bundle, spoil: Any, named: str) -> None:
    model = Model(COLUMNS)
    model.spoil = spoil
    found = health(model, bundle)
    assert found.code == WRONG
    assert named in found.reason


@pytest.mark.parametrize(
    "metadata", [{}, {"inputs": [{}]}, {"inputs": [{**COLUMNS["inputs"][0], "name": "c"}]}, []]
)
def test_a_server_of_another_model_is_wrong(bundle: Bundle, metadata: Any) -> None:
    assert health(Model(metadata), bundle).code == WRONG


def test_a_reply_that_is_no_json_is_wrong(bundle: Bundle) -> None:
    for raw in (b"<html>", b"[" * 100_000, b""):
        model = Model(COLUMNS)
        model.raw = raw
        assert health(model, bundle).code == WRONG


def test_a_server_that_is_not_well_is_not_ready(bundle: Bundle) -> None:
    model = Model(COLUMNS)
    model.health = 503
    found = health(model, bundle)
    assert found.code == NOT_READY
    assert "GET /health answered 503" in found.reason
    assert model.asked == []


def test_a_port_nobody_listens_on_is_not_ready(bundle: Bundle) -> None:
    with serving(Model(COLUMNS)) as port:
        pass
    assert run(bundle.path, port).code == NOT_READY


def test_an_answer_that_takes_too_long_is_slow(bundle: Bundle) -> None:
    assert health(Model(COLUMNS), bundle, max_latency_s=0.0).code == SLOW


def test_a_bundle_that_cannot_be_read_is_not_the_servers_fault(tmp_path: Path) -> None:
    found = run(tmp_path / "nothing", 1)
    assert found.code == UNREADABLE
    assert "nothing" in found.reason


def run(bundle: Path, port: int, *, timeout_s: float = 30.0) -> Health:
    """The script as an image runs it: a process of its own, without any library."""
    command = [sys.executable, "-I", "-S", healthcheck.__file__, "--bundle", str(bundle)]
    options = ["--port", str(port), "--timeout-s", str(timeout_s), "--max-latency-s", "30"]
    done = subprocess.run(
        [*command, *options], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == ""
    told = json.loads(done.stdout)
    return Health(done.returncode, told["reason"], told["latency_s"])


def test_the_script_needs_nothing_but_python(bundle: Bundle) -> None:
    with serving(Model(COLUMNS)) as port:
        assert run(bundle.path, port).code == HEALTHY


def test_the_script_ends_although_the_server_never_does(bundle: Bundle) -> None:
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            connection, _ = listener.accept()
            with connection:
                while not stop.wait(0.05):
                    try:
                        connection.send(b"H")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        found = run(bundle.path, listener.getsockname()[1], timeout_s=0.5)
        stop.set()
        thread.join()
    assert found.code == NOT_READY
    assert "too long" in found.reason
