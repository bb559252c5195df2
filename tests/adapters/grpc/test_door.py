"""gRPC's door with TLS: whom it answers, and whom it turns away."""

from __future__ import annotations

from pathlib import Path

import grpc
import grpc.aio
import pytest

from seatrial.adapters.grpc.oip_messages import SERVICE, messages
from seatrial.adapters.tls_files import read_tls
from tests.adapters.grpc_bench import Bench, opened
from tests.adapters.tls_bench import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


async def live(bench: Bench, credentials: grpc.ChannelCredentials) -> bool:
    """What the door answers who knows these certificates."""
    made = messages()
    async with grpc.aio.secure_channel(bench.address, credentials) as channel:
        call = channel.unary_unary(f"/{SERVICE}/ServerLive")
        raw = await call(made["ServerLiveRequest"]().SerializeToString(), timeout=5.0)
    return bool(made["ServerLiveResponse"].FromString(raw).live)


async def is_turned_away(bench: Bench, credentials: grpc.ChannelCredentials) -> bool:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await live(bench, credentials)
    return refused.value.code() is grpc.StatusCode.UNAVAILABLE


def trusting(
    authority: Authority, client: tuple[Path, Path] | None = None
) -> grpc.ChannelCredentials:
    own = (None, None) if client is None else (client[1].read_bytes(), client[0].read_bytes())
    return grpc.ssl_channel_credentials(authority.file.read_bytes(), *own)


async def test_who_trusts_the_authority_is_answered_and_nobody_in_clear(
    authority: Authority,
) -> None:
    other = Authority(authority.folder, "other")
    async with opened(SERVICE, messages(), tls=read_tls(*authority.vouch("server"))) as bench:
        assert await live(bench, trusting(authority))
        assert await is_turned_away(bench, trusting(other))
        code, _ = await bench.refused("ServerLive")
        assert code is grpc.StatusCode.UNAVAILABLE


async def test_where_clients_are_asked_only_those_that_are_vouched_for_are_answered(
    authority: Authority,
) -> None:
    other = Authority(authority.folder, "other")
    tls = read_tls(*authority.vouch("server"), authority.file)
    async with opened(SERVICE, messages(), tls=tls) as bench:
        assert await live(bench, trusting(authority, authority.vouch("client")))
        assert await is_turned_away(bench, trusting(authority))
        assert await is_turned_away(bench, trusting(authority, other.vouch("stranger")))
