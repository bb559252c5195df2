from dataclasses import replace
from typing import Any

import kubernetes_validate
import pytest

from seatrial.packaging.sizing import size
from tests.packaging.kubernetes.conftest import MEASURED, SERVER, documents, texts


def objects(name: str = "churn", version: int = 3) -> dict[str, Any]:
    made = documents(name=name, version=version)
    return {document["kind"]: document for document in made.values()}


@pytest.mark.parametrize("name", ["churn", "on", "y", "null", "e3"])
def test_kubernetes_accepts_every_object(name: str) -> None:
    for document in objects(name).values():
        kubernetes_validate.validate(document, SERVER, strict=True)
        assert document["metadata"]["name"] == name


def test_kubernetes_would_find_a_typo() -> None:
    deployment = objects()["Deployment"]
    deployment["spec"]["template"]["spec"]["container"] = []
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, SERVER, strict=True)


def test_the_objects_find_each_other() -> None:
    made = objects()
    pod = made["Deployment"]["spec"]["template"]
    for kind, path in (
        ("Deployment", ("selector", "matchLabels")),
        ("Service", ("selector",)),
        ("PodDisruptionBudget", ("selector", "matchLabels")),
        ("NetworkPolicy", ("podSelector", "matchLabels")),
    ):
        selector = made[kind]["spec"]
        for step in path:
            selector = selector[step]
        assert selector.items() <= pod["metadata"]["labels"].items()
        assert selector["app.kubernetes.io/name"] == "churn"
    target = made["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", "churn")


def test_the_image_and_the_namespace_are_those_of_the_configuration() -> None:
    made = objects()
    assert {document["metadata"]["namespace"] for document in made.values()} == {"models"}
    container = made["Deployment"]["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "registry.example/models/churn:3"
    bare = documents(namespace=None, image=None)["deployment.yaml"]
    assert "namespace" not in bare["metadata"]
    assert bare["spec"]["template"]["spec"]["containers"][0]["image"] == "churn:3"


def test_the_autoscaler_keeps_within_the_configured_replicas() -> None:
    spec = documents(min_replicas=3, max_replicas=30)["hpa.yaml"]["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (3, 30)


def test_what_selects_pods_is_the_same_for_every_version() -> None:
    assert (
        objects(version=3)["Deployment"]["spec"]["selector"]
        == objects(version=4)["Deployment"]["spec"]["selector"]
    )


def test_the_pod_runs_with_what_staging_measured() -> None:
    container = objects()["Deployment"]["spec"]["template"]["spec"]["containers"][0]
    assert container["resources"] == {
        "requests": {"cpu": "350m", "memory": "192Mi"},
        "limits": {"memory": "192Mi"},
    }
    assert container["startupProbe"]["failureThreshold"] == 40
    slow = texts(resources=size(replace(MEASURED, start_s=60)))
    assert "failureThreshold: 600" in slow["deployment.yaml"]


def test_the_pod_has_no_rights_it_does_not_use() -> None:
    pod = objects()["Deployment"]["spec"]["template"]["spec"]
    container = pod["containers"][0]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["volumes"][0]["emptyDir"] == {"sizeLimit": "64Mi"}


def test_nothing_in_the_pod_may_call_out() -> None:
    policy = objects()["NetworkPolicy"]["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert policy["egress"] == []
    assert policy["ingress"] == [{"ports": [{"port": 8080, "protocol": "TCP"}]}]


def test_the_probes_ask_what_they_are_for() -> None:
    container = objects()["Deployment"]["spec"]["template"]["spec"]["containers"][0]
    paths = {
        kind: container[kind]["httpGet"]["path"]
        for kind in ("startupProbe", "livenessProbe", "readinessProbe")
    }
    assert paths == {
        "startupProbe": "/readyz",
        "livenessProbe": "/livez",
        "readinessProbe": "/readyz",
    }
