"""Deploying prompts: read, checked against the workspace, registered, with gates that fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from seatrial.gateway.prompts.failures import PromptInvalid, PromptNotFound
from seatrial.gateway.structured.failures import SchemaInvalid
from seatrial.registry.documents import documents
from seatrial.registry.naming import ModelNameInvalid
from seatrial.release.rollout import RolloutConflict
from seatrial.wiring.deploying.deploy import deploy_order
from seatrial.wiring.deploying.order import OptionUnused, Order
from seatrial.wiring.kinds import PROMPT
from seatrial.wiring.prompts.deploy_prompt import GateUnmeasurable
from seatrial.wiring.workspace import Workspace, open_workspace

PLAIN = {
    "prompt": "---\nvariables: {what: {}}\n---\n{{ what }}?",
    "model": "small",
    "golden": {"examples": [{"variables": {"what": "Why"}}]},
}
PARSED = PLAIN | {"answer": {"type": "object"}}
GATES = {"against_stable": {"parse_rate": 0.05}}


class Desk:
    """A workspace with a gateway, and what deploying said."""

    def __init__(self, folder: Path, gates: dict[str, Any]) -> None:
        self.folder = folder
        config = folder / "seatrial.yaml"
        provider = {"kind": "openai", "base_url": "http://127.0.0.1:9"}
        section = {
            "gateway": {
                "providers": {"one": provider},
                "models": {
                    "small": "one/m",
                    "vectors": {"kind": "embedding", "candidates": ["one/e"]},
                },
            },
            "prompts": {"release": {"gates": gates}},
        }
        config.write_text(yaml.safe_dump(section))
        self.workspace: Workspace = open_workspace(
            home=folder / "home", config=config, environment={}
        )
        self.said: list[tuple[str, str, str]] = []

    def deploy(self, file: dict[str, Any], **order: Any) -> dict[str, Any]:
        """The release that began."""
        path = self.folder / "ask.prompt.yaml"
        path.write_text(yaml.safe_dump(file))
        placed = deploy_order(
            self.workspace,
            Order(**{"model": path, "target": "production"} | order),
            on_step=lambda *said: self.said.append(said),
            on_progress=lambda *_: None,
        )
        try:
            return placed.desk.view(placed.endpoint)["release"]  # type: ignore[return-value]
        finally:
            placed.store.close()

    def promoted(self, file: dict[str, Any]) -> None:
        """Deploy, and say that it was promoted."""
        self.deploy(file)
        from seatrial.kernel.events import Draft

        store = self.workspace.open_store()
        facts = store.read(stream="endpoint/ask")
        said = {key: facts[-1].data[key] for key in ("release", "version")}
        data = said | {"reason": "", "report": {}}
        store.append(
            "endpoint/ask",
            [Draft(kind="staging.passed", data=data), Draft(kind="release.promoted", data=data)],
            expected=facts[-1].revision,
        )
        store.close()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, GATES)


def gates(release: dict[str, Any]) -> set[str]:
    return {gate["kind"] for gate in release["plan"]["gates"]["gates"]}


def test_a_prompt_is_registered_whole_and_its_release_begins(desk: Desk) -> None:
    release = desk.deploy(PARSED)
    assert (release["version"], release["phase"]) == (1, "staging")
    store = desk.workspace.open_store()
    (document,) = documents(store, PROMPT, "ask")
    assert store.read(stream="endpoint/ask")[0].data["kind"] == "prompt"
    store.close()
    assert document.content["prompt"] == PLAIN["prompt"]
    assert document.source_name == "ask.prompt.yaml"
    assert [name for _, name, _ in desk.said] == ["prompt", "register"]


def test_a_comparison_that_cannot_be_measured_is_left_out_and_said(desk: Desk) -> None:
    desk.promoted(PLAIN)
    release = desk.deploy(PARSED)
    assert "parse_rate_against_stable" not in gates(release)
    assert "cost_per_request_against_stable" in gates(release)
    left = [text for mark, _, text in desk.said if mark == "note"]
    assert "parse_rate_against_stable left out: the version in production lacks a schema" in left[0]


def test_a_comparison_that_can_be_measured_stays(desk: Desk) -> None:
    desk.promoted(PARSED)
    release = desk.deploy(PARSED | {"parameters": {"temperature": 1}})
    assert "parse_rate_against_stable" in gates(release)


@pytest.mark.parametrize(("gate", "what"), [("parse_rate", "a schema"), ("score", "a scorer")])
def test_a_gate_that_could_never_be_measured_is_refused(
    tmp_path: Path, gate: str, what: str
) -> None:
    desk = Desk(tmp_path, {gate: 0.9})
    with pytest.raises(GateUnmeasurable, match=f"gate {gate} is asked for, but .* lacks {what}"):
        desk.deploy(PLAIN)
    store = desk.workspace.open_store()
    assert documents(store, PROMPT, "ask") == []
    store.close()


@pytest.mark.parametrize(
    ("change", "order", "error"),
    [
        ({"model": "other"}, {}, PromptInvalid),
        ({"model": "vectors"}, {}, PromptInvalid),
        ({"answer": {"type": "nonsense"}}, {}, SchemaInvalid),
        ({"scorer": "no_such_module:f"}, {}, PromptInvalid),
        ({"prompt": {"file": "../../etc/passwd"}}, {}, PromptInvalid),
        ({"prompt": {"file": "missing.md"}}, {}, PromptInvalid),
        ({"prompt": {"folder": ".", "name": "missing"}}, {}, PromptNotFound),
        ({}, {"name": "No name"}, ModelNameInvalid),
        ({}, {"label": "y"}, OptionUnused),
        ({}, {"model": Path("missing.prompt.yaml")}, PromptNotFound),
    ],
)
def test_what_cannot_be_served_is_refused_before_anything_is_registered(
    desk: Desk, change: dict[str, Any], order: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        desk.deploy(PLAIN | change, **order)
    store = desk.workspace.open_store()
    assert store.head() == 0
    store.close()


def test_the_text_may_lie_beside_the_file(desk: Desk) -> None:
    (desk.folder / "text.md").write_text(str(PLAIN["prompt"]))
    (desk.folder / "kept").mkdir()
    (desk.folder / "kept" / "ask.md").write_text(str(PLAIN["prompt"]))
    assert desk.deploy(PLAIN)["version"] == 1
    for ref in ({"file": "text.md"}, {"folder": "kept", "name": "ask"}):
        with pytest.raises(RolloutConflict, match="still staging"):
            desk.deploy(PLAIN | {"prompt": ref})


def test_a_prompt_and_a_model_do_not_share_a_name(desk: Desk) -> None:
    desk.promoted(PLAIN)
    from seatrial.release.desk import Desk as ReleaseDesk

    store = desk.workspace.open_store()
    with pytest.raises(RolloutConflict, match="of the kind prompt, not model"):
        ReleaseDesk(store).check_free("ask")
    store.close()
