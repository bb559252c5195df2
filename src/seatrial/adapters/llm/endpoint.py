"""Where a vendor of models is, how to be let in, and the bounds of an exchange."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from seatrial.kernel.errors import Invalid


class EndpointInvalid(Invalid):
    """The base URL of a provider, or what goes with it, cannot be used."""

    code = "gateway.endpoint_invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """Bounds of the exchanges with one vendor, besides the deadline of each call.

    Args:
        connect_s: for a connection to stand, TLS included, > 0.
        idle_s: longest silence between two pieces of a stream, > 0; before the first one the
            deadline of the call alone counts, as some models think for minutes.
        max_reply_bytes: of a whole reply, and of one event of a stream, > 0.
        keep_alive_s: how long a connection without work is kept, > 0; shorter than servers keep
            theirs, for a request that meets a closing one is lost.
    """

    connect_s: float = 5.0
    idle_s: float = 60.0
    max_reply_bytes: int = 32 * 1024 * 1024
    keep_alive_s: float = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a vendor is and how to be let in.

    Args:
        name: of the provider, as configured.
        base_url: http or https, with the version, such as ``https://api.openai.com/v1``.
        headers: of every request, credentials included; not shown.
        query: of every request, such as ``api-version=2024-10-21``; "" for none.
        limits: of each exchange.
    Raises: EndpointInvalid.
    """

    name: str
    base_url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: str = ""
    limits: HttpLimits = field(default_factory=HttpLimits)

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.base_url)
            fits = parts.port is None or 0 < parts.port < 65536
        except ValueError:
            parts, fits = urlsplit(""), False
        if parts.scheme not in ("http", "https") or not parts.hostname or not fits:
            raise self._wrong(
                f"The base URL {self.base_url!r} of provider {self.name!r} is not one of http.",
                "Give it whole, such as https://api.openai.com/v1",
            )
        if parts.username is not None or parts.query or parts.fragment:
            raise self._wrong(
                f"The base URL of provider {self.name!r} holds more than host and path.",
                "Give credentials by the API key, and parameters by the query.",
            )
        named = {"base URL": self.base_url, "query": self.query}
        for what, text in named.items():
            if not _plain(text) or " " in text:
                raise self._wrong(
                    f"The {what} of provider {self.name!r} has a character no address has.",
                    "Write it in plain letters, others as %XX.",
                )
        for name, value in self.headers.items():
            if not name or not _plain(name + value):
                raise self._wrong(
                    f"The header {name!r} of provider {self.name!r} has a character no header has.",
                    "Look for a line break at the end of a key.",
                )

    def _wrong(self, problem: str, remedy: str) -> EndpointInvalid:
        return EndpointInvalid(problem, remedy=remedy, provider=self.name)

    def url(self, path: str) -> str:
        """Of one of the vendor's paths, which begins with a slash."""
        return f"{self.base_url.rstrip('/')}{path}" + (f"?{self.query}" if self.query else "")


def _plain(text: str) -> bool:
    return text.isascii() and text.isprintable()
