"""`seatrial deploy` where no server can run: said before anything is registered."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from seatrial.cli import deploy as subject
from seatrial.cli.exits import Exit
from seatrial.wiring.background import ServerDied
from seatrial.wiring.listening import listen
from seatrial.wiring.workspace import Workspace, open_workspace

Answer = Callable[..., tuple[int, str, str]]
PORT, HOST = "SEATRIAL_SERVER__PORT", "SEATRIAL_SERVER__HOST"


def streams(home: Any) -> list[str]:
    workspace: Workspace = open_workspace(home=home.folder)
    store = workspace.open_store()
    try:
        return store.streams("")
    finally:
        store.close()


def test_a_port_in_use_is_said_before_a_model_is_read_and_leaves_nothing(
    home: Any, seatrial: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv(PORT, str(port))
        code, _, err = seatrial("deploy", "model.pkl", "--target", "production")
    assert code == Exit.CONFLICT
    assert str(port) in err
    assert "server.port" in err
    assert streams(home) == []
    assert not (home.folder / "bundles").exists()


def test_a_network_without_a_token_is_said_too(
    home: Any, seatrial: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SEATRIAL_TOKEN", raising=False)
    monkeypatch.setenv(HOST, "0.0.0.0")
    code, _, err = seatrial("deploy", "model.pkl", "--target", "production")
    assert code == Exit.DENIED
    assert "SEATRIAL_TOKEN" in err
    assert streams(home) == []


@pytest.mark.parametrize(
    "options", [("--target", "staging"), ("--target", "production", "--no-up")]
)
def test_who_needs_no_server_is_not_asked_for_a_port(
    home: Any, seatrial: Answer, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    with listen("127.0.0.1", 0) as taken:
        monkeypatch.setenv(PORT, str(taken.getsockname()[1]))
        code, _, err = seatrial("deploy", "model.pkl", *options)
    assert code == Exit.NOT_FOUND
    assert "model.pkl" in err


def test_a_server_that_dies_all_the_same_is_told_with_what_becomes_of_the_release(
    home: Any, seatrial: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(_: Workspace) -> str:
        raise ServerDied("The server did not start: it died.", remedy="Read the log.")

    placed = SimpleNamespace(endpoint="churn")
    monkeypatch.setenv(PORT, "0")
    monkeypatch.setattr(subject, "deploy_order", lambda *_, **__: placed)
    monkeypatch.setattr(subject, "ensure_server", dies)
    code, _, err = seatrial("deploy", "model.pkl", "--target", "production")
    assert code == Exit.UNAVAILABLE
    assert "goes on once `seatrial up` runs" in " ".join(err.split())
    assert "Read the log" in err
