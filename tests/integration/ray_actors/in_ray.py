"""Run by the interpreter that has Ray: its actors give the very file that processes give."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seatrial.adapters.scoring.ray import RayScorer, ray_session, start_actor
from seatrial.cli.app import run
from seatrial.cli.exits import Exit
from tests.cli.scored_bundle import log_of_sums
from tests.conformance.scored_sums import OfSums


def test_actors_write_what_processes_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    bundle = str(log_of_sums(tmp_path).path)
    rows = np.random.default_rng(0).random((20_000, 3)) + 0.1
    rows[777] = [-9, 1, 1]
    np.savetxt("rows.csv", rows, delimiter=",", header="a,b,c", comments="", fmt="%.6f")
    options = ["--batch-rows", "1000", "--on-error", "skip", "--workers", "2", "--home", "home"]
    said = []
    for engine in ("processes", "ray"):
        words = ["predict", bundle, "rows.csv", "--into", f"{engine}.csv", "--engine", engine]
        assert run([*words, *options, "--json"]) == Exit.DONE
        said.append(json.loads(capsys.readouterr().out))
    assert [told["bad"] for told in said] == [1, 1]
    written = [Path(f"{engine}.csv").read_bytes() for engine in ("processes", "ray")]
    assert written[0] == written[1]
    assert written[0].count(b"\n") == 20_000
    rejected = [Path(told["rejected"]).read_bytes() for told in said]
    assert rejected[0] == rejected[1]


def test_an_actor_that_dies_is_told_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from seatrial.adapters.scoring import ray as scoring_ray

    class Dying(scoring_ray.Scoring):
        def answered(self, message):
            if message["op"] == "score":
                import os

                os._exit(1)
            return super().answered(message)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(scoring_ray, "Scoring", Dying)
    Path("rows.csv").write_text("a,b,c\n1,2,3\n")
    bundle = str(log_of_sums(tmp_path).path)
    words = ["predict", bundle, "rows.csv", "--into", "out.csv", "--engine", "ray"]
    assert run([*words, "--workers", "1", "--home", "home", "--json"]) == Exit.UNAVAILABLE
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "engine.crashed"
    assert not list(tmp_path.glob("*out*"))


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    with ray_session(2) as ray:
        yield ray


class TestRayScorer(OfSums):
    @pytest.fixture(autouse=True)
    def ray(self, session: Any) -> None:
        self.session = session

    async def start(self, **changed: object) -> RayScorer:
        return await start_actor(self.session, self.order | changed)

    def end(self, scorer: RayScorer) -> None:
        self.session.kill(scorer._actor)
