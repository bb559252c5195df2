"""How features stand, for people: what is registered, what is looked up, how old and how complete.

What workers count comes with their beats; what is registered is read anew each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from seatrial.features.config import LookupConfig
from seatrial.features.plan import Column, Plan, plan_of
from seatrial.features.view import Origin, Repository, View
from seatrial.kernel.errors import SeatrialError
from seatrial.kernel.store import Beat, Presence

WORKERS: Final = "worker/"
Record: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What a worker says of its lookups; see `tally.Tally.snapshot`."""

    values: Sequence[tuple[str, str, str, int]] = ()
    newest_s: Sequence[tuple[str, str, float]] = ()
    failures: Sequence[tuple[str, str, int]] = ()
    ranges: Sequence[tuple[str, str, float, float]] = ()
    refused: Sequence[tuple[str, str, int]] = ()


class FeatureDesk:
    """Tells how features stand.

    Args:
        registered: what is registered now; raises SeatrialError where that cannot be told.
        endpoints: what each endpoint looks up.
        presence: where workers say what they count.
        compared: what the last comparison of an endpoint with training found, or None.
        now_s: the wall clock, in seconds since 1970.
    """

    def __init__(
        self,
        registered: Callable[[], Repository],
        endpoints: Mapping[str, LookupConfig],
        presence: Presence,
        *,
        compared: Callable[[str], Mapping[str, Any] | None],
        now_s: Callable[[], float],
    ) -> None:
        self._registered = registered
        self._endpoints = endpoints
        self._presence = presence
        self._compared = compared
        self._now_s = now_s

    def view(self) -> Record:
        """All of it, as plain JSON; what cannot be read is said under ``problem``.

        Raises: StoreUnavailable and its kin.
        """
        now_s = self._now_s()
        told = _of_workers(self._presence.present(WORKERS))
        repository, problem = None, None
        try:
            repository = self._registered()
        except SeatrialError as error:
            problem = error.as_dict()
        endpoints = [
            self._endpoint(name, config, repository, told, now_s)
            for name, config in self._endpoints.items()
        ]
        views = [] if repository is None else list(repository.views)
        return {
            "at": _iso(now_s),
            "project": None if repository is None else repository.project,
            "problem": problem,
            "views": [
                _view(view, repository.origins.get(view.name, Origin()), now_s)
                for view in views
                if repository is not None
            ],
            "services": []
            if repository is None
            else [
                {"name": service.name, "features": [str(one) for one in service.features]}
                for service in repository.services
            ],
            "endpoints": endpoints,
        }

    def _endpoint(
        self,
        name: str,
        config: LookupConfig,
        repository: Repository | None,
        told: Sequence[_Told],
        now_s: float,
    ) -> Record:
        plan, problem = None, None
        if repository is not None:
            try:
                plan = plan_of(config, repository)
            except SeatrialError as error:
                problem = error.problem
        refused = {why for one in told for endpoint, why, _ in one.refused if endpoint == name}
        failures: dict[str, int] = {}
        for one in told:
            for endpoint, code, n in one.failures:
                if endpoint == name:
                    failures[code] = failures.get(code, 0) + n
        columns = () if plan is None else plan.columns
        return {
            "name": name,
            "service": config.service,
            "deadline_s": config.deadline,
            "max_age_s": config.max_age,
            "refused": min(refused, default=problem),
            "failures": failures,
            "skew": self._compared(name),
            "features": [
                _feature(name, column, plan, told, now_s) for column in columns if plan is not None
            ],
        }


def _of_workers(beats: Iterable[Beat]) -> list[_Told]:
    """What workers say; one of another version, which says it otherwise, is left out."""
    found = []
    for beat in beats:
        beside = beat.data.get("beside")
        said = beside.get("features") if isinstance(beside, Mapping) else None
        if not isinstance(said, Mapping):
            continue
        told = {name: said.get(name, ()) for name in _WIDTHS}
        if all(_fits(rows, _WIDTHS[name]) for name, rows in told.items()):
            found.append(_Told(**told))
    return found


_WIDTHS: Final = {"values": 4, "newest_s": 3, "failures": 3, "ranges": 4, "refused": 3}


def _fits(rows: object, width: int) -> bool:
    return isinstance(rows, list | tuple) and all(
        isinstance(row, list | tuple) and len(row) == width for row in rows
    )


def _feature(
    endpoint: str, column: Column, plan: Plan, told: Sequence[_Told], now_s: float
) -> Record:
    view, reference = column.selected.view, str(column.selected.reference)
    key = (endpoint, reference)
    states: dict[str, int] = {}
    for one in told:
        for *of, state, n in one.values:
            if tuple(of) == key:
                states[state] = states.get(state, 0) + n
    newest = [s for one in told for *of, s in one.newest_s if tuple(of) == key]
    ranges = [(low, high) for one in told for *of, low, high in one.ranges if tuple(of) == key]
    limits = [us / 1e6 for us in (view.ttl_us, plan.max_age_us) if us is not None]
    age_s = now_s - max(newest) if newest else None
    limit_s = min(limits, default=None)
    return {
        "feature": reference,
        "input": column.name,
        "type": column.selected.field.type.value,
        "default": None if column.default is None else {"value": column.default.value},
        "n": sum(states.values()),
        "states": states,
        "newest_at": _iso(max(newest)) if newest else None,
        "age_s": age_s,
        "limit_s": limit_s,
        "low": min((low for low, _ in ranges), default=None),
        "high": max((high for _, high in ranges), default=None),
        "level": level_of_age(age_s, limit_s),
    }


def _view(view: View, origin: Origin, now_s: float) -> Record:
    until_s = None if origin.materialized_us is None else origin.materialized_us / 1e6
    ttl_s = None if view.ttl_us is None else view.ttl_us / 1e6
    age_s = None if until_s is None else now_s - until_s
    return {
        "name": view.name,
        "join_keys": [[key.name, key.type.value] for key in view.join_keys],
        "features": [[field.name, field.type.value] for field in view.features],
        "ttl_s": ttl_s,
        "source": None
        if origin.kind is None
        else {"kind": origin.kind, "name": origin.name, "place": origin.place},
        "materialized_at": None if until_s is None else _iso(until_s),
        "materialized_age_s": age_s,
        "level": level_of_age(age_s, ttl_s),
    }


def level_of_age(age_s: float | None, limit_s: float | None) -> str:
    """How bad an age is: over half of what counts ``warning``, over all of it ``critical``.

    ``unknown`` where nothing is known of the age, ``clear`` else.
    """
    if age_s is None:
        return "unknown"
    if limit_s is None or age_s <= limit_s / 2:
        return "clear"
    return "critical" if age_s > limit_s else "warning"


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
