"""The data plane: a request in, a reply out, whatever protocol and whatever door.

Everything here runs on one event loop. A request is answered at once when its engine is quick
enough to run there; otherwise the reply is something to wait for. Nothing a client sends makes
`DataPlane.handle` raise, and none of it is answered with a status of 500 or above: not even numbers
that send the model's arithmetic to infinity (`reach`).
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from seatrial.kernel.errors import SeatrialError
from seatrial.kernel.loading import ONE_AT_A_TIME
from seatrial.registry.signature import Batch, Prediction, Signature, n_rows
from seatrial.serving.client_errors import as_told, without_reason
from seatrial.serving.codec.inflate import inflate
from seatrial.serving.documents import Documents
from seatrial.serving.exchange import (
    BadInput,
    Limits,
    Reply,
    Request,
    UnknownRoute,
    shown,
)
from seatrial.serving.failures import EngineFailed
from seatrial.serving.flight import (
    KEY,
    MODEL,
    REQUEST_ID,
    VERSION,
    Flight,
    forced_version,
    request_id_of,
    with_id,
)
from seatrial.serving.health import Readiness, always_ready
from seatrial.serving.outcome import OK, REJECTED, outcome_of
from seatrial.serving.router import Pick, Router
from seatrial.serving.routes import PREDICTING, Kind, Route, match, reserved

if TYPE_CHECKING:
    from seatrial.serving.codec.dialect import Codec, Dialect
    from seatrial.serving.completion import Completion, Filled
    from seatrial.serving.live import LiveVersion
    from seatrial.serving.sample import PredictionLog
    from seatrial.serving.shadow import Copies

_ENCODING = b"content-encoding"
_MAX_CACHED = 1024
_MAX_CACHED_PATH = 512


class Way(msgspec.Struct, gc=False):
    """Where a path leads: its route, and for predictions who reads and answers them."""

    route: Route
    dialect: Dialect[Any] | None
    codecs: dict[tuple[str, int], Codec[Any]]


class DataPlane:
    """Answers the requests of every protocol.

    Args:
        router: who answers what.
        refuse: the reply for an error at a path; the table of status codes is the door's.
        limits: bounds of one request.
        readiness: what the health routes say.
        metrics: the text of ``/metrics``, or None for none.
        copies: takes copies for shadows, or None.
        log: the prediction log, or None.
        default_model: answers ``/invocations`` when the request names none of several.
        completion: completes rows that name an entity, or None.
        elsewhere: whether another plane describes a model at ``/v1/models/{model}``, an address
            that TF Serving and OpenAI share; asked only where there is none of that name here.
        now: seconds by the clock of the event loop.
    """

    def __init__(
        self,
        router: Router[LiveVersion],
        refuse: Callable[[SeatrialError, str], Reply],
        limits: Limits | None = None,
        *,
        readiness: Readiness = always_ready,
        metrics: Callable[[], str] | None = None,
        copies: Copies | None = None,
        log: PredictionLog | None = None,
        default_model: str | None = None,
        completion: Completion | None = None,
        elsewhere: Callable[[str], bool] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits or Limits()
        self._router = router
        self._refuse = refuse
        self._copies = copies
        self._log = log
        self._default_model = default_model
        self._completion = completion
        self._elsewhere = elsewhere
        self.now = now
        self._ways: dict[str, Way] = {}
        self._dialects: dict[Kind, Dialect[Any]] = {}
        self._codecs: Mapping[Kind, dict[tuple[str, int], Codec[Any]]] = {kind: {} for kind in Kind}
        self._documents = Documents(router, readiness, metrics)

    def owns(self, path: str) -> bool:
        """Whether requests for a percent-encoded path are answered here."""
        return path in self._ways or self._way(path) is not None or reserved(path)

    def handle(self, request: Request) -> Reply | Awaitable[Reply]:
        """The reply, or one to wait for.

        Args:
            request: its body no longer than the limit.
        """
        begun = self._begin(request, self.now())
        return self._end(begun, None) if isinstance(begun, Flight) else begun

    def handle_together(
        self, requests: Sequence[Request], arrived: Sequence[float]
    ) -> list[Reply | Awaitable[Reply]]:
        """The replies to requests that arrived together, in order; each as `handle` gives it.

        Those that one version answers quickly are answered in one call of its engine, which costs
        hardly more than one of them alone.

        Args:
            arrived: when the last byte of each came, by ``now``.
        """
        begun = list(map(self._begin, requests, arrived))
        if len(begun) == 1:
            first = begun[0]
            return [self._end(first, None) if isinstance(first, Flight) else first]
        predictions = _predicted_together([x for x in begun if isinstance(x, Flight)])
        return [self._end(x, predictions.get(id(x))) if isinstance(x, Flight) else x for x in begun]

    def signatures(self) -> list[tuple[str, list[int], Signature]]:
        """Name, loaded versions and signature of each model that answers."""
        router = self._router
        models = [(name, router.versions(name)) for name in router.models()]
        return [(name, found, router.get(name).signature) for name, found in models if found]

    def refused(self, error: SeatrialError, path: str) -> Reply:
        """The reply for an error that a door found, such as a body that is too large."""
        return self._refuse(error, path)

    def _way(self, path: str) -> Way | None:
        route = match(path)
        if route is None or (self._elsewhere is not None and self._is_elsewhere(route)):
            return None
        way = Way(route, self._dialect(route.kind), self._codecs[route.kind])
        if len(self._ways) >= _MAX_CACHED:
            self._ways.clear()
        if len(path) <= _MAX_CACHED_PATH:
            self._ways[path] = way
        return way

    def _dialect(self, kind: Kind) -> Dialect[Any] | None:
        """Who reads the requests of a route; None where they are no predictions."""
        if kind in PREDICTING and not self._dialects:
            with ONE_AT_A_TIME:
                from seatrial.serving.codec.dialects import dialects  # noqa: PLC0415 - loads numpy

            self._dialects = dialects()
        return self._dialects.get(kind)

    def _is_elsewhere(self, route: Route) -> bool:
        return (
            route.kind is Kind.MODEL_STATUS
            and route.version is None
            and route.model is not None
            and route.model not in self._router.models()
            and self._elsewhere is not None
            and self._elsewhere(route.model)
        )

    def _begin(self, request: Request, arrived: float) -> Reply | Awaitable[Reply] | Flight:
        """Read a request as far as its batch; the reply where that is all there is to do, and one
        to wait for where its rows are to be completed first."""
        try:
            way = self._ways.get(request.path) or self._way(request.path)
            if way is None:
                raise UnknownRoute(
                    f"There is nothing at {shown(request.path)}.",
                    remedy="See /docs for the routes.",
                )
            if way.dialect is None or request.method != "POST":
                return self._documents.reply(request, way.route)
        except Exception as problem:  # noqa: BLE001 - the border of a request
            return self._refused(request, problem, None)
        flight = Flight(request, arrived)
        try:
            waiting = self._read(flight, way, way.dialect)
        except Exception as problem:  # noqa: BLE001 - the border of a request
            return self._refused(request, self._known_first(problem, request, way.route), flight)
        return flight if waiting is None else self._completed(flight, way, way.dialect, waiting)

    def _read(self, flight: Flight, way: Way, dialect: Dialect[Any]) -> Awaitable[Filled] | None:
        """Read a body; what to wait for where its rows are to be completed before they fit."""
        request = flight.request
        headers = request.headers
        if _ENCODING in headers:
            body = inflate(request.body, headers[_ENCODING], self.limits.max_body_bytes)
            request = msgspec.structs.replace(request, body=body)
        ask = flight.ask = dialect.parse(request)
        if self._completion is not None and (rows := ask.rows) is not None:
            model = way.route.model or self._named_model(headers)
            waiting = self._completion.look_up(model, rows)
            if waiting is not None:
                return waiting
        self._fit(flight, way, dialect)
        return None

    def _fit(
        self, flight: Flight, way: Way, dialect: Dialect[Any], filled: Filled | None = None
    ) -> None:
        """Pick a version, and make its batch of what was read."""
        route, ask, headers = way.route, flight.ask, flight.request.headers
        pick = self._router.pick(
            route.model or self._named_model(headers),
            headers.get(KEY) or ask.key,
            route.version if route.version is not None else forced_version(headers),
        )
        if filled is not None:  # before it is known whose evidence a refusal would be
            filled.fit(ask.rows, pick.version.signature.names)
        flight.pick = pick
        codec = flight.codec = self._codec(way.codecs, dialect, pick.version)
        flight.batch = codec.batch(ask)
        if ask.timeout_s is not None and ask.timeout_s < self.limits.timeout_s:
            flight.patience_s = ask.timeout_s

    async def _completed(
        self, flight: Flight, way: Way, dialect: Dialect[Any], waiting: Awaitable[Filled]
    ) -> Reply:
        try:
            self._fit(flight, way, dialect, await waiting)
        except Exception as problem:  # noqa: BLE001 - the border of a request
            told = self._known_first(problem, flight.request, way.route)
            return self._refused(flight.request, told, flight)
        reply = self._end(flight, None)
        return reply if isinstance(reply, Reply) else await reply

    def _end(self, flight: Flight, prediction: Prediction | None) -> Reply | Awaitable[Reply]:
        """Answer a request whose batch is there, from its prediction where that is there too."""
        pick, batch, codec = flight.pick, flight.batch, flight.codec
        assert pick is not None
        assert batch is not None
        assert codec is not None
        try:
            if prediction is None:
                timeout_s = flight.patience_s or self.limits.timeout_s
                result = pick.version.predict(batch, flight.started + timeout_s)
                if not isinstance(result, dict):
                    return self._later(flight, codec, result)
                prediction = result
            reply = codec.reply(flight.ask, prediction, n_rows(batch))
        except Exception as problem:  # noqa: BLE001 - the border of a request
            return self._refused(flight.request, problem, flight)
        return self._answered(flight, prediction, reply)

    async def _later(
        self, flight: Flight, codec: Codec[Any], awaited: Awaitable[Prediction]
    ) -> Reply:
        assert flight.batch is not None
        try:
            prediction = await awaited
            reply = codec.reply(flight.ask, prediction, n_rows(flight.batch))
        except Exception as problem:  # noqa: BLE001 - the border of a request
            return self._refused(flight.request, problem, flight)
        return self._answered(flight, prediction, reply)

    def _answered(self, flight: Flight, prediction: Prediction, reply: Reply) -> Reply:
        pick, batch = flight.pick, flight.batch
        assert pick is not None
        assert batch is not None
        latency_s = self.now() - flight.started
        pick.observe(latency_s, OK)
        if pick.seen is not None:
            pick.seen(batch, prediction)
        if pick.shadow is not None:
            self._copy(pick, batch)
        given = flight.request.headers.get(REQUEST_ID)
        log = self._log
        if log is None or not log.wants(OK):
            return reply if given is None else with_id(reply, request_id_of(given))
        request_id = request_id_of(given)
        log.offer(
            request_id,
            pick.version,
            batch,
            prediction,
            revision=pick.revision,
            latency_s=latency_s,
            outcome=OK,
        )
        return with_id(reply, request_id)

    def _refused(self, request: Request, problem: Exception, flight: Flight | None) -> Reply:
        error = as_told(problem, flight)
        if flight is None or flight.pick is None:
            return self._refuse(error, request.path)
        request_id = request_id_of(request.headers.get(REQUEST_ID))
        pick, outcome = flight.pick, outcome_of(error)
        if isinstance(error, EngineFailed):
            error = without_reason(error, pick.version, request_id)
        reply = self._refuse(error, request.path)
        latency_s = self.now() - flight.started
        observe = pick.observe
        if outcome == REJECTED and pick.observe_outside and not self._rival_takes(flight):
            observe = pick.observe_outside
        observe(latency_s, outcome)
        log = self._log
        if flight.batch is not None and log is not None and log.wants(outcome):
            log.offer(
                request_id,
                pick.version,
                flight.batch,
                None,
                revision=pick.revision,
                latency_s=latency_s,
                outcome=outcome,
            )
        answered_by = ((VERSION, str(pick.version.version).encode()),)
        reply = msgspec.structs.replace(reply, headers=reply.headers + answered_by)
        return with_id(reply, request_id)

    def _rival_takes(self, flight: Flight) -> bool:
        """Whether the other version of a trial takes what this one has refused.

        Rubbish is refused by both and says nothing about either, whoever sends it to whom: without
        this, one broken client whose key meets the canary would end every release.
        """
        pick, way = flight.pick, self._ways.get(flight.request.path)
        way = way or self._way(flight.request.path)
        if pick is None or pick.rival is None or way is None or way.dialect is None:
            return False
        if flight.ask is None or flight.batch is not None:  # it was not its form that was refused
            return False
        try:
            self._codec(way.codecs, way.dialect, pick.rival).batch(flight.ask)
        except Exception:  # noqa: BLE001 - the border of a request
            return False
        return True

    def _known_first(self, problem: Exception, request: Request, route: Route) -> Exception:
        """A model that does not exist is the better answer to a body that cannot be read."""
        if isinstance(problem, BadInput):
            try:
                self._router.get(route.model or self._named_model(request.headers), route.version)
            except SeatrialError as unknown:
                return unknown
        return problem

    def _copy(self, pick: Pick[LiveVersion], batch: Batch) -> None:
        shadow = pick.shadow
        fits = shadow is not None and shadow.signature == pick.version.signature
        if self._copies is not None and fits:
            self._copies.offer(pick, batch)

    def _codec(
        self,
        codecs: dict[tuple[str, int], Codec[Any]],
        dialect: Dialect[Any],
        live: LiveVersion,
    ) -> Codec[Any]:
        known = (live.endpoint, live.version)
        codec = codecs.get(known)
        if codec is None:
            if len(codecs) >= _MAX_CACHED:
                codecs.clear()
            from seatrial.serving.codec.dialect import Model  # noqa: PLC0415 - once a version
            from seatrial.serving.validate import Contract  # noqa: PLC0415 - as above

            contract = Contract(live.signature, self.limits)
            codec = dialect.codec(Model(live.endpoint, live.version, contract))
            codecs[known] = codec
        return codec

    def _named_model(self, headers: Mapping[bytes, bytes]) -> str:
        """The model of a route whose path names none."""
        given = headers.get(MODEL)
        if given is not None:
            return given.decode("utf-8", "replace")
        models = self._router.models() or self._router.expected()
        if self._default_model is not None:
            return self._default_model
        if len(models) == 1:
            return models[0]
        raise BadInput(
            f"The request names no model and {len(models)} are served.",
            remedy=f"Set the header x-seatrial-model to one of: {', '.join(models) or 'none yet'}.",
            field="x-seatrial-model",
        )


def _predicted_together(flights: Sequence[Flight]) -> dict[int, Prediction]:
    """Predictions by the identity of their flight, for those that were made in one call."""
    by_version: dict[LiveVersion, list[Flight]] = {}
    for flight in flights:
        assert flight.pick is not None
        by_version.setdefault(flight.pick.version, []).append(flight)
    return {
        id(flight): prediction
        for version, group in by_version.items()
        for flight, prediction in zip(
            group,
            version.predict_together([x.batch for x in group if x.batch is not None]),
            strict=False,
        )
    }
