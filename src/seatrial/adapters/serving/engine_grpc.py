"""gRPC to the server of an engine elsewhere, whatever services it has."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from seatrial.kernel.errors import MissingExtra, SeatrialError
from seatrial.serving.failures import (
    EngineNonsense,
    EngineRefused,
    EngineTimeout,
    EngineUnreachable,
)

_MOST_BYTES: Final = 256 * 2**20
_SHOWN: Final = 300


class EngineGrpc:
    """Calls to one address.

    Args:
        url: grpc or grpcs, with host and port.
        connect_s: for a connection to stand, > 0; the pauses between attempts are as long.
        protocol: what is expected there, for people.
    Raises: MissingExtra.
    """

    def __init__(self, url: str, *, connect_s: float, protocol: str) -> None:
        try:
            import grpc.aio
            from google.protobuf.message import DecodeError
        except ImportError:
            raise MissingExtra("grpc", "grpc") from None
        self._grpc, self.broken = grpc, DecodeError
        self._url, self._parts, self._protocol = url, urlsplit(url), protocol
        self._connect_ms = max(100, round(1000 * connect_s))
        self._channel: Any = None

    async def close(self) -> None:
        """Give the connection back; no call may follow."""
        if self._channel is not None:
            await self._channel.close()

    async def call(self, path: str, request: Any, reply: Any, timeout_s: float) -> Any:
        """The reply to one call.

        Args:
            path: service and method.
            request: a message.
            reply: the class of what is answered.
        Raises: EngineUnreachable, EngineTimeout, EngineRefused, EngineNonsense.
        """
        if self._channel is None:  # it belongs to the loop it is made on
            self._channel = self._opened()
        call = self._channel.unary_unary(f"/{path}")
        try:
            raw = await call(request.SerializeToString(), timeout=timeout_s)
        except self._grpc.aio.AioRpcError as error:
            raise self._failure(error, timeout_s) from error
        try:  # here, for gRPC itself gives None where it fails
            return reply.FromString(raw)
        except self.broken as error:
            raise self.nonsense(str(error)) from error

    def _opened(self) -> Any:
        options = [
            ("grpc.max_receive_message_length", _MOST_BYTES),
            ("grpc.max_send_message_length", -1),
            ("grpc.initial_reconnect_backoff_ms", self._connect_ms),
            ("grpc.max_reconnect_backoff_ms", self._connect_ms),
            ("grpc.min_reconnect_backoff_ms", self._connect_ms),
            ("grpc.enable_http_proxy", 0),
        ]
        address = self._parts.netloc
        if self._parts.scheme == "grpcs":
            trust = self._grpc.ssl_channel_credentials()
            return self._grpc.aio.secure_channel(address, trust, options=options)
        return self._grpc.aio.insecure_channel(address, options=options)

    def _failure(self, error: Any, timeout_s: float) -> SeatrialError:
        code, said = error.code(), " ".join(str(error.details()).split())[:_SHOWN]
        status = self._grpc.StatusCode
        if code is status.DEADLINE_EXCEEDED:
            return EngineTimeout(
                f"{self._url} did not answer within {timeout_s:g} s.",
                remedy="See how busy the engine's server is, or give it more replicas.",
                timeout_s=timeout_s,
            )
        if code is status.UNIMPLEMENTED:
            return self.nonsense(said)
        if code is status.UNAVAILABLE:
            return EngineUnreachable(
                f"{self._url} cannot be reached: {said}",
                remedy="See whether the engine's server runs there, and engines.<name>.url.",
            )
        return EngineRefused(
            f"{self._url} answered {code.name}: {said}",
            remedy="Send the same rows to the engine itself; its log has the reason.",
            status=code.name,
        )

    def nonsense(self, why: str) -> EngineNonsense:
        """The error of a server that answers something else."""
        return EngineNonsense(
            f"{self._url} answered what is no {self._protocol}: {why[:_SHOWN]}",
            remedy="See whether engines.<name>.url is that of such a server.",
        )
