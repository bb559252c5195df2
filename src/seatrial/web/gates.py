"""The routes of the judge: verdicts for whoever steers a rollout, such as Argo's web metric."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from seatrial.kernel.duration import parse_duration
from seatrial.release.counted import Counted, Seen
from seatrial.release.gate_desk import GateDesk
from seatrial.web.control import guarded
from seatrial.web.guard import Guard

_COUNT = Field(ge=0, le=2**53)
_Variant = Annotated[str, Query(min_length=1, max_length=100, pattern=r"^[\w.:-]+$")]


class Counts(BaseModel):
    """What one variant did since the canary's first request."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    requests: int = _COUNT
    errors: int = _COUNT
    refused: Annotated[int, _COUNT] | None = None
    at_most_ms: dict[float, Annotated[int, _COUNT]] | None = Field(
        default=None,
        max_length=1000,
        description="Answers that took at most so many milliseconds, by milliseconds.",
    )

    def counted(self) -> Counted:
        """As the judge takes it.   Raises: CountsImpossible."""
        edges = self.at_most_ms
        return Counted(
            requests=self.requests,
            errors=self.errors,
            refused=self.refused,
            at_most_s=None if edges is None else {ms / 1e3: n for ms, n in edges.items()},
        )


class Evidence(BaseModel):
    """Counts of a rollout, to be judged."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    canary: Counts
    stable: Counts | None = None
    watched_s: float = Field(default=0.0, ge=0)
    watch_s: float = Field(default=0.0, ge=0)


def gates_router(desk: GateDesk, guard: Guard) -> APIRouter:
    """Routes under ``/api``; every one of them guarded."""
    router = APIRouter(prefix="/api", tags=["judge"], dependencies=[guarded(guard)])

    @router.get("/gates/{name}", summary="The verdict on a release, or on a rollout of others")
    def verdict(
        name: str,
        canary: _Variant | None = None,
        stable: _Variant | None = None,
        watch: Annotated[str, Query(max_length=40)] = "0s",
    ) -> dict[str, Any]:
        if canary is None:
            return desk.of_release(name)
        watch_s = parse_duration(watch)
        return desk.of_variant(name, canary=canary, stable=stable, watch_s=watch_s)

    @router.post("/gates/{name}", summary="The verdict on counts")
    def judged(name: str, evidence: Evidence) -> dict[str, Any]:
        stable = evidence.stable
        seen = Seen(
            canary=evidence.canary.counted(),
            stable=None if stable is None else stable.counted(),
            watched_s=evidence.watched_s,
        )
        return desk.of_counts(name, seen, watch_s=evidence.watch_s)

    return router
