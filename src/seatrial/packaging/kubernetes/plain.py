"""Plain objects: one Deployment, and what belongs to it."""

from __future__ import annotations

from seatrial.packaging.kubernetes.objects import (
    Object,
    Shipped,
    autoscaler,
    deployment,
    disruption_budget,
    service,
)
from seatrial.packaging.kubernetes.surroundings import surroundings


def objects(shipped: Shipped) -> dict[str, Object]:
    """The objects by file name."""
    return {
        "deployment.yaml": deployment(shipped),
        "hpa.yaml": autoscaler(shipped),
        "pdb.yaml": disruption_budget(shipped),
        "service.yaml": service(shipped),
        **surroundings(shipped),
    }
