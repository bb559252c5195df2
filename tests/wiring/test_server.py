"""What the processes of a server do when their supervisor is gone."""

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml

from seatrial.adapters.tls_files import TlsUnusable
from seatrial.kernel.config import ConfigInvalid
from seatrial.kernel.errors import MissingExtra
from seatrial.kernel.store import StoreUnavailable
from seatrial.release.config import ReleaseConfig
from seatrial.release.desk import Desk
from seatrial.release.projection import Endpoints
from seatrial.wiring import server_checks
from seatrial.wiring.listening import PortTaken, listen
from seatrial.wiring.server import _await_endpoint, _watch
from seatrial.wiring.server_checks import check_can_listen
from seatrial.wiring.workspace import Workspace, open_workspace
from tests.adapters.tls_bench import Authority


def test_a_pipe_that_a_worker_made_non_blocking_is_still_watched_to_its_end() -> None:
    """Symptom: the controller went on for ever after its supervisor was killed."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    stop = threading.Event()
    watcher = threading.Thread(target=_watch, args=(reading, stop))
    watcher.start()
    try:
        assert not stop.wait(0.05)
        os.close(writing)
        assert stop.wait(10)
    finally:
        watcher.join()
        os.close(reading)


@pytest.mark.parametrize("taken", [True, False])
def test_a_grpc_port_is_looked_at_before_anything_starts(tmp_path: Path, taken: bool) -> None:
    with listen("127.0.0.1", 0) as other:
        port = other.getsockname()[1]
        if not taken:
            other.close()
        told = {"SEATRIAL_SERVER__GRPC_PORT": str(port), "SEATRIAL_SERVER__PORT": "0"}
        workspace = open_workspace(home=tmp_path, environment=told)
        if not taken:
            check_can_listen(workspace)
            return
        with pytest.raises(PortTaken, match=str(port)) as refused:
            check_can_listen(workspace)
    assert "server.grpc_port" in refused.value.remedy


def test_grpc_without_its_packages_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_checks, "find_spec", lambda _name: None)
    told = {"SEATRIAL_SERVER__GRPC_PORT": "8001"}
    with pytest.raises(MissingExtra, match=r"seatrial\[grpc\]"):
        check_can_listen(open_workspace(home=tmp_path, environment=told))


def test_files_of_tls_are_looked_at_before_anything_starts(tmp_path: Path) -> None:
    with listen("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    authority = Authority(tmp_path)
    (certificate, key), (_, other) = authority.vouch("server"), authority.vouch("other")
    told = {
        "SEATRIAL_SERVER__GRPC_PORT": str(port),
        "SEATRIAL_SERVER__PORT": "0",
        "SEATRIAL_SERVER__GRPC_TLS__CERTIFICATE": str(certificate),
    }
    key_is = "SEATRIAL_SERVER__GRPC_TLS__KEY"
    check_can_listen(open_workspace(home=tmp_path, environment=told | {key_is: str(key)}))
    with pytest.raises(TlsUnusable, match="not the key of the certificate"):
        check_can_listen(open_workspace(home=tmp_path, environment=told | {key_is: str(other)}))
    del told["SEATRIAL_SERVER__GRPC_PORT"]
    with pytest.raises(ConfigInvalid, match="grpc_tls is for grpc_port"):
        open_workspace(home=tmp_path, environment=told | {key_is: str(key)})


_LOGS = """
import logging
from seatrial.wiring.server import log_masked
log_masked()
logging.getLogger("seatrial.x").info("by %s, sk-proj-3f9a7c1e5b2d8f4a6c0e", "a@example.org")
try:
    raise ValueError("Bearer 3f9a7c1e5b2d8f4a6c0e is refused")
except ValueError:
    logging.exception("failed")
"""


def test_what_the_server_logs_has_no_secret_in_it() -> None:
    done = subprocess.run([sys.executable, "-c", _LOGS], capture_output=True, text=True, check=True)
    first, failed, *trace = done.stderr.splitlines()
    assert re.fullmatch(r"[-\d]+ [:,\d]+ INFO by \[EMAIL\], \[API_KEY\]", first)
    assert failed.endswith("ERROR failed")
    assert trace[-1] == "ValueError: Bearer [TOKEN] is refused"


def workspace(tmp_path: Path) -> Workspace:
    provider = {"kind": "openai", "base_url": "http://127.0.0.1:9/v1"}
    gateway = {
        "providers": {"one": provider},
        "models": {"m": "one/gpt-4o-mini"},
        "cache": {"enabled": True},
    }
    config = tmp_path / "seatrial.yaml"
    config.write_text(yaml.safe_dump({"gateway": gateway}))
    return open_workspace(home=tmp_path / "home", config=config, environment={})


_LOADED = """
import gc, sys
from pathlib import Path
from seatrial.wiring.server import _preload
from seatrial.wiring.server_checks import check_llm
from seatrial.wiring.workspace import open_workspace
home, config = map(Path, sys.argv[1:])
workspace = open_workspace(home=home, config=config, environment={})
gc.disable()
check_llm(workspace)
_preload(workspace)
print(gc.isenabled(), gc.get_freeze_count() > 0, *sorted(sys.modules))
"""
_SERVING = {
    "numpy",
    "onnxruntime",
    "seatrial.wiring.deploying.versions",
    "seatrial.wiring.watching.monitor",
}
_GATEWAY = {"genai_prices.data", "seatrial.wiring.llm", "seatrial.adapters.llm.answers_sqlite"}


@pytest.mark.parametrize("deployed", [False, True])
def test_what_serves_and_watches_is_loaded_before_the_fork_where_there_are_bundles(
    tmp_path: Path, deployed: bool
) -> None:
    space = workspace(tmp_path)
    if deployed:
        space.bundles.mkdir(parents=True)
    command = [sys.executable, "-c", _LOADED, str(space.home), str(tmp_path / "seatrial.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    collects, frozen, *modules = done.stdout.split()
    assert (collects, frozen) == ("True", "True")
    assert set(modules) >= _GATEWAY
    assert _SERVING & set(modules) == (_SERVING if deployed else set())


class Turns(threading.Event):
    """A stop that nobody sets, and what happens whenever somebody waits for it."""

    def __init__(self, *happens) -> None:
        super().__init__()
        self.happens = list(happens)

    def wait(self, timeout=None) -> bool:
        self.happens.pop(0)()
        return self.is_set()


def deploy(space: Workspace) -> None:
    store = space.open_store()
    plan = ReleaseConfig().plan()
    Desk(store).start(
        "churn", version=1, digest="a", target="staging", plan=plan, by="test", notes={}
    )
    store.close()


def test_the_watch_waits_for_the_first_endpoint(tmp_path: Path) -> None:
    space = workspace(tmp_path)
    stop = Turns(lambda: None, lambda: deploy(space))
    _await_endpoint(space, stop)
    assert stop.happens == []
    _await_endpoint(space, Turns())


def test_a_server_that_stops_waits_for_no_endpoint(tmp_path: Path) -> None:
    stop = Turns()
    stop.happens.append(stop.set)
    _await_endpoint(workspace(tmp_path), stop)
    assert stop.is_set()


def test_a_store_that_does_not_answer_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space, refresh = workspace(tmp_path), Endpoints.refresh
    deploy(space)

    def down(_: Endpoints) -> set[str]:
        raise StoreUnavailable("It is down.", remedy="Wait.")

    monkeypatch.setattr(Endpoints, "refresh", down)
    stop = Turns(lambda: monkeypatch.setattr(Endpoints, "refresh", refresh))
    _await_endpoint(space, stop)
    assert stop.happens == []
