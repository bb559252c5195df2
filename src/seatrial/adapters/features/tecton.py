"""Tecton's feature server over HTTP, by its published contract: an online store without a client.

Source: https://docs.tecton.ai/http-api (1.0): ``get-features`` and ``metadata`` of feature
services. Keys and values of int64 travel as decimal text. Tecton applies its own TTL: what is
outside of it is missing here.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from seatrial.features.failures import (
    EntityInvalid,
    OnlineStoreUnavailable,
    RepositoryInvalid,
    Unregistered,
)
from seatrial.features.online import EntityKey, Stored, Value
from seatrial.features.view import Field, Reference, Repository, Service, ValueType, View

_TYPES = {
    "int64": ValueType.INT64,
    "float64": ValueType.DOUBLE,
    "float32": ValueType.FLOAT,
    "string": ValueType.STRING,
    "boolean": ValueType.BOOL,
}
_PRESENT = "PRESENT"
_DENIED = (401, 403)
_MOST_BYTES = 1 << 24


class TectonWorkspace:
    """A workspace of a Tecton instance: its feature services, and their values.

    Args:
        url: of the instance, such as ``https://acme.tecton.ai``.
        workspace: its name.
        key: of the API; sent as ``Authorization: Tecton-key``.
        timeout_s: how long a question about a service may take, > 0.
    Raises: RepositoryInvalid: no http or https address.
    """

    def __init__(self, url: str, *, workspace: str, key: str, timeout_s: float = 10.0) -> None:
        self._calls = _Calls(url, key, timeout_s)
        self._url, self._workspace, self._key = url, workspace, key

    def repository(self, services: Iterable[str]) -> Repository:
        """What Tecton says of feature services; each is a view of its own, and a service.

        Raises: Unregistered, OnlineStoreUnavailable.
        """
        views = []
        try:
            for name in dict.fromkeys(services):
                params = {"workspaceName": self._workspace, "featureServiceName": name}
                views.append(_view(name, self._calls.ask("metadata", params, about=name)))
        finally:
            self._calls.close()
        return Repository(
            project=self._workspace,
            views=tuple(views),
            services=tuple(
                Service(
                    name=view.name,
                    features=tuple(Reference(view.name, field.name) for field in view.features),
                )
                for view in views
            ),
        )

    def open_online(self, *, timeout_s: float) -> TectonFeatures:
        """Its values, for one thread.

        Args: timeout_s: how long one request may take, > 0.
        """
        return TectonFeatures(_Calls(self._url, self._key, timeout_s), self._workspace)


class TectonFeatures:
    """`features.online.OnlineStore` on a workspace; one request a key, over one connection."""

    def __init__(self, calls: _Calls, workspace: str) -> None:
        self._calls = calls
        self._workspace = workspace

    def read(
        self, view: View, features: Sequence[str], keys: Sequence[EntityKey]
    ) -> list[Stored | None]:
        """See OnlineStore."""
        return [self._one(view, features, key) for key in keys]

    def close(self) -> None:
        """See OnlineStore."""
        self._calls.close()

    def _one(self, view: View, features: Sequence[str], key: EntityKey) -> Stored | None:
        params = {
            "workspaceName": self._workspace,
            "featureServiceName": view.name,
            "joinKeyMap": {
                field.name: _key_text(field, value)
                for field, value in zip(view.join_keys, key, strict=True)
            },
            "metadataOptions": {
                "includeNames": True,
                "includeEffectiveTimes": True,
                "includeServingStatus": True,
            },
        }
        answer = self._calls.ask("get-features", params, about=view.name)
        try:
            told = answer["metadata"]["features"]
            values = answer["result"]["features"]
            return _stored(view, features, told, values)
        except (KeyError, TypeError, ValueError) as error:
            raise OnlineStoreUnavailable(
                f"Tecton's answer is not that of its contract ({type(error).__name__}: {error}).",
                remedy="See whether the address is that of a Tecton instance of HTTP API 1.0.",
            ) from error


class _Calls:
    """POSTs to one instance, over one connection that is opened when it is needed."""

    def __init__(self, url: str, key: str, timeout_s: float) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise RepositoryInvalid(
                "features.tecton.url is no http or https address.",
                remedy="Write that of the instance, such as https://acme.tecton.ai",
                field="features.tecton.url",
            )
        self._parts, self._key, self._timeout_s = parts, key, timeout_s
        self._connection: http.client.HTTPConnection | None = None

    def ask(self, what: str, params: Mapping[str, object], *, about: str) -> Mapping[str, Any]:
        """The answer to a question about a feature service."""
        body = json.dumps({"params": params}).encode()
        kept = self._connection is not None
        try:
            try:
                status, text = self._post(what, body)
            except (http.client.HTTPException, OSError):
                if not kept:
                    raise
                self.close()  # it was kept, and has died meanwhile: once more, at once
                status, text = self._post(what, body)
        except (http.client.HTTPException, OSError) as error:
            self.close()
            raise OnlineStoreUnavailable(
                f"Tecton at {self._parts.hostname} does not answer ({type(error).__name__}).",
                remedy="See whether it can be reached from here, and raise the deadline.",
            ) from error
        return self._judged(status, text, about)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _post(self, what: str, body: bytes) -> tuple[int, bytes]:
        if self._connection is None:
            secure = self._parts.scheme == "https"
            kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
            host = str(self._parts.hostname)
            self._connection = kind(host, self._parts.port, timeout=self._timeout_s)
        path = f"{self._parts.path.rstrip('/')}/api/v1/feature-service/{what}"
        headers = {"Authorization": f"Tecton-key {self._key}", "Content-Type": "application/json"}
        self._connection.request("POST", path, body, headers)
        response = self._connection.getresponse()
        return response.status, response.read(_MOST_BYTES)

    def _judged(self, status: int, text: bytes, about: str) -> Mapping[str, Any]:
        try:
            answer: Any = json.loads(text)
        except ValueError:
            answer = None
        if status == 200 and isinstance(answer, dict):
            return answer
        said = answer.get("message") or answer.get("error") if isinstance(answer, dict) else None
        problem = f"Tecton answered {status} about {about!r}: {str(said)[:300]}"
        if status == 404:
            raise Unregistered(problem, remedy="Name a feature service of this workspace.")
        if status == 400:
            raise EntityInvalid(problem, remedy="Send the join keys of this feature service.")
        remedy = "Try again; see the status of the instance."
        if status in _DENIED:
            remedy = "Set TECTON_API_KEY to the key of a service account that may read it."
        raise OnlineStoreUnavailable(problem, remedy=remedy, status=status)


def _view(name: str, answer: Mapping[str, Any]) -> View:
    return View(
        name=name,
        online_name=name,
        join_keys=_fields(answer.get("inputJoinKeys", ())),
        features=_fields(answer.get("featureValues", ())),
        ttl_us=None,
    )


def _fields(told: Iterable[Mapping[str, Any]]) -> tuple[Field, ...]:
    return tuple(
        Field(one["name"], _TYPES.get(one.get("dataType", {}).get("type", ""), ValueType.OTHER))
        for one in told
    )


def _stored(
    view: View, features: Sequence[str], told: Sequence[Mapping[str, Any]], values: Sequence[Any]
) -> Stored | None:
    """What is there, of the time of its oldest value: a limit of age holds for all of it."""
    types = {field.name: field.type for field in view.features}
    wanted = frozenset(features)
    found: dict[str, Value] = {}
    times = []
    for one, value in zip(told, values, strict=True):
        name = one["name"]
        if name in wanted and one.get("status", _PRESENT) == _PRESENT:
            found[name] = _value(types[name], value)
            if one.get("effectiveTime"):
                times.append(datetime.fromisoformat(one["effectiveTime"]))
    if not found:
        return None
    # What is computed on request has no time of its own: it is of now.
    event_us = round(min(times).timestamp() * 1e6) if times else time.time_ns() // 1000
    return Stored(event_us, found)


def _value(kind: ValueType, value: Any) -> Value:
    if value is None:
        return None
    if kind is ValueType.INT64:
        return int(value)
    if kind in (ValueType.DOUBLE, ValueType.FLOAT):
        return float(value)
    return bool(value) if kind is ValueType.BOOL else str(value)


def _key_text(field: Field, value: int | str | bytes) -> str:
    if isinstance(value, bytes):
        raise EntityInvalid(
            f"The join key {field.name!r} is bytes, which Tecton does not take.",
            remedy="Use a number or a text as key.",
            field=field.name,
        )
    return str(value)
