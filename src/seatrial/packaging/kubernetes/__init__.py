"""The manifests of a release, in the form the cluster wants them."""

from __future__ import annotations

from seatrial.packaging.kubernetes.config import Form, KubernetesConfig
from seatrial.packaging.kubernetes.manifests import render
from seatrial.packaging.kubernetes.objects import Shipped

__all__ = ["Form", "KubernetesConfig", "Shipped", "render"]
