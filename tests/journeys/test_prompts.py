"""Prompts travel the way of models: canaried, judged by what they parse, cost and score, and rolled
back; whoever dies meanwhile. The model behind them is scripted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
import yaml

from seatrial.packaging.http import request_bytes
from seatrial.testing import ScriptedLLM
from seatrial.testing.scripted_llm import Asked, Says, Step, Tokens
from seatrial.wiring.deploying.deploy import deploy_order
from seatrial.wiring.deploying.order import Order
from seatrial.wiring.experiments import experiment_desk
from seatrial.wiring.workspace import open_workspace

pytestmark = [pytest.mark.integration, pytest.mark.slow]

GOLDEN = "golden letter"
SCORER = """
def score(variables, answer):
    return 1.0 if answer["topic"] == variables["letter"] else 0.0
"""


def answer_of(asked: Asked) -> Step:
    """What the system message asks for: golden letters are always answered well."""
    messages = asked.body["messages"]
    system, letter = messages[0]["content"], messages[-1]["content"]
    topic = letter if "sharp" in system or letter == GOLDEN else "something"
    text = json.dumps({"topic": topic})
    if letter != GOLDEN and "prose" in system:
        text = "It is about a parcel."
    output = 4000 if letter != GOLDEN and "at length" in system else 10
    return Says(text=text, tokens=Tokens(input=20, output=output))


@pytest.fixture
def llm() -> Iterator[ScriptedLLM]:
    with ScriptedLLM(answer_of).in_thread() as llm:
        yield llm


@pytest.fixture
def gates() -> dict[str, Any]:
    """Wide, so that a verdict takes some dozen requests; those of errors do not speak first."""
    return {
        "error_rate": None,
        "against_stable": {
            "error_rate": None,
            "refused_rate": 0.1,
            "parse_rate": 0.1,
            "score": 0.2,
            "cost_ratio": 2,
            "p95_ratio": 20,
            "p95_slack_ms": 2000,
        },
    }


class Desk:
    """Deploys prompts to a home, and asks them."""

    def __init__(self, home: Any, llm: ScriptedLLM, lab: Any, gates: dict[str, Any]) -> None:
        self.home, self.lab = home, lab
        home.configure(
            gateway={
                "providers": {
                    "one": {"kind": "openai", "base_url": llm.openai_url, "vendor": "openai"}
                },
                "models": {"small": "one/gpt-4o-mini"},
                "retry": {"attempts": 1},
            },
            prompts={
                "golden_usd": 0.01,
                "release": {
                    "steps": [{"share": 0.5, "watch": "1s"}],
                    "extend": "10m",
                    "gates": gates,
                },
            },
        )
        home.folder.joinpath("letter_scores.py").write_text(SCORER)

    def up(self) -> Any:
        return self.home.up("--workers", "2", PYTHONPATH=self._path())

    def deploy(self, manner: str, *, scored: bool = False, target: str = "production") -> int:
        """Begin to release a version; returns its number."""
        prompt = "---\nvariables: {letter: {}}\n---\n[system]\nSort: " + manner
        file = {
            "prompt": prompt + "\n[user]\n{{ letter }}",
            "model": "small",
            "parameters": {"temperature": 0, "max_tokens": 5000},
            "answer": {
                "type": "object",
                "properties": {"topic": {"type": "string"}},
                "required": ["topic"],
            },
            "golden": {
                "compare": "json",
                "examples": [{"variables": {"letter": GOLDEN}, "expected": {"topic": GOLDEN}}],
            },
        }
        if scored:
            file["scorer"] = "letter_scores:score"
        path: Path = self.home.folder / f"{self.lab.NAME}.prompt.yaml"
        path.write_text(yaml.safe_dump(file))
        workspace = open_workspace(home=self.home.folder, config=self.home.config)
        placed = deploy_order(
            workspace,
            Order(model=path, target=target),
            on_step=lambda *_: None,
            on_progress=lambda *_: None,
        )
        placed.store.close()
        return placed.version.number

    def traffic(self, port: int) -> Any:
        requests = [
            request_bytes(
                "POST",
                "/v1/chat/completions",
                body=json.dumps(
                    {
                        "model": f"prompt/{self.lab.NAME}",
                        "user": f"user-{n}",
                        "variables": {"letter": f"letter {n}"},
                    }
                ).encode(),
                headers={"content-type": "application/json"},
            ).replace(b"host: seatrial", b"host: 127.0.0.1")
            for n in range(400)
        ]
        return self.lab.Traffic(port, requests, n_clients=4, pause_s=0.005)

    def ended(self, phase: str) -> dict[str, Any]:
        """The release, once it is in a phase it stays in."""
        self.home.reach(phase)
        self.lab.until("workers that serve what the facts say", lambda: self.home.settled(2))
        record: dict[str, Any] = self.home.desk.view(self.lab.NAME)
        return record

    def _path(self) -> str:
        source = Path(__file__).parents[2] / "src"
        return f"{source}:{self.home.folder}"


@pytest.fixture
def desk(
    home: Any, llm: ScriptedLLM, lab: Any, gates: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> Desk:
    monkeypatch.syspath_prepend(str(home.folder))
    return Desk(home, llm, lab, gates)


def failed(record: dict[str, Any]) -> set[str]:
    verdicts = record["release"]["evidence"]["verdicts"]
    return {v["gate"] for v in verdicts if v["outcome"] == "fail"}


def test_what_parses_worse_or_costs_more_is_aborted_and_what_is_good_promoted_and_rolled_back(
    desk: Desk, lab: Any
) -> None:
    up = desk.up()
    assert desk.deploy("well") == 1
    desk.ended("promoted")
    with desk.traffic(up.port) as traffic:
        lab.until("answers", lambda: len(traffic.asked) > 20)

        assert desk.deploy("in prose") == 2
        assert failed(desk.ended("aborted")) == {"parse_rate_against_stable"}

        assert desk.deploy("at length") == 3
        assert failed(desk.ended("aborted")) == {"cost_per_request_against_stable"}

        assert desk.deploy("well, and kindly") == 4
        record = desk.ended("promoted")
        assert {v["outcome"] for v in record["release"]["evidence"]["verdicts"]} == {"pass"}
        assert record["stable"] == 4

        assert desk.home.desk.roll_back(lab.NAME, to=None, by="test")["stable"] == 1
        lab.until("workers that serve it", lambda: desk.home.settled(2))
        since = len(traffic.asked)
        lab.until("more answers", lambda: len(traffic.asked) > since + 50)
    assert {a.version for a in traffic.asked[since + 8 :]} == {1}
    assert {a.status for a in traffic.bad()} == {502}, "of version 2, whose answers do not parse"
    assert {a.version for a in traffic.bad()} == {2}
    assert up.stop() == 0


def test_a_lower_score_is_aborted(desk: Desk, lab: Any) -> None:
    up = desk.up()
    desk.deploy("be sharp", scored=True)
    desk.ended("promoted")
    with desk.traffic(up.port) as traffic:
        lab.until("answers", lambda: len(traffic.asked) > 20)
        desk.deploy("be kind", scored=True)
        assert failed(desk.ended("aborted")) == {"score_against_stable"}
    assert up.stop() == 0


def test_a_prompt_whose_golden_examples_fail_is_rejected_and_takes_no_traffic(
    desk: Desk, lab: Any, llm: ScriptedLLM
) -> None:
    llm.decide = lambda _: Says(text="No idea.")
    up = desk.up()
    desk.deploy("well")
    desk.home.reach("rejected")
    release = desk.home.desk.view(lab.NAME)["release"]
    assert "parse rate failed: 0 of 1 answers parsed" in release["reason"]
    assert up.stop() == 0


def test_golden_examples_cost_no_more_than_their_budget(
    desk: Desk, lab: Any, llm: ScriptedLLM
) -> None:
    llm.decide = lambda asked: Says(text='{"topic": "x"}', tokens=Tokens(input=20, output=5000))
    config = yaml.safe_load(desk.home.config.read_text())
    config["prompts"]["golden_usd"] = 0.000001
    desk.home.config.write_text(yaml.safe_dump(config))
    up = desk.up()
    desk.deploy("well")
    desk.home.reach("rejected")
    assert "golden" in desk.home.desk.view(lab.NAME)["release"]["reason"]
    assert llm.bill.n_billed == 0
    assert up.stop() == 0


def test_a_release_goes_on_after_the_death_of_the_supervisor_in_its_canary(
    desk: Desk, lab: Any
) -> None:
    up = desk.up()
    desk.deploy("well")
    desk.ended("promoted")
    desk.deploy("well, and kindly")
    lab.until("the canary", lambda: "step.entered" in desk.home.kinds())
    with desk.traffic(up.port) as traffic:
        lab.until("answers", lambda: len(traffic.asked) > 20)
    up.kill()
    again = desk.up()
    with desk.traffic(again.port) as traffic:
        record = desk.ended("promoted")
    assert record["stable"] == 2
    assert [f.data["version"] for f in desk.home.facts() if f.kind == "release.promoted"] == [1, 2]
    assert traffic.bad() == []
    assert again.stop() == 0
    lab.until("every process ended", lambda: up.gone() and again.gone())


def test_official_clients_give_variables_and_learn_who_answered(desk: Desk, lab: Any) -> None:
    up = desk.up()
    desk.deploy("be sharp")
    desk.ended("promoted")
    url, model = f"http://127.0.0.1:{up.port}", f"prompt/{lab.NAME}"
    body = {"variables": {"letter": "a refund"}}
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
        raw = client.chat.completions.with_raw_response.create(
            model=model, messages=[], user="ana", extra_body=body
        )
        whole = raw.parse()
        assert whole.choices[0].message.content == '{"topic": "a refund"}'
        told = whole.model_extra["seatrial"]
        assert (told["prompt"], told["version"]) == (lab.NAME, 1)
        assert raw.headers["x-seatrial-answer"] == told["answer"]
        score = {"prompt": lab.NAME, "answer": told["answer"], "score": 1}
        assert client.post("/prompts/scores", body=score, cast_to=object) == {"taken": True}
        with pytest.raises(openai.NotFoundError, match="has given no answer"):
            client.post("/prompts/scores", body=score | {"answer": "1.999.x"}, cast_to=object)
        with pytest.raises(openai.BadRequestError, match="score is 2, not a number from 0 to 1"):
            client.post("/prompts/scores", body=score | {"score": 2}, cast_to=object)
        assert raw.headers["x-seatrial-version"] == "1"
        streamed = client.chat.completions.create(
            model=model, messages=[], stream=True, extra_body=body
        )
        pieces = [chunk.choices[0].delta.content or "" for chunk in streamed if chunk.choices]
        assert "".join(pieces) == '{"topic": "a refund"}'
        assert model in [one.id for one in client.models.list()]
        with pytest.raises(openai.BadRequestError, match="letter is no text"):
            client.chat.completions.create(
                model=model, messages=[], extra_body={"variables": {"letter": 3}}
            )
        with pytest.raises(openai.NotFoundError, match="no prompt 'other'"):
            client.chat.completions.create(model="prompt/other", messages=[])
    with anthropic.Anthropic(base_url=url, api_key="none", max_retries=0) as client:
        said = client.messages.create(model=model, max_tokens=50, messages=[], extra_body=body)
        assert said.content[0].text == '{"topic": "a refund"}'
        assert said.model_extra["seatrial"]["version"] == 1
        with pytest.raises(anthropic.BadRequestError, match="letter is missing"):
            client.messages.create(model=model, max_tokens=50, messages=[])
    assert up.stop() == 0


def test_a_prompt_that_costs_more_is_ended_as_an_experiment_by_its_gate(
    desk: Desk, lab: Any, gates: dict[str, Any]
) -> None:
    up = desk.up()
    desk.deploy("well")
    desk.ended("promoted")
    desk.deploy("at length", target="staging")
    desk.home.reach("staged")
    experiments = experiment_desk(desk.home.store)
    experiments.draft(
        {
            "experiment": "longer-answers",
            "endpoint": lab.NAME,
            "versions": {"short": 1, "long": 2},
            "variants": {"short": 1, "long": 1},
            "primary": {"name": "solved", "kind": "share"},
            "gates": gates,
        },
        by="test",
    )
    experiments.start("longer-answers", by="test")
    lab.until("workers that split", lambda: desk.home.settled(2))
    with desk.traffic(up.port) as traffic:
        lab.until("its end", lambda: experiments.view("longer-answers")["phase"] == "stopped")
        lab.until("its trial's end", lambda: desk.home.desk.state(lab.NAME).trials == {})
        lab.until("workers that serve it", lambda: desk.home.settled(2))
        since = len(traffic.asked)
        lab.until("more answers", lambda: len(traffic.asked) > since + 50)
    assert {a.version for a in traffic.asked[:since]} == {1, 2}
    assert {a.version for a in traffic.asked[since + 8 :]} == {1}
    record = experiments.view("longer-answers")
    short, long = (one["requests"] for one in record["variants"])
    assert long["cost_usd"] > 20 * short["cost_usd"]
    assert "long: " in record["reason"]
    assert sum(record["judgement"]["split"]["counts"].values()) <= 400
    assert desk.home.desk.state(lab.NAME).stable == 1
