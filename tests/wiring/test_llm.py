from pathlib import Path

import yaml

from seatrial.gateway.chat.call import Journal
from seatrial.serving.exchange import Request
from seatrial.testing import MemoryStore
from seatrial.wiring.llm import Llm
from seatrial.wiring.workspace import Workspace, open_workspace

MODELS = {"providers": {"one": {"kind": "openai"}}, "models": {"m": "one/gpt-4o-mini"}}
LIST = Request("GET", "/v1/models", b"", {b"host": b"localhost"}, b"")


def workspace(tmp_path: Path, *, host: str = "127.0.0.1", **section: object) -> Workspace:
    config = tmp_path / "seatrial.yaml"
    config.write_text(yaml.safe_dump({"server": {"host": host}, "gateway": MODELS | section}))
    return open_workspace(home=tmp_path / "home", config=config, environment={})


async def status(space: Workspace) -> int:
    llm = Llm(space, MemoryStore(), environment={})
    reply = await llm.plane.answer(LIST)
    await llm.close()
    return reply.status


async def test_without_keys_only_a_server_on_loopback_is_open(tmp_path: Path) -> None:
    assert await status(workspace(tmp_path)) == 200
    assert await status(workspace(tmp_path, host="0.0.0.0")) == 401
    assert await status(workspace(tmp_path, require_key=True)) == 401


async def test_counts_of_all_workers_are_told_as_one(tmp_path: Path) -> None:
    llm = Llm(workspace(tmp_path), MemoryStore(), environment={})
    llm._counts.ended("m", Journal(), outcome="ok", seconds=0.1)
    told = llm.exposition({"worker/s/0": llm.snapshot(), "worker/s/1": None})
    assert 'seatrial_llm_requests_total{route="m",outcome="ok",worker="worker/s/0"} 1' in told
    assert "worker/s/1" not in told
    await llm.close()
