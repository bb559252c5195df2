"""What becomes of versions that an engine elsewhere runs: one journey, which each engine fills."""

from __future__ import annotations

import json
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol

import joblib
import numpy as np
import pytest
from engine_home import NAME, Home, Traffic, iris_models, until


class Engine(Protocol):
    """A server that can be killed, and started again at its address with nothing loaded."""

    def start(self) -> None:
        """Start it, and wait until it answers."""

    def kill(self) -> None:
        """End it at once."""

    def loaded(self) -> list[str]:
        """The names of the models that it has loaded."""


class Models:
    """``a.pkl``, ``b.pkl`` and ``c.pkl`` of a folder, and the rows they were fitted on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.frame, _ = iris_models(folder)
        self.rows = self.frame.to_numpy()

    def __getitem__(self, name: str) -> Path:
        return self.folder / f"{name}.pkl"

    def likely(self, name: str) -> np.ndarray:
        """The probabilities of the rows."""
        return np.asarray(self.model(name).predict_proba(self.frame))

    def model(self, name: str) -> Any:
        return joblib.load(self[name])


class EngineJourneySuite:
    """Subclass it as ``Test...`` with a fixture ``engine``, of a module or a class.

    Args:
        named: the engine's name, in the configuration and in ``deployed``.
        deployed: the words by which ``churn.pkl`` is brought into production there.
        given_up: those for the version whose engine dies; None for the same words.
        last: the model of that version.
        least: how many requests each side of the split answers.
        loads: False of an engine whose models only its own configuration loads.
        workers, deadline_s: of seatrial's server.
    """

    named: ClassVar[str]
    deployed: ClassVar[Sequence[str]]
    given_up: ClassVar[Sequence[str] | None] = None
    last: ClassVar[str] = "c"
    least: ClassVar[int] = 50
    loads: ClassVar[bool] = True
    workers: ClassVar[int] = 2
    deadline_s: ClassVar[float] = 5.0

    @classmethod
    def engines(cls, engine: Any) -> dict[str, Any]:
        """The section ``engines`` of the configuration."""
        raise NotImplementedError

    def in_production(self, engine: Any, home: Home, models: Models) -> None:
        """What else is asked of this engine while it answers for everybody."""

    def is_swept(self, engine: Any, home: Home, models: Models) -> None:
        """What no release and no split names is unloaded; with no server, by the next command."""
        engine.start()
        home.stop()
        fourth = home.deploy(models["b"], without(self.deployed, "--target", "production"))
        assert fourth["phase"] == "staged", fourth
        self._has_loaded(engine)
        assert list(engine.repository.iterdir()) == []

    @pytest.fixture(scope="class")
    @classmethod
    def models(cls, tmp_path_factory: pytest.TempPathFactory) -> Models:
        return Models(tmp_path_factory.mktemp("models"))

    @pytest.fixture(scope="class")
    @classmethod
    def home(
        cls, engine: Engine, models: Models, tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[Home]:
        """One whose first version runs here, and is in production."""
        folder = tmp_path_factory.mktemp("home")
        (folder / "rows.csv").symlink_to(models.folder / "rows.csv")
        engines = cls.engines(engine)
        home = Home(folder, engines, workers=cls.workers, deadline_s=cls.deadline_s)
        try:
            home.start()
            first = home.deploy(models["a"], without(cls.deployed, "--engine", cls.named))
            assert first["phase"] == "promoted", first
            yield home
        finally:
            home.stop()

    def test_a_version_is_split_judged_promoted_healed_and_given_up(
        self, engine: Engine, home: Home, models: Models
    ) -> None:
        """In one home, one after the other: each of them begins where the last one ended."""
        self._is_split_judged_and_promoted(engine, home, models)
        self.in_production(engine, home, models)
        self._is_healed(engine, home, models)
        home.seatrial("rollback", NAME)
        words = self.given_up or self.deployed
        seen = is_given_up(home, models, self.last, words, breaks=engine.kill)
        assert (503, "3") in seen
        self.is_swept(engine, home, models)

    def _is_split_judged_and_promoted(self, engine: Engine, home: Home, models: Models) -> None:
        with Traffic(home.port, models.rows) as traffic:
            second = home.deploy(models["b"], self.deployed)
        assert second["phase"] == "promoted", second
        split = Counter(traffic.seen)
        assert {status for status, _ in split} <= {200, 503}
        assert split[200, "1"] > self.least, split
        assert split[200, "2"] > self.least, split
        np.testing.assert_allclose(predicted(home, models.rows), models.likely("b"), atol=1e-5)
        self._has_loaded(engine, f"{NAME}-2")

    def _is_healed(self, engine: Engine, home: Home, models: Models) -> None:
        """A server that ends and comes back empty is given its model again, by nobody's hand."""
        engine.kill()
        with Traffic(home.port, models.rows) as traffic:
            until("it is told", lambda: (503, "2") in traffic.seen)
            engine.start()
            since = len(traffic.seen)
            until("it answers again", lambda: (200, "2") in traffic.seen[since:])
        self._has_loaded(engine, f"{NAME}-2")

    def _has_loaded(self, engine: Engine, *models: str) -> None:
        if self.loads:
            assert engine.loaded() == list(models)


def is_given_up(
    home: Home, models: Models, model: str, words: Sequence[str], *, breaks: Callable[[], None]
) -> list[tuple[int, str | None]]:
    """Release a version and break its engine: it aborts, and the first version has no part in it.

    Returns: what clients were answered meanwhile.
    """
    version = str(home.deploy(models[model], words, "--watch", "10m", "--no-wait")["version"])
    with Traffic(home.port, models.rows) as traffic:
        until("it answers", lambda: (200, version) in traffic.seen)
        breaks()
        until("nobody meets it", lambda: {v for _, v in traffic.seen[-50:]} == {"1"})

        def over() -> Any:
            found = home.seatrial("status", NAME)["release"]
            return found if found["phase"] != "canary" else None

        ended = until("it is judged", over)
    assert ended["phase"] == "aborted", ended
    assert "error" in ended["reason"], ended
    assert {status for status, v in traffic.seen if v == "1"} == {200}, Counter(traffic.seen)
    return traffic.seen


def ready_models(url: str) -> list[str]:
    """What a server of the Open Inference Protocol has loaded."""
    request = urllib.request.Request(f"{url}/v2/repository/index", b"{}", method="POST")
    with urllib.request.urlopen(request, timeout=30) as reply:
        return sorted(m["name"] for m in json.load(reply) if m["state"] == "READY")


def without(words: Sequence[str], *left_out: str) -> list[str]:
    return [word for word in words if word not in left_out]


def predicted(home: Home, rows: np.ndarray) -> list[list[float]]:
    """The probabilities that clients of seatrial's own protocol are told."""
    url = f"http://127.0.0.1:{home.port}/v1/models/{NAME}:predict"
    body = json.dumps({"instances": rows.tolist()}).encode()
    asked = urllib.request.Request(url, body, {"content-type": "application/json"})
    with urllib.request.urlopen(asked, timeout=60) as reply:
        return [one["probabilities"] for one in json.load(reply)["predictions"]]
