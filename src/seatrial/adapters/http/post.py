"""One POST to a web hook, with every bound a stranger's server calls for.

The standard library's client: http and https only, certificates checked, no redirect followed, no
proxy but a named one, the whole exchange within one deadline, and an answer of bounded length.
Addresses of web hooks hold their secret, so no message names more than scheme and host.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from seatrial.monitoring.alerts.notify import NotificationRefused, SinkInvalid, SinkUnavailable

MAX_ANSWER_BYTES = 65_536

_REFUSED = (400, 405, 411, 413, 415, 422)
"""Statuses that speak of this very body; any other failure may pass, or be corrected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer of 200 to 299.

    Args:
        status: of HTTP.
        body: as text, at most `MAX_ANSWER_BYTES` of it.
    """

    status: int
    body: str


def checked_url(url: str) -> SplitResult:
    """The parts of an address that may be posted to.

    Raises: SinkInvalid: not http or https, no host, a user in it, or characters no address has.
    """
    try:
        parts = urlsplit(url)
        port_fits = parts.port is None or 0 < parts.port < 65536
    except ValueError:
        parts, port_fits = urlsplit(""), False
    plain = url.isascii() and url.isprintable() and " " not in url
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_fits or not plain:
        raise SinkInvalid(
            f"The address of a sink ({shown(url)}) is not an http or https URL.",
            remedy="Give the whole address, such as https://hooks.example.com/...",
        )
    if parts.username is not None:
        raise SinkInvalid(
            f"The address of a sink ({shown(url)}) holds a user name.",
            remedy="Give the user and password by environment variables of their own.",
        )
    return parts


def shown(url: str) -> str:
    """Scheme and host of an address: what a message may name."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.hostname}" if parts.scheme and parts.hostname else "hidden"
    except ValueError:
        return "hidden"


def post(
    url: str, body: bytes, headers: Mapping[str, str], *, timeout_s: float, proxy: str = ""
) -> Reply:
    """Send ``body`` and read the answer.

    Args:
        url: http or https.
        body: whole.
        headers: besides those of the connection.
        timeout_s: for all of it, in seconds > 0; looking up the host's name comes on top.
        proxy: http address of a proxy to go through; empty for none.
    Raises: SinkUnavailable, NotificationRefused, SinkInvalid.
    """
    parts = checked_url(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = _connection(parts, timeout_s, checked_url(proxy) if proxy else None)
    if proxy and parts.scheme == "http":
        target = f"http://{parts.netloc}{target}"
    try:
        with _deadline(connection, timeout_s) as connected:
            connection.connect()
            connected()
            connection.request("POST", target, body=body, headers=dict(headers))
            with connection.getresponse() as response:
                text = response.read(MAX_ANSWER_BYTES).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException, ValueError) as broken:
        # ValueError: a socket closed by the deadline while it was being read.
        raise SinkUnavailable(
            f"{shown(url)} did not answer ({type(broken).__name__}; it has {timeout_s:g} s).",
            remedy="See whether the address is right and can be reached from this machine.",
        ) from broken
    finally:
        connection.close()
    return _judged(url, response.status, response.getheader("Retry-After"), text)


def _connection(
    parts: SplitResult, timeout_s: float, proxy: SplitResult | None
) -> http.client.HTTPConnection:
    """To the server, or to the proxy: through which https goes as a tunnel, http as it is."""
    there = proxy or parts
    host = str(there.hostname)
    if parts.scheme == "http":
        return http.client.HTTPConnection(host, there.port, timeout=timeout_s)
    context = ssl.create_default_context()
    port = (there.port or 80) if proxy else there.port
    connection = http.client.HTTPSConnection(host, port, timeout=timeout_s, context=context)
    if proxy is not None:
        connection.set_tunnel(str(parts.hostname), parts.port)
    return connection


@contextmanager
def _deadline(
    connection: http.client.HTTPConnection, timeout_s: float
) -> Iterator[Callable[[], None]]:
    """Ends the exchange when its time is over, however slowly a server drips its answer.

    A timeout of the socket alone counts from the last byte. Yields what to call once there is a
    connection: reading an answer takes the socket away from the object that opened it.
    """
    sockets: list[socket.socket] = []

    def end() -> None:
        for sock in sockets or filter(None, [connection.sock]):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(timeout_s, end)
    timer.daemon = True
    timer.start()
    try:
        yield lambda: sockets.append(connection.sock)
    finally:
        timer.cancel()


def _judged(url: str, status: int, retry_after: str | None, text: str) -> Reply:
    if 200 <= status < 300:
        return Reply(status=status, body=text)
    answer = f"{shown(url)} answered {status}"
    if status in _REFUSED:
        raise NotificationRefused(
            f"{answer}: {_without_path(url, text)[:200]}",
            remedy="See whether the sink's kind in the configuration is what the address expects.",
            status=status,
        )
    if 300 <= status < 400:
        raise SinkUnavailable(
            f"{answer}, a redirect, which is not followed.",
            remedy="Configure the address it points at, if you trust it.",
            status=status,
        )
    asked = float(retry_after) if retry_after and retry_after.isdecimal() else 0.0
    raise SinkUnavailable(
        f"{answer}.",
        remedy="See whether address and secret are right.",
        status=status,
        retry_after_s=asked,
    )


def _without_path(url: str, text: str) -> str:
    """An answer that may repeat the address, without the part that is secret."""
    parts = urlsplit(url)
    for secret in (parts.path, parts.query):
        text = text.replace(secret, "***") if len(secret) > 1 else text
    return text
