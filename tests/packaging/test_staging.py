"""Staging against a server that is right, and against ones that are wrong in a single way each."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import psutil
import pytest

from seatrial.packaging.staging import HOST, Effort, Server, Subject, run_staging
from seatrial.packaging.staging_report import StagingReport
from seatrial.packaging.staging_words import name_of_test, seen
from seatrial.registry.golden import Golden
from seatrial.registry.signature import (
    Batch,
    Dtype,
    Feature,
    Output,
    Prediction,
    Signature,
    Task,
    n_rows,
)
from seatrial.release.gate_config import GateConfig
from seatrial.serving.exchange import Limits, Reply, Request
from seatrial.serving.plane import DataPlane
from seatrial.testing.models import (
    FakeEngine,
    column_signature,
    live_version,
    matrix_signature,
    router_of,
)
from seatrial.web.errors import error_reply

NAMES = [
    "start",
    "health",
    "metadata",
    "golden parity",
    "bad input",
    "concurrency",
    "sustained load",
    "memory",
]
EFFORT = Effort(ready_s=1.0, load_s=0.2, answer_s=1.0)

Answer = Callable[[Request], Awaitable[bytes | None]]
"""What a server sends back; None closes the connection without a word."""


class Sums(FakeEngine):
    """Every row has an answer of its own, so that rows that are mixed up are seen."""

    def predict(self, batch: Batch) -> Prediction:
        if isinstance(batch, dict) and "image" in batch:
            return {"map": batch["image"].mean(axis=1)}
        if isinstance(batch, dict):
            age = np.nan_to_num(batch["age"])
            return {"prediction": age + batch["visits"] + 10.0 * (batch["plan"] == "pro")}
        total = batch.astype(np.float32).sum(axis=1)
        share = 1 / (1 + np.exp(-total))
        return {
            "label": (total > 0).astype(np.int64),
            "probabilities": np.stack([1 - share, share], axis=1).astype(np.float32),
        }


def matrix_rows(n: int = 24) -> Batch:
    return np.random.default_rng(0).normal(size=(n, 3)).astype(np.float32)


def column_rows(n: int = 24) -> Batch:
    rng = np.random.default_rng(0)
    return {
        "age": np.where(rng.random(n) < 0.2, np.nan, rng.normal(40, 9, n)),
        "visits": rng.integers(0, 9, n),
        "member": rng.random(n) < 0.5,
        "plan": np.array(["basic", "pro"], dtype=object)[rng.integers(0, 2, n)],
        "note": np.array([None, "snow ❄", ""], dtype=object)[rng.integers(0, 3, n)],
    }


def subject_of(signature: Signature, rows: Batch) -> Subject:
    return Subject(
        endpoint="churn",
        version=3,
        digest="d" * 64,
        signature=signature,
        golden=Golden(inputs=rows, outputs=Sums(signature).predict(rows)),
    )


SUBJECT = subject_of(matrix_signature(), matrix_rows())


def right(signature: Signature) -> Callable[[Request], Awaitable[Reply]]:
    """What the real data plane answers."""
    version = live_version(signature, engine=Sums(signature), version=3)
    plane = DataPlane(router_of(version), error_reply, Limits(max_body_bytes=1_000_000))

    async def answer(request: Request) -> Reply:
        reply = plane.handle(request)
        return reply if isinstance(reply, Reply) else await reply

    return answer


def wire(reply: Reply, *, framing: str = "length") -> bytes:
    head = [f"HTTP/1.1 {reply.status} X", f"content-type: {reply.content_type.decode()}"]
    head += [f"{k.decode()}: {v.decode()}" for k, v in reply.headers]
    if framing == "length":
        return (
            "\r\n".join([*head, f"content-length: {len(reply.body)}"]) + "\r\n\r\n"
        ).encode() + (reply.body)
    pieces = [reply.body[at : at + 7] for at in range(0, len(reply.body), 7)]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    return ("\r\n".join([*head, "transfer-encoding: chunked"]) + "\r\n\r\n").encode() + chunks


@asynccontextmanager
async def served(answer: Answer) -> AsyncIterator[int]:
    """A server on loopback; yields its port."""
    open_ = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_.add(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                method, path, _ = head[0].split(" ")
                headers = {
                    name.lower().encode(): value.strip().encode()
                    for name, _, value in (line.partition(":") for line in head[1:] if line)
                }
                body = await reader.readexactly(int(headers.get(b"content-length", b"0")))
                sent = await answer(Request(method, path, b"", headers, body))
                if sent is None:
                    break
                writer.write(sent)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            open_.discard(writer)
            writer.close()

    server = await asyncio.start_server(serve, HOST, 0, limit=1 << 20)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in open_:
            writer.close()


async def staged(
    answer: Answer,
    *,
    subject: Subject = SUBJECT,
    effort: Effort = EFFORT,
    ended_by: Callable[[], int | None] = lambda: None,
    pid: int | None = None,
) -> StagingReport:
    async with served(answer) as port:
        server = Server(
            port=port, pid=pid or os.getpid(), ended_by=ended_by, last_words=lambda: "out of cheese"
        )
        return await run_staging(subject, server, gates=GateConfig().gates(), effort=effort)


def honest(subject: Subject = SUBJECT, *, framing: str = "length") -> Answer:
    inner = right(subject.signature)

    async def answer(request: Request) -> bytes | None:
        return wire(await inner(request), framing=framing)

    return answer


def but(change: Callable[[Request, Reply], Reply | None]) -> Answer:
    """A server that is right but for what ``change`` does to its replies."""
    inner = right(SUBJECT.signature)

    async def answer(request: Request) -> bytes | None:
        reply = change(request, await inner(request))
        return None if reply is None else wire(reply)

    return answer


def failed(report: StagingReport) -> dict[str, str]:
    return {test.name: test.detail for test in report.tests if not test.passed}


def is_prediction(request: Request) -> bool:
    return request.path.endswith("/infer")


def edited(reply: Reply, change: Callable[[Any], None]) -> Reply:
    said = json.loads(reply.body)
    change(said)
    return Reply(reply.status, json.dumps(said).encode())


async def test_a_right_server_passes_everything() -> None:
    report = await staged(honest())
    assert failed(report) == {}
    assert [test.name for test in report.tests] == NAMES
    assert report.passed
    assert {"p95_ms", "n", "requests_per_s", "rss_bytes", "cold_start_s"} <= report.measured.keys()
    assert report.measured["n_failed"] == 0
    assert {"alone_n", "alone_sd_ms", "alone_p96_ms", "alone_p99_ms"} <= report.measured.keys()


@pytest.mark.parametrize("signature", [matrix_signature(), column_signature()])
async def test_all_that_is_said_of_a_right_server_is_known_in_chinese(signature: Signature) -> None:
    subject = subject_of(signature, matrix_rows() if signature.matrix else column_rows())
    report = await staged(honest(subject), subject=subject)
    for test in report.tests:
        assert name_of_test(test.name, "zh") != test.name
        assert seen(test.detail, "zh") != test.detail


async def test_strings_and_missing_values_and_a_single_output_pass_too() -> None:
    subject = subject_of(column_signature(), column_rows())
    report = await staged(honest(subject), subject=subject)
    assert failed(report) == {}


async def test_chunked_answers_are_read() -> None:
    assert failed(await staged(honest(framing="chunked"))) == {}


async def test_each_test_is_announced_before_it_runs() -> None:
    said: list[str] = []
    async with served(honest()) as port:
        server = Server(port=port, pid=os.getpid(), ended_by=lambda: None, last_words=str)
        await run_staging(
            SUBJECT, server, gates=GateConfig().gates(), effort=EFFORT, on_test=said.append
        )
    assert said == NAMES


async def test_a_wrong_answer_to_a_golden_row_fails_parity() -> None:
    def change(request: Request, reply: Reply) -> Reply:
        if is_prediction(request) and reply.status == 200 and reply.body[:1] == b"{":

            def double(said: Any) -> None:
                for output in said["outputs"]:
                    if output["name"] == "probabilities":
                        output["data"][-1] += 0.01

            try:
                return edited(reply, double)
            except ValueError:  # a binary answer
                return reply
        return reply

    found = failed(await staged(but(change)))
    assert "golden parity" in found
    assert found["golden parity"].startswith("probabilities: differs by 0.01")


async def test_another_label_fails_parity() -> None:
    def change(request: Request, reply: Reply) -> Reply:
        def flip(said: Any) -> None:
            label = next(o for o in said["outputs"] if o["name"] == "label")
            label["data"][0] = 1 - label["data"][0]

        try:
            return edited(reply, flip) if is_prediction(request) and reply.status == 200 else reply
        except ValueError:
            return reply

    found = failed(await staged(but(change)))
    assert found["golden parity"] == "label: other values than the original model's"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"outputs": 3}',
        b'{"outputs": ["x"]}',
        b'{"outputs": [{"name": "label", "datatype": "INT64", "shape": [9], "data": [1]}]}',
        b'{"outputs": [{"name": "label", "datatype": "INT99", "shape": [1], "data": [1]}]}',
        b'{"outputs": [{"name": "label", "datatype": "INT64", "shape": [1], "data": [1e999]}]}',
        b'\xff\xfe{"outputs": []}',
    ],
)
async def test_an_answer_that_cannot_be_read_fails_and_does_not_stop_staging(body: bytes) -> None:
    def change(request: Request, reply: Reply) -> Reply:
        return Reply(200, body) if is_prediction(request) and reply.status == 200 else reply

    report = await staged(but(change))
    assert "golden parity" in failed(report)
    assert report.tests[-1].name == "memory"


async def test_a_500_for_bad_input_fails() -> None:
    def change(request: Request, reply: Reply) -> Reply:
        return Reply(500, reply.body) if reply.status == 400 else reply

    found = failed(await staged(but(change)))
    assert set(found) == {"bad input"}
    assert found["bad input"] == "empty body: expected a 4xx, got 500"


async def test_bad_input_that_is_answered_fails() -> None:
    def change(request: Request, reply: Reply) -> Reply:
        return Reply(200, b"{}") if reply.status == 400 else reply

    assert "expected a 4xx, got 200" in failed(await staged(but(change)))["bad input"]


@pytest.mark.parametrize("body", [b"", b"nope", b'{"error": ""}', b'{"error": {"a": 1}}'])
async def test_a_refusal_without_a_reason_fails(body: bytes) -> None:
    def change(request: Request, reply: Reply) -> Reply:
        return Reply(400, body) if reply.status == 400 else reply

    assert "reason" in failed(await staged(but(change)))["bad input"]


async def test_answers_that_go_to_another_client_fail() -> None:
    """Under concurrency, every other answer is the one to the request before."""
    inner = right(SUBJECT.signature)
    last: list[bytes] = []
    at_once = 0

    async def answer(request: Request) -> bytes | None:
        nonlocal at_once
        sent = wire(await inner(request))
        if not is_prediction(request):
            return sent
        at_once += 1
        await asyncio.sleep(0.002)
        mixed = last[0] if at_once > 1 and last else sent
        last[:] = [sent]
        at_once -= 1
        return mixed

    found = failed(await staged(answer))
    assert "batching mixed rows up" in found["concurrency"]
    assert "golden parity" not in found


async def test_rows_that_move_each_other_are_named_as_the_cause() -> None:
    inner = right(SUBJECT.signature)

    async def answer(request: Request) -> bytes | None:
        reply = await inner(request)
        if is_prediction(request) and len(request.body) < 300:  # a row alone
            reply = edited(reply, lambda said: said["outputs"][1].update(data=[0.5, 0.5]))
        return wire(reply)

    found = failed(await staged(answer))
    assert "depends on the rows beside it" in found["concurrency"]
    assert "golden parity" not in found


async def test_a_slow_server_fails_the_latency_gate() -> None:
    inner = right(SUBJECT.signature)

    async def answer(request: Request) -> bytes | None:
        sent = wire(await inner(request))
        if is_prediction(request):
            await asyncio.sleep(0.15)
        return sent

    report = await staged(answer, effort=Effort(ready_s=1, load_s=1.5, concurrency=16, answer_s=5))
    assert set(failed(report)) == {"sustained load"}
    assert "is over the limit 100 ms" in failed(report)["sustained load"]
    assert report.measured["p95_ms"] > 100


async def test_errors_under_load_fail_and_are_counted_by_kind() -> None:
    n = 0

    def change(request: Request, reply: Reply) -> Reply | None:
        nonlocal n
        if is_prediction(request) and reply.status == 200:
            n += 1
            if n > 150 and n % 3 == 0:
                return Reply(503, b"{}")
            if n > 150 and n % 3 == 1:
                return None
        return reply

    report = await staged(but(change))
    detail = failed(report)["sustained load"]
    assert "requests with known good input failed" in detail
    assert "503: " in detail
    assert "no_answer: " in detail


async def test_a_connection_closed_in_the_middle_of_an_answer_fails() -> None:
    inner = right(SUBJECT.signature)

    async def answer(request: Request) -> bytes | None:
        sent = wire(await inner(request))
        if is_prediction(request):
            return sent.replace(b"content-length: ", b"content-length: 9")
        return sent

    found = failed(await staged(answer))
    assert "did not answer within" in found["golden parity"]


async def test_what_is_no_http_fails() -> None:
    inner = right(SUBJECT.signature)

    async def answer(request: Request) -> bytes | None:
        return b"220 smtp ready\r\n" if is_prediction(request) else wire(await inner(request))

    assert "broke" in failed(await staged(answer))["golden parity"]


async def test_metadata_that_differ_from_the_signature_fail() -> None:
    def change(request: Request, reply: Reply) -> Reply:
        if request.path == "/v2/models/churn":
            return edited(reply, lambda said: said["outputs"].pop())
        return reply

    found = failed(await staged(but(change)))
    assert set(found) == {"metadata"}
    assert found["metadata"] == "the outputs are ['label']"


async def test_a_health_route_that_fails_is_named() -> None:
    def change(request: Request, reply: Reply) -> Reply:
        return Reply(503, b"no") if request.path == "/livez" else reply

    assert failed(await staged(but(change)))["health"] == "/livez: expected 200, got 503: no"


async def test_a_server_that_is_never_ready_stops_staging_there() -> None:
    async def answer(request: Request) -> bytes | None:
        return wire(Reply(503, b"{}"))

    report = await staged(answer)
    assert [test.name for test in report.tests] == ["start"]
    assert "was not ready within 1 s. It said: out of cheese" in report.reason


async def test_a_server_that_hangs_stops_staging_there() -> None:
    async def answer(request: Request) -> bytes | None:
        await asyncio.sleep(3600)
        return None

    report = await staged(answer, effort=Effort(ready_s=0.3, answer_s=0.1))
    assert [test.name for test in report.tests] == ["start"]
    assert "was not ready within" in report.reason


async def test_a_server_that_ends_while_it_starts_is_noticed_at_once() -> None:
    async def answer(request: Request) -> bytes | None:
        return None

    report = await staged(answer, ended_by=lambda: 1, effort=Effort(ready_s=3600))
    assert "ended before it was ready. It said: out of cheese" in report.reason


async def test_a_server_that_dies_between_tests_fails_and_does_not_stop_staging() -> None:
    process = await asyncio.create_subprocess_exec("sleep", "3600")
    inner = right(SUBJECT.signature)
    n = 0

    async def answer(request: Request) -> bytes | None:
        nonlocal n
        n += is_prediction(request)
        if n == 100 and process.returncode is None:
            process.kill()
            await process.wait()
        return wire(await inner(request))

    found = failed(await staged(answer, pid=process.pid))
    assert "is gone" in found["memory"]


async def test_memory_that_grows_under_load_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = iter([50_000_000, 100_000_000, 400_000_000])
    monkeypatch.setattr("seatrial.packaging.staging._memory_of", lambda _: next(sizes))
    report = await staged(honest())
    assert failed(report) == {
        "memory": "memory grew from 100 to 400 MB in the second half of the load"
    }


async def test_memory_that_is_taken_once_and_kept_is_no_leak(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes = iter([50_000_000, 400_000_000, 410_000_000])
    monkeypatch.setattr("seatrial.packaging.staging._memory_of", lambda _: next(sizes))
    assert failed(await staged(honest())) == {}


async def test_memory_of_children_is_counted() -> None:
    from seatrial.packaging.staging import _memory_of

    alone = _memory_of(psutil.Process())
    child = await asyncio.create_subprocess_exec("sleep", "3600")
    try:
        assert _memory_of(psutil.Process()) > alone
    finally:
        child.kill()
        await child.wait()


def test_the_golden_rows_of_these_tests_differ() -> None:
    outputs = SUBJECT.golden.outputs["probabilities"]
    assert len(np.unique(outputs[:, 0])) == n_rows(SUBJECT.golden.inputs)


async def test_tensors_pass_too_and_wrong_shapes_of_them_are_refused() -> None:
    signature = Signature(
        features=(Feature(name="image", dtype=Dtype.FLOAT32, shape=(3, 4, 2)),),
        outputs=(Output(name="map", dtype=Dtype.FLOAT32, width=8, shape=(4, 2)),),
        task=Task.OTHER,
        matrix=False,
    )
    images = np.random.default_rng(0).random((24, 3, 4, 2), dtype=np.float32)
    subject = Subject(
        endpoint="churn",
        version=3,
        digest="d" * 64,
        signature=signature,
        golden=Golden(inputs={"image": images}, outputs={"map": images.mean(axis=1)}),
    )
    report = await staged(honest(subject), subject=subject)
    assert failed(report) == {}
