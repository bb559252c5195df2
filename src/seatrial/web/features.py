"""The route of features: what is registered, what is looked up, and what is wrong with it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from seatrial.features.desk import FeatureDesk
from seatrial.monitoring.lookups.findings import KINDS
from seatrial.monitoring.watching.watch_desk import WatchDesk
from seatrial.web.control import guarded
from seatrial.web.guard import Guard


def feature_standing(desk: FeatureDesk, watch: WatchDesk) -> dict[str, Any]:
    """What the desk tells, and the alerts about features that fire or are about to.

    Raises: StoreUnavailable and its kin; UnknownFact: alerts cannot be read.
    """
    alerts = [one for one in watch.alerts(ended=False) if one["labels"]["kind"] in KINDS]
    return {**desk.view(), "alerts": alerts}


def features_router(desk: FeatureDesk, watch: WatchDesk, guard: Guard) -> APIRouter:
    """``/api/features``, guarded."""
    router = APIRouter(prefix="/api", tags=["features"], dependencies=[guarded(guard)])

    @router.get("/features", summary="Views, freshness, nulls, ranges, skew and alerts of features")
    def features() -> dict[str, Any]:
        return feature_standing(desk, watch)

    return router
