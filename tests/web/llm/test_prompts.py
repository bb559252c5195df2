"""Prompts over the routes of both vendors: variables in, the version out, errors in their forms."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.gateway.chat.failures import Overloaded
from seatrial.testing.scripted_provider import fails

from .conftest import Client, events

PATHS = ("/v1/chat/completions", "/v1/messages")


@pytest.fixture
def prompts(ask: Any) -> Client:
    return ask(released=True)


def body(**more: Any) -> dict[str, Any]:
    asked = {"model": "prompt/ask", "variables": {"what": "Why"}, "max_tokens": 50}
    return asked | more


@pytest.mark.parametrize("path", PATHS)
def test_an_answer_says_which_version_gave_it(prompts: Client, path: str) -> None:
    reply = prompts.post(path, body())
    assert reply.status_code == 200
    told = reply.json()["seatrial"]
    assert told["prompt"] == "ask"
    assert reply.headers["x-seatrial-version"] == str(told["version"])
    assert reply.headers["x-seatrial-answer"] == told["answer"]
    assert told["answer"] == f"{told['version']}.7.{reply.headers['x-request-id']}"
    assert [m.text for m in prompts.house.provider.heard[-1].request.messages] == ["Why?"]


@pytest.mark.parametrize("path", PATHS)
def test_a_stream_says_so_in_its_head(prompts: Client, path: str) -> None:
    reply = prompts.post(path, body(stream=True))
    assert reply.headers["x-seatrial-version"] in ("1", "2")
    assert events(reply.text)


def test_a_user_keeps_their_version_and_so_does_a_key(prompts: Client) -> None:
    chat, messages = PATHS

    def version(path: str, more: dict[str, Any], **headers: str) -> str:
        return prompts.post(path, body(**more), **headers).headers["x-seatrial-version"]

    users = [f"user-{n}" for n in range(12)]
    met = [version(chat, {"user": user}) for user in users]
    assert set(met) == {"1", "2"}
    assert [version(chat, {"user": user}) for user in users] == met
    named = [version(messages, {"metadata": {"user_id": user}}) for user in users]
    assert named == met
    keyed = [version(chat, {"user": "one"}, x_seatrial_key=user) for user in users]
    assert keyed == met


def test_a_tester_may_name_a_version(prompts: Client) -> None:
    for version in ("1", "2"):
        reply = prompts.post(PATHS[0], body(), x_seatrial_version=version)
        assert reply.headers["x-seatrial-version"] == version
    assert prompts.post(PATHS[0], body(), x_seatrial_version="9").status_code == 404


@pytest.mark.parametrize(
    ("more", "status", "said"),
    [
        ({"variables": {}}, 400, "what is missing"),
        ({"variables": {"what": 3, "who": 1}}, 400, "'who' is not known; what is no text"),
        ({"variables": "Why"}, 400, "variables is 'Why', not an object"),
        ({"temperature": 1}, 400, "temperature is not the caller's to choose"),
        ({"model": "prompt/other"}, 404, "no prompt 'other' here"),
    ],
)
def test_what_is_wrong_is_told_in_the_form_of_either_client(
    prompts: Client, more: dict[str, Any], status: int, said: str
) -> None:
    for path in PATHS:
        reply = prompts.post(path, body(**more))
        assert reply.status_code == status
        error = reply.json()["error"]
        assert said in error["message"]
        assert error["type"]
    assert prompts.house.provider.heard == []


def test_a_failure_of_the_provider_is_told_as_such_with_the_version(ask: Any) -> None:
    error = Overloaded("No room.", remedy="Wait.", provider="one")
    reply = ask(fails(error), released=True).post(PATHS[0], body())
    assert reply.status_code == 503
    assert reply.headers["x-seatrial-version"] in ("1", "2")


def test_prompts_are_listed_as_models(prompts: Client) -> None:
    listed = [model["id"] for model in prompts.get("/v1/models").json()["data"]]
    assert listed == ["e", "m", "org/n", "prompt/ask"]
    assert prompts.get("/v1/models/prompt/ask").json()["id"] == "prompt/ask"
    assert prompts.get("/v1/models/prompt/other").status_code == 404


def test_an_answer_is_scored_once(prompts: Client) -> None:
    answer = prompts.post(PATHS[0], body()).json()["seatrial"]["answer"]
    scored = {"prompt": "ask", "answer": answer, "score": 0.5}
    assert prompts.post("/v1/prompts/scores", scored).json() == {"taken": True}
    assert prompts.post("/v1/prompts/scores", scored).json() == {"taken": False}


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"score": 2}, 400),
        ({"score": None}, 400),
        ({"score": "good"}, 400),
        ({"answer": "nonsense"}, 404),
        ({"prompt": "other"}, 404),
    ],
)
def test_a_score_that_is_none_is_refused(
    prompts: Client, change: dict[str, Any], status: int
) -> None:
    scored = {"prompt": "ask", "answer": "1.7.abc", "score": 0.5} | change
    assert prompts.post("/v1/prompts/scores", scored).status_code == status


def test_a_key_for_other_models_does_not_open_a_prompt(ask: Any) -> None:
    client = ask(released=True, open_door=False)
    secret, _ = client.house.desk.create("one", by="t", models=("m",))
    headers = {"authorization": f"Bearer {secret}"}
    for path in PATHS:
        assert client.post(path, body(), **headers).status_code == 403
    scored = {"prompt": "ask", "answer": "1.7.abc", "score": 1}
    assert client.post("/v1/prompts/scores", scored, **headers).status_code == 403
