"""gRPC as another way into the data plane: one port, with a service for each protocol."""

from __future__ import annotations

from typing import Any, Final

from seatrial.adapters.grpc.calls import Method, Misformed, PlaneCalls
from seatrial.adapters.grpc.oip_messages import messages
from seatrial.adapters.grpc.oip_service import OipService
from seatrial.adapters.grpc.tfserving_service import TfServing
from seatrial.adapters.tls_files import TlsFiles
from seatrial.kernel.errors import MissingExtra
from seatrial.serving.plane import DataPlane

_HEAD_ROOM: Final = 64 * 1024


def check_grpc() -> None:
    """Say now whether gRPC can be spoken here.   Raises: MissingExtra."""
    try:
        import grpc.aio  # noqa: F401 - asked for when a server is opened
    except ImportError:
        raise MissingExtra("grpc", "grpc") from None
    messages()


class GrpcDoor:
    """Answers the services on a port that several processes may share.

    Args:
        plane: answers.
        max_body_bytes: of a request.
        tls: what the door shows its clients; None speaks in clear.
    Raises: MissingExtra.
    """

    def __init__(
        self, plane: DataPlane, *, max_body_bytes: int, tls: TlsFiles | None = None
    ) -> None:
        check_grpc()
        import grpc
        import grpc.aio
        from google.protobuf.message import DecodeError

        self._grpc, self._broken, self._tls = grpc, DecodeError, tls
        self._server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", max_body_bytes + _HEAD_ROOM),
                ("grpc.max_send_message_length", -1),
                ("grpc.so_reuseport", 1),
            ]
        )
        calls = PlaneCalls(plane, grpc.StatusCode)
        tf_serving = TfServing(calls, max_bytes=max_body_bytes)
        for service in (OipService(calls).service(), *tf_serving.services()):
            handlers = {
                name: grpc.unary_unary_rpc_method_handler(self._handler(method))
                for name, method in service.methods.items()
            }
            generic = grpc.method_handlers_generic_handler(service.name, handlers)
            self._server.add_generic_rpc_handlers((generic,))

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port, which is another where 0 was asked for."""
        where = f"[{host}]" if ":" in host else host
        bound = self._listen(f"{where}:{port}")
        await self._server.start()
        return bound

    def _listen(self, address: str) -> int:
        tls = self._tls
        if tls is None:
            return int(self._server.add_insecure_port(address))
        shown = self._grpc.ssl_server_credentials(
            [(tls.key, tls.certificate)],
            root_certificates=tls.client_ca,
            require_client_auth=tls.client_ca is not None,
        )
        return int(self._server.add_secure_port(address, shown))

    async def stop(self, grace_s: float) -> None:
        """Take no more calls and let those under way end."""
        await self._server.stop(grace_s)

    def _handler(self, method: Method) -> Any:
        kind, answer = method

        async def handle(raw: bytes, context: Any) -> bytes:
            try:
                request = kind.FromString(raw)
                reply = await answer(request, context)
            except (self._broken, Misformed) as problem:
                await context.abort(self._grpc.StatusCode.INVALID_ARGUMENT, str(problem))
            encoded: bytes = reply.SerializeToString()
            return encoded

        return handle
