"""Whether a registry can be asked is known before a server starts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from seatrial.kernel.errors import MissingExtra
from seatrial.wiring.registry import registries
from seatrial.wiring.registry.registries import RegistryUrlInvalid
from seatrial.wiring.server_checks import check_can_listen, check_registry
from seatrial.wiring.settings import Settings
from seatrial.wiring.workspace import Workspace

URL = "http://127.0.0.1:5000"


def followed(folder: Path, url: str | None = URL, **models: Mapping[str, Any]) -> Workspace:
    values = {"registry": {"url": url, "models": models}, "server": {"port": 0}}
    return Workspace(home=folder / "home", settings=Settings.model_validate(values))


@pytest.mark.parametrize("check", [check_registry, check_can_listen])
def test_a_client_that_is_absent_keeps_the_server_from_starting(
    check: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registries, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"seatrial\[mlflow\]"):
        check(followed(tmp_path, churn={}))
    check(followed(tmp_path))  # nothing is followed
    check(followed(tmp_path, url=None, churn={}))  # our own registry needs no client


def test_one_that_is_there_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registries, "find_spec", lambda name: object())
    check_registry(followed(tmp_path, churn={}))
    with pytest.raises(RegistryUrlInvalid):
        check_registry(followed(tmp_path, url="ftp://x", churn={}))
