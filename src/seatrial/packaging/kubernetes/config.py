"""The section ``kubernetes`` of the configuration: in which form a cluster is told of a release."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from seatrial.kernel.config import ConfigModel

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_NAME = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
_LabelKey = Annotated[str, Field(pattern=rf"^([a-z0-9.-]{{1,253}}/)?{_NAME}$")]
_LabelValue = Annotated[str, Field(pattern=f"^({_NAME})?$")]
_Label = Annotated[str, Field(pattern=f"^{_LABEL}$")]


class Form(StrEnum):
    """What the manifests are written for."""

    PLAIN = "plain"
    ARGO = "argo"
    KSERVE = "kserve"
    GATEWAY = "gateway"
    HELM = "helm"
    KUSTOMIZE = "kustomize"


class KubernetesConfig(ConfigModel):
    """The manifests of a release."""

    form: Form = Field(
        default=Form.PLAIN,
        description="What `kubernetes/` of a release is written for: plain objects, Argo Rollouts, "
        "KServe, Gateway API routes, a Helm chart or kustomize overlays.",
    )
    image: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9._/:-]*[a-z0-9])?$")] | None = Field(
        default=None,
        description="Where the cluster pulls images from, such as registry.example/models; name "
        "and version are added, as in registry.example/models/churn:3.",
    )
    namespace: _Label | None = Field(
        default=None, description="Namespace of every object; null leaves it to who applies them."
    )
    build: tuple[str, ...] = Field(
        default=(),
        description="Command that `seatrial deploy --target kubernetes` runs in the release's "
        "folder to build and push its image; `$image` stands for the image. Empty: the image is "
        "there already, or comes by itself.",
    )
    min_replicas: int = Field(default=2, ge=1, le=1000, description="Fewest replicas.")
    max_replicas: int = Field(default=10, ge=1, le=10_000, description="Most replicas.")
    target_cpu: int = Field(
        default=70,
        ge=1,
        le=100,
        description="Percent of the CPU request above which the autoscaler adds a replica.",
    )
    judge: Annotated[str, Field(pattern=r"^https?://[^\s{}?#]+[^\s{}?#/]$")] = Field(
        default="http://seatrial:8080",
        description="Where the cluster reaches the server of `seatrial up` that judges, for Argo.",
    )
    judge_secret: Annotated[str, Field(pattern=f"^{_LABEL}$")] = Field(
        default="seatrial",
        description="Secret of the cluster whose key `token` is that server's SEATRIAL_TOKEN.",
    )
    gateway: Annotated[str, Field(pattern=f"^({_LABEL}/)?{_LABEL}$")] | None = Field(
        default=None,
        description="Gateway that requests come through, as NAME or NAMESPACE/NAME: splits them by "
        "weight, for the forms gateway and argo.",
    )
    pod_monitor: dict[_LabelKey, _LabelValue] | None = Field(
        default=None,
        description="Labels of a PodMonitor, by which your Prometheus selects it; {} for none. "
        "null writes no PodMonitor, which only clusters with the Prometheus Operator take.",
    )
    context: str | None = Field(
        default=None,
        max_length=300,
        description="Context of the kubeconfig that `seatrial cluster` uses; null for the current "
        "one, or for the cluster it runs in.",
    )
    hostname: Annotated[str, Field(pattern=rf"^(\*\.)?{_LABEL}(\.{_LABEL})*$")] | None = Field(
        default=None, description="Name that the gateway answers to; null for any."
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.form is Form.GATEWAY and self.gateway is None:
            raise ValueError("the form gateway needs a gateway: name the one requests come through")
        if self.form is Form.ARGO and self.gateway is not None and self.namespace is None:
            raise ValueError("Argo's gateway plugin must be told the namespace of the route")
        if self.min_replicas > self.max_replicas:
            raise ValueError(
                f"min_replicas ({self.min_replicas}) is over max_replicas ({self.max_replicas})"
            )
        return self

    def image_of(self, name: str, version: int) -> str:
        """Where a version's image is."""
        where = f"{self.image}/" if self.image else ""
        return f"{where}{name}:{version}"
