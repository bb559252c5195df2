"""Documents asked through a server: routes, clients of OpenAI, keys that read as groups, versions
that are released, stopped and taken back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openai
import pytest

from seatrial.experiments.desk import ExperimentDesk
from seatrial.packaging.http import request_bytes
from seatrial.wiring.experiments import experiment_desk
from seatrial.wiring.knowledge.deploy_index import release_index
from seatrial.wiring.knowledge.indexes import build_index
from seatrial.wiring.workspace import Workspace, open_workspace

pytestmark = [pytest.mark.integration, pytest.mark.slow]

GATES = {
    "error_rate": 0.2,
    "against_stable": {
        "error_rate": None,
        "refused_rate": None,
        "parse_rate": None,
        "score": 0.2,
        "cost_ratio": None,
        "p95_ratio": 20,
        "p95_slack_ms": 2000,
    },
}


class Library:
    """An index in a home, and the folder it is built from."""

    def __init__(self, home: Any, lab: Any) -> None:
        self.home, self.lab = home, lab
        self.folder: Path = home.folder / "ships"
        self.folder.mkdir()
        self.write(lambda n: f"The ship number {n} is {10 * n} metres long.")
        (self.folder / "crew.md").write_text(
            "---\nreaders: [crew]\n---\nThe cook is called Tomas.\n"
        )
        home.configure(
            server={"workers": 2},
            knowledge={
                lab.NAME: {
                    "documents": {"sources": [{"path": "ships"}]},
                    "embedding": {"kind": "none"},
                    "release": {
                        "steps": [{"share": 0.5, "watch": "1s"}],
                        "extend": "10m",
                        "gates": GATES,
                    },
                }
            },
        )

    @property
    def workspace(self) -> Workspace:
        return open_workspace(home=self.home.folder, config=self.home.config)

    def write(self, says: Any) -> None:
        for n in range(1, 9):
            text = f"# Ship {n}\n\n{says(n)}\n"
            (self.folder / f"ship-{n}.md").write_text(text, "utf-8")

    def build(self) -> int | None:
        return build_index(self.workspace, self.lab.NAME).version

    def release(self, target: str = "production") -> int:
        placed = release_index(
            self.workspace,
            self.lab.NAME,
            version=None,
            share=None,
            watch_s=None,
            target=target,
            by="test",
            on_step=lambda *_: None,
        )
        placed.store.close()
        return placed.version.number

    def traffic(self, port: int) -> Any:
        requests = [
            request_bytes(
                "POST",
                f"/v1/knowledge/{self.lab.NAME}/answer",
                body=json.dumps(
                    {"question": f"How long is ship number {n % 8 + 1}?", "user": f"user-{n}"}
                ).encode(),
                headers={"content-type": "application/json"},
            ).replace(b"host: seatrial", b"host: 127.0.0.1")
            for n in range(400)
        ]
        return self.lab.Traffic(port, requests, n_clients=4, pause_s=0.005)

    def ended(self, phase: str) -> dict[str, Any]:
        self.home.reach(phase)
        self.lab.until("workers that serve what the facts say", lambda: self.home.settled(2))
        record: dict[str, Any] = self.home.desk.view(self.lab.NAME)
        return record


@pytest.fixture
def library(home: Any, lab: Any) -> Library:
    return Library(home, lab)


def test_a_server_answers_with_citations_and_keeps_to_access_lists(
    library: Library, lab: Any
) -> None:
    library.build()
    up = library.home.up("--workers", "2")
    client = openai.OpenAI(base_url=f"http://127.0.0.1:{up.port}/v1", api_key="none", max_retries=0)
    model = f"rag/{lab.NAME}"
    assert model in [one.id for one in client.models.list().data]
    told = client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "How long is ship number 3?"}]
    )
    assert "30 metres" in str(told.choices[0].message.content)
    citation = told.model_extra["seatrial"]["citations"][0]
    text = (library.folder / citation["document"]).read_text("utf-8")
    assert text[citation["start"] : citation["end"]] == citation["text"]

    streamed = client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": "How long is ship number 3?"}],
        stream=True,
    )
    parts = [piece.choices[0].delta.content or "" for piece in streamed if piece.choices]
    assert "30 metres" in "".join(parts)

    def found(**body: Any) -> list[str]:
        path = f"/v1/knowledge/{lab.NAME}/search"
        sent = {"question": "What is the cook called?"} | body
        reply = client.post(path.removeprefix("/v1"), body=sent, cast_to=object)
        return [one["document"] for one in reply["passages"]]

    assert "crew.md" not in found()
    assert "crew.md" in found(readers=["crew"])
    assert up.stop() == 0


def test_a_version_that_answers_worse_is_stopped_and_a_better_one_promoted_and_taken_back(
    library: Library, lab: Any
) -> None:
    library.build()
    up = library.home.up("--workers", "2")
    assert library.release() == 1
    library.ended("promoted")
    with library.traffic(up.port) as traffic:
        lab.until("answers", lambda: len(traffic.asked) > 20)

        library.write(lambda _: "Roses bloom in June and like the sun.")
        library.build()
        assert library.release() == 2
        record = library.ended("aborted")
        verdicts = record["release"]["evidence"]["verdicts"]
        assert {v["gate"] for v in verdicts if v["outcome"] == "fail"} == {"score_against_stable"}

        library.write(lambda n: f"The length of the ship number {n}: she is {10 * n} metres long.")
        library.build()
        assert library.release() == 3
        assert library.ended("promoted")["stable"] == 3

        assert library.home.desk.roll_back(lab.NAME, to=None, by="test")["stable"] == 1
        lab.until("workers that serve it", lambda: library.home.settled(2))
        since = len(traffic.asked)
        lab.until("more answers", lambda: len(traffic.asked) > since + 50)
    assert {answer.status for answer in traffic.asked} == {200}
    assert up.stop() == 0


def test_an_index_that_helps_more_wins_its_experiment(library: Library, lab: Any) -> None:
    library.build()
    up = library.home.up("--workers", "2")
    library.release()
    library.ended("promoted")
    library.write(lambda n: f"Ship number {n}: {10 * n} metres from stem to stern.")
    library.build()
    library.release("staging")
    library.home.reach("staged")
    experiments = experiment_desk(library.home.store)
    experiments.draft(
        {
            "experiment": "stem-to-stern",
            "endpoint": lab.NAME,
            "versions": {"today": 1, "next": 2},
            "variants": {"today": 1, "next": 1},
            "primary": {"name": "helped", "kind": "share"},
            "promote": True,
        },
        by="test",
    )
    experiments.start("stem-to-stern", by="test")
    lab.until("workers that split", lambda: library.home.settled(2))
    with library.traffic(up.port):
        lab.until("all users", lambda: _users(experiments) == 400)
        lab.until("scores", lambda: "score" in _requests(experiments)[1])
    trial = library.home.desk.state(lab.NAME).split.trials[0]
    users = [f"user-{n}" for n in range(400)]
    helped = [user for n, user in enumerate(users) if trial.place(user.encode()) or n % 4 == 0]
    rows = [{"user": user, "metric": "helped", "value": 1, "id": "q"} for user in helped]
    experiments.add("stem-to-stern", rows)
    lab.until("a decision", lambda: experiments.view("stem-to-stern")["phase"] == "decided")
    assert experiments.view("stem-to-stern")["winner"] == "next"
    lab.until("promotion", lambda: library.home.desk.state(lab.NAME).stable == 2)
    assert up.stop() == 0


def _users(experiments: ExperimentDesk) -> int:
    counts = experiments.view("stem-to-stern")["counts"]
    return 0 if counts is None else int(counts["n_units"])


def _requests(experiments: ExperimentDesk) -> list[dict[str, Any]]:
    return [one["requests"] or {} for one in experiments.view("stem-to-stern")["variants"]]
