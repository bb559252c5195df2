"""Answers kept in Redis, shared by any number of machines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from seatrial.gateway.policies.answers import Held
from seatrial.kernel.errors import MissingExtra
from seatrial.kernel.store import StoreAddressInvalid, StoreDenied, StoreFull, StoreUnavailable


class RedisAnswers:
    """`gateway.policies.answers.Answers` on a server.

    How much is kept is the server's to bound: give it ``maxmemory`` and the policy
    ``allkeys-lru``; each answer expires by itself.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``; nothing is connected before it is asked.
        prefix: of all keys, so that one database serves several installations.
        timeout_s: how long to wait for a connection, and for a reply, > 0.
    Raises: MissingExtra, StoreAddressInvalid.
    """

    def __init__(
        self, url: str, *, prefix: str = "seatrial:answer:", timeout_s: float = 0.5
    ) -> None:
        try:
            from redis import asyncio as redis
            from redis.asyncio.retry import Retry
            from redis.backoff import NoBackoff
        except ImportError as error:
            raise MissingExtra("redis", "redis") from error
        try:
            self._client: Any = redis.Redis.from_url(
                url,
                socket_timeout=timeout_s,
                socket_connect_timeout=timeout_s,
                # One more try, at once: a connection that was kept may have died meanwhile.
                retry=Retry(NoBackoff(), 1),
            )
        except ValueError as error:
            raise StoreAddressInvalid(
                "The address of the kept answers does not name a Redis server.",
                remedy="Write redis://HOST:PORT/DATABASE, rediss:// for TLS, or unix://PATH.",
            ) from error
        self._prefix = prefix

    async def get(self, key: str) -> Held | None:
        """See Answers."""
        name = self._prefix + key
        with _translated():
            # One round trip, and both of the same moment.
            async with self._client.pipeline(transaction=True) as pipeline:
                value, left_ms = await pipeline.get(name).pttl(name).execute()
        if value is None or left_ms <= 0:
            return None
        return Held(value=value, left_s=left_ms / 1000)

    async def put(self, key: str, value: bytes, *, ttl_s: float) -> None:
        """See Answers."""
        with _translated():
            await self._client.set(self._prefix + key, value, px=max(1, int(ttl_s * 1000)))

    async def delete(self, key: str) -> None:
        """See Answers."""
        with _translated():
            await self._client.delete(self._prefix + key)

    async def close(self) -> None:
        """See Answers."""
        await self._client.aclose()


@contextmanager
def _translated() -> Iterator[None]:
    from redis import exceptions

    try:
        yield
    except (exceptions.AuthenticationError, exceptions.NoPermissionError) as error:
        raise StoreDenied(
            f"Redis does not let this user keep answers ({error}).",
            remedy="Write the right user and password into its address, or give it the rights.",
        ) from error
    except exceptions.OutOfMemoryError as error:
        raise StoreFull(
            f"Redis has no room for answers ({error}).",
            remedy="Set its maxmemory-policy to allkeys-lru, or raise its maxmemory.",
        ) from error
    except exceptions.RedisError as error:
        raise StoreUnavailable(
            f"Redis does not answer ({error}).",
            remedy="See whether the server runs and can be reached from here.",
        ) from error
