"""Events over streams of Redis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from seatrial.events.broker import (
    BrokerAddressInvalid,
    BrokerDenied,
    BrokerUnavailable,
    Delivery,
    Message,
    MessageTooLarge,
)
from seatrial.kernel.errors import MissingExtra

_BODY, _KEY = b"event", b"key"
_CONSUMER = "seatrial"
"""One name for all processes: whoever reads finds what the one before had not settled."""


class RedisBroker:
    """`events.broker.Broker` on streams; the field ``event`` of an entry is the message.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``.
        keep: newest entries of a stream of ours that are kept, about.
        timeout_s: how long the server may take to answer, > 0.
    Raises: MissingExtra, BrokerAddressInvalid.
    """

    def __init__(self, url: str, *, keep: int = 1_000_000, timeout_s: float = 5.0) -> None:
        try:
            import redis
            from redis.backoff import NoBackoff
            from redis.retry import Retry
        except ImportError as error:
            raise MissingExtra("redis", "redis") from error
        self._keep = keep
        try:
            self._client: Any = redis.Redis.from_url(
                url,
                socket_timeout=timeout_s,
                socket_connect_timeout=timeout_s,
                retry=Retry(NoBackoff(), 0),  # the caller begins anew, with what it has to say
            )
        except ValueError as error:
            raise BrokerAddressInvalid(
                "The address of the events does not name a Redis server.",
                remedy="Write redis://HOST:PORT/DATABASE, rediss:// for TLS, or unix://PATH.",
            ) from error

    def publisher(self) -> RedisPublisher:
        """See Broker."""
        return RedisPublisher(self._client, keep=self._keep)

    def reader(self, topic: str, group: str) -> RedisReader:
        """See Broker."""
        return RedisReader(self._client, topic, group)


class RedisPublisher:
    """See Publisher."""

    def __init__(self, client: Any, *, keep: int) -> None:
        self._client = client
        self._keep = keep

    def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """See Publisher."""
        with _translated():
            pipeline = self._client.pipeline(transaction=True)
            for message in messages:
                entry = {_BODY: message.body, _KEY: message.key}
                pipeline.xadd(topic, entry, maxlen=self._keep, approximate=True)
            pipeline.execute()

    def close(self) -> None:
        """See Publisher: connections are the broker's."""


class RedisReader:
    """See Reader: entries that were handed out and not settled come first."""

    def __init__(self, client: Any, topic: str, group: str) -> None:
        from redis import exceptions

        self._client = client
        self._topic = topic
        self._group = group
        self._after: bytes | str | None = "0"
        with _translated():
            try:
                client.xgroup_create(topic, group, id="0", mkstream=True)
            except exceptions.ResponseError as error:
                if "BUSYGROUP" not in str(error):  # it is there already
                    raise

    def receive(self, *, limit: int, wait_s: float) -> list[Delivery]:
        """See Reader."""
        with _translated():
            if self._after is not None:
                if found := self._read(self._after, limit, None):
                    self._after = found[-1][0]
                    return self._deliveries(found)
                self._after = None
            return self._deliveries(self._read(">", limit, max(1, round(wait_s * 1000))))

    def settle(self, deliveries: Sequence[Delivery]) -> None:
        """See Reader."""
        ids = [delivery.place.rpartition("/")[2] for delivery in deliveries]
        if ids:
            with _translated():
                self._client.xack(self._topic, self._group, *ids)

    def n_waiting(self) -> int | None:
        """See Reader: None where Redis is older than 7, or entries were deleted."""
        with _translated():
            for group in self._client.xinfo_groups(self._topic):
                if group["name"] == self._group.encode():
                    lag = group.get("lag")
                    return None if lag is None else int(lag) + int(group["pending"])
        return None

    def close(self) -> None:
        """See Reader: connections are the broker's."""

    def _read(
        self, after: bytes | str, limit: int, block_ms: int | None
    ) -> list[tuple[bytes, dict[bytes, bytes] | None]]:
        found = self._client.xreadgroup(
            self._group, _CONSUMER, {self._topic: after}, count=limit, block=block_ms
        )
        streams = found.values() if isinstance(found, dict) else [one[1] for one in found or ()]
        return [entry for entries in streams for entry in _flat(entries)]

    def _deliveries(
        self, found: Sequence[tuple[bytes, dict[bytes, bytes] | None]]
    ) -> list[Delivery]:
        return [
            Delivery(body=(fields or {}).get(_BODY, b""), place=f"{self._topic}/{key.decode()}")
            for key, fields in found
        ]


def _flat(entries: Any) -> Iterator[tuple[bytes, dict[bytes, bytes] | None]]:
    """Entries as pairs, whichever protocol the client speaks."""
    for entry in entries:
        if isinstance(entry, list) and entry and isinstance(entry[0], list | tuple):
            yield from _flat(entry)
        else:
            yield entry[0], entry[1]


@contextmanager
def _translated() -> Iterator[None]:
    from redis import exceptions

    try:
        yield
    except (exceptions.AuthenticationError, exceptions.NoPermissionError) as error:
        raise BrokerDenied(
            f"Redis does not let this user at its streams of events ({error}).",
            remedy="Write the right user and password into its address, or give it the rights.",
        ) from error
    except exceptions.DataError as error:
        raise MessageTooLarge(
            f"Redis takes no such message ({error}).",
            remedy="Set events.publish.max_bytes lower.",
        ) from error
    except (exceptions.RedisError, OSError) as error:
        raise BrokerUnavailable(
            f"Redis does not answer as it should about events ({error}).",
            remedy="See whether the server runs, has memory left, and can be reached from here.",
        ) from error
