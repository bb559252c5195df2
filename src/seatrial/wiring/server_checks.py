"""What would keep a server of a workspace from serving, said before one is started."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from socket import socket
from typing import TYPE_CHECKING

from seatrial.kernel.errors import Denied, Invalid, MissingExtra
from seatrial.wiring.background import killed_on
from seatrial.wiring.listening import PortTaken, is_loopback, listen
from seatrial.wiring.workspace import Workspace

if TYPE_CHECKING:
    from seatrial.adapters.tls_files import TlsFiles

TOKEN = "SEATRIAL_TOKEN"  # noqa: S105 - the name of a variable

GRACE_S = 20.0
"""Longer than a worker takes to let requests end and hand in what it measured."""

LEAVING_S = GRACE_S + 5.0
_AGAIN_S = 0.1


class TokenMissing(Denied):
    """The server would offer its control routes to the network without a token."""

    code = "server.token_missing"


class TokenUnusable(Invalid):
    """No client could send the control token."""

    code = "server.token_unusable"


def control_token(environment: Mapping[str, str]) -> str | None:
    """The secret of the control routes, or None where there is none.

    Raises: TokenUnusable: it holds what HTTP headers do not carry the same way everywhere.
    """
    token = environment.get(TOKEN) or None
    if token is not None and not (
        token.isascii() and token.isprintable() and token == token.strip()
    ):
        raise TokenUnusable(
            f"{TOKEN} holds other than printable ASCII characters, or blanks at an end.",
            remedy="Make one with 'openssl rand -hex 32'.",
        )
    return token


def check_can_listen(workspace: Workspace) -> None:
    """Say now what would keep a server of this workspace from listening.

    Raises: PortTaken, TokenMissing, TokenUnusable; as `check_gateway`, `check_features`,
        `check_events`, `check_registry`, `check_trust` and `check_grpc`.
    """
    check_llm(workspace)
    check_features(workspace)
    check_events(workspace)
    check_registry(workspace)
    check_trust(workspace)
    token_for(workspace.settings.server.host)
    open_port(workspace).close()
    check_grpc(workspace)


def open_port(workspace: Workspace, *, say: Callable[[str], None] = lambda _: None) -> socket:
    """The socket of a server.

    One that was killed leaves workers behind that answer what they were asked, and hold its port
    for so long: they are waited for.
    Raises: PortTaken.
    """
    server = workspace.settings.server
    until = time.monotonic() + LEAVING_S
    told = False
    while True:
        try:
            return listen(server.host, server.port)
        except PortTaken:
            if time.monotonic() > until or not killed_on(workspace, server.port):
                raise
        if not told:
            say(f"waits for port {server.port}: workers of a server that was killed still hold it")
            told = True
        time.sleep(_AGAIN_S)


def check_llm(workspace: Workspace) -> None:
    """Say now what would end every worker that opens the gateway.   Raises: as `check_gateway`."""
    if workspace.settings.gateway.models:
        from seatrial.wiring.gateway import check_gateway

        check_gateway(workspace)


def check_features(workspace: Workspace) -> None:
    """Say now what would end every worker that looks features up.   Raises: as `open_lookups`."""
    if workspace.settings.features.endpoints:
        from seatrial.features.tally import Tally
        from seatrial.wiring.features.lookups import open_lookups

        open_lookups(workspace, Tally())


def check_registry(workspace: Workspace) -> None:
    """Say now what would keep registered versions, and trainings, from going on.

    Raises: as `wiring.registry.registries.check_url`.
    """
    settings = workspace.settings
    if settings.registry.url is not None and (settings.registry.models or settings.retraining):
        from seatrial.wiring.registry.registries import check_url

        check_url(settings.registry.url)


def check_events(workspace: Workspace) -> None:
    """Say now what would keep events from moving.   Raises: as `wiring.events.open_broker`."""
    if workspace.settings.events.broker is not None:
        from seatrial.wiring import events

        events.check_events(workspace)


def check_trust(workspace: Workspace, *, say: Callable[[str], None] = lambda _: None) -> None:
    """Say now what would keep every worker from loading anything, and versions from being signed.

    Args: say: told why versions that are registered here would not be loaded.
    Raises: as `wiring.deploying.trust.unloadable`.
    """
    settings = workspace.settings
    keys = settings.server.verify_key, settings.server.sign_key
    if any(key is not None for key in keys):
        from seatrial.wiring.deploying.trust import unloadable

        by_itself = bool(settings.retraining or settings.registry.models)
        why = unloadable(*keys, by_itself=by_itself)
        if why is not None:
            say(f"note: {why}")


def check_grpc(workspace: Workspace) -> None:
    """Say now what would keep every worker from speaking gRPC.

    Raises: MissingExtra, PortTaken, TlsUnusable.
    Nothing of gRPC is imported here: it must not be there when workers are forked.
    """
    server = workspace.settings.server
    if server.grpc_port is not None:
        if find_spec("grpc") is None:
            raise MissingExtra("grpc", "grpc")
        grpc_tls(workspace)
        listen(server.host, server.grpc_port, option="server.grpc_port in seatrial.yaml").close()


def grpc_tls(workspace: Workspace) -> TlsFiles | None:
    """What gRPC's port shows its clients; None where it speaks in clear.   Raises: TlsUnusable."""
    config = workspace.settings.server.grpc_tls
    if config is None:
        return None
    from seatrial.adapters.tls_files import read_tls

    return read_tls(config.certificate, config.key, config.client_ca)


def token_for(host: str) -> str | None:
    """The secret of the control routes of a server that listens there.

    Raises: TokenUnusable; TokenMissing: others could reach it, and there is none.
    """
    token = control_token(os.environ)
    if token is None and not is_loopback(host):
        raise TokenMissing(
            f"Listening on {host} opens the control routes to the network.",
            remedy=f"Set {TOKEN} to a long random text, or listen on 127.0.0.1.",
        )
    return token
