"""Where an installation keeps its state, and how it finds its settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.kernel.errors import NotFound, SeatrialError
from seatrial.wiring.knowledge_settings import read_knowledge_file
from seatrial.wiring.workspace import (
    STORES,
    HomeNotWritable,
    UnknownStore,
    open_store,
    open_workspace,
)


def test_the_home_named_wins_over_the_environment_and_that_over_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = {"SEATRIAL_HOME": str(tmp_path / "env")}
    assert open_workspace(environment={}).home == tmp_path / ".seatrial"
    assert open_workspace(environment=said).home == tmp_path / "env"
    assert open_workspace(home=Path("flag"), environment=said).home == tmp_path / "flag"


def test_the_home_is_made(tmp_path: Path) -> None:
    assert open_workspace(home=tmp_path / "a" / "b", environment={}).home.is_dir()


def test_a_home_below_a_file_is_denied(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HomeNotWritable) as denied:
        open_workspace(home=tmp_path / "file" / "x", environment={})
    assert "--home" in denied.value.remedy


def test_the_store_is_the_file_in_the_home_unless_configured(tmp_path: Path) -> None:
    workspace = open_workspace(home=tmp_path, environment={})
    assert workspace.store_url == f"sqlite:///{tmp_path / 'seatrial.db'}"
    store = workspace.open_store()
    store.close()
    assert (tmp_path / "seatrial.db").is_file()


def test_the_environment_names_another_store(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'other.db'}"
    workspace = open_workspace(home=tmp_path, environment={"SEATRIAL_STORE": url})
    assert workspace.store_url == url


@pytest.mark.parametrize("url", ["", "mysql://x", "seatrial.db", "SQLITE"])
def test_a_store_of_a_scheme_nobody_knows_is_refused(url: str) -> None:
    with pytest.raises(UnknownStore) as refused:
        open_store(url)
    for scheme in STORES:
        assert f"{scheme}://" in refused.value.remedy


def test_what_the_command_line_says_of_the_server_wins(tmp_path: Path) -> None:
    workspace = open_workspace(home=tmp_path, environment={})
    changed = workspace.listening(host=None, port=0, workers=3)
    assert (changed.settings.server.port, changed.settings.server.workers) == (0, 3)
    assert changed.settings.server.host == workspace.settings.server.host
    assert workspace.settings.server.port == 8080


def test_the_file_in_the_folder_is_read_and_a_named_one_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "seatrial.yaml").write_text("server: {port: 1111}\n")
    (tmp_path / "other.yaml").write_text("server: {port: 2222}\n")
    here = open_workspace(environment={})
    named = open_workspace(config=Path("other.yaml"), environment={})
    assert (here.settings.server.port, named.settings.server.port) == (1111, 2222)
    assert named.config == tmp_path / "other.yaml"


def test_a_named_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"none\.yaml"):
        open_workspace(home=tmp_path, config=tmp_path / "none.yaml", environment={})


def test_every_problem_of_the_file_is_said_at_once(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text("server: {prt: 1, workers: 0}\nrelease: {steps: []}\n")
    with pytest.raises(SeatrialError) as refused:
        open_workspace(home=tmp_path, config=file, environment={})
    for part in ("prt", "workers", "steps"):
        assert part in str(refused.value)


def test_an_endpoint_may_have_its_own_release(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(
        "release: {steps: [{share: 0.2}]}\n"
        "endpoints: {churn: {release: {steps: [{share: 0.01}]}}, price: {}}\n"
    )
    settings = open_workspace(home=tmp_path, config=file, environment={}).settings
    shares = [settings.release_of(name).steps[0].share for name in ("churn", "price", "x")]
    assert shares == [0.01, 0.2, 0.2]


def test_folders_lie_in_the_home(tmp_path: Path) -> None:
    workspace = open_workspace(home=tmp_path, environment={})
    assert workspace.release_folder("churn", 3) == tmp_path / "releases" / "churn" / "3"
    assert {workspace.bundles, workspace.log, workspace.spool} == {
        tmp_path / "bundles",
        tmp_path / "log",
        tmp_path / "spool",
    }


def test_what_is_said_of_a_file_of_one_index_is_nothing_to_the_rest(tmp_path: Path) -> None:
    environment = {"SEATRIAL_RAG__RETRIEVAL__K": "7", "SEATRIAL_SERVER__PORT": "9999"}
    config = tmp_path / "rag_config.yaml"
    config.write_text("documents: {sources: [{path: docs}]}")
    opened = open_workspace(home=tmp_path / "home", environment=environment)
    assert opened.settings.server.port == 9999
    assert read_knowledge_file(config, environment).knowledge["documents"].retrieval.k == 7


def test_what_runs_on_a_machine_is_kept_apart_where_others_have_the_home_in_common(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = open_workspace(home=tmp_path, environment={})
    assert (alone.own, alone.limits) == (tmp_path, tmp_path / "limits")
    shared = open_workspace(
        home=tmp_path, environment={"SEATRIAL_STORE": "postgresql://u@db.example/seatrial"}
    )
    found = set()
    for host in ("port", "star/board", ".."):
        monkeypatch.setattr("seatrial.wiring.workspace.gethostname", lambda host=host: host)
        assert shared.own.is_dir()
        assert shared.own.parent == tmp_path / "hosts"
        found.add(shared.limits)
    assert len(found) == 3
