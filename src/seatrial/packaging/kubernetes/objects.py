"""The objects that every form of the manifests is made of."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TypeAlias

from seatrial.packaging.dockerfile import KEYS_FILE, KEYS_FOLDER, PORT, USER_ID
from seatrial.packaging.kubernetes.config import KubernetesConfig
from seatrial.packaging.sizing import Resources
from seatrial.registry.signing_file import VERIFY_KEY
from seatrial.release.rollout import Step
from seatrial.serving.remote_config import VARIABLE, EngineConfig

Object: TypeAlias = dict[str, object]

STABLE, CANARY = "stable", "canary"

_GRACE_S = 30
_DRAIN_S = 5
_PROBE_S = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipped:
    """A version on its way to a cluster.

    Args:
        name: of the model, checked; names every object.
        version: its number.
        digest: of the bundle.
        resources: what a replica asks for.
        config: where it goes, and in which form.
        steps: how its share of the traffic grows, where the form has shares; at least one.
        image: where the cluster pulls the image from; None for what the configuration says.
        role: `STABLE` or `CANARY` where both are there at once, each with pods of its own; the
            canary's objects are named apart.
        keys: public keys in PEM, one of which must have signed the bundle; None asks for none.
        engine: name and configuration of the engine elsewhere that runs it; None for none.
    """

    name: str
    version: int
    digest: str
    resources: Resources
    config: KubernetesConfig
    steps: tuple[Step, ...]
    image: str | None = None
    role: str = ""
    keys: str | None = None
    engine: tuple[str, EngineConfig] | None = None

    @property
    def pulled(self) -> str:
        """The image, with its tag."""
        return self.image or self.config.image_of(self.name, self.version)

    @property
    def called(self) -> str:
        """The name of its objects."""
        return f"{self.name}-{CANARY}" if self.role == CANARY else self.name

    @property
    def whose(self) -> dict[str, str]:
        """What every pod of the model has, whatever its version and role."""
        return {
            "app.kubernetes.io/name": self.name,
            "app.kubernetes.io/component": "model-server",
        }

    @property
    def selector(self) -> dict[str, str]:
        """What selects pods: it may never change in the life of a Deployment, so no version."""
        return {**self.whose, **({"seatrial/role": self.role} if self.role else {})}

    @property
    def labels(self) -> dict[str, str]:
        """Of every object."""
        return {
            **self.selector,
            "app.kubernetes.io/version": str(self.version),
            "app.kubernetes.io/part-of": "seatrial",
            "app.kubernetes.io/managed-by": "seatrial",
        }

    @property
    def annotations(self) -> dict[str, str]:
        """Of every object: which bundle it serves, and whom it trusts: other keys, other pods."""
        made = {"seatrial/bundle": f"sha256:{self.digest}"}
        if self.keys is not None:
            made["seatrial/keys"] = f"sha256:{hashlib.sha256(self.keys.encode()).hexdigest()}"
        return made

    @property
    def keys_called(self) -> str:
        """The name of the ConfigMap of keys, which both roles read."""
        return f"{self.name}-keys"

    def object(
        self,
        api: str,
        kind: str,
        content: Object,
        *,
        called: str | None = None,
        field: str = "spec",
    ) -> Object:
        """An object of a kind.

        Args:
            called: where it is not called as the others are.
            field: what holds the content.
        """
        where = {"namespace": self.config.namespace} if self.config.namespace else {}
        return {
            "apiVersion": api,
            "kind": kind,
            "metadata": {
                "name": called or self.called,
                **where,
                "labels": self.labels,
                "annotations": self.annotations,
            },
            field: content,
        }


def deployment(shipped: Shipped) -> Object:
    """Replicas that are replaced one by one."""
    # No `replicas`: the autoscaler owns the number, and applying the file again must not reset it.
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    return shipped.object("apps/v1", "Deployment", {**replicas(shipped), "strategy": strategy})


def replicas(shipped: Shipped) -> Object:
    """What a Deployment and a Rollout say of their pods."""
    template = {
        "metadata": {"labels": shipped.labels, "annotations": shipped.annotations},
        "spec": {**pod(shipped), "containers": [container(shipped)]},
    }
    return {"selector": {"matchLabels": shipped.selector}, "template": template}


def pod(shipped: Shipped) -> Object:
    """A pod but for its container."""
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
                "labelSelector": {"matchLabels": shipped.selector},
            }
        ],
        "volumes": _volumes(shipped),
    }


def _volumes(shipped: Shipped) -> list[Object]:
    made: list[Object] = [{"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}}]
    if shipped.keys is not None:
        made.append({"name": "keys", "configMap": {"name": shipped.keys_called}})
    return made


def _mounts(shipped: Shipped) -> list[Object]:
    made: list[Object] = [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108  # in the container
    if shipped.keys is not None:
        made.append({"name": "keys", "mountPath": KEYS_FOLDER, "readOnly": True})
    return made


def _variables(shipped: Shipped) -> Object:
    """What a pod is told; nothing where it needs to be told nothing."""
    told: list[Object] = []
    if shipped.keys is not None:
        told.append({"name": VERIFY_KEY, "value": f"{KEYS_FOLDER}/{KEYS_FILE}"})
    if shipped.engine is not None and (url := shipped.engine[1].of_pods) is not None:
        name, config = shipped.engine
        told.append({"name": VARIABLE, "value": config.as_others_read_it(name, url)})
    return {"env": told} if told else {}


def container(shipped: Shipped, *, called: str = "model") -> Object:
    """The server of one replica."""
    resources = shipped.resources
    memory = f"{resources.memory_mib}Mi"
    return {
        "name": called,
        "image": shipped.pulled,
        **_variables(shipped),
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
        "volumeMounts": _mounts(shipped),
    }


def _probe(path: str) -> Object:
    return {"httpGet": {"path": path, "port": "http"}, "timeoutSeconds": _PROBE_S}


def service(shipped: Shipped, *, called: str | None = None) -> Object:
    """The address of the replicas inside the cluster."""
    port = {"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}
    spec: Object = {"selector": shipped.selector, "ports": [port]}
    return shipped.object("v1", "Service", spec, called=called)


def autoscaler(
    shipped: Shipped, *, kind: str = "Deployment", api: str = "apps/v1", fewest: int | None = None
) -> Object:
    """As many replicas as their CPU asks for."""
    config = shipped.config
    target = {"type": "Utilization", "averageUtilization": config.target_cpu}
    cpu = {"name": "cpu", "target": target}
    return shipped.object(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        {
            "scaleTargetRef": {"apiVersion": api, "kind": kind, "name": shipped.called},
            "minReplicas": config.min_replicas if fewest is None else fewest,
            "maxReplicas": config.max_replicas,
            "metrics": [{"type": "Resource", "resource": cpu}],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 300}},
        },
    )


def disruption_budget(shipped: Shipped) -> Object:
    """How many replicas may be taken away at once."""
    # maxUnavailable, since minAvailable would keep a node with the only replica from draining.
    return shipped.object(
        "policy/v1",
        "PodDisruptionBudget",
        {"maxUnavailable": 1, "selector": {"matchLabels": shipped.selector}},
    )
