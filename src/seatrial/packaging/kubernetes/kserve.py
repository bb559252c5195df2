"""KServe: one InferenceService that gives its newest revision a part of the traffic."""

from __future__ import annotations

from seatrial.packaging.kubernetes.gateway import PROMOTED, first_share
from seatrial.packaging.kubernetes.objects import Object, Shipped, container, pod
from seatrial.packaging.kubernetes.surroundings import surroundings

_CONTAINER = "kserve-container"
"""The name KServe looks for."""


def objects(shipped: Shipped) -> dict[str, Object]:
    """The service with a part of the traffic, and under `PROMOTED` with all of it."""
    percent = min(100, max(1, round(100 * first_share(shipped))))
    return {
        "inferenceservice.yaml": _service(shipped, {"canaryTrafficPercent": percent}),
        **surroundings(shipped),
        f"{PROMOTED}inferenceservice.yaml": _service(shipped, {}),
    }


def _service(shipped: Shipped, traffic: Object) -> Object:
    config = shipped.config
    predictor: Object = {
        **traffic,
        "minReplicas": config.min_replicas,
        "maxReplicas": config.max_replicas,
        "scaleMetric": "cpu",
        "scaleTarget": config.target_cpu,
        **pod(shipped),
        "containers": [container(shipped, called=_CONTAINER)],
    }
    return shipped.object("serving.kserve.io/v1beta1", "InferenceService", {"predictor": predictor})
