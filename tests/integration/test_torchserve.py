"""The real TorchServe, from its wheel, with an archive of ours: asked, refused, and broken."""

from __future__ import annotations

import json
import os
import pickle
import re
import shlex
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from engine_home import free_ports
from engine_journey import EngineJourneySuite
from environments import environment
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from seatrial.adapters.serving.onnxruntime import OnnxEngine
from seatrial.cli.app import run as seatrial
from seatrial.cli.exits import Exit
from tests.adapters import int8_graphs

pytestmark = pytest.mark.integration

_START_S = 90.0
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "engines.md"
EXPORT, START, ASK = re.findall(
    r"(?ms)^```sh torchserve\n(.*?)\n(.*?)\n(.*?)\n```", PAGE.read_text()
)[0]
ENGINE = dict(re.findall(r"(?ms)^```(yaml|ini|sh) tsengine\n(.*?)^```", PAGE.read_text("utf-8")))
ROWS, KINDS = load_iris(return_X_y=True)
MODEL = LogisticRegression(max_iter=500).fit(ROWS, KINDS)


class TorchServe:
    """A server that can be killed and started again at the same addresses.

    Args:
        python: of an environment that has it.
        command: that starts it, in ``folder``.
        config: its file, the addresses in which are replaced.
    """

    def __init__(self, python: Path, command: str, folder: Path, config: Path) -> None:
        ports = free_ports(5)
        self.url, self.management = (f"http://127.0.0.1:{port}" for port in ports[:2])
        self._log, self._folder, self._python = folder / "torchserve.log", folder, python
        self.repository = folder / "store"
        self._command = [python.with_name("torchserve"), *shlex.split(command)[1:]]
        lines = []
        addresses = ("inference_address", "management_address", "metrics_address")
        ours = dict(zip(addresses, (f"http://127.0.0.1:{p}" for p in ports), strict=False))
        ours |= {"grpc_inference_port": str(ports[3]), "grpc_management_port": str(ports[4])}
        for line in config.read_text("utf-8").splitlines():
            name = line.partition("=")[0]
            lines.append(f"{name}={ours[name]}" if name in ours else line)
        config.write_text("\n".join(lines), "utf-8")
        assert set(ours) <= {line.partition("=")[0] for line in lines}

    def start(self) -> None:
        path = f"{self._python.parent}:{os.environ['PATH']}"
        with self._log.open("ab") as sink:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._folder,
                stdout=sink,
                stderr=sink,
                env={**os.environ, "TMPDIR": str(self._folder), "PATH": path},
                start_new_session=True,
            )
        self.ready()

    def ready(self, model: str | None = None) -> None:
        """Wait until it answers, or a model does."""
        end = time.monotonic() + _START_S
        while True:
            try:
                path = "" if model is None else f"/{model}"
                with urllib.request.urlopen(f"{self.management}/models{path}", timeout=5) as got:
                    told = json.load(got)
                if model is None or [w["status"] for w in told[0]["workers"]] == ["READY"]:
                    return
            except OSError:
                pass
            assert self._process.poll() is None, self.log
            assert time.monotonic() < end, self.log
            time.sleep(0.2)

    def loaded(self) -> list[str]:
        with urllib.request.urlopen(f"{self.management}/models", timeout=30) as got:
            return sorted(one["modelName"] for one in json.load(got)["models"])

    @property
    def log(self) -> str:
        return self._log.read_text("utf-8", "replace")

    def kill(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def asked(url: str, body: bytes | None = None, method: str | None = None) -> tuple[int, Any]:
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(url, body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


def registered(server: TorchServe, archive: str) -> tuple[int, Any]:
    """What the server says to an archive of its store."""
    wish = {"url": archive, "initial_workers": 1, "synchronous": True}
    return asked(f"{server.management}/models", json.dumps(wish).encode())


@pytest.fixture(scope="module")
def python(pytestconfig: pytest.Config) -> Path:
    return environment(
        pytestconfig,
        "torchserve",
        ["torch==2.13.0"],
        ["torchserve==0.12.0", "setuptools<81", "pyyaml", "onnxruntime"],
    )


@pytest.fixture(scope="module")
def server(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    folder = tmp_path_factory.mktemp("torchserve")
    store = folder / "store"
    store.mkdir()
    (folder / "iris.pkl").write_bytes(pickle.dumps(MODEL))
    np.save(folder / "rows.npy", ROWS)
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        assert seatrial(shlex.split(EXPORT)[1:]) == Exit.DONE
    (store / "broken.mar").write_bytes((store / "iris.mar").read_bytes()[:2000])
    command = f"{START} --enable-model-api"
    running = TorchServe(python, command, folder, store / "config.properties")
    try:
        running.start()
        running.ready("iris")
        yield running
    finally:
        running.kill()


def test_it_is_asked_in_the_words_of_the_page(server: TorchServe) -> None:
    command = shlex.split(ASK.replace("http://127.0.0.1:8085", server.url))
    done = subprocess.run(command, capture_output=True, check=True, timeout=30)
    (answer,) = json.loads(done.stdout)["predictions"]
    assert answer["label"] == MODEL.predict([[5.1, 3.5, 1.4, 0.2]])[0]


def test_it_answers_as_the_model_does(server: TorchServe) -> None:
    body = json.dumps({"instances": ROWS[::10].tolist()}).encode()
    status, answer = asked(f"{server.url}/predictions/iris", body)
    assert status == 200, answer
    assert [one["label"] for one in answer["predictions"]] == MODEL.predict(ROWS[::10]).tolist()
    likely = [one["probabilities"] for one in answer["predictions"]]
    np.testing.assert_allclose(likely, MODEL.predict_proba(ROWS[::10]), atol=1e-5)


def test_rows_that_would_move_each_other_run_one_by_one(server: TorchServe, tmp_path: Path) -> None:
    graph, rows = int8_graphs.int8_graph(), int8_graphs.ROWS
    (tmp_path / "product.onnx").write_bytes(graph)
    archive = server.repository / "product.mar"
    words = ("export", str(tmp_path / "product.onnx"), "--to", "mar", "-o", str(archive))
    assert seatrial(list(words)) == Exit.DONE
    status, told = registered(server, archive.name)
    assert status == 200, told
    status, answer = asked(
        f"{server.url}/predictions/product", json.dumps({"instances": rows.tolist()}).encode()
    )
    assert status == 200, answer
    wanted = OnnxEngine(graph, int8_graphs.SIGNATURE).predict(rows)["prediction"]
    np.testing.assert_allclose(answer["predictions"], wanted, atol=1e-6)
    assert asked(f"{server.management}/models/product", method="DELETE")[0] == 200


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"instances": []}', b'{"instances": [[1, 2]]}', b"\xff\xfe"],
)
def test_what_does_not_fit_is_refused_and_it_goes_on(server: TorchServe, body: bytes) -> None:
    status, _ = asked(f"{server.url}/predictions/iris", body)
    assert 400 <= status < 500
    good = json.dumps({"instances": ROWS[:1].tolist()}).encode()
    assert asked(f"{server.url}/predictions/iris", good)[0] == 200


def test_an_archive_that_breaks_off_is_refused_there_and_here(
    server: TorchServe, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, told = registered(server, "broken.mar")
    assert status >= 400, told
    assert "broken" in str(told) or "zip" in str(told).lower(), told
    assert asked(f"{server.url}/predictions/broken", b"{}")[0] == 404
    broken = tmp_path / "broken.mar"
    with urllib.request.urlopen(f"{server.management}/models/iris") as got:
        assert json.load(got)[0]["modelUrl"] == "iris.mar"
    broken.write_bytes(b"PK\x03\x04" + b"\0" * 100)
    words = ["export", str(broken), "--to", "onnx", "--json", "--home", str(tmp_path / "home")]
    assert seatrial(words) != Exit.DONE
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "model.corrupt"


@pytest.mark.slow
class TestTorchServe(EngineJourneySuite):
    named, deployed = "torchserve", shlex.split(ENGINE["sh"].split("\n", 1)[1])[1:]

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls, python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
        """One that is started as the page says, with nothing in its store."""
        folder = tmp_path_factory.mktemp("torchserve")
        (folder / "store").mkdir()
        config = folder / "config.properties"
        config.write_text(ENGINE["ini"], "utf-8")
        command, _ = ENGINE["sh"].split("\n", 1)
        running = TorchServe(python, command, folder, config)
        try:
            running.start()
            yield running
        finally:
            running.kill()

    @classmethod
    def engines(cls, engine: TorchServe) -> dict[str, Any]:
        section = yaml.safe_load(ENGINE["yaml"])["engines"]["torchserve"]
        section |= {"url": engine.url, "management": engine.management}
        return {"torchserve": section | {"repository": str(engine.repository)}}
