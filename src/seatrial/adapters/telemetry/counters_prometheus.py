"""Counters of rollouts, read from Prometheus: two looks, so that a long day costs little.

The first finds when the canary's counters appeared, roughly; the second reads every counter since
then. Readings are added up here and not by `increase()`, which estimates what lies between them and
gives no whole numbers: the judge counts requests.
"""

from __future__ import annotations

import http.client
import json
import math
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from seatrial.kernel.errors import Conflict, Invalid, Unavailable
from seatrial.release.counted import Counted, Seen
from seatrial.release.judge_config import ENDPOINT, VARIANT, JudgeConfig
from seatrial.stats.counters import growth

_MAX_BYTES = 64 << 20
_FIRST_LOOK, _SECOND_LOOK = 1000, 240
"""Readings of each counter in a look."""
_SHORTEST_S = 5
_PLACES = re.compile(f"{re.escape(ENDPOINT)}|{re.escape(VARIANT)}")


class PrometheusUnavailable(Unavailable):
    """Prometheus does not answer, or not what its API promises."""

    code = "judge.prometheus_unavailable"


class QueryRefused(Invalid):
    """Prometheus does not take a query."""

    code = "judge.query_refused"


class CanaryTooOld(Conflict):
    """The canary is older than what is looked at, so its first requests are not known."""

    code = "judge.canary_too_old"


@dataclass(frozen=True, slots=True)
class _Series:
    """Readings of one counter, and the moment of the first."""

    labels: Mapping[str, str]
    first_s: float
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Span:
    """From when to when counters are read, and how often; whole seconds since 1970.

    The last reading is at the end itself: a server counts from the start on.
    """

    start: int
    end: int
    step: int

    @classmethod
    def back(cls, end: int, over_s: float, *, n: int) -> _Span:
        """The span of ``over_s`` seconds before ``end`` with at most about n readings."""
        step = max(_SHORTEST_S, math.ceil(over_s / n))
        return cls(end - step * math.ceil(over_s / step), end, step)


class PrometheusCounters:
    """See `release.counted.Counters`.

    Args:
        config: with the address of Prometheus.
        now: seconds since 1970.
        token: of a bearer, where Prometheus wants one.
    """

    def __init__(
        self, config: JudgeConfig, *, now: Callable[[], float], token: str | None = None
    ) -> None:
        self._config = config
        self._now = now
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def seen(self, endpoint: str, *, canary: str, stable: str | None) -> Seen:
        """See `release.counted.Counters`.

        Raises: PrometheusUnavailable, QueryRefused, CanaryTooOld, CountsImpossible.
        """
        of_canary = _equal(self._config.label, canary)
        of_stable = (
            _equal(self._config.label, stable)
            if stable is not None
            else f'{self._config.label}!="{_escaped(canary)}"'
        )
        now = math.floor(self._now())
        appeared = self._appeared(endpoint, of_canary, now)
        if appeared is None:
            nothing = Counted(requests=0, errors=0)
            return Seen(canary=nothing, stable=nothing, watched_s=0.0)
        not_yet, there = appeared
        span = _Span.back(now, now - not_yet, n=_SECOND_LOOK)
        return Seen(
            canary=self._counted(endpoint, of_canary, span, from_zero=True),
            # One that appears later may have been there all along, while nobody scraped it.
            stable=self._counted(endpoint, of_stable, span, from_zero=False),
            watched_s=now - there,
        )

    def _appeared(self, endpoint: str, variant: str, now: int) -> tuple[float, float] | None:
        """A moment when a variant had no counters yet and one, shortly after, when it had; None
        where it has none."""
        lookback = self._config.lookback
        span = _Span.back(now, lookback, n=_FIRST_LOOK)
        found = self._read(self._config.requests, endpoint, variant, span)
        if not found:
            return None
        first = min(series.first_s for series in found)
        if first <= span.start + span.step / 2:
            raise CanaryTooOld(
                f"{endpoint!r} has had counters with {variant} for longer than the "
                f"{lookback:g} s that are looked back, so its first requests are not known.",
                remedy="Set judge.lookback to longer than a rollout takes, or give the new version "
                "another value of the label.",
                lookback_s=lookback,
            )
        return first - span.step, first

    def _counted(self, endpoint: str, variant: str, span: _Span, *, from_zero: bool) -> Counted:
        config = self._config

        def total(selector: str) -> int:
            found = self._read(selector, endpoint, variant, span)
            return round(sum(growth(series.values, from_zero=from_zero) for series in found))

        edges: dict[float, float] | None = None
        if config.latency is not None:
            edges = {}
            for series in self._read(config.latency, endpoint, variant, span):
                edge = _edge(series.labels.get("le", ""))
                edges[edge] = edges.get(edge, 0.0) + growth(series.values, from_zero=from_zero)
        requests = total(config.requests)
        return Counted(
            requests=requests,
            errors=min(requests, total(config.errors)),
            refused=None if config.refused is None else total(config.refused),
            at_most_s=None if edges is None else {edge: round(n) for edge, n in edges.items()},
        )

    def _read(self, selector: str, endpoint: str, variant: str, span: _Span) -> list[_Series]:
        said = {ENDPOINT: _escaped(endpoint), VARIANT: variant}
        query = _PLACES.sub(lambda place: said[place[0]], selector)
        asked = {"query": query, "start": span.start, "end": span.end, "step": span.step}
        data = self._ask(urlencode(asked))
        try:
            return [
                _Series(
                    labels=series["metric"],
                    first_s=float(series["values"][0][0]),
                    values=tuple(float(value) for _, value in series["values"]),
                )
                for series in data["result"]
            ]
        except (KeyError, IndexError, TypeError, ValueError) as problem:
            raise self._broken("its answer holds no readings") from problem

    def _ask(self, form: str) -> Any:
        status, body = self._exchange(form.encode())
        try:
            answer = json.loads(body)
            said = answer["status"], answer.get("error", "")
        except (ValueError, TypeError, KeyError, AttributeError) as problem:
            raise self._broken(f"it answered {status} with something else") from problem
        if said[0] == "success" and status == http.client.OK:
            return answer.get("data")
        if status in (http.client.BAD_REQUEST, http.client.UNPROCESSABLE_ENTITY):
            raise QueryRefused(
                f"Prometheus does not take the query: {str(said[1])[:300]}",
                remedy="Correct the selectors in the section judge of seatrial.yaml.",
            )
        raise self._broken(f"it answered {status}: {str(said[1])[:300]}")

    def _exchange(self, body: bytes) -> tuple[int, bytes]:
        parts = urlsplit(self._config.prometheus or "")
        timeout = self._config.timeout_s
        connection = (
            http.client.HTTPSConnection(
                parts.netloc, timeout=timeout, context=ssl.create_default_context()
            )
            if parts.scheme == "https"
            else http.client.HTTPConnection(parts.netloc, timeout=timeout)
        )
        headers = {"Content-Type": "application/x-www-form-urlencoded", **self._headers}
        try:
            path = f"{parts.path.rstrip('/')}/api/v1/query_range"
            connection.request("POST", path, body=body, headers=headers)
            reply = connection.getresponse()
            read = reply.read(_MAX_BYTES + 1)
        except (OSError, http.client.HTTPException) as problem:
            raise self._broken(f"{type(problem).__name__}") from problem
        finally:
            connection.close()
        if len(read) > _MAX_BYTES:
            raise self._broken(f"its answer is over {_MAX_BYTES >> 20} MiB")
        return reply.status, read

    def _broken(self, why: str) -> PrometheusUnavailable:
        parts = urlsplit(self._config.prometheus or "")
        return PrometheusUnavailable(
            f"Prometheus at {parts.scheme}://{parts.hostname} cannot be asked: {why}.",
            remedy="See whether judge.prometheus is right and can be reached from this machine.",
        )


def _equal(label: str, value: str) -> str:
    return f'{label}="{_escaped(value)}"'


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _edge(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan  # `Counted` says what is wrong with it
