"""Argo Rollouts: canary steps, each of which ends when seatrial's judge has decided.

A step asks `/api/gates/{name}` every minute. "pass" ends it well, "fail" aborts the rollout at
once, and anything else is inconclusive: after the watch and its extension the rollout pauses for a
person. There is no `count`: a metric that has reached its count is successful to Argo, however many
of its measurements said nothing.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import accumulate

from seatrial.packaging.kubernetes import plain
from seatrial.packaging.kubernetes.gateway import route
from seatrial.packaging.kubernetes.objects import (
    CANARY,
    Object,
    Shipped,
    autoscaler,
    replicas,
    service,
)
from seatrial.release.rollout import Step

API = "argoproj.io/v1alpha1"
_EVERY_S = 60
_ERRORS = 10
"""Looks in a row that may come to nothing, while the judge is started anew for instance."""


def objects(shipped: Shipped, *, extend_s: float) -> dict[str, Object]:
    """A Rollout in place of the Deployment, the template of its analyses, and the rest as plain.

    Args: extend_s: how long after the watch a step without a verdict goes on, in seconds.
    """
    made = plain.objects(shipped)
    del made["deployment.yaml"]
    routed: dict[str, Object] = {}
    if shipped.config.gateway is not None:
        routed = {
            "httproute.yaml": route(shipped, share=0.0),
            "service-canary.yaml": _service_of_canary(shipped),
        }
    return {
        **made,
        **routed,
        "analysistemplate.yaml": template(shipped),
        "hpa.yaml": autoscaler(shipped, kind="Rollout", api=API),
        "rollout.yaml": _rollout(shipped, extend_s),
    }


def template(shipped: Shipped) -> Object:
    """What asks the judge."""
    config = shipped.config
    query = "canary={{args.version}}&watch={{args.watch}}"
    web = {
        "url": f"{config.judge}/api/gates/{shipped.name}?{query}",
        "headers": [{"key": "Authorization", "value": "Bearer {{args.token}}"}],
        "timeoutSeconds": 30,
        "jsonPath": "{$}",
    }
    metric = {
        "name": "verdict",
        "interval": f"{_EVERY_S}s",
        "successCondition": 'result.verdict == "pass"',
        "failureCondition": 'result.verdict == "fail"',
        "failureLimit": 0,
        "inconclusiveLimit": "{{args.looks}}",
        "consecutiveSuccessLimit": 1,
        "consecutiveErrorLimit": _ERRORS,
        "provider": {"web": web},
    }
    token = {"secretKeyRef": {"name": config.judge_secret, "key": "token"}}
    args = [{"name": name} for name in ("version", "watch", "looks")]
    return shipped.object(
        API,
        "AnalysisTemplate",
        {"args": [*args, {"name": "token", "valueFrom": token}], "metrics": [metric]},
    )


def _service_of_canary(shipped: Shipped) -> Object:
    """The address of the canary's pods: Argo adds to the selector which ones they are."""
    return service(shipped, called=replace(shipped, role=CANARY).called)


def _rollout(shipped: Shipped, extend_s: float) -> Object:
    canary: Object = {"maxSurge": 1, "maxUnavailable": 0, **_routing(shipped)}
    canary["steps"] = _steps(shipped, extend_s)
    return shipped.object(API, "Rollout", {**replicas(shipped), "strategy": {"canary": canary}})


def _steps(shipped: Shipped, extend_s: float) -> list[Object]:
    """A weight and an analysis for each step in which the canary's answers are used."""
    taken = [step for step in shipped.steps if step.share > 0]
    watched = accumulate(step.watch_s for step in taken)  # the judge counts from the first request
    made: list[Object] = []
    for step, watch_s in zip(taken, watched, strict=True):
        made.append({"setWeight": _percent(step)})
        made.append({"analysis": _analysis(shipped, step, watch_s, extend_s)})
    return made


def _analysis(shipped: Shipped, step: Step, watch_s: float, extend_s: float) -> Object:
    looks = max(1, math.ceil((step.watch_s + extend_s) / _EVERY_S))
    args = {"version": shipped.version, "watch": f"{math.ceil(watch_s)}s", "looks": looks}
    return {
        "templates": [{"templateName": shipped.name}],
        "args": [{"name": name, "value": str(value)} for name, value in args.items()],
    }


def _percent(step: Step) -> int:
    return min(100, max(1, round(100 * step.share)))


def _routing(shipped: Shipped) -> Object:
    """By a gateway's weights; without one Argo splits by the number of pods."""
    config = shipped.config
    if config.gateway is None:
        return {}
    where = {"namespace": config.namespace} if config.namespace else {}
    plugin = {"httpRoute": shipped.name, **where}
    return {
        "stableService": shipped.name,
        "canaryService": replace(shipped, role=CANARY).called,
        "trafficRouting": {"plugins": {"argoproj-labs/gatewayAPI": plugin}},
    }
