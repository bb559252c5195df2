"""Gateway API: two Deployments, and a route that splits requests between them by weight."""

from __future__ import annotations

from dataclasses import replace

from seatrial.packaging.kubernetes import plain
from seatrial.packaging.kubernetes.objects import (
    CANARY,
    STABLE,
    Object,
    Shipped,
    autoscaler,
    deployment,
    service,
)
from seatrial.packaging.kubernetes.surroundings import surroundings

PROMOTED = "promoted/"
_PARTS = 1000
"""Weights are whole numbers; a share is told to a tenth of a percent."""


def objects(shipped: Shipped) -> dict[str, Object]:
    """The canary beside what is in production, and under `PROMOTED` what replaces both."""
    canary, stable = (replace(shipped, role=role) for role in (CANARY, STABLE))
    return {
        "deployment.yaml": deployment(canary),
        "hpa.yaml": autoscaler(canary, fewest=1),
        "httproute.yaml": route(shipped, share=first_share(shipped)),
        "service.yaml": service(canary),
        **surroundings(shipped),
        **{f"{PROMOTED}{path}": made for path, made in plain.objects(stable).items()},
        f"{PROMOTED}httproute.yaml": route(shipped, share=0.0),
    }


def route(shipped: Shipped, *, share: float) -> Object:
    """A share in [0, 1] of the requests to the canary, the others to the version in production."""
    config = shipped.config
    namespace, _, gateway = (config.gateway or "").rpartition("/")
    parent = {"name": gateway} | ({"namespace": namespace} if namespace else {})
    weight = round(share * _PARTS)
    backends = [
        {"name": name, "port": 80, "weight": part}
        for name, part in (
            (shipped.name, _PARTS - weight),
            (replace(shipped, role=CANARY).called, weight),
        )
    ]
    hosts = {"hostnames": [config.hostname]} if config.hostname else {}
    return shipped.object(
        "gateway.networking.k8s.io/v1",
        "HTTPRoute",
        {"parentRefs": [parent], **hosts, "rules": [{"backendRefs": backends}]},
    )


def first_share(shipped: Shipped) -> float:
    """Of the first step in which the canary's answers are used; all where there is none."""
    return next((step.share for step in shipped.steps if step.share > 0), 1.0)
