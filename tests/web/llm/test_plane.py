import gzip
import json
import time
from typing import Any

import httpx
import pytest

from seatrial.gateway.chat.failures import (
    BadReply,
    ContextTooLong,
    Overloaded,
    RateLimited,
    Rejected,
    ServerFault,
    StreamCut,
    TimedOut,
    Unauthorized,
    Unreachable,
)
from seatrial.gateway.chat.messages import ToolCall
from seatrial.testing.scripted_provider import Ending, Turn, answers, fails, hangs

from .conftest import HELLO, events

SAID = "It works."


def failure(kind: Any, **facts: Any) -> Any:
    return kind("It broke.", remedy="Mend it.", provider="one", **facts)


def test_a_whole_answer_is_openais(ask: Any) -> None:
    reply = ask().chat()
    assert reply.status_code == 200
    body = reply.json()
    assert body["object"] == "chat.completion"
    assert body["choices"][0]["message"]["content"] == SAID
    assert body["usage"]["prompt_tokens"] == 10


def test_a_whole_answer_is_anthropics(ask: Any) -> None:
    body = ask().message().json()
    assert (body["type"], body["role"], body["stop_reason"]) == ("message", "assistant", "end_turn")
    assert body["content"] == [{"type": "text", "text": SAID}]


def test_a_stream_is_openais(ask: Any) -> None:
    reply = ask().chat(stream=True, stream_options={"include_usage": True})
    assert reply.headers["content-type"].startswith("text/event-stream")
    told = events(reply.text)
    assert told[-1] == ("", "[DONE]")
    texts = [piece["choices"][0]["delta"].get("content") for _, piece in told[:-2]]
    assert "".join(text for text in texts if text) == SAID
    assert told[-2][1]["usage"]["completion_tokens"] == 2


def test_a_stream_is_anthropics(ask: Any) -> None:
    told = events(ask().message(stream=True).text)
    assert [name for name, _ in told][:2] == ["message_start", "content_block_start"]
    assert told[-1] == ("message_stop", {"type": "message_stop"})
    deltas = [data["delta"] for name, data in told if name == "content_block_delta"]
    assert "".join(delta["text"] for delta in deltas) == SAID


def test_tools_reach_either_client(ask: Any) -> None:
    turn = Turn(text="", tool_calls=(ToolCall(id="c1", name="look", arguments='{"a": 1}'),))
    client = ask(turn)
    called = client.chat().json()["choices"][0]
    assert called["finish_reason"] == "tool_calls"
    assert called["message"]["tool_calls"][0]["function"] == {
        "name": "look",
        "arguments": '{"a": 1}',
    }
    block = client.message().json()["content"][0]
    assert (block["type"], block["name"], block["input"]) == ("tool_use", "look", {"a": 1})


def test_embeddings_come_as_numbers_or_packed(ask: Any) -> None:
    client = ask()
    asked = {"model": "e", "input": ["abc", "d"]}
    data = client.post("/v1/embeddings", asked).json()["data"]
    assert [entry["embedding"] for entry in data] == [[3.0, 1.0], [1.0, 1.0]]
    packed = client.post("/v1/embeddings", asked | {"encoding_format": "base64"}).json()["data"]
    assert packed[0]["embedding"] == "AABAQAAAgD8="


def test_the_list_of_models_has_the_form_of_who_asks(ask: Any) -> None:
    client = ask()
    openai = client.get("/v1/models").json()
    assert [model["id"] for model in openai["data"]] == ["e", "m", "org/n"]
    anthropic = client.get("/v1/models", anthropic_version="2023-06-01").json()
    assert (anthropic["has_more"], anthropic["last_id"]) == (False, "org/n")
    assert anthropic["data"][1]["type"] == "model"


def test_one_address_describes_models_of_both_kinds(ask: Any) -> None:
    client = ask()
    assert client.get("/v1/models/m").json()["object"] == "model"
    assert client.get("/v1/models/org/n").json()["id"] == "org/n"
    assert client.get("/v1/models/org%2Fn").json()["id"] == "org/n"
    assert "model_version_status" in client.get("/v1/models/churn").json()
    assert client.get("/v1/models/none").status_code == 404
    assert client.get("/v1/models/org/none").json()["error"]["code"] == "model_not_found"


def test_an_id_goes_through_and_a_wrong_one_does_not(ask: Any) -> None:
    client = ask()
    reply = client.post("/v1/chat/completions", HELLO, x_request_id="abc-1")
    assert reply.headers["x-request-id"] == reply.headers["request-id"] == "abc-1"
    assert client.house.provider.heard[-1].call.id == "abc-1"
    odd = httpx.post(
        client.url + "/v1/chat/completions", json=HELLO, headers={"x-request-id": b"a\xffb"}
    )
    assert len(odd.headers["x-request-id"]) == 32


def test_who_calls_and_for_what_reaches_the_call(ask: Any) -> None:
    client = ask()
    secret, key = client.house.desk.create("ana", by="t", tenant="team")
    headers = {"authorization": f"Bearer {secret}", "x_seatrial_tags": "app=faq, team=search"}
    client.post("/v1/chat/completions", HELLO | {"user": "u1"}, **headers)
    call = client.house.provider.heard[-1].call
    assert (call.key, call.tenant, call.user) == (key.id, "team", "u1")
    assert call.tags == {"app": "faq", "team": "search"}


def test_a_client_that_waits_less_gets_less_time(ask: Any) -> None:
    client = ask()
    client.post("/v1/chat/completions", HELLO, x_seatrial_timeout="2.5")
    left_s = client.house.provider.heard[-1].call.deadline - time.monotonic()
    assert 0 < left_s < 2.5


@pytest.mark.parametrize(
    ("kind", "facts", "status", "code"),
    [
        (Rejected, {"status": 400}, 400, "gateway.request_rejected"),
        (Rejected, {"status": 422}, 422, "gateway.request_rejected"),
        (ContextTooLong, {"status": 400}, 400, "context_length_exceeded"),
        (RateLimited, {"status": 429, "retry_after_s": 3.2}, 429, "rate_limit_exceeded"),
        (Overloaded, {"status": 529}, 503, "gateway.provider_overloaded"),
        (ServerFault, {"status": 500}, 502, "gateway.provider_fault"),
        (Unreachable, {}, 502, "gateway.provider_unreachable"),
        (TimedOut, {}, 504, "gateway.provider_timed_out"),
        (BadReply, {}, 502, "gateway.provider_reply_unreadable"),
        (Unauthorized, {"status": 401}, 502, "gateway.provider_unauthorized"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_fails_before_the_answer_is_told_by_its_status(
    ask: Any, kind: Any, facts: Any, status: int, code: str, stream: bool
) -> None:
    client = ask(fails(failure(kind, **facts)))
    reply = client.chat(stream=stream)
    assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)
    assert "Mend it." in reply.json()["error"]["message"]
    assert reply.headers.get("retry-after") == ("4" if "retry_after_s" in facts else None)
    told = client.message(stream=stream)
    assert (told.status_code, told.json()["type"]) == (status, "error")


def test_a_stream_that_breaks_says_so_and_does_not_end_as_a_whole_one(ask: Any) -> None:
    client = ask(fails(failure(StreamCut), after=2))
    told = events(client.chat(stream=True).text)
    assert told[-1][1]["error"]["code"] == "gateway.stream_cut"
    assert ("", "[DONE]") not in told
    told = events(client.message(stream=True).text)
    assert told[-1][0] == "error"
    assert "message_stop" not in [name for name, _ in told]


def test_a_fault_of_ours_in_a_stream_is_told_without_its_text(ask: Any) -> None:
    client = ask(Turn(failure=ValueError("a secret"), after=2))  # type: ignore[arg-type]
    reply = client.chat(stream=True)
    assert "a secret" not in reply.text
    assert events(reply.text)[-1][1]["error"]["code"] == "serving.internal"


def test_who_hangs_up_ends_the_call(ask: Any) -> None:
    client = ask(hangs(after=2))
    for stream in (False, True):
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(
                client.url + "/v1/chat/completions", json=HELLO | {"stream": stream}, timeout=0.3
            )
    until = time.monotonic() + 10
    while client.house.provider.running:
        assert time.monotonic() < until
        time.sleep(0.01)
    assert set(client.house.provider.endings) <= {Ending.CANCELLED, Ending.CLOSED}


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/v1/chat/completions", b"{", "serving.bad_input"),
        ("/v1/chat/completions", b"\xff", "serving.bad_input"),
        ("/v1/chat/completions", b"[" * 5000, "serving.bad_input"),
        ("/v1/chat/completions", b'{"model":"m","messages":"hi"}', "gateway.request_invalid"),
        ("/v1/chat/completions", b'{"model":"m","messages":[]}', "gateway.request_invalid"),
        ("/v1/chat/completions", b'{"model":"\\ud800","messages":[]}', "serving.bad_input"),
        ("/v1/chat/completions", b"null", "gateway.request_invalid"),
        ("/v1/embeddings", b'{"model":"e"}', "gateway.request_invalid"),
        ("/v1/embeddings", b'{"model":"m","input":"a"}', "gateway.model_unfit"),
        ("/v1/messages", b'{"model":"m"}', None),
        ("/v1/messages/count_tokens", b'{"model":"m","messages":[{"role":1}]}', None),
    ],
)
def test_what_is_malformed_is_the_clients_fault(
    ask: Any, path: str, body: bytes, code: str | None
) -> None:
    reply = ask().post(path, body)
    assert reply.status_code == 400
    error = reply.json()["error"]
    assert error["type"] == "invalid_request_error"
    if code is not None:
        assert error["code"] == code


def test_an_unknown_model_is_named_with_the_nearest(ask: Any) -> None:
    client = ask()
    reply = client.chat(model="org/x")
    assert reply.status_code == 404
    assert "Did you mean 'org/n'?" in reply.json()["error"]["message"]
    assert client.message(model="none").json()["error"]["type"] == "not_found_error"


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("x_seatrial_tags", "team"),
        ("x_seatrial_tags", "a=b\tc"),
        ("x_seatrial_tags", ",".join(f"t{n}=1" for n in range(17))),
        ("x_seatrial_timeout", "soon"),
        ("x_seatrial_timeout", "0"),
        ("x_seatrial_timeout", "1e9"),
        ("content_encoding", "br"),
    ],
)
def test_a_header_that_cannot_be_read_is_refused(ask: Any, header: str, value: str) -> None:
    reply = ask().post("/v1/chat/completions", HELLO, **{header: value})
    assert reply.status_code in (400, 415)
    assert reply.json()["error"]["type"] == "invalid_request_error"


def test_compressed_bodies_are_read_within_the_limit(ask: Any) -> None:
    client = ask()
    packed = gzip.compress(json.dumps(HELLO).encode())
    assert client.post("/v1/chat/completions", packed, content_encoding="gzip").status_code == 200
    bomb = gzip.compress(b" " * 20_000)
    for body, headers in ((b" " * 20_000, {}), (bomb, {"content_encoding": "gzip"})):
        reply = client.post("/v1/messages", body, **headers)
        assert reply.status_code == 413
        assert reply.json()["error"]["type"] == "request_too_large"


def test_methods_that_are_not_there_are_named(ask: Any) -> None:
    client = ask()
    refused = client.get("/v1/chat/completions")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST, OPTIONS")
    assert client.post("/v1/models", {}).status_code == 405
    assert httpx.options(client.url + "/v1/messages").headers["allow"] == "POST, OPTIONS"
    assert httpx.head(client.url + "/v1/models").content == b""


def test_without_a_key_nobody_comes_in_where_there_are_keys(ask: Any) -> None:
    client = ask(open_door=False)
    secret, _ = client.house.desk.create("ana", by="t", models=("m",))
    for headers in ({}, {"authorization": "Bearer wrong"}, {"x_api_key": secret[:-1]}):
        reply = client.post("/v1/chat/completions", HELLO, **headers)
        assert (reply.status_code, reply.json()["error"]["code"]) == (401, "invalid_api_key")
        told = client.post("/v1/messages", HELLO, **headers).json()
        assert told["error"]["type"] == "authentication_error"
    assert not client.house.provider.heard
    for headers in ({"authorization": f"bearer {secret}"}, {"x_api_key": secret}):
        assert client.post("/v1/chat/completions", HELLO, **headers).status_code == 200
        assert client.get("/v1/models", **headers).json()["data"][0]["id"] == "m"
        assert client.get("/v1/models/org/n", **headers).status_code == 403
        other = HELLO | {"model": "org/n"}
        assert client.post("/v1/chat/completions", other, **headers).status_code == 403
        guess = client.post("/v1/chat/completions", HELLO | {"model": "org/m"}, **headers)
        assert guess.status_code == client.get("/v1/models/org/m", **headers).status_code == 403
        assert "org/n" not in guess.text  # nor is a key told what others may ask


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"host": "evil.example"},
        {"x_forwarded_for": "1.2.3.4"},
    ],
)
def test_an_open_door_is_open_to_this_machine_only(ask: Any, headers: dict[str, str]) -> None:
    client = ask()
    reply = client.post("/v1/chat/completions", HELLO, **headers)
    assert reply.status_code == 401
    assert "seatrial llm keys create" in reply.json()["error"]["message"]
    assert not client.house.provider.heard


def test_both_doors_close_a_stream_that_nobody_reads_to_its_end(ask: Any) -> None:
    client = ask(answers("word " * 50_000))
    with httpx.stream(
        "POST", client.url + "/v1/chat/completions", json=HELLO | {"stream": True}
    ) as reply:
        next(reply.iter_lines())
    until = time.monotonic() + 10
    while client.house.provider.running:
        assert time.monotonic() < until
        time.sleep(0.01)
    assert set(client.house.provider.endings) <= {Ending.CANCELLED, Ending.CLOSED}
