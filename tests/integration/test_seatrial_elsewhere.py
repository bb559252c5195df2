"""A seatrial as the engine of another, in TensorFlow Serving's protocols and in its own.

TensorFlow Serving itself is not to be had. Asked in its own protocol it answers well until it is in
production, and then does not.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml
from between import SLOW_S, Between, between
from engine_home import NAME, PAGE, Home
from engine_journey import EngineJourneySuite, Models, is_given_up

pytestmark = [pytest.mark.integration, pytest.mark.slow]

HERE = f"deploy {NAME}.pkl --data rows.csv --label target --target production".split()
ENGINE = dict(re.findall(r"(?ms)^```(yaml|sh) tfengine\n(.*?)^```", PAGE.read_text("utf-8")))


def _deployed() -> list[str]:
    """The words of the page, for a model of rows."""
    ours = {"churn.keras": f"{NAME}.pkl", "image.npz": "rows.csv"}
    return [ours.get(word, word) for word in shlex.split(ENGINE["sh"])[1:]] + ["--label", "target"]


@dataclass(frozen=True)
class Elsewhere:
    """Its home, in which the second model is the first version, and who hands its requests on."""

    home: Home
    between: Between

    def start(self) -> None:
        self.home.start()

    def kill(self) -> None:
        self.home.stop()

    def loaded(self) -> list[str]:
        return [NAME]


class TestSeatrialElsewhere(EngineJourneySuite):
    named, deployed, loads, last = "tf", _deployed(), False, "b"
    workers, deadline_s = 1, SLOW_S / 2
    given_up = tuple({"tf": "over-grpc"}.get(word, word) for word in _deployed())

    @pytest.fixture(scope="class")
    @classmethod
    def engine(
        cls, models: Models, tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[Elsewhere]:
        folder = tmp_path_factory.mktemp("there")
        (folder / "rows.csv").symlink_to(models.folder / "rows.csv")
        there = Home(folder, {})
        try:
            assert there.deploy(models["b"], HERE)["phase"] == "promoted"
            with between(there.port) as asked:
                yield Elsewhere(there, asked)
        finally:
            there.stop()

    @classmethod
    def engines(cls, engine: Elsewhere) -> dict[str, Any]:
        section = yaml.safe_load(ENGINE["yaml"])["engines"]["tf"] | {"model": f"{NAME}/1"}
        there = engine.home
        return {
            "tf": section | {"url": f"http://127.0.0.1:{there.port}"},
            "over-grpc": section | {"url": f"grpc://127.0.0.1:{there.grpc}"},
            "oip": {"url": f"http://127.0.0.1:{engine.between.server_port}", "model": NAME},
        }

    def is_swept(self, engine: Elsewhere, home: Home, models: Models) -> None:
        """Nothing is: its models are its own. It stands again for the tests that follow."""
        engine.start()

    @pytest.mark.parametrize("fault", ["nonsense", "slow"])
    def test_a_version_whose_engine_turns_bad_aborts_and_stable_stays(
        self, engine: Elsewhere, home: Home, models: Models, fault: str
    ) -> None:
        engine.between.fault = None

        def breaks() -> None:
            engine.between.fault = fault

        is_given_up(home, models, "b", (*HERE, "--engine", "oip"), breaks=breaks)
