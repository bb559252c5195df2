"""What shipping asks of a cluster, and what an object says of how far it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from seatrial.kernel.errors import Conflict, Denied, Invalid, NotFound, Unavailable
from seatrial.packaging.kubernetes.objects import Object


class ClusterUnavailable(Unavailable):
    """The cluster does not answer."""

    code = "cluster.unavailable"


class ClusterDenied(Denied):
    """The cluster does not let us do that."""

    code = "cluster.denied"


class ClusterRefused(Invalid):
    """The cluster does not take an object."""

    code = "cluster.refused"


class KindUnknown(NotFound):
    """The cluster has no such kind of objects: what brings it is not installed."""

    code = "cluster.kind_unknown"


class FieldsOwned(Conflict):
    """Somebody else set the same fields to something else."""

    code = "cluster.fields_owned"


class ObjectChanged(Conflict):
    """The object is not any more what it was when it was read."""

    code = "cluster.object_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """An object of a cluster by its name.

    Args:
        namespace: None for that of the connection.
    """

    api: str
    kind: str
    name: str
    namespace: str | None = None

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def which(document: Object) -> Which:
    """The name of an object."""
    meta: Any = document["metadata"]
    return Which(
        api=str(document["apiVersion"]),
        kind=str(document["kind"]),
        name=str(meta["name"]),
        namespace=meta.get("namespace"),
    )


class Cluster(Protocol):
    """A cluster as far as shipping goes. All calls block.

    Every call raises ClusterUnavailable, ClusterDenied, KindUnknown.
    """

    def read(self, wanted: Which) -> Object | None:
        """An object as it stands, or None."""

    def apply(self, document: Object, *, force: bool) -> Object:
        """Make an object say what the document says; other fields stay whoever set them.

        Args:
            document: with ``metadata.resourceVersion`` where it must not have changed.
            force: take over fields that somebody else has set.
        Raises: FieldsOwned, ObjectChanged, ClusterRefused.
        """

    def delete(self, wanted: Which) -> None:
        """Take an object away, with what it owns; one that is not there is no error."""

    def set_status(self, wanted: Which, status: Object) -> None:
        """Merge into the status of an object.   Raises: ClusterRefused."""

    def watch(self, wanted: Which, *, timeout_s: float) -> Iterator[Object | None]:
        """An object as it stands, and after each change, until the time is over; None when it is
        gone. Lost connections are made anew."""


class State(StrEnum):
    """How far an object is."""

    GOING = "going"
    READY = "ready"
    HELD = "held"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far an object is, and why, in a few words."""

    state: State
    why: str


def standing(document: Object | None) -> Standing:
    """How far a Deployment, a Rollout or an InferenceService is; anything else is ready at once."""
    if document is None:
        return Standing(state=State.FAILED, why="it is not there any more")
    found: Any = document
    judge = _STANDING.get(found["kind"])
    status = found.get("status") or {}
    if judge is None:
        return Standing(state=State.READY, why="applied")
    seen = int(status.get("observedGeneration") or 0)
    if seen < int(found["metadata"].get("generation") or 0):
        return Standing(state=State.GOING, why="waits for its controller")
    standing_now: Standing = judge(found, status)
    return standing_now


def _of_deployment(found: Mapping[str, Any], status: Mapping[str, Any]) -> Standing:
    for condition in status.get("conditions") or []:
        if condition["type"] == "Progressing" and condition["status"] == "False":
            return Standing(state=State.FAILED, why=str(condition.get("message") or "no progress"))
    wanted = found["spec"].get("replicas", 1)
    total, updated, available = (
        int(status.get(key) or 0) for key in ("replicas", "updatedReplicas", "availableReplicas")
    )
    if updated >= wanted and total == updated and available >= updated:
        return Standing(state=State.READY, why=f"{available} of {wanted} replicas are available")
    return Standing(
        state=State.GOING, why=f"{updated} of {wanted} replicas are new, {available} available"
    )


def _of_rollout(found: Mapping[str, Any], status: Mapping[str, Any]) -> Standing:
    states = {"Healthy": State.READY, "Degraded": State.FAILED, "Paused": State.HELD}
    phase = str(status.get("phase") or "Progressing")
    steps = len(found["spec"]["strategy"].get("canary", {}).get("steps") or [])
    where = f"step {status['currentStepIndex']} of {steps}" if "currentStepIndex" in status else ""
    said = [phase, where, str(status.get("message") or "")]
    return Standing(state=states.get(phase, State.GOING), why=", ".join(filter(None, said)))


def _of_service(_found: Mapping[str, Any], status: Mapping[str, Any]) -> Standing:
    ready: Mapping[str, Any] = next(
        (c for c in status.get("conditions") or [] if c["type"] == "Ready"), {}
    )
    if ready.get("status") == "True":
        return Standing(state=State.READY, why="ready")
    failed = (status.get("modelStatus") or {}).get("transitionStatus") == "BlockedByFailedLoad"
    why = str(ready.get("message") or ready.get("reason") or "not ready yet")
    return Standing(state=State.FAILED if failed else State.GOING, why=why)


_STANDING: Mapping[str, Any] = {
    "Deployment": _of_deployment,
    "Rollout": _of_rollout,
    "InferenceService": _of_service,
}
