"""Real servers over a home of their own: `seatrial up` in a process, bundles and traffic.

Every process that was started is ended, whatever became of the test.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import yaml

from seatrial.adapters.store.sqlite import SqliteStore
from seatrial.kernel.events import Fact
from seatrial.packaging.http import AnswerLate, Connection, NoAnswer, request_bytes
from seatrial.packaging.requirements import model_pins, render_pins
from seatrial.registry.bundle import Bundle, Contents
from seatrial.registry.catalog import Registration, register
from seatrial.registry.golden import Golden
from seatrial.registry.manifest import Framework, Role
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task
from seatrial.release.config import ReleaseConfig
from seatrial.release.desk import Desk
from seatrial.serving.engine import EngineKind
from seatrial.testing.models import only

sys.path.append(str(Path(__file__).parent))  # tests of pages share `chromium`

NAME = "iris"
PATH = f"/v1/models/{NAME}:predict"
FAULTS = Path(__file__).parent / "models"
SOURCE = Path(__file__).parents[2] / "src"
FEATURES = ("sepal_length", "sepal_width", "petal_length", "petal_width")
PATIENCE_S = 120.0
"""No test takes so long; one that waits so long has found something."""

QUICK: Mapping[str, Any] = {
    "steps": [{"share": 0.5, "watch": "1s"}],
    "staging_load": "1s",
    "extend": "10m",
    "gates": {
        "error_rate": 0.02,
        "p95_ms": 400,
        "against_stable": {
            "error_rate": 0.05,
            "p95_ratio": 20,
            "p95_slack_ms": 400,
            "refused_rate": 0.05,
        },
    },
}


def until(what: str, condition: Callable[[], Any], *, patience_s: float = PATIENCE_S) -> Any:
    """Wait for a condition; returns what it gave."""
    deadline = time.monotonic() + patience_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {patience_s:.0f} s in vain: {what}"
        time.sleep(0.01)
    return found


def ask(row: Sequence[float], *, key: str | None = None, version: int | None = None) -> bytes:
    """A request for one row, as it goes over the wire."""
    headers = {"content-type": "application/json"}
    if key is not None:
        headers["x-seatrial-key"] = key
    if version is not None:
        headers["x-seatrial-version"] = str(version)
    body = json.dumps({"instances": [list(row)]}).encode()
    return request_bytes("POST", PATH, body=body, headers=headers)


ROWS = [[5.1, 3.5, 1.4, 0.2], [6.2, 2.9, 4.3, 1.3], [7.7, 3.0, 6.1, 2.3]]
PLAIN = [ask(ROWS[i % 3], key=f"user-{i}") for i in range(200)]


class Bundles:
    """Bundles of small models, made once: ONNX ones, and native ones that misbehave."""

    def __init__(self, folder: Path) -> None:
        from sklearn.datasets import load_iris

        self._folder = folder
        self._rows, self._labels = load_iris(return_X_y=True)
        self._rows = self._rows.astype(np.float32)
        self._made: dict[str, Bundle] = {}

    def onnx(self, strength: float = 1.0) -> Bundle:
        """A logistic regression, different for each strength."""
        name = f"onnx-{strength:g}"
        if name not in self._made:
            from skl2onnx import to_onnx

            model = self._fitted(None, strength)
            file = self._folder / f"{name}.onnx"
            graph = to_onnx(model, self._rows[:1], options={"zipmap": False})
            file.write_bytes(graph.SerializeToString())
            self._made[name] = self._bundle(model, Role.ONNX, file)
        return self._made[name]

    def native(self, fault: str) -> Bundle:
        """A pickled pipeline that behaves as `models/faulty.py` says."""
        if fault not in self._made:
            import faulty
            import joblib

            model = self._fitted(getattr(faulty, fault), 1.0)
            file = self._folder / f"{fault}.pkl"
            joblib.dump(model, file)
            self._made[fault] = self._bundle(model, Role.NATIVE, file)
        return self._made[fault]

    def pickled(self) -> Bundle:
        """A logistic regression as it was pickled, for scikit-learn itself to answer."""
        if "pickled" not in self._made:
            import joblib

            model = self._fitted(None, 1.0)
            file = self._folder / "pickled.pkl"
            joblib.dump(model, file)
            self._made["pickled"] = self._bundle(model, Role.NATIVE, file, modules=("sklearn",))
        return self._made["pickled"]

    def _fitted(self, before: Any, strength: float) -> Any:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import FunctionTransformer

        last = LogisticRegression(C=strength, max_iter=1000)
        model = make_pipeline(FunctionTransformer(before), last) if before else last
        return model.fit(self._rows, self._labels)

    def _bundle(self, model: Any, role: Role, file: Path, *, modules: Sequence[str] = ()) -> Bundle:
        kind = EngineKind(role.value)
        sample = self._rows[::10]
        classes = (0, 1, 2)
        return Bundle.create(
            self._folder / "bundles",
            Contents(
                name=NAME,
                framework=Framework(name="scikit-learn", version="1.5.2"),
                python="3.11.7",
                signature=Signature(
                    features=tuple(Feature(name=n, dtype=Dtype.FLOAT32) for n in FEATURES),
                    outputs=(
                        Output(name="label", dtype=Dtype.INT64, classes=classes),
                        Output(name="probabilities", dtype=Dtype.FLOAT32, width=3, classes=classes),
                    ),
                    task=Task.CLASSIFICATION,
                    matrix=True,
                ),
                source_sha256="ab" * 32,
                artefacts={role: file},
                requirements=render_pins(model_pins(roles={role}, modules=modules, columns=False)),
                golden=Golden(
                    inputs=sample,
                    outputs={
                        "label": model.predict(sample),
                        "probabilities": model.predict_proba(sample).astype(np.float32),
                    },
                ),
                profile={},
                plan=only(kind, inline=kind is EngineKind.ONNX).as_dict(),
                trusted=role is Role.NATIVE and not modules,  # the faults are no library's
            ),
        )


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bundles]:
    sys.path.insert(0, str(FAULTS))
    yield Bundles(tmp_path_factory.mktemp("models"))
    sys.path.remove(str(FAULTS))


class Up:
    """A running `seatrial up`, and every process that came of it."""

    def __init__(self, home: Home, options: Sequence[str], environment: Mapping[str, str]) -> None:
        self._home = home
        self._family: set[psutil.Process] = set()
        self._log = home.folder / f"up-{time.monotonic_ns()}.log"
        command = [sys.executable, "-m", "seatrial", "up", "--home", str(home.folder)]
        command += ["--config", str(home.config), "--port", "0", *options]
        path = os.pathsep.join([str(SOURCE), str(FAULTS)])
        with self._log.open("wb") as sink:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONPATH": path, **environment},
                start_new_session=True,
            )
        self.port = int(until("the address", self._address))

    def _address(self) -> str | None:
        assert self.process.poll() is None, self.log()
        found = re.search(r"serves on http://\S+:(\d+)", self.log())
        return found[1] if found else None

    def log(self) -> str:
        """What it printed so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def family(self) -> list[psutil.Process]:
        """All processes below the supervisor now; remembered for `gone`."""
        with suppress(psutil.NoSuchProcess):
            family = psutil.Process(self.process.pid).children(recursive=True)
            self._family.update(family)
            return family
        return []

    def workers(self) -> list[int]:
        """The pids of the workers that beat."""
        beats = self._home.store.present("worker/")
        ours = {process.pid for process in self.family()}
        return [pid for beat in beats if (pid := int(str(beat.data["pid"]))) in ours]

    def controller(self) -> int | None:
        """The pid of the controller that holds the lease."""
        for beat in self._home.store.present("controller"):
            pid = int(str(beat.data["holder"]).partition("-")[0])
            if pid in {process.pid for process in self.family()}:
                return pid
        return None

    def engines(self) -> list[int]:
        """The pids of the processes that hold native models."""
        found = []
        for process in self.family():
            with suppress(psutil.Error):
                if "seatrial.adapters.serving.model_child" in process.cmdline():
                    found.append(process.pid)
        return found

    def stop(self) -> int:
        """End in good order; returns the exit code."""
        self.family()
        self.process.terminate()
        return self.process.wait(PATIENCE_S)

    def kill(self) -> None:
        """`kill -9` of the supervisor."""
        self.family()
        self.process.kill()
        self.process.wait()

    def gone(self) -> bool:
        """Whether no process that came of it runs any more."""
        return not any(process.is_running() and not _zombie(process) for process in self._family)

    def end(self) -> None:
        """Kill what still runs."""
        self.family()
        for process in (*self._family, self.process):
            with suppress(psutil.Error, ProcessLookupError):
                process.kill()
        self.process.wait()


def _zombie(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


class Home:
    """The home folder of an installation, seen from outside: by its store, as commands do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "seatrial.yaml"
        self.configure()
        self.store = SqliteStore(folder / "seatrial.db", busy_timeout_s=60.0)
        self.desk = Desk(self.store)
        self._started: list[Up] = []

    def configure(self, **sections: Any) -> None:
        """Write the configuration file."""
        whole = {"server": {"deadline_s": 2.0}, "release": dict(QUICK)} | sections
        self.config.write_text(yaml.safe_dump(whole))

    @property
    def release_config(self) -> ReleaseConfig:
        return ReleaseConfig.model_validate(yaml.safe_load(self.config.read_text())["release"])

    def up(self, *options: str, **environment: str) -> Up:
        """Start a server."""
        self._started.append(Up(self, options, environment))
        return self._started[-1]

    def publish(self, bundle: Bundle) -> int:
        """Put a bundle where versions are loaded from, and register it; returns its number."""
        shelf = self.folder / "bundles" / bundle.digest
        if not shelf.exists():
            shelf.parent.mkdir(exist_ok=True)
            bundle.copy_to(shelf)
        registration = Registration(
            digest=bundle.digest,
            framework=bundle.manifest.framework,
            source_name="model.pkl",
            source_sha256="ab" * 32,
        )
        return register(self.store, NAME, registration, by="test").number

    def release(self, bundle: Bundle) -> int:
        """Begin to release a bundle to production; returns its version."""
        version = self.publish(bundle)
        self.desk.start(
            NAME,
            version=version,
            digest=bundle.digest,
            target="production",
            plan=self.release_config.plan(),
            by="test",
            notes={},
        )
        return version

    def in_production(self, bundle: Bundle) -> int:
        """Say in facts that a bundle passed staging and was promoted; for a first version."""
        version = self.release(bundle)
        self.say("staging.passed", reason="fine", report={})
        self.say("release.promoted", reason="the first")
        return version

    def say(self, kind: str, **data: object) -> None:
        """Append a fact about the release under way, as a controller would."""
        from seatrial.kernel.events import Draft
        from seatrial.release.projection import Endpoints

        endpoints = Endpoints(self.store)
        endpoints.refresh()
        rollout = endpoints.get(NAME).rollout
        assert rollout is not None
        data = {"release": rollout.release, "version": rollout.version} | data
        endpoints.append(NAME, [Draft(kind=kind, data=data, by="test")])

    def facts(self) -> list[Fact]:
        """Every fact of the endpoint."""
        return self.store.read(stream=f"endpoint/{NAME}", limit=100_000)

    def kinds(self) -> list[str]:
        return [fact.kind for fact in self.facts()]

    def phase(self) -> str:
        rollout = self.desk.state(NAME).rollout
        return rollout.phase.value if rollout else "none"

    def reach(self, phase: str) -> None:
        """Wait until the release is in a phase; it may not end in another one."""

        def there() -> bool:
            rollout = self.desk.state(NAME).rollout
            assert rollout is not None
            if rollout.phase.value != phase:
                assert not rollout.phase.over, (rollout.phase, rollout.reason, self.kinds())
            return rollout.phase.value == phase

        until(f"the release {phase}", there)

    def settled(self, n_workers: int) -> bool:
        """Whether so many workers serve the split the facts ask for."""
        wanted = self.desk.state(NAME).target_revision
        beats = self.store.present("worker/", within_s=2.0)
        applied = [beat.data.get("applied") for beat in beats]
        agreeing = [a for a in applied if isinstance(a, Mapping) and a.get(NAME) == wanted]
        return len(agreeing) == len(beats) == n_workers

    def close(self) -> None:
        for started in self._started:
            started.end()
        self.store.close()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A home folder; every server over it is ended with the test."""
    home = Home(tmp_path)
    yield home
    home.close()


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of the traffic; times are monotonic."""

    begun: float
    ended: float
    status: int | None
    version: int | None


@dataclass(slots=True)
class Traffic:
    """Clients that ask without pause, each over a connection of its own, in a thread."""

    port: int
    requests: Sequence[bytes] = field(default_factory=lambda: PLAIN)
    n_clients: int = 8
    pause_s: float = 0.0
    asked: list[Asked] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Traffic:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._all()), name="traffic")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        assert self._thread is not None
        self._thread.join()

    def bad(self) -> list[Asked]:
        """What was not answered with 200."""
        return [asked for asked in self.asked if asked.status != 200]

    async def _all(self) -> None:
        await asyncio.gather(*(self._client(i) for i in range(self.n_clients)))

    async def _client(self, n: int) -> None:
        # Each asks everything: one whose share has no slow request would ask far more than others.
        at = n * len(self.requests) // self.n_clients
        async with Connection("127.0.0.1", self.port, timeout_s=PATIENCE_S) as connection:
            while not self._stop.is_set():
                at += 1
                await self._one(connection, self.requests[at % len(self.requests)])
                await asyncio.sleep(self.pause_s)

    async def _one(self, connection: Connection, request: bytes) -> None:
        begun = time.monotonic()
        status = version = None
        try:
            answer = await connection.send(request)
            status = answer.status
            said = answer.headers.get("x-seatrial-version")
            version = int(said) if said else None
        except (NoAnswer, AnswerLate):
            await asyncio.sleep(0.05)
        self.asked.append(Asked(begun, time.monotonic(), status, version))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """See `chromium.launched`."""
    from chromium import launched

    with launched() as found:
        yield found


@pytest.fixture
def visit(browser: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A `chromium.Visit`; the parameter, if there is one, is a look."""
    from chromium import LOOKS, visited

    with visited(browser, getattr(request, "param", LOOKS["light-en"])) as made:
        yield made


@pytest.fixture
def lab() -> Any:
    """The vocabulary of these tests, for files that cannot import this one."""
    return _Lab


class _Lab:
    NAME, PATH, PLAIN, QUICK, ROWS = NAME, PATH, PLAIN, QUICK, ROWS
    Asked, Traffic, Home, Up = Asked, Traffic, Home, Up
    ask, until = staticmethod(ask), staticmethod(until)

    @staticmethod
    def kill(pid: int) -> None:
        """`kill -9`; nothing happens when it is gone already."""
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
