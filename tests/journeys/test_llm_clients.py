"""The official clients of OpenAI and Anthropic, unchanged, against a server that routes either to
either; the providers behind it are scripted."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anthropic
import httpx
import openai
import pytest
from pydantic import BaseModel

from seatrial.testing import ScriptedLLM
from seatrial.testing.scripted_llm import Fault, FaultKind, Says

GPT, CLAUDE = "gpt", "claude"
HELLO = [{"role": "user", "content": "Hello there"}]
TOOL = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


class Town(BaseModel):
    name: str
    people: int


@dataclass
class Served:
    """A running server, what is behind it, and both clients."""

    llm: ScriptedLLM
    home: Any
    up: Any
    openai: openai.OpenAI
    anthropic: anthropic.Anthropic


def section(llm: ScriptedLLM, **more: Any) -> dict[str, Any]:
    return {
        "providers": {
            "one": {"kind": "openai", "base_url": llm.openai_url, "vendor": "openai"},
            "two": {"kind": "anthropic", "base_url": llm.anthropic_url, "vendor": "anthropic"},
        },
        "models": {
            GPT: "one/gpt-4o-mini",
            CLAUDE: "two/claude-3-haiku-20240307",
            "both": ["one/gpt-4o-mini", "two/claude-3-haiku-20240307"],
            "vectors": {"kind": "embedding", "candidates": ["one/text-embedding-3-small"]},
        },
        "retry": {"attempts": 1},
        **more,
    }


@pytest.fixture
def llm() -> Iterator[ScriptedLLM]:
    with ScriptedLLM().in_thread() as llm:
        yield llm


@pytest.fixture
def serve(llm: ScriptedLLM, home: Any) -> Iterator[Callable[..., Served]]:
    """Starts a server over the scripted one, for callers with a key."""
    started: list[Served] = []

    def start(key: str = "none", **more: Any) -> Served:
        home.configure(gateway=section(llm, **more))
        up = home.up()
        url = f"http://127.0.0.1:{up.port}"
        started.append(
            Served(
                llm,
                home,
                up,
                openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=30),
                anthropic.Anthropic(base_url=url, api_key=key, max_retries=0, timeout=30),
            )
        )
        return started[-1]

    yield start
    for served in started:
        served.openai.close()
        served.anthropic.close()


@pytest.fixture
def served(serve: Callable[..., Served]) -> Served:
    return serve()


def test_openais_client_finds_all_it_knows(served: Served) -> None:
    client = served.openai
    for model in (GPT, CLAUDE):
        whole = client.chat.completions.create(model=model, messages=HELLO)
        assert whole.choices[0].message.content == "Hello there"
        assert whole.usage is not None
        assert whole.usage.completion_tokens == 2
        pieces = list(
            client.chat.completions.create(
                model=model, messages=HELLO, stream=True, stream_options={"include_usage": True}
            )
        )
        said = "".join(p.choices[0].delta.content or "" for p in pieces if p.choices)
        assert said == "Hello there"
        assert pieces[-1].usage is not None
        tool = {"type": "function", "function": {"name": "look", "parameters": TOOL}}
        called = client.chat.completions.create(model=model, messages=HELLO, tools=[tool])
        (call,) = called.choices[0].message.tool_calls or ()
        assert call.function.name == "look"
        assert called.choices[0].finish_reason == "tool_calls"
        json.loads(call.function.arguments)
    assert {entry.id for entry in client.models.list()} == {GPT, CLAUDE, "both", "vectors"}
    assert client.models.retrieve(GPT).id == GPT
    made = client.embeddings.create(model="vectors", input=["a", "b"])
    assert len(made.data) == 2
    assert len(made.data[0].embedding) == len(made.data[1].embedding) > 0


def test_openais_client_parses_into_a_type(served: Served) -> None:
    text = '{"name": "Ulm", "people": 126000}'
    for model in (GPT, CLAUDE):
        served.llm.then(Says(text=text))
        parsed = served.openai.chat.completions.parse(
            model=model, messages=HELLO, response_format=Town
        )
        assert parsed.choices[0].message.parsed == Town(name="Ulm", people=126000)
    served.llm.then(Says(text="```json\n{'name': 'Ulm', 'people': 126000,}\n```"))
    mended = served.openai.chat.completions.parse(model=GPT, messages=HELLO, response_format=Town)
    assert mended.choices[0].message.parsed == Town(name="Ulm", people=126000)


def test_anthropics_client_finds_all_it_knows(served: Served) -> None:
    client = served.anthropic
    for model in (CLAUDE, GPT):
        whole = client.messages.create(model=model, max_tokens=50, messages=HELLO)
        assert whole.content[0].text == "Hello there"
        assert (whole.stop_reason, whole.usage.output_tokens) == ("end_turn", 2)
        with client.messages.stream(model=model, max_tokens=50, messages=HELLO) as stream:
            assert "".join(stream.text_stream) == "Hello there"
            assert stream.get_final_message().usage.output_tokens == 2
        tool = {"name": "look", "description": "Looks.", "input_schema": TOOL}
        called = client.messages.create(model=model, max_tokens=50, messages=HELLO, tools=[tool])
        assert called.stop_reason == "tool_use"
        assert called.content[-1].name == "look"
        with client.messages.stream(
            model=model, max_tokens=50, messages=HELLO, tools=[tool]
        ) as stream:
            assert stream.get_final_message().content[-1].name == "look"
        counted = client.messages.count_tokens(model=model, messages=HELLO)
        assert counted.input_tokens > 0
    assert CLAUDE in {entry.id for entry in client.models.list()}


def test_errors_are_those_that_clients_know(served: Served) -> None:
    faults = [
        (FaultKind.BAD_REQUEST, openai.BadRequestError, anthropic.BadRequestError),
        (FaultKind.RATE_LIMITED, openai.RateLimitError, anthropic.RateLimitError),
        (FaultKind.SERVER_ERROR, openai.InternalServerError, anthropic.InternalServerError),
        (FaultKind.OVERLOADED, openai.InternalServerError, anthropic.APIStatusError),
        (FaultKind.UNAUTHORIZED, openai.InternalServerError, anthropic.InternalServerError),
        (FaultKind.BROKEN_JSON, openai.InternalServerError, anthropic.InternalServerError),
    ]
    for kind, theirs, others in faults:
        served.llm.then(Fault(kind=kind), Fault(kind=kind))
        with pytest.raises(theirs):
            served.openai.chat.completions.create(model=GPT, messages=HELLO)
        with pytest.raises(others):
            served.anthropic.messages.create(model=CLAUDE, max_tokens=9, messages=HELLO)
    with pytest.raises(openai.NotFoundError, match="There is no model 'gtp'"):
        served.openai.chat.completions.create(model="gtp", messages=HELLO)
    with pytest.raises(anthropic.NotFoundError):
        served.anthropic.messages.create(model="gtp", max_tokens=9, messages=HELLO)


def test_a_stream_that_breaks_raises_in_either_client(served: Served) -> None:
    served.llm.then(Fault(kind=FaultKind.CUT), Fault(kind=FaultKind.CUT))
    with pytest.raises(openai.APIError):
        list(served.openai.chat.completions.create(model=GPT, messages=HELLO, stream=True))
    with (
        pytest.raises(anthropic.APIError),
        served.anthropic.messages.stream(model=GPT, max_tokens=9, messages=HELLO) as stream,
    ):
        stream.get_final_message()


def test_a_fault_before_the_first_word_is_not_seen_where_there_is_another(served: Served) -> None:
    for kind in (FaultKind.SERVER_ERROR, FaultKind.RESET, FaultKind.BROKEN_JSON):
        served.llm.then(Fault(kind=kind))
        raw = served.openai.chat.completions.with_raw_response.create(model="both", messages=HELLO)
        assert raw.headers["x-seatrial-model"] == "two/claude-3-haiku-20240307"
        assert raw.headers["x-seatrial-attempts"] == "2"
        assert raw.parse().choices[0].message.content == "Hello there"
    metrics = httpx.get(f"http://127.0.0.1:{served.up.port}/metrics").text
    (line,) = re.findall(r'^seatrial_llm_fallbacks_total{route="both",.*$', metrics, re.M)
    assert line.endswith(" 3")


def test_keys_budgets_and_usage_hold_from_the_command_line_to_the_client(
    serve: Callable[..., Served], home: Any
) -> None:
    def command(*arguments: str) -> Any:
        line = [sys.executable, "-m", "seatrial", "llm", *arguments, "--json"]
        line += ["--home", str(home.folder), "--config", str(home.config)]
        done = subprocess.run(line, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    made = command("keys", "create", "ana", "--budget", "0.0000055", "--window", "total")
    served = serve(made["key"])
    with pytest.raises(openai.AuthenticationError, match="not known"):
        served.openai.with_options(api_key="sk-wrong").models.list()
    with pytest.raises(anthropic.AuthenticationError):
        served.anthropic.with_options(api_key="sk-wrong").models.list()
    raw = served.openai.chat.completions.with_raw_response.create(
        model=GPT, messages=HELLO, max_tokens=2
    )
    assert raw.headers["x-seatrial-cost-usd"] == "0.0000015"
    with pytest.raises(openai.RateLimitError) as refused:
        served.openai.chat.completions.create(model=GPT, messages=HELLO, max_tokens=50)
    assert refused.value.code == "insufficient_quota"
    assert refused.value.response.headers["x-should-retry"] == "false"
    assert served.llm.n_asked == 1
    time.sleep(0.2)  # so long settlements wait at most, and some
    (sum_,) = command("usage", "--by", "key")
    assert (sum_["key_name"], sum_["n"], sum_["cost_usd"]) == ("ana", 1, "0.0000015")
    assert command("keys", "revoke", "ana")["revoked"]
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            served.openai.models.list()
        except openai.AuthenticationError:
            break
        time.sleep(0.2)
    else:
        raise AssertionError("a revoked key went on")
    assert made["key"] not in served.up.log()


def test_what_was_spent_is_kept_when_the_server_stops(served: Served, home: Any) -> None:
    for _ in range(5):
        served.openai.chat.completions.create(model=GPT, messages=HELLO)
    assert served.up.stop() == 0
    line = [sys.executable, "-m", "seatrial", "llm", "usage", "--json", "--home"]
    line += [str(home.folder), "--config", str(home.config)]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    assert [one["n"] for one in json.loads(done.stdout)] == [5]


def page_programs() -> list[str]:
    """The programs of the page, in order."""
    page = Path(__file__).parents[2] / "docs" / "how-to" / "llm.md"
    return re.findall(r"^```python server\n(.*?)^```$", page.read_text(), re.M | re.S)


def test_the_programs_of_the_page_do_what_they_say(llm: ScriptedLLM, home: Any) -> None:
    whole = section(llm)
    whole["models"]["small"] = whole["models"]["both"]
    home.configure(gateway=whole)
    up = home.up()
    (home.folder / "cwd").mkdir()
    (home.folder / "cwd" / "seatrial.yaml").write_text(home.config.read_text())
    environment = {"ADDRESS": f"http://127.0.0.1:{up.port}", "KEY": "none"}
    printed = []
    for program in page_programs():
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=home.folder / "cwd",
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        printed += done.stdout.splitlines()
    assert printed[:2] == ["Hello there", "Hello there"]
    assert re.fullmatch(r"Hello there 0\.0+\d+", printed[2])
