"""The routes over providers that play scripts, behind both doors."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from seatrial.gateway.chat.provider import Provider
from seatrial.gateway.prompts.live import LivePrompt
from seatrial.gateway.prompts.variant import Example, Golden, PromptVariant
from seatrial.gateway.routes.doorman import Doorman
from seatrial.gateway.routes.gateway import Gateway
from seatrial.gateway.routes.key_desk import KeyDesk
from seatrial.gateway.routes.table import ModelTable, Route, Use
from seatrial.kernel.clock import SystemClock
from seatrial.release.variant import Split
from seatrial.serving.exchange import Limits
from seatrial.serving.plane import DataPlane
from seatrial.serving.record import Recorder
from seatrial.serving.router import Router
from seatrial.testing import MemoryStore, ScriptedProvider
from seatrial.testing.models import live_version, matrix_signature, router_of
from seatrial.testing.scripted_provider import Turn
from seatrial.web.app import build
from seatrial.web.errors import error_reply
from seatrial.web.llm.plane import LlmPlane
from seatrial.web.protocol import HotProtocol
from seatrial.wiring.prompts.versions import LoadedPrompt, RoutedPrompts

HELLO = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}


async def nothing() -> None:
    """What closing a gateway does here."""


def prompts_in_two_versions() -> RoutedPrompts:
    """Each for half of the users."""
    text = "---\nvariables: {what: {}}\n---\n{{ what }}?"
    golden = Golden(examples=(Example(variables={"what": "Why"}),))
    recorder = Recorder(worker="w", clock=SystemClock())
    router: Router[LoadedPrompt] = Router(recorder)
    split = Split(stable=1, canary=2, canary_share=0.5, salt="a")
    variants = {n: PromptVariant(prompt=text, model="m", golden=golden) for n in (1, 2)}
    loaded = {n: LoadedPrompt(LivePrompt("ask", n, variant)) for n, variant in variants.items()}
    router.apply("ask", 7, split, loaded)
    return RoutedPrompts(router, recorder)


@dataclass
class House:
    """A plane whose model ``m`` plays a script; ``e`` embeds.

    Args:
        open_door: whether calls without a key are let in.
        released: whether the prompt ``ask`` is released, in two versions.
    """

    script: list[Turn] = field(default_factory=lambda: [Turn()])
    open_door: bool = True
    deadline_s: float = 30.0
    released: bool = False

    def __post_init__(self) -> None:
        self.provider = ScriptedProvider(self.script, name="one")
        self.desk = KeyDesk(MemoryStore(), now=SystemClock().now)
        self.doorman = Doorman(
            self.desk.ring, open=self.open_door, now=time.monotonic, wall=time.time
        )
        self.plane = LlmPlane(
            self.gateway(self.provider), self.doorman, Limits(max_body_bytes=9999)
        )

    def gateway(self, provider: Provider) -> Gateway:
        table = ModelTable(
            {
                name: Route(name=name, provider=provider, deadline_s=self.deadline_s, use=use)
                for name, use in (("m", Use.CHAT), ("e", Use.EMBEDDING), ("org/n", Use.CHAT))
            }
        )
        prompts = prompts_in_two_versions() if self.released else None
        return Gateway(table, now=time.monotonic, closing=nothing, prompts=prompts)

    def app(self) -> Any:
        router = router_of(live_version(matrix_signature()))
        plane = DataPlane(router, error_reply, elsewhere=self.plane.has)
        return build(plane, streams=self.plane)


@dataclass
class Client:
    """Talks to one door of a house."""

    house: House
    url: str

    def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.post(self.url + path, content=content, headers=sent)

    def chat(self, **changes: Any) -> httpx.Response:
        return self.post("/v1/chat/completions", HELLO | changes)

    def message(self, **changes: Any) -> httpx.Response:
        return self.post("/v1/messages", {**HELLO, "max_tokens": 9} | changes)

    def get(self, path: str, **headers: str) -> httpx.Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.get(self.url + path, headers=sent)


@pytest.fixture(params=["hot", "asgi"])
def ask(request: pytest.FixtureRequest, serve: Any) -> Callable[..., Client]:
    """Serves a house behind one of the doors."""
    http = HotProtocol if request.param == "hot" else "httptools"

    def start(*script: Turn, **options: Any) -> Client:
        house = House(list(script) or [Turn()], **options)
        served = serve(house.app(), http)
        return Client(house, f"http://127.0.0.1:{served.port}")

    return start


def events(text: str) -> list[tuple[str, Any]]:
    """Name and data of each event of a stream; comments are left out."""
    found = []
    for block in text.split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        fields = dict(line.split(": ", 1) for line in lines)
        if "data" in fields:
            data = fields["data"]
            found.append((fields.get("event", ""), data if data == "[DONE]" else json.loads(data)))
    return found
