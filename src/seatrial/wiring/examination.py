"""Examines what seatrial needs on this machine: the parts of `seatrial doctor`.

Nothing is left changed: what is written or started to try it is removed and ended again.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata
from pathlib import Path

from seatrial.kernel.errors import SeatrialError
from seatrial.wiring.background import running
from seatrial.wiring.libraries import Libraries, broken, extras, libraries
from seatrial.wiring.listening import is_loopback, listen
from seatrial.wiring.server_checks import TOKEN, control_token
from seatrial.wiring.settings import FILE
from seatrial.wiring.workspace import Workspace, open_workspace

OLDEST_PYTHON = (3, 11)
LEAST_FREE_BYTES = 1 << 30
"""A model, its bundle, its release folder and a prediction log fit into this."""


class Health(StrEnum):
    """What an examination found."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One part that was looked at.

    Args:
        part: its name, such as ``store``.
        health: whether it is as it should be; ``note`` when something optional is absent.
        text: what was found.
        remedy: what to do; empty unless it is a problem or something to know.
    """

    part: str
    health: Health
    text: str
    remedy: str = ""

    def as_dict(self) -> dict[str, str]:
        """The finding as a JSON-able record."""
        return {
            "part": self.part,
            "health": self.health.value,
            "text": self.text,
            "remedy": self.remedy,
        }


def examine(
    *, home: Path | None, config: Path | None, environment: Mapping[str, str] = os.environ
) -> Iterator[Finding]:
    """Look at every part, one after the other.

    Args:
        home: folder of the state; see `open_workspace`.
        config: configuration file; see `open_workspace`.
        environment: where a missing ``home`` and the token are looked up.
    """
    yield _python(sys.version_info[:2], sys.platform)
    yield from _packages()
    yield _child()
    try:
        workspace = open_workspace(home=home, config=config, environment=environment)
    except SeatrialError as error:
        yield _trouble("settings", error)
        return
    own = Path(FILE)
    shown = workspace.config or (own if own.exists() else "defaults and the environment")
    yield Finding(part="settings", health=Health.OK, text=str(shown))
    yield _home(workspace.home)
    yield _disk(workspace.home, shutil.disk_usage(workspace.home).free)
    yield _store(workspace)
    if workspace.settings.gateway.models:
        yield _gateway(workspace, environment)
    yield _address(workspace)
    yield _token(workspace.settings.server.host, environment)


def _python(version: tuple[int, ...], platform: str) -> Finding:
    text = f"{'.'.join(map(str, version))} on {platform}"
    if version < OLDEST_PYTHON:
        remedy = f"Use Python {'.'.join(map(str, OLDEST_PYTHON))} or newer."
        return Finding(part="python", health=Health.PROBLEM, text=text, remedy=remedy)
    if platform != "linux":
        remedy = "Run seatrial on Linux: it uses pidfds and memory files of that system."
        return Finding(part="python", health=Health.PROBLEM, text=text, remedy=remedy)
    return Finding(part="python", health=Health.OK, text=text)


def _packages() -> Iterator[Finding]:
    try:
        parts = [libraries(""), *map(libraries, extras())]
    except metadata.PackageNotFoundError:
        yield Finding(
            part="packages",
            health=Health.NOTE,
            text="seatrial runs from its source folder, so its libraries cannot be compared",
            remedy="Install it to have them checked: pip install -e .",
        )
        return
    failed = broken(name for part in parts for name in part.found)
    for module, why in failed.items():
        yield Finding(
            part="packages",
            health=Health.PROBLEM,
            text=f"{module} cannot be imported: {why}",
            remedy="Install it again: pip install --force-reinstall the package it belongs to.",
        )
    for part in parts:
        yield _part(part)


def _part(part: Libraries) -> Finding:
    name = f"extra {part.part}" if part.part else "packages"
    install = f"pip install 'seatrial[{part.part}]'" if part.part else "pip install seatrial"
    if part.unfit:
        text = f"versions that do not fit: {', '.join(part.unfit)}"
        remedy = f"Run: {install} --upgrade"
        return Finding(part=name, health=Health.PROBLEM, text=text, remedy=remedy)
    if part.missing:
        health = Health.NOTE if part.part else Health.PROBLEM
        text = f"not installed: {', '.join(part.missing)}"
        return Finding(part=name, health=health, text=text, remedy=f"Run: {install}")
    found = ", ".join(f"{name} {version}" for name, version in sorted(part.found.items()))
    return Finding(part=name, health=Health.OK, text=found)


def _child() -> Finding:
    """Whether a process for models starts and answers."""
    from seatrial.packaging.session import ModelSession
    from seatrial.serving.spawn import ChildLimits

    try:
        with ModelSession(limits=ChildLimits(start_s=30.0)):
            return Finding(part="child", health=Health.OK, text="a model's own process starts")
    except SeatrialError as error:
        return _trouble("child", error)
    except OSError as error:
        return Finding(
            part="child",
            health=Health.PROBLEM,
            text=f"no process can be started: {error}",
            remedy="Raise the limits of processes and open files (ulimit -u, ulimit -n).",
        )


def _home(home: Path) -> Finding:
    try:
        with tempfile.TemporaryFile(dir=home) as file:
            file.write(b"seatrial")
            file.flush()
    except OSError as error:
        return Finding(
            part="home",
            health=Health.PROBLEM,
            text=f"{home} cannot be written: {error.strerror}",
            remedy="Make it writable for this user, or name another folder with --home.",
        )
    return Finding(part="home", health=Health.OK, text=f"{home} can be written")


def _disk(home: Path, free_bytes: int) -> Finding:
    text = f"{free_bytes / 2**30:.1f} GiB free beside {home.name}"
    if free_bytes < LEAST_FREE_BYTES:
        remedy = "Free some space, or name a folder on another drive with --home."
        return Finding(part="disk", health=Health.PROBLEM, text=text, remedy=remedy)
    return Finding(part="disk", health=Health.OK, text=text)


def _store(workspace: Workspace) -> Finding:
    """Whether the store answers and takes writes: a lease is had and given back."""
    try:
        store = workspace.open_store()
    except SeatrialError as error:
        return _trouble("store", error)
    name = secrets.token_hex(8)
    try:
        lease = store.acquire(f"doctor/{name}", name, ttl_s=10.0)
        if lease is not None:
            store.release(lease)
        text = f"{type(store).__name__} answers and takes writes; {store.head()} facts"
        return Finding(part="store", health=Health.OK, text=text)
    except SeatrialError as error:
        return _trouble("store", error)
    finally:
        store.close()


def _gateway(workspace: Workspace, environment: Mapping[str, str]) -> Finding:
    """Whether the gateway would open and its ledger answers; no provider is asked."""
    from seatrial.wiring.gateway import check_gateway, ledger_url, open_ledger

    config = workspace.settings.gateway
    try:
        check_gateway(workspace, environment=environment)
        open_ledger(ledger_url(workspace)).close()
    except SeatrialError as error:
        return _trouble("gateway", error)
    n_models, n_providers = len(config.models), len(config.providers)
    text = f"models: {n_models}, providers: {n_providers}; the ledger opens"
    return Finding(part="gateway", health=Health.OK, text=text)


def _address(workspace: Workspace) -> Finding:
    found = running(workspace)
    if found is not None:
        text = f"a server of this workspace runs on {found.address} (process {found.pid})"
        return Finding(part="port", health=Health.OK, text=text)
    server = workspace.settings.server
    try:
        listen(server.host, server.port).close()
    except SeatrialError as error:
        return _trouble("port", error)
    return Finding(part="port", health=Health.OK, text=f"{server.host}:{server.port} is free")


def _token(host: str, environment: Mapping[str, str]) -> Finding:
    try:
        token = control_token(environment)
    except SeatrialError as error:
        return _trouble("token", error)
    if token:
        text = "control routes ask for the token"
    elif is_loopback(host):
        text = "none: control routes are for this machine only"
    else:
        return Finding(
            part="token",
            health=Health.PROBLEM,
            text=f"{host} is no loopback address, and there is no token",
            remedy=f"Set {TOKEN} to a long random text, or listen on 127.0.0.1.",
        )
    return Finding(part="token", health=Health.OK, text=text)


def _trouble(part: str, error: SeatrialError) -> Finding:
    return Finding(part=part, health=Health.PROBLEM, text=error.problem, remedy=error.remedy)
