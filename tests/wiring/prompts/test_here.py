"""Prompts of a store in a program: found when they are asked for, and measured for the releases."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from seatrial.gateway.prompts.failures import PromptNotFound
from seatrial.gateway.prompts.variant import Example, Golden, PromptVariant
from seatrial.kernel.events import Draft
from seatrial.registry.documents import register
from seatrial.release.config import ReleaseConfig
from seatrial.release.endpoint import EndpointState, start
from seatrial.release.measurement import Summary
from seatrial.testing import ScriptedLLM
from seatrial.wiring.gateway import open_gateway
from seatrial.wiring.kinds import PROMPT
from seatrial.wiring.workspace import Workspace, open_workspace

VARIANT = PromptVariant(
    prompt="---\nvariables: {what: {}}\n---\n{{ what }}?",
    model="small",
    golden=Golden(examples=(Example(variables={"what": "Why"}),)),
)


def promoted(workspace: Workspace) -> None:
    """A version of the prompt ``ask`` in production."""
    store = workspace.open_store()
    digest = VARIANT.digest
    register(store, PROMPT, "ask", digest=digest, content=VARIANT.record(), source_name="a", by="t")
    begun = start(
        EndpointState(name="ask"),
        version=1,
        digest=digest,
        target="production",
        plan=ReleaseConfig().plan(),
        kind=PROMPT,
    )
    data = {"release": begun[0].data["release"], "version": 1, "reason": "", "report": {}}
    later = [Draft(kind=kind, data=data) for kind in ("staging.passed", "release.promoted")]
    store.append("endpoint/ask", [*begun, *later], expected=0)
    store.close()


async def test_a_program_asks_the_version_in_production_and_hands_in_what_it_measured(
    tmp_path: Path,
) -> None:
    config = tmp_path / "seatrial.yaml"
    async with ScriptedLLM() as llm:
        provider = {"kind": "openai", "base_url": llm.openai_url, "vendor": "openai"}
        section = {"providers": {"one": provider}, "models": {"small": "one/gpt-4o-mini"}}
        config.write_text(yaml.safe_dump({"gateway": section}))
        workspace = open_workspace(home=tmp_path / "home", config=config, environment={})
        promoted(workspace)
        async with open_gateway(home=tmp_path / "home", config=config, environment={}) as gateway:
            assert gateway.prompts is not None
            assert gateway.prompts.names() == []
            answer = await gateway.prompt("ask", {"what": "Why"})
            assert (answer.version, answer.text) == (1, "Why?")
            assert gateway.prompts.names() == ["ask"]
            with pytest.raises(PromptNotFound, match="no prompt 'other'"):
                await gateway.prompt("other", {})
    store = workspace.open_store()
    slices = [piece for _, piece in store.read_slices("ask")]
    summary = sum((Summary.decode(piece.summary) for piece in slices), Summary.empty())
    store.close()
    assert {piece.version for piece in slices} == {1}
    assert summary.n == 1
    assert summary.quality.costs.n == 1
