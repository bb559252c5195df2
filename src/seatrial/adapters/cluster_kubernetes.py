"""A cluster through Kubernetes' own Python client: server-side apply, watches that last."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from typing import Any

from seatrial.kernel.errors import MissingExtra, SeatrialError
from seatrial.packaging.kubernetes.cluster import (
    ClusterDenied,
    ClusterRefused,
    ClusterUnavailable,
    FieldsOwned,
    KindUnknown,
    ObjectChanged,
    Which,
    which,
)
from seatrial.packaging.kubernetes.objects import Object

MANAGER = "seatrial"
_TIMEOUT_S = (5.0, 30.0)
_AGAIN_S = 0.5
_WATCH_S = 60.0
"""How long the server keeps the connection of a watch before it is made anew."""

_AS_US: Mapping[str, Any] = MappingProxyType(
    {"field_manager": MANAGER, "_request_timeout": _TIMEOUT_S}
)


class ClusterUnknown(ClusterDenied):
    """Nothing says which cluster is meant, or what it says cannot be used."""

    code = "cluster.unknown"


class KubernetesCluster:
    """See `packaging.kubernetes.cluster.Cluster`.

    Args:
        client: an ``ApiClient`` of the package kubernetes.
        namespace: of objects that do not say one.
        sleep: waits before a connection that was lost is made anew.
        now: seconds of a clock that never goes back.
    """

    def __init__(
        self,
        client: Any,
        *,
        namespace: str,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._sleep = sleep
        self._now = now
        self._found: Any = None

    def read(self, wanted: Which) -> Object | None:
        """See `Cluster`."""
        from kubernetes.dynamic.exceptions import NotFoundError

        with self._asked(wanted):
            kind = self._kind(wanted)
            try:
                found = kind.get(
                    name=wanted.name, namespace=self._where(wanted), _request_timeout=_TIMEOUT_S
                )
            except NotFoundError:
                return None
            return dict(found.to_dict())

    def apply(self, document: Object, *, force: bool) -> Object:
        """See `Cluster`."""
        wanted = which(document)
        with self._asked(wanted):
            kind = self._kind(wanted)
            made = kind.server_side_apply(
                body=document,
                name=wanted.name,
                namespace=self._where(wanted),
                force_conflicts=force,
                query_params=[("fieldValidation", "Strict")],
                **_AS_US,
            )
            return dict(made.to_dict())

    def delete(self, wanted: Which) -> None:
        """See `Cluster`."""
        from kubernetes.dynamic.exceptions import NotFoundError

        with self._asked(wanted):
            kind = self._kind(wanted)
            try:
                kind.delete(
                    name=wanted.name,
                    namespace=self._where(wanted),
                    propagation_policy="Background",
                    _request_timeout=_TIMEOUT_S,
                )
            except NotFoundError:
                return

    def set_status(self, wanted: Which, status: Object) -> None:
        """See `Cluster`."""
        with self._asked(wanted):
            kind = self._kind(wanted)
            path = f"{kind.path(name=wanted.name, namespace=self._where(wanted))}/status"
            self._dynamic().request(
                "patch",
                path,
                body={"status": status},
                content_type="application/merge-patch+json",
                **_AS_US,
            )

    def watch(self, wanted: Which, *, timeout_s: float) -> Iterator[Object | None]:
        """See `Cluster`. A connection that was lost goes on where it was; where the server has
        forgotten that place, the object is read anew."""
        end = self._now() + timeout_s
        seen: str | None = None
        while (left := end - self._now()) > 0:
            try:
                if seen is None:
                    document = self.read(wanted)
                    yield document
                    if document is None:
                        return
                    seen = _revision(document)
                for event in self._events(wanted, seen, left):
                    document = event["raw_object"]
                    gone = event["type"] == "DELETED"
                    seen = _revision(document)
                    yield None if gone else document
                    if gone:
                        return
            except _Forgotten:
                seen = None
            except ClusterUnavailable:
                self._sleep(min(_AGAIN_S, max(0.0, end - self._now())))

    def _events(self, wanted: Which, seen: str, left_s: float) -> Iterator[Any]:
        """Changes after a revision, until the server or the network ends the connection.

        A connection that has died without a word is one that stays silent for longer than the
        server was asked to keep it.
        """
        from kubernetes import watch

        library: Any = watch
        with self._asked(wanted):
            yield from library.Watch().stream(
                self._kind(wanted).get,
                namespace=self._where(wanted),
                field_selector=f"metadata.name={wanted.name}",
                resource_version=seen,
                serialize=False,
                timeout_seconds=max(1, round(min(left_s, _WATCH_S))),
                _request_timeout=(_TIMEOUT_S[0], _WATCH_S + _TIMEOUT_S[1]),
            )

    def _where(self, wanted: Which) -> str:
        return wanted.namespace or self._namespace

    def _dynamic(self) -> Any:
        if self._found is None:
            from kubernetes import dynamic

            library: Any = dynamic
            # What the client finds out it would keep under a name anybody can guess.
            with tempfile.TemporaryDirectory(prefix="seatrial-cluster-") as folder:
                self._found = library.DynamicClient(
                    self._client, cache_file=str(Path(folder) / "kinds")
                )
        return self._found

    def _kind(self, wanted: Which) -> Any:
        return self._dynamic().resources.get(api_version=wanted.api, kind=wanted.kind)

    @contextmanager
    def _asked(self, wanted: Which) -> Iterator[None]:
        """Translates what the client raises."""
        from kubernetes.client.exceptions import ApiException
        from kubernetes.dynamic.exceptions import ResourceNotFoundError
        from urllib3.exceptions import HTTPError

        try:
            yield
        except ResourceNotFoundError as unknown:
            raise KindUnknown(
                f"The cluster knows no {wanted.kind} of {wanted.api}.",
                remedy="Install what brings it (Argo Rollouts, KServe, Gateway API), or choose "
                "another kubernetes.form.",
            ) from unknown
        except ApiException as refused:
            raise _translated(refused, wanted) from refused
        except (HTTPError, OSError) as lost:
            raise ClusterUnavailable(
                f"The cluster at {self._client.configuration.host} does not answer: "
                f"{type(lost).__name__}.",
                remedy="See whether `kubectl get nodes` answers from this machine.",
            ) from lost


class _Forgotten(Exception):
    """The server does not know a revision any more."""


def _translated(refused: Any, wanted: Which) -> Exception:
    status, said = refused.status, _message(refused)
    match status:
        case HTTPStatus.GONE:
            return _Forgotten()
        case 401 | 403:
            return ClusterDenied(
                f"The cluster does not let us do that with {wanted}: {said}",
                remedy="Give the account get, patch, delete and watch of its kind.",
            )
        case 409 if _owned(refused):
            return FieldsOwned(
                f"Somebody else set fields of {wanted}: {said}",
                remedy="Take them over with --force, or leave them out of the file.",
            )
        case 409:
            return ObjectChanged(
                f"{wanted} has changed meanwhile: {said}", remedy="Read it again and decide anew."
            )
        case 400 | 404 | 415 | 422:
            return ClusterRefused(
                f"The cluster does not take {wanted}: {said}",
                remedy="Correct what it names, or make the namespace it lacks.",
            )
        case _:
            return ClusterUnavailable(
                f"The cluster answered {status} about {wanted}: {said}", remedy="Try again."
            )


def _body(refused: Any) -> Mapping[str, Any]:
    try:
        body = json.loads(refused.body or b"")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _message(refused: Any) -> str:
    return str(_body(refused).get("message") or refused.reason or refused.status)[:500]


def _owned(refused: Any) -> bool:
    causes = (_body(refused).get("details") or {}).get("causes") or []
    return any(cause.get("reason") == "FieldManagerConflict" for cause in causes)


def _revision(document: Mapping[str, Any]) -> str:
    return str(document["metadata"]["resourceVersion"])


def connect(context: str | None, *, namespace: str | None) -> KubernetesCluster:
    """The cluster of a kubeconfig, or the one this process runs in.

    Args:
        context: of the kubeconfig; None for its current one.
        namespace: of objects that do not say one; None for that of the context.
    Raises: MissingExtra, ClusterUnknown.
    """
    try:
        from kubernetes import client, config
    except ImportError as absent:
        raise MissingExtra("kubernetes", "kubernetes") from absent
    loading: Any = config
    try:
        if context is None and "KUBERNETES_SERVICE_HOST" in os.environ:
            made = client.Configuration()
            loading.load_incluster_config(client_configuration=made)
            here = client.ApiClient(made)
            return KubernetesCluster(here, namespace=namespace or _own_namespace())
        _, current = loading.list_kube_config_contexts()
        chosen = loading.new_client_from_config(context=context)
        own = current["context"].get("namespace") if context is None else None
        return KubernetesCluster(chosen, namespace=namespace or own or "default")
    except (loading.ConfigException, OSError, KeyError, TypeError, ValueError) as unusable:
        raise _unknown(context, str(unusable)) from unusable


def _own_namespace() -> str:
    path = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
    return path.read_text(encoding="utf-8").strip()


def _unknown(context: str | None, why: str) -> SeatrialError:
    named = "its current context" if context is None else f"the context {context!r}"
    return ClusterUnknown(
        f"No cluster is known by {named} of the kubeconfig: {why[:300]}.",
        remedy="Set KUBECONFIG, or kubernetes.context to one that `kubectl config get-contexts` "
        "lists.",
    )
