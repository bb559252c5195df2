"""A data plane behind gRPC's door, and a channel to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import pytest

from seatrial.adapters.grpc.door import GrpcDoor
from seatrial.adapters.tls_files import TlsFiles
from seatrial.serving.exchange import Limits
from seatrial.serving.plane import DataPlane
from seatrial.testing.models import (
    FakeEngine,
    Remembering,
    column_signature,
    live_version,
    matrix_signature,
    router_of,
)
from seatrial.web.errors import error_reply

MAX_BODY_BYTES = 100_000


class Bench:
    """A plane behind the door, and a channel to it.

    Args:
        service: the name of the one that is asked.
        messages: its classes.
        tls: of the door.
    """

    def __init__(
        self, service: str, messages: Mapping[str, Any], tls: TlsFiles | None = None
    ) -> None:
        self.service, self.messages = service, messages
        self.churn = FakeEngine(matrix_signature(), 0.25)
        self.columns = FakeEngine(column_signature())
        self.recorder = Remembering()
        self.slow = asyncio.Event()
        versions = (
            live_version(matrix_signature(), engine=self.churn, version=3),
            live_version(column_signature(), endpoint="col", version=4, engine=self.columns),
            live_version(matrix_signature(), endpoint="slow", wait=self.slow.wait),
        )
        router = router_of(*versions, recorder=self.recorder)
        self.plane = DataPlane(router, error_reply, Limits(max_body_bytes=MAX_BODY_BYTES))
        self.door = GrpcDoor(self.plane, max_body_bytes=MAX_BODY_BYTES, tls=tls)
        self.address = ""

    async def ask(
        self, method: str, *, raw: bytes | None = None, timeout_s: float = 5.0, **fields: Any
    ) -> Any:
        request = self.messages[f"{method}Request"]
        sent = request(**fields).SerializeToString() if raw is None else raw
        async with grpc.aio.insecure_channel(self.address) as channel:
            call = channel.unary_unary(f"/{self.service}/{method}")(sent, timeout=timeout_s)
            answer = self.messages[f"{method}Response"].FromString(await call)
            self.trailing = dict(await call.trailing_metadata() or ())
            return answer

    async def refused(self, method: str, **fields: Any) -> tuple[Any, str]:
        with pytest.raises(grpc.aio.AioRpcError) as told:
            await self.ask(method, **fields)
        return told.value.code(), str(told.value.details())


@asynccontextmanager
async def opened(
    service: str, messages: Mapping[str, Any], tls: TlsFiles | None = None
) -> AsyncIterator[Bench]:
    """A bench whose door is open."""
    bench = Bench(service, messages, tls)
    bench.address = f"127.0.0.1:{await bench.door.start('127.0.0.1', 0)}"
    yield bench
    bench.slow.set()
    await bench.door.stop(0)
