"""The routes that describe instead of predicting: metadata, readiness, health, metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import orjson

from seatrial import __version__
from seatrial.serving.codec import description
from seatrial.serving.exchange import JSON, TEXT, MethodNotAllowed, Reply, Request, shown
from seatrial.serving.health import Readiness, health_reply, live_reply, ready_reply
from seatrial.serving.router import Router
from seatrial.serving.routes import METHODS, Kind, Route

if TYPE_CHECKING:
    from seatrial.serving.live import LiveVersion

_METRICS_TEXT = b"text/plain; version=0.0.4; charset=utf-8"


class Documents:
    """Answers every route that is no prediction.

    Args:
        router: the models.
        readiness: what the health routes say.
        metrics: the text of ``/metrics`` in Prometheus' format, or None for none.
    """

    def __init__(
        self, router: Router[LiveVersion], readiness: Readiness, metrics: Callable[[], str] | None
    ) -> None:
        self._router = router
        self._metrics = metrics
        self._writers: Mapping[Kind, Callable[[Route], Reply]] = {
            Kind.LIVENESS: lambda _: live_reply(),
            Kind.READINESS: lambda _: ready_reply(readiness()),
            Kind.PING: lambda _: ready_reply(readiness()),
            Kind.HEALTH: lambda _: health_reply(readiness(), __version__, dict(self._served())),
            Kind.METRICS: lambda _: self._metrics_text(),
            Kind.SERVER_VERSION: lambda _: Reply(200, __version__.encode(), TEXT),
            Kind.SERVER_METADATA: lambda _: _json(description.server_metadata(__version__)),
            Kind.MODEL_INDEX: lambda _: _json(description.repository_index(self._served())),
            Kind.MODEL_READY: self._model_ready,
            Kind.MODEL_CONFIG: self._model_config,
            Kind.MODEL_METADATA: self._model_metadata,
            Kind.MODEL_STATUS: self._model_status,
            Kind.SIGNATURES: self._signatures,
        }

    def reply(self, request: Request, route: Route) -> Reply:
        """The document of a route; OPTIONS and wrong methods for routes of every kind.

        Raises: MethodNotAllowed; NotFound and Unavailable: the model is not served.
        """
        own = METHODS[route.kind]
        allowed = (own, "HEAD", "OPTIONS") if own == "GET" else (own, "OPTIONS")
        allow = ", ".join(allowed)
        if request.method == "OPTIONS":
            return Reply(200, b"", JSON, ((b"allow", allow.encode()),))
        if request.method not in allowed:
            raise MethodNotAllowed(
                f"{request.method} is not allowed at {shown(request.path)}.",
                remedy=f"Use {own}.",
                allow=allow,
            )
        return self._writers[route.kind](route)

    def _served(self) -> list[tuple[str, list[int]]]:
        return [(name, self._router.versions(name)) for name in self._router.models()]

    def _metrics_text(self) -> Reply:
        text = self._metrics() if self._metrics is not None else ""
        return Reply(200, text.encode(), _METRICS_TEXT)

    def _live(self, route: Route) -> LiveVersion:
        return self._router.get(route.model or "", route.version)

    def _model_ready(self, route: Route) -> Reply:
        return _json({"name": self._live(route).endpoint, "ready": True})

    def _model_config(self, route: Route) -> Reply:
        live = self._live(route)
        return _json(description.model_config(live.endpoint, live.signature))

    def _model_metadata(self, route: Route) -> Reply:
        live = self._live(route)
        versions = self._router.versions(live.endpoint)
        return _json(description.model_metadata(live.endpoint, versions, live.signature))

    def _signatures(self, route: Route) -> Reply:
        live = self._live(route)
        return _json(description.signatures(live.endpoint, live.version, live.signature))

    def _model_status(self, route: Route) -> Reply:
        live = self._live(route)
        named = route.version is not None
        versions = [live.version] if named else self._router.versions(live.endpoint)
        return _json(description.model_status(versions))


def _json(record: object) -> Reply:
    return Reply(200, orjson.dumps(record), JSON)
