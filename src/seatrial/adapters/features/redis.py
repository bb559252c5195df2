"""Feast's online store in Redis, read without Feast."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import Any

from seatrial.adapters.features.feast_format import KeyFormat, murmur3_32, read_time_us, read_value
from seatrial.features.failures import OnlineStoreUnavailable, RepositoryInvalid
from seatrial.features.online import EntityKey, Stored
from seatrial.features.view import View
from seatrial.kernel.errors import MissingExtra


class RedisFeatures:
    """`features.online.OnlineStore` on Feast's hashes, one server; for one thread.

    A key that Redis let expire (``key_ttl_seconds``) is missing like one that never was.

    Args:
        connection_string: as Feast has it: ``host:port,db=0,password=...``.
        project: of the repository.
        timeout_s: how long to wait for a connection and for a reply, > 0.
    Raises: MissingExtra, RepositoryInvalid.
    """

    def __init__(self, connection_string: str, *, project: str, timeout_s: float) -> None:
        try:
            import redis
            from redis.backoff import NoBackoff
            from redis.retry import Retry
        except ImportError as error:
            raise MissingExtra("redis", "redis") from error
        host, port, options = parsed(connection_string)
        self._where = f"{host}:{port}"
        given: dict[str, Any] = {
            "socket_timeout": timeout_s,
            "socket_connect_timeout": timeout_s,
            # One more try, at once: a connection that was kept may have died meanwhile.
            "retry": Retry(NoBackoff(), 1),
        }
        try:
            self._client: Any = redis.Redis(host=host, port=port, **(given | options))
        except (TypeError, ValueError) as error:
            raise RepositoryInvalid(
                f"The connection_string of the online store has options that are not known "
                f"({error}).",
                remedy="Write it as Feast's documentation of its Redis store has it.",
            ) from error
        self._project = project.encode()
        self._views: dict[tuple[View, tuple[str, ...]], tuple[KeyFormat, list[bytes]]] = {}

    def read(
        self, view: View, features: Sequence[str], keys: Sequence[EntityKey]
    ) -> list[Stored | None]:
        """See OnlineStore."""
        import redis

        form, fields = self._known(view, tuple(features))
        names = [form.pack(key) + self._project for key in keys]
        try:
            if len(names) == 1:
                found = [self._client.hmget(names[0], fields)]
            else:
                pipeline = self._client.pipeline(transaction=False)
                for name in names:
                    pipeline.hmget(name, fields)
                found = pipeline.execute()
        except (redis.exceptions.RedisError, OSError) as error:
            raise OnlineStoreUnavailable(
                f"The online store, Redis at {self._where}, does not answer ({error}).",
                remedy="See whether the server runs and can be reached from here.",
            ) from error
        return [_stored(features, values) for values in found]

    def close(self) -> None:
        """See OnlineStore."""
        self._client.close()

    def _known(self, view: View, features: tuple[str, ...]) -> tuple[KeyFormat, list[bytes]]:
        known = self._views.get((view, features))
        if known is None:
            name = view.online_name
            fields = [field_of(name, feature) for feature in features]
            known = (KeyFormat(view.join_keys), [*fields, f"_ts:{name}".encode()])
            self._views[view, features] = known
        return known


def field_of(view: str, feature: str) -> bytes:
    """The field of a hash that holds a feature."""
    return struct.pack("<I", murmur3_32(f"{view}:{feature}".encode()))


def parsed(connection_string: str) -> tuple[str, int, dict[str, Any]]:
    """Host, port and options of redis-py.   Raises: RepositoryInvalid."""
    parts = connection_string.split(",")
    servers = [part for part in parts if "=" not in part]
    options: dict[str, Any] = {}
    for part in parts:
        name, equals, text = part.partition("=")
        if equals:
            try:
                options[name] = json.loads(text)
            except ValueError:
                options[name] = text
    host, _, port = servers[0].rpartition(":") if len(servers) == 1 else ("", "", "")
    if not host or not port.isdigit():
        raise RepositoryInvalid(
            "The connection_string of the online store does not name one server.",
            remedy="Write host:port, then options such as db=0; a cluster is not read here.",
        )
    return host, int(port), options


def _stored(features: Sequence[str], values: Sequence[bytes | None]) -> Stored | None:
    event = values[-1]
    if event is None:
        return None
    read = {
        feature: read_value(value)
        for feature, value in zip(features, values, strict=False)
        if value is not None
    }
    return Stored(read_time_us(event), read)
