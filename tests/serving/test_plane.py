import asyncio
import gzip
import json
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seatrial.kernel.clock import SystemClock
from seatrial.kernel.errors import DeadlineExceeded, LimitExceeded, SeatrialError, Unavailable
from seatrial.release.variant import Split
from seatrial.serving.exchange import Limits, Reply, Request
from seatrial.serving.plane import DataPlane
from seatrial.serving.record import OUTSIDE, Observe, Recorder
from seatrial.serving.router import Router
from seatrial.serving.routes import PATTERNS
from seatrial.testing.models import (
    FakeEngine,
    Remembering,
    column_signature,
    live_version,
    matrix_signature,
    router_of,
)
from seatrial.web.errors import error_reply

SIGNATURE = matrix_signature()
INFER = "/v2/models/churn/infer"
ROW = {"inputs": [{"name": "x", "shape": [1, 3], "datatype": "FP32", "data": [1, 2, 3]}]}
LIMITS = Limits(max_body_bytes=10_000, max_rows=50)


class Failing(FakeEngine):
    def __init__(self, problem: Exception) -> None:
        super().__init__(SIGNATURE)
        self.problem = problem

    def predict(self, batch: Any, chunk_rows: int | None = None) -> Any:
        raise self.problem


def plane_over(router: Router, **options: Any) -> DataPlane:
    return DataPlane(router, error_reply, LIMITS, **options)


def request(
    path: str = INFER, body: object = ROW, *, method: str = "POST", **headers: str
) -> Request:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    return Request(method, path, b"", named, raw)


def reply_of(plane: DataPlane, *args: Any, **kwargs: Any) -> Reply:
    reply = plane.handle(request(*args, **kwargs))
    assert isinstance(reply, Reply)
    return reply


def outcomes(router: Router) -> list[str]:
    """What was recorded, in order."""
    recorder = router._recorder
    assert isinstance(recorder, Remembering)
    return [outcome for _, outcome in recorder.seen]


@pytest.fixture
def router() -> Router:
    return router_of(live_version(SIGNATURE), live_version(SIGNATURE, version=2))


def test_the_version_that_answered_is_told_and_recorded(router: Router) -> None:
    reply = reply_of(plane_over(router))
    assert (b"x-seatrial-version", b"2") in reply.headers
    assert json.loads(reply.body)["model_version"] == "2"


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/v2/models/churn/versions/1/infer", {}),
        (INFER, {"x_seatrial_version": "1"}),
        ("/v2/models/churn/versions/1/infer", {"x_seatrial_version": "2"}),
    ],
)
def test_a_tester_gets_the_version_named(
    router: Router, path: str, headers: dict[str, str]
) -> None:
    assert json.loads(reply_of(plane_over(router), path, **headers).body)["model_version"] == "1"


def test_a_key_sticks_to_its_version_whether_in_the_header_or_in_the_body() -> None:
    split = Split(stable=1, canary=2, canary_share=0.5, salt="s")
    versions = [live_version(SIGNATURE, version=v) for v in (1, 2)]
    plane = plane_over(router_of(*versions, splits={"churn": split}))
    seen = set()
    for key in map(str, range(30)):
        by_header = reply_of(plane, x_seatrial_key=key).headers[0]
        by_field = reply_of(plane, body=ROW | {"parameters": {"seatrial_key": key}}).headers[0]
        assert by_header == by_field
        seen.add(by_header)
    assert len(seen) == 2


@pytest.mark.parametrize("path", ["/v1/models/churn:predict", INFER, "/invocations"])
def test_a_model_that_is_being_loaded_is_answered_with_503_and_when_to_come_again(
    path: str,
) -> None:
    router = router_of()
    router.expect(["churn"])
    reply = reply_of(plane_over(router), path, {"instances": [[1, 2, 3]]} | ROW)
    assert reply.status == 503
    assert (b"retry-after", b"1") in reply.headers


class ByRevision(Recorder):
    """Keeps version, revision and outcome of each request."""

    def __init__(self) -> None:
        super().__init__(worker="worker/test/0", clock=SystemClock())
        self.seen: list[tuple[int, int, str]] = []

    def observer(
        self, endpoint: str, version: int, revision: int, *, watched: bool = False
    ) -> Observe:
        del endpoint, watched
        return lambda _, outcome: self.seen.append((version, revision, outcome))


@pytest.mark.parametrize(("share", "answers"), [(1.0, 2), (0.0, 1)])
def test_a_refusal_is_evidence_only_where_the_other_version_takes_the_request(
    share: float, answers: int
) -> None:
    recorder = ByRevision()
    other = matrix_signature(("age", "income", "tenure", "visits"))
    signatures = {answers: other, 3 - answers: SIGNATURE}
    split = Split(stable=1, canary=2, canary_share=share, salt="s")
    versions = [live_version(signatures[v], version=v) for v in (1, 2)]
    plane = plane_over(router_of(*versions, splits={"churn": split}, recorder=recorder))
    bodies: list[object] = [
        ROW,  # the other version would have answered it
        ROW | {"inputs": [ROW["inputs"][0] | {"data": ["a", "b", "c"]}]},  # neither would
        b"{",  # not even read, so nobody's
    ]
    for body in bodies:
        assert reply_of(plane, body=body).status == 400
    assert recorder.seen == [(answers, 1, "rejected"), (answers, OUTSIDE, "rejected")]


def test_a_model_nobody_has_is_the_answer_even_to_a_body_nobody_can_read(
    router: Router,
) -> None:
    for body in (ROW, b"{"):
        reply = reply_of(plane_over(router), "/v2/models/nope/infer", body)
        assert reply.status == 404
        assert "Choose one of: churn" in json.loads(reply.body)["error"]
    reply = reply_of(plane_over(router), "/v2/models/churn/versions/9/infer", b"{")
    assert (reply.status, json.loads(reply.body)["code"]) == (404, "serving.unknown_version")


def test_an_error_names_field_and_row_and_still_tells_the_version(
    router: Router,
) -> None:
    bad = {"inputs": [ROW["inputs"][0] | {"data": [1, "a", 3]}]}
    reply = reply_of(plane_over(router), body=bad, x_request_id="r-1")
    assert reply.status == 400
    record = json.loads(reply.body)
    assert (record["field"], record["row"], record["code"]) == ("income", 0, "serving.bad_input")
    assert dict(reply.headers) == {b"x-seatrial-version": b"2", b"x-request-id": b"r-1"}


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", INFER, 405, "POST, OPTIONS"),
        ("DELETE", "/v2", 405, "GET, HEAD, OPTIONS"),
        ("OPTIONS", INFER, 200, "POST, OPTIONS"),
        ("POST", "/livez", 405, "GET, HEAD, OPTIONS"),
    ],
)
def test_other_methods_are_refused_with_those_allowed(
    router: Router, method: str, path: str, status: int, allow: str
) -> None:
    reply = reply_of(plane_over(router), path, b"", method=method)
    assert (reply.status, dict(reply.headers)[b"allow"]) == (status, allow.encode())


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", [p.path for p in PATTERNS if p.method == "GET"])
def test_every_document_is_there_and_404_for_models_that_are_not(
    router: Router, method: str, path: str
) -> None:
    here = path.replace("{model}", "churn").replace("{version}", "1")
    assert reply_of(plane_over(router), here, b"", method=method).status == 200
    if "{" in path:
        away = path.replace("{model}", "nope").replace("{version}", "1")
        assert reply_of(plane_over(router), away, b"", method=method).status == 404


def test_a_model_is_described_and_asked_in_tf_servings_words() -> None:
    plane = plane_over(router_of(live_version(SIGNATURE, version=2)))
    described = reply_of(plane, "/v1/models/churn/metadata", method="GET")
    (defined,) = json.loads(described.body)["metadata"]["signature_def"]["signature_def"].values()
    assert defined["inputs"]["input"]["dtype"] == "DT_FLOAT"
    assert [d["size"] for d in defined["outputs"]["label"]["tensor_shape"]["dim"]] == ["-1"]
    assert json.loads(described.body)["model_spec"]["version"] == "2"
    example = json.dumps({"examples": [{"age": 1, "income": 2, "tenure": 3}]}).encode()
    asked = reply_of(plane, "/v1/models/churn/versions/2:classify", example)
    assert json.loads(asked.body) == {"result": [[["0", 0.5], ["1", 0.5]]]}
    refused = reply_of(plane, "/v1/models/churn:regress", example)
    assert refused.status == 400
    assert "more than one number" in json.loads(refused.body)["error"]
    for path in ("/v1/models/nope/metadata", "/v1/models/churn/versions/9/metadata"):
        assert reply_of(plane, path, method="GET").status == 404
    assert reply_of(plane, "/v1/models/nope:classify", example).status == 404


def test_health_follows_readiness_and_liveness_does_not(router: Router) -> None:
    reasons: list[str | None] = ["loading"]
    plane = plane_over(router, readiness=lambda: reasons[0])
    readiness = ("/readyz", "/health", "/ping", "/v2/health/ready")
    for path in readiness:
        reply = reply_of(plane, path, b"", method="GET")
        assert (reply.status, b"loading" in reply.body) == (503, True)
    assert reply_of(plane, "/livez", b"", method="GET").status == 200
    reasons[0] = None
    assert {reply_of(plane, path, b"", method="GET").status for path in readiness} == {200}


def test_metrics_are_the_text_that_was_given(router: Router) -> None:
    plane = plane_over(router, metrics=lambda: "up 1\n")
    reply = reply_of(plane, "/metrics", b"", method="GET")
    assert (reply.body, reply.content_type[:10]) == (b"up 1\n", b"text/plain")


def test_a_compressed_body_is_read_within_the_limit(router: Router) -> None:
    plane = plane_over(router)
    packed = gzip.compress(json.dumps(ROW).encode())
    assert reply_of(plane, body=packed, content_encoding="gzip").status == 200
    bomb = gzip.compress(bytes(20_000))
    assert reply_of(plane, body=bomb, content_encoding="gzip").status == 413
    assert reply_of(plane, body=packed, content_encoding="br").status == 415


def test_invocations_go_to_the_model_named_or_to_the_only_one(router: Router) -> None:
    body = {"inputs": [[1, 2, 3]]}
    assert reply_of(plane_over(router), "/invocations", body).status == 200
    other = live_version(column_signature(), endpoint="other")
    both = router_of(live_version(SIGNATURE), other)
    refused = reply_of(plane_over(both), "/invocations", body)
    assert refused.status == 400
    assert "churn, other" in json.loads(refused.body)["message"]
    named = reply_of(plane_over(both), "/invocations", body, x_seatrial_model="churn")
    assert named.status == 200
    assert reply_of(plane_over(both, default_model="churn"), "/invocations", body).status == 200


@pytest.mark.parametrize(
    ("problem", "status", "outcome"),
    [
        (ValueError("no"), 500, "error:failed"),
        (DeadlineExceeded("late", remedy="wait"), 504, "error:deadline_exceeded"),
        (Unavailable("gone", remedy="wait"), 503, "error:unavailable"),
    ],
)
def test_the_fault_of_a_version_is_counted_against_it(
    problem: Exception, status: int, outcome: str
) -> None:
    router = router_of(live_version(SIGNATURE, engine=Failing(problem)))
    assert reply_of(plane_over(router)).status == status
    assert outcomes(router) == [outcome]


def test_shed_requests_say_when_to_come_back_and_are_counted_apart() -> None:
    class Full(LimitExceeded):
        retryable = True

    full = Full("full", remedy="wait", retry_after_s=1.2)
    router = router_of(live_version(SIGNATURE, engine=Failing(full)))
    reply = reply_of(plane_over(router))
    assert (reply.status, dict(reply.headers)[b"retry-after"]) == (429, b"2")
    assert outcomes(router) == ["shed"]


def test_the_clients_own_mistakes_are_no_evidence() -> None:
    router = router_of(live_version(SIGNATURE))
    plane = plane_over(router)
    reply_of(plane, body={"inputs": []})
    reply_of(plane)
    assert outcomes(router) == ["rejected", "ok"]


async def waited(reply: Reply | Awaitable[Reply]) -> Reply:
    return reply if isinstance(reply, Reply) else await reply


async def test_a_slow_engine_is_waited_for() -> None:
    router = router_of(live_version(SIGNATURE, wait=lambda: asyncio.sleep(0)))
    made = plane_over(router).handle(request())
    assert not isinstance(made, Reply)
    assert (await made).status == 200
    assert outcomes(router) == ["ok"]


async def test_a_client_in_a_hurry_does_not_make_the_version_look_slow() -> None:
    router = router_of(live_version(SIGNATURE, wait=lambda: asyncio.sleep(0.2)))
    body = ROW | {"parameters": {"timeout": 1}}
    reply = await waited(plane_over(router).handle(request(body=body)))
    assert (reply.status, json.loads(reply.body)["code"]) == (400, "serving.impatient")
    assert outcomes(router) == ["rejected"]


class Taken:
    """Stands for the prediction log and for the shadow's copies."""

    def __init__(self, wanted: bool = True) -> None:
        self.wanted = wanted
        self.offers: list[tuple[Any, ...]] = []

    def wants(self, outcome: str) -> bool:
        return self.wanted

    def offer(self, *args: Any, **facts: Any) -> None:
        self.offers.append((*args, facts))


def test_a_logged_request_carries_its_id_in_the_reply(router: Router) -> None:
    log = Taken()
    plane = plane_over(router, log=log)
    reply = reply_of(plane)
    ((request_id, live, batch, prediction, facts),) = log.offers
    assert dict(reply.headers)[b"x-request-id"] == request_id.encode()
    assert (live.version, batch.tolist(), facts["outcome"]) == (2, [[1, 2, 3]], "ok")
    assert set(prediction) == {"label", "probabilities"}
    assert facts["revision"] == 1


def test_an_id_is_sent_back_unless_it_could_break_the_reply(router: Router) -> None:
    plane = plane_over(router)
    assert dict(reply_of(plane, x_request_id="abc").headers)[b"x-request-id"] == b"abc"
    for bad in ("é", "a\x01b", "x" * 300, ""):
        sent = dict(reply_of(plane, x_request_id=bad).headers)[b"x-request-id"]
        assert sent.isascii()
        assert len(sent) == 32


def test_a_request_without_id_that_is_not_logged_gets_none(router: Router) -> None:
    headers = dict(reply_of(plane_over(router, log=Taken(wanted=False))).headers)
    assert b"x-request-id" not in headers


def test_a_copy_goes_to_a_shadow_that_takes_the_same_rows() -> None:
    versions = [live_version(SIGNATURE, version=v) for v in (1, 2)]
    other = live_version(column_signature(), version=3)
    for shadow, n in ((versions[1], 1), (other, 0)):
        split = Split(stable=1, shadow=shadow.version, shadow_share=1.0)
        copies = Taken()
        router = router_of(versions[0], shadow, splits={"churn": split})
        assert reply_of(plane_over(router, copies=copies)).status == 200
        assert len(copies.offers) == n


def test_paths_and_versions_do_not_fill_the_memory(router: Router) -> None:
    plane = plane_over(router)
    for i in range(3000):
        reply_of(plane, f"/v2/models/m{i}/infer")
        plane.owns(f"/v2/models/{'x' * i}/infer")
    assert len(plane._ways) <= 1024
    assert max(map(len, plane._ways)) <= 512


def test_signatures_lists_what_can_be_described(router: Router) -> None:
    assert plane_over(router).signatures() == [("churn", [1, 2], SIGNATURE)]


def test_a_path_of_nobody_is_not_owned_and_below_v2_always(router: Router) -> None:
    plane = plane_over(router)
    assert not plane.owns("/api/endpoints")
    assert plane.owns("/v2/anything")
    assert reply_of(plane, "/v2/anything").status == 404


PLANE = plane_over(
    router_of(live_version(SIGNATURE), live_version(column_signature(), endpoint="col"))
)
PATHS = [
    p.path.replace("{model}", model).replace("{version}", "1")
    for p in PATTERNS
    for model in ("churn", "col")
]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=12,
)
KEYS = (
    "id inputs outputs instances parameters signature_name dataframe_split dataframe_records name "
    "shape datatype data columns params age income tenure visits member plan note x "
    "binary_data_size binary_data timeout seatrial_key"
)
known_keys = st.sampled_from(KEYS.split())
plausible = st.recursive(
    json_values | st.sampled_from(["FP32", "BYTES", "INT64", "label", "x", "pro", 1, 3, [1, 3]]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(known_keys, inner, max_size=6),
    max_leaves=25,
)
tensors = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["x", "age", "income", "plan"]) | st.text(max_size=3),
        "shape": st.lists(st.integers(-1, 4) | st.integers(), max_size=3),
        "datatype": st.sampled_from(["FP32", "FP16", "INT8", "UINT64", "BOOL", "BYTES", "X"]),
    },
    optional={
        "data": st.lists(json_values, max_size=6) | json_values,
        "parameters": st.dictionaries(known_keys, json_values, max_size=3),
    },
)
messages = plausible | st.fixed_dictionaries(
    {"inputs": st.lists(tensors, max_size=3)},
    optional={"id": json_values, "outputs": plausible, "parameters": plausible},
)
header_values = st.sampled_from(
    [b"", b"0", b"10", b"-5", b"gzip", b"deflate", b"text/csv", b"application/json", b"churn", b"1"]
) | st.binary(max_size=20)
headers = st.dictionaries(
    st.sampled_from(
        [
            b"content-type",
            b"content-encoding",
            b"inference-header-content-length",
            b"x-request-id",
            b"x-seatrial-key",
            b"x-seatrial-version",
            b"x-seatrial-model",
        ]
    ),
    header_values,
    max_size=3,
)
bodies = st.one_of(
    st.binary(max_size=200),
    messages.map(lambda m: json.dumps(m).encode()),
    st.tuples(messages, st.binary(max_size=40)).map(lambda p: json.dumps(p[0]).encode() + p[1]),
    messages.map(lambda m: gzip.compress(json.dumps(m).encode())),
)


@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(["POST", "POST", "POST", "GET", "PUT", "HEAD", "x"]),
    st.sampled_from(PATHS) | st.text(max_size=30).map("/v2/models/".__add__),
    headers,
    bodies,
)
def test_nothing_a_client_sends_is_a_fault_of_the_server(
    method: str, path: str, sent: dict[bytes, bytes], body: bytes
) -> None:
    reply = PLANE.handle(Request(method, path, b"", sent, body))
    assert isinstance(reply, Reply)
    assert reply.status < 500
    if reply.status >= 400:
        assert json.loads(reply.body)["error"]


def test_every_kind_of_error_is_a_reply_whatever_its_facts() -> None:
    class Odd(SeatrialError):
        code = "test.odd"

    reply = error_reply(
        Odd("odd", remedy="x", field=datetime(2026, 1, 1, tzinfo=UTC), row=float("nan")), "/"
    )
    assert reply.status == 500
    assert json.loads(reply.body)["field"].startswith("2026-01-01")


def test_requests_of_one_moment_get_the_replies_they_would_get_alone() -> None:
    def plane() -> DataPlane:
        versions = [live_version(SIGNATURE, version=v) for v in (1, 2)]
        other = live_version(column_signature(), endpoint="col")
        split = Split(stable=1, canary=2, canary_share=0.5, salt="s")
        return plane_over(router_of(*versions, other, splits={"churn": split}))

    requests = [request(x_seatrial_key=str(i)) for i in range(20)]
    requests.insert(3, request(body=b"{"))
    requests.insert(5, request("/v2/models/nope/infer"))
    requests.insert(8, request("/livez", b"", method="GET"))
    requests.insert(11, request(x_seatrial_version="2"))
    alone, together = plane(), plane()
    arrived = [together.now()] * len(requests)
    replies = together.handle_together(requests, arrived)
    assert replies == [alone.handle(one) for one in requests]
    assert outcomes(together._router) == outcomes(alone._router)


def test_requests_of_one_moment_run_in_one_call_of_each_version() -> None:
    engines = [FakeEngine(SIGNATURE) for _ in range(2)]
    versions = [live_version(SIGNATURE, version=v, engine=e) for v, e in enumerate(engines, 1)]
    plane = plane_over(router_of(*versions))
    requests = [request(x_seatrial_version=str(1 + i % 2)) for i in range(6)]
    replies = plane.handle_together(requests, [plane.now()] * 6)
    assert all(isinstance(reply, Reply) and reply.status == 200 for reply in replies)
    assert [[len(batch) for batch in engine.batches] for engine in engines] == [[3], [3]]


def test_a_version_that_fails_for_one_request_fails_for_that_one_alone() -> None:
    class Picky(FakeEngine):
        def predict(self, batch: Any) -> Any:
            if (batch[:, 0] == 13).any():
                raise ValueError("thirteen")
            return super().predict(batch)

    router = router_of(live_version(SIGNATURE, engine=Picky(SIGNATURE)))
    bad = {"inputs": [ROW["inputs"][0] | {"data": [13, 2, 3]}]}
    bodies = [ROW, bad, ROW, ROW]
    plane = plane_over(router)
    replies = plane.handle_together([request(body=b) for b in bodies], [plane.now()] * 4)
    assert [r.status for r in replies if isinstance(r, Reply)] == [200, 500, 200, 200]
    assert sorted(outcomes(router)) == ["error:failed", "ok", "ok", "ok"]


def test_latency_counts_from_the_arrival_of_the_request() -> None:
    latencies: list[float] = []

    class Timing(Remembering):
        def observer(self, *args: Any, **kwargs: Any) -> Any:
            return lambda latency_s, outcome: latencies.append(latency_s)

    plane = plane_over(router_of(live_version(SIGNATURE), recorder=Timing()), now=lambda: 10.0)
    plane.handle_together([request(), request()], [9.0, 9.75])
    assert latencies == [1.0, 0.25]


def test_what_a_model_raised_goes_to_the_log_and_the_client_gets_its_id(
    caplog: pytest.LogCaptureFixture,
) -> None:
    engine = Failing(FileNotFoundError(2, "No such file", "/tmp/secret.txt"))
    plane = plane_over(router_of(live_version(SIGNATURE, engine=engine)))
    reply = reply_of(plane, x_request_id="id-7")
    said = json.loads(reply.body)
    assert (reply.status, said["code"]) == (500, "engine.failed")
    assert b"secret" not in reply.body
    assert b"FileNotFoundError" not in reply.body
    assert "The model failed: churn version 1, request id-7." in said["error"]
    assert [r.message for r in caplog.records if "id-7" in r.message and "secret" in r.message]


def test_a_number_no_model_could_answer_is_refused_and_no_evidence() -> None:
    class Overflowing(FakeEngine):
        def predict(self, batch: Any) -> Any:
            prediction = super().predict(batch)
            overflow = np.where(np.abs(batch[:, 0]) > 1e30, np.inf, 0.5)
            return prediction | {"probabilities": np.stack([overflow, overflow], axis=1)}

    golden = np.array([[1.0, 2.0, 3.0], [2.0, 3.0, 4.0]], np.float32)
    recorder = Remembering()
    live = live_version(SIGNATURE, engine=Overflowing(SIGNATURE), golden=golden)
    plane = plane_over(router_of(live, recorder=recorder))
    row = {"inputs": [{"name": "x", "shape": [1, 3], "datatype": "FP32", "data": [3e38, 2, 3]}]}
    reply = reply_of(plane, body=row)
    said = json.loads(reply.body)
    assert (reply.status, said["field"], said["row"]) == (400, "age", 0)
    assert recorder.seen == [(1, "rejected")]


def test_an_address_of_two_protocols_is_left_to_who_has_the_model() -> None:
    live = live_version(matrix_signature())
    plane = plane_over(router_of(live), elsewhere=lambda name: name in ("gpt", "churn"))
    assert plane.owns("/v1/models/churn")
    assert not plane.owns("/v1/models/gpt")
    assert plane.owns("/v1/models/gpt/versions/1")
    assert plane.owns("/v1/models/gpt:predict")
    assert plane.owns("/v1/models/nobody")
    assert plane_over(router_of(live)).owns("/v1/models/gpt")
