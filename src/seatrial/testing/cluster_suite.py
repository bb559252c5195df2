"""What every cluster must do; see `packaging.kubernetes.cluster`."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from seatrial.packaging.kubernetes.cluster import (
    Cluster,
    ClusterRefused,
    FieldsOwned,
    KindUnknown,
    ObjectChanged,
    Which,
    which,
)
from seatrial.packaging.kubernetes.objects import Object

_WATCH_S = 20.0


def workload(image: str = "churn:3", *, name: str = "churn", **meta: Any) -> dict[str, Any]:
    """A Deployment as any cluster takes it."""
    labels = {"app": name}
    container = {"name": "model", "image": image}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels, **meta},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def image_of(document: Object | None) -> str:
    """What a Deployment runs."""
    found: Any = document
    return str(found["spec"]["template"]["spec"]["containers"][0]["image"])


def replicas_of(document: Object | None) -> int:
    """What a controller wrote into its status, 0 before it did."""
    found: Any = document
    return int(found.get("status", {}).get("replicas", 0))


class ClusterSuite:
    """Subclass it as ``Test...`` with a fixture ``cluster``, empty, and two methods."""

    name = which(workload())
    unknown = Which(api="nothing.seatrial.example/v1", kind="Nothing", name="churn")

    def set_by_another(self, wanted: Which, where: tuple[str, ...], value: object) -> None:
        """Have somebody else, who then owns it, set a field of an object."""
        raise NotImplementedError

    def write_status(self, wanted: Which, **status: object) -> None:
        """Have a controller write into the status of an object."""
        raise NotImplementedError

    def test_what_is_not_there_is_none(self, cluster: Cluster) -> None:
        """And no error to take away; a watch says so and ends."""
        assert cluster.read(self.name) is None
        cluster.delete(self.name)
        assert list(cluster.watch(self.name, timeout_s=_WATCH_S)) == [None]

    def test_what_is_applied_is_there_until_it_is_taken_away(self, cluster: Cluster) -> None:
        """As it was handed over, in the namespace of the connection; nothing else goes with it."""
        said = workload()
        before = copy.deepcopy(said)
        made = cluster.apply(said, force=False)
        cluster.apply(workload(name="other"), force=False)
        assert said == before
        assert cluster.read(self.name) == made
        assert image_of(made) == "churn:3"
        cluster.delete(self.name)
        assert cluster.read(self.name) is None
        assert cluster.read(which(workload(name="other"))) is not None

    def test_what_we_leave_out_goes_and_what_others_set_stays(self, cluster: Cluster) -> None:
        """Replicas are an autoscaler's."""
        cluster.apply(workload(annotations={"ours": "1"}), force=False)
        self.set_by_another(self.name, ("spec", "replicas"), 7)
        found: Any = cluster.apply(workload("churn:4"), force=False)
        assert found["spec"]["replicas"] == 7
        assert "ours" not in found["metadata"].get("annotations", {})
        assert image_of(found) == "churn:4"

    def test_a_field_that_somebody_else_owns_is_taken_only_by_force(self, cluster: Cluster) -> None:
        """Unless both say the same; without force nothing changes at all."""
        cluster.apply(workload(), force=False)
        self.set_by_another(self.name, ("spec", "replicas"), 7)
        same, other = workload("churn:4"), workload("churn:5")
        same["spec"]["replicas"], other["spec"]["replicas"] = 7, 2
        cluster.apply(same, force=False)
        self.set_by_another(self.name, ("spec", "replicas"), 8)
        with pytest.raises(FieldsOwned) as refused:
            cluster.apply(other, force=False)
        assert refused.value.remedy
        assert image_of(cluster.read(self.name)) == "churn:4"
        found: Any = cluster.apply(other, force=True)
        assert (found["spec"]["replicas"], image_of(found)) == (2, "churn:5")

    def test_what_has_changed_since_it_was_read_is_left_alone(self, cluster: Cluster) -> None:
        """By force too, where the document says which revision it was written for."""
        read: Any = cluster.apply(workload(), force=False)
        revision = read["metadata"]["resourceVersion"]
        self.write_status(self.name, replicas=1)
        with pytest.raises(ObjectChanged):
            cluster.apply(workload("churn:4", resourceVersion=revision), force=True)
        now: Any = cluster.read(self.name)
        assert image_of(now) == "churn:3"
        revision = now["metadata"]["resourceVersion"]
        assert image_of(
            cluster.apply(workload("churn:4", resourceVersion=revision), force=False)
        ) == ("churn:4")

    def test_a_revision_of_what_has_gone_is_an_old_one(self, cluster: Cluster) -> None:
        """It is not made anew."""
        read: Any = cluster.apply(workload(), force=False)
        cluster.delete(self.name)
        stale = workload(resourceVersion=read["metadata"]["resourceVersion"])
        with pytest.raises(ObjectChanged):
            cluster.apply(stale, force=True)
        assert cluster.read(self.name) is None

    def test_a_status_is_merged_and_nothing_besides(self, cluster: Cluster) -> None:
        """What a controller wrote stays, and so does what is asked of it."""
        made: Any = cluster.apply(workload(), force=False)
        self.write_status(self.name, replicas=3)
        cluster.set_status(self.name, {"updatedReplicas": 1})
        found: Any = cluster.read(self.name)
        assert found["status"] == {"replicas": 3, "updatedReplicas": 1}
        assert found["spec"] == made["spec"]
        with pytest.raises(ClusterRefused):
            cluster.set_status(which(workload(name="nobody")), {"replicas": 1})

    def test_a_kind_that_is_not_installed_is_told_by_every_call(self, cluster: Cluster) -> None:
        """It is another thing than an object that is not there."""
        document: dict[str, object] = {
            "apiVersion": self.unknown.api,
            "kind": self.unknown.kind,
            "metadata": {"name": self.unknown.name},
            "spec": {},
        }
        with pytest.raises(KindUnknown):
            cluster.read(self.unknown)
        with pytest.raises(KindUnknown):
            cluster.apply(document, force=True)
        with pytest.raises(KindUnknown):
            cluster.delete(self.unknown)
        with pytest.raises(KindUnknown):
            cluster.set_status(self.unknown, {})
        with pytest.raises(KindUnknown):
            list(cluster.watch(self.unknown, timeout_s=_WATCH_S))

    def test_an_object_without_what_its_kind_asks_for_is_refused(self, cluster: Cluster) -> None:
        """And is not there afterwards."""
        with pytest.raises(ClusterRefused) as refused:
            cluster.apply({**workload(), "spec": None}, force=False)
        assert not refused.value.retryable
        assert cluster.read(self.name) is None

    def test_a_watch_tells_what_is_there_and_every_change(self, cluster: Cluster) -> None:
        """Of this object and no other, until it is gone."""
        cluster.apply(workload(), force=False)
        cluster.apply(workload(name="other"), force=False)
        watched = cluster.watch(self.name, timeout_s=_WATCH_S)
        assert replicas_of(next(watched)) == 0
        self.write_status(which(workload(name="other")), replicas=9)
        for replicas in (1, 2):
            self.write_status(self.name, replicas=replicas)
            assert replicas_of(next(watched)) == replicas
        cluster.apply(workload("churn:4"), force=False)
        assert image_of(next(watched)) == "churn:4"
        cluster.delete(self.name)
        assert next(watched) is None
        assert list(watched) == []
