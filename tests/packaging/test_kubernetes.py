from dataclasses import replace
from typing import Any

import kubernetes_validate
import pytest
import yaml

from seatrial.packaging.kubernetes import render
from seatrial.packaging.sizing import Measured, size

MEASURED = Measured(
    rss_bytes=120 << 20, cpu_per_request_s=0.004, requests_per_s=80, p95_s=0.02, start_s=4
)
SERVER = "1.31"


def objects(name: str = "churn", version: int = 3) -> dict[str, Any]:
    texts = render(
        name=name,
        version=version,
        digest="ab" * 32,
        image=f"registry.example/{name}:{version}",
        resources=size(MEASURED),
    )
    loaded = [yaml.safe_load(text) for text in texts.values()]
    return {document["kind"]: document for document in loaded}


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
    slow = render(
        name="c", version=1, digest="0", image="c", resources=size(replace(MEASURED, start_s=60))
    )
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
