"""Kubernetes manifests of a release, one object a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from seatrial.packaging.dockerfile import PORT, USER_ID
from seatrial.packaging.sizing import Resources
from seatrial.packaging.yaml_text import dump

Object: TypeAlias = dict[str, object]

_GRACE_S = 30
_DRAIN_S = 5
_PROBE_S = 2


def render(
    *, name: str, version: int, digest: str, image: str, resources: Resources
) -> Mapping[str, str]:
    """The manifests by file name.

    Args:
        name: of the model, checked; names every object.
        version: its number.
        digest: of the bundle.
        image: where the cluster pulls the image from.
        resources: what a replica asks for.
    """
    comment = f"{name}, version {version}. kubectl apply -f kubernetes/"
    sized = f"{comment}\nResources: {resources.why}."
    meta = _Metadata(name=name, version=version, digest=digest)
    return {
        "deployment.yaml": dump(_deployment(meta, image, resources), comment=sized),
        "hpa.yaml": dump(_autoscaler(meta), comment=comment),
        "networkpolicy.yaml": dump(_network_policy(meta), comment=comment),
        "pdb.yaml": dump(_disruption_budget(meta), comment=comment),
        "service.yaml": dump(_service(meta), comment=comment),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Metadata:
    name: str
    version: int
    digest: str

    @property
    def selector(self) -> dict[str, str]:
        # What selects pods may never change in the life of a Deployment: no version here.
        return {
            "app.kubernetes.io/name": self.name,
            "app.kubernetes.io/component": "model-server",
        }

    @property
    def labels(self) -> dict[str, str]:
        return {
            **self.selector,
            "app.kubernetes.io/version": str(self.version),
            "app.kubernetes.io/part-of": "seatrial",
            "app.kubernetes.io/managed-by": "seatrial",
        }

    @property
    def annotations(self) -> dict[str, str]:
        return {"seatrial/bundle": f"sha256:{self.digest}"}

    def object(self, api: str, kind: str, spec: Object) -> Object:
        return {
            "apiVersion": api,
            "kind": kind,
            "metadata": {
                "name": self.name,
                "labels": self.labels,
                "annotations": self.annotations,
            },
            "spec": spec,
        }


def _deployment(meta: _Metadata, image: str, resources: Resources) -> Object:
    # No `replicas`: the autoscaler owns the number, and applying the file again must not reset it.
    return meta.object(
        "apps/v1",
        "Deployment",
        {
            "selector": {"matchLabels": meta.selector},
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
            },
            "template": {
                "metadata": {"labels": meta.labels, "annotations": meta.annotations},
                "spec": _pod(meta, image, resources),
            },
        },
    )


def _pod(meta: _Metadata, image: str, resources: Resources) -> Object:
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": _GRACE_S,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER_ID,
            "runAsGroup": USER_ID,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": meta.selector},
            }
        ],
        "containers": [_container(image, resources)],
        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}}],
    }


def _container(image: str, resources: Resources) -> Object:
    memory = f"{resources.memory_mib}Mi"
    return {
        "name": "model",
        "image": image,
        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
        "resources": {
            "requests": {"cpu": f"{resources.cpu_m}m", "memory": memory},
            "limits": {"memory": memory},
        },
        "startupProbe": {
            **_probe("/readyz"),
            "periodSeconds": 1,
            "failureThreshold": resources.start_s,
        },
        "livenessProbe": {**_probe("/livez"), "periodSeconds": 10, "failureThreshold": 3},
        "readinessProbe": {**_probe("/readyz"), "periodSeconds": 5, "failureThreshold": 2},
        # Load balancers learn of the end only after it began; answer them until they know.
        "lifecycle": {"preStop": {"exec": {"command": ["sleep", str(_DRAIN_S)]}}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108  # in the container
    }


def _probe(path: str) -> Object:
    return {"httpGet": {"path": path, "port": "http"}, "timeoutSeconds": _PROBE_S}


def _service(meta: _Metadata) -> Object:
    port = {"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}
    return meta.object("v1", "Service", {"selector": meta.selector, "ports": [port]})


def _autoscaler(meta: _Metadata) -> Object:
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}
    return meta.object(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": meta.name},
            "minReplicas": 2,
            "maxReplicas": 10,
            "metrics": [{"type": "Resource", "resource": cpu}],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 300}},
        },
    )


def _disruption_budget(meta: _Metadata) -> Object:
    # maxUnavailable, since minAvailable would keep a node with the only replica from draining.
    return meta.object(
        "policy/v1",
        "PodDisruptionBudget",
        {"maxUnavailable": 1, "selector": {"matchLabels": meta.selector}},
    )


def _network_policy(meta: _Metadata) -> Object:
    # A bundle brings everything it needs: nothing it holds has a reason to call out.
    return meta.object(
        "networking.k8s.io/v1",
        "NetworkPolicy",
        {
            "podSelector": {"matchLabels": meta.selector},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"ports": [{"port": PORT, "protocol": "TCP"}]}],
            "egress": [],
        },
    )
