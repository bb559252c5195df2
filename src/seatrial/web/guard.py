"""Who may use the control routes.

With a token, whoever has it. Without one, only this machine: the connection must come from
loopback, the Host must be a loopback name (a page that rebinds its DNS name cannot fake that), and
nothing may say that the request was passed on. A browser's cross-site request, which names another
Origin, is refused either way. A proxy on this machine that hides all of that looks like this
machine: behind a proxy there must be a token.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from seatrial.kernel.errors import Denied

COOKIE = "seatrial_token"
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_PASSED_ON = frozenset(
    {
        "forwarded",
        "via",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-proto",
        "x-forwarded-server",
        "x-real-ip",
    }
)
"""Headers that proxies add, and that no client on this machine needs."""


class TokenNeeded(Denied):
    """A control route was used without the right token."""

    code = "control.token_needed"


class ForeignRequest(Denied):
    """A control route was used from elsewhere while there is no token."""

    code = "control.foreign_request"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Decides on requests to control routes.

    Args:
        token: the secret, or None where only loopback may use them.
    """

    token: str | None

    def check(
        self,
        *,
        client: str,
        headers: Mapping[str, str],
        cookies: Mapping[str, str],
    ) -> None:
        """Let a request pass or raise.

        Args:
            client: address of the peer.
            headers: names in lower case.
        Raises: TokenNeeded, ForeignRequest.
        """
        self.check_origin(headers)
        if self.token is not None:
            self._check_token(headers, cookies)
            return
        host = _name(headers.get("host", ""))
        passed_on = not _PASSED_ON.isdisjoint(headers)
        if passed_on or not _is_loopback(client) or host not in _LOCAL_NAMES:
            raise ForeignRequest(
                f"Control routes are open to this machine only, not to {client} as {host!r}.",
                remedy="Set SEATRIAL_TOKEN for the server and send it as 'Authorization: Bearer'.",
            )

    def _check_token(self, headers: Mapping[str, str], cookies: Mapping[str, str]) -> None:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            given = cookies.get(COOKIE, "")
        if not hmac.compare_digest(given.encode(), (self.token or "").encode()):
            raise TokenNeeded(
                "This route needs the control token.",
                remedy="Send the server's SEATRIAL_TOKEN as 'Authorization: Bearer TOKEN'.",
            )

    @staticmethod
    def check_origin(headers: Mapping[str, str]) -> None:
        """Refuse the page of another origin.   Raises: ForeignRequest."""
        origin = headers.get("origin")
        if origin is None:
            return
        if _parted(origin)[0] != headers.get("host", ""):
            raise ForeignRequest(
                f"A page of {origin!r} may not use the control routes.",
                remedy="Use the console of this server, or a client that is no browser.",
            )


def _name(host: str) -> str:
    """The host name without its port and brackets."""
    return _parted(f"//{host}")[1]


def _parted(url: str) -> tuple[str, str]:
    """Host with port, and host alone, of a URL; empty for one that makes no sense."""
    try:
        parts = urlsplit(url)
        return parts.netloc, parts.hostname or ""
    except ValueError:
        return "", ""


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
