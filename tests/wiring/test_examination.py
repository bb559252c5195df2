import os
import shutil
import socket
from pathlib import Path

import pytest

from seatrial.kernel.errors import SeatrialError
from seatrial.wiring import examination
from seatrial.wiring.examination import LEAST_FREE_BYTES, Finding, Health, examine
from seatrial.wiring.libraries import Libraries


@pytest.fixture
def light(monkeypatch):
    """Leaves out the parts that start processes; they have tests of their own."""
    fine = Finding(part="x", health=Health.OK, text="")
    monkeypatch.setattr(examination, "_packages", lambda: iter([fine]))
    monkeypatch.setattr(examination, "_child", lambda: fine)


def found(home: Path, *, config: Path | None = None, **environment: str) -> dict[str, Finding]:
    findings = examine(home=home, config=config, environment=environment)
    return {finding.part: finding for finding in findings}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


@pytest.mark.usefixtures("light")
def test_a_sound_machine_has_no_problem(tmp_path):
    parts = found(tmp_path / "home", SEATRIAL_SERVER__PORT=str(free_port()))
    assert {"python", "settings", "home", "disk", "store", "port", "token"} <= set(parts)
    assert {f.text for f in parts.values() if f.health is Health.PROBLEM} == set()


@pytest.mark.usefixtures("light")
def test_an_examination_leaves_no_facts_and_no_lease(tmp_path):
    found(tmp_path)
    again = found(tmp_path)
    assert again["store"].text.endswith("0 facts")
    assert again["store"].health is Health.OK


@pytest.mark.usefixtures("light")
def test_a_bad_configuration_is_a_problem_and_ends_the_examination(tmp_path):
    config = tmp_path / "seatrial.yaml"
    config.write_text("server: {prot: 1}\n")
    parts = found(tmp_path, config=config)
    assert parts["settings"].health is Health.PROBLEM
    assert "prot" in parts["settings"].text
    assert "store" not in parts


@pytest.mark.usefixtures("light")
def test_a_port_in_use_is_a_problem_with_a_way_out(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        finding = found(tmp_path, SEATRIAL_SERVER__PORT=str(port))["port"]
    assert finding.health is Health.PROBLEM
    assert str(port) in finding.text
    assert "--port" in finding.remedy


@pytest.mark.usefixtures("light")
def test_a_gateway_whose_provider_has_no_key_is_a_problem(tmp_path):
    config = tmp_path / "seatrial.yaml"
    config.write_text(
        "gateway: {providers: {here: {kind: openai, api_key_env: SOME_KEY}}, models: {m: here/m}}"
    )
    home = tmp_path / "home"
    finding = found(home, config=config)["gateway"]
    assert finding.health is Health.PROBLEM
    assert "SOME_KEY" in finding.remedy
    finding = found(home, config=config, SOME_KEY="k")["gateway"]
    assert (finding.health, finding.text) == (
        Health.OK,
        "models: 1, providers: 1; the ledger opens",
    )
    assert "gateway" not in found(home)


@pytest.mark.usefixtures("light")
def test_a_file_that_is_no_store_is_a_problem(tmp_path):
    (tmp_path / "seatrial.db").write_bytes(b"not a database, but long enough to be read as one" * 9)
    finding = found(tmp_path)["store"]
    assert finding.health is Health.PROBLEM
    assert finding.remedy


@pytest.mark.usefixtures("light")
def test_a_store_of_unknown_scheme_is_a_problem(tmp_path):
    finding = found(tmp_path, SEATRIAL_STORE="mysql://here/db")["store"]
    assert finding.health is Health.PROBLEM
    assert "mysql" in finding.text


@pytest.mark.usefixtures("light")
def test_a_home_that_cannot_be_made_is_a_problem(tmp_path):
    (tmp_path / "file").write_text("")
    finding = found(tmp_path / "file" / "home")["settings"]
    assert finding.health is Health.PROBLEM
    assert "--home" in finding.remedy


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_home_that_cannot_be_written_is_a_problem(tmp_path):
    tmp_path.chmod(0o500)
    assert examination._home(tmp_path).health is Health.PROBLEM


def test_a_home_that_is_gone_is_a_problem(tmp_path):
    finding = examination._home(tmp_path / "gone")
    assert finding.health is Health.PROBLEM
    assert "gone" in finding.text


@pytest.mark.usefixtures("light")
def test_listening_on_the_network_without_a_token_is_a_problem(tmp_path):
    open_to_all = {"SEATRIAL_SERVER__HOST": "0.0.0.0", "SEATRIAL_SERVER__PORT": "0"}
    assert found(tmp_path, **open_to_all)["token"].health is Health.PROBLEM
    with_token = found(tmp_path, **open_to_all, SEATRIAL_TOKEN="x" * 32)["token"]
    assert with_token.health is Health.OK
    assert "x" * 32 not in with_token.text


@pytest.mark.usefixtures("light")
@pytest.mark.parametrize("token", ["größer", "令牌", "x\ty", " xyz", "xyz\n"])
def test_a_token_that_no_header_carries_is_a_problem(tmp_path, token):
    finding = found(tmp_path, SEATRIAL_SERVER__PORT="0", SEATRIAL_TOKEN=token)["token"]
    assert finding.health is Health.PROBLEM
    assert token not in finding.text
    assert "openssl" in finding.remedy


@pytest.mark.usefixtures("light")
def test_too_little_disk_is_a_problem(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    low = usage._replace(free=LEAST_FREE_BYTES - 1)
    monkeypatch.setattr(examination.shutil, "disk_usage", lambda _: low)
    assert found(tmp_path)["disk"].health is Health.PROBLEM


@pytest.mark.parametrize(
    ("version", "platform", "health"),
    [
        ((3, 10), "linux", Health.PROBLEM),
        ((3, 11), "linux", Health.OK),
        ((3, 14), "linux", Health.OK),
        ((3, 12), "darwin", Health.PROBLEM),
    ],
)
def test_python_and_system_must_be_ones_seatrial_runs_on(version, platform, health):
    finding = examination._python(version, platform)
    assert finding.health is health
    assert bool(finding.remedy) == (health is Health.PROBLEM)


def part(name: str, **changes: object) -> Libraries:
    told = {"found": {}, "missing": (), "unfit": ()} | changes
    return Libraries(part=name, **told)


def test_an_extra_that_is_absent_is_worth_a_note_and_a_core_library_is_a_problem():
    extra = examination._part(part("lightgbm", missing=("lightgbm>=4.5",)))
    core = examination._part(part("", missing=("numpy>=1.26",)))
    assert (extra.health, core.health) == (Health.NOTE, Health.PROBLEM)
    assert "seatrial[lightgbm]" in extra.remedy
    assert "numpy>=1.26" in core.text


def test_a_version_that_does_not_fit_is_a_problem_in_an_extra_too():
    finding = examination._part(part("sklearn", unfit=("scikit-learn>=1.5 (here: 1.0)",)))
    assert finding.health is Health.PROBLEM
    assert "here: 1.0" in finding.text


def test_a_library_that_cannot_be_imported_is_a_problem(monkeypatch):
    monkeypatch.setattr(examination, "extras", list)
    monkeypatch.setattr(examination, "libraries", lambda name: part(name, found={"numpy": "2.0"}))
    monkeypatch.setattr(examination, "broken", lambda names: {"numpy": "ImportError: no libgomp"})
    problem, core = examination._packages()
    assert problem.health is Health.PROBLEM
    assert "libgomp" in problem.text
    assert core.health is Health.OK


def test_the_process_of_a_model_starts_here():
    assert examination._child().health is Health.OK


def test_a_process_that_does_not_start_is_a_problem(monkeypatch):
    class Broken:
        def __init__(self, **_: object) -> None:
            raise SeatrialError("It ended at once.", remedy="Look at its output.")

    monkeypatch.setattr("seatrial.packaging.session.ModelSession", Broken)
    finding = examination._child()
    assert (finding.health, finding.remedy) == (Health.PROBLEM, "Look at its output.")


@pytest.mark.usefixtures("light")
def test_the_file_that_the_settings_are_from_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert found(tmp_path / "home")["settings"].text == "defaults and the environment"
    (tmp_path / "seatrial.yaml").write_text("{}")
    assert found(tmp_path / "home")["settings"].text == "seatrial.yaml"
