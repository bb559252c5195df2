"""Opens listening sockets."""

from __future__ import annotations

import ipaddress
import socket

from seatrial.kernel.errors import Conflict


class PortTaken(Conflict):
    """Somebody else listens on the address, or it is not ours."""

    code = "server.port_taken"


def listen(
    host: str,
    port: int,
    *,
    option: str = "--port of `seatrial up`, or server.port in seatrial.yaml (0 takes any free one)",
) -> socket.socket:
    """A listening socket that child processes may inherit; port 0 takes any free one.

    Args: option: says which port, to whom it is taken.
    Raises: PortTaken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as problem:
        raise PortTaken(
            f"Cannot listen on {host}:{port}: {problem.strerror}.",
            remedy=f"Stop what uses it, or choose another: {option}.",
            port=port,
        ) from problem
    listening.set_inheritable(True)
    return listening


def is_loopback(host: str) -> bool:
    """Whether an address to listen on is reachable from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
