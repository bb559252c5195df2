"""Kustomize: the plain objects as a base, and overlays for staging and production."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from seatrial.packaging.kubernetes import plain
from seatrial.packaging.kubernetes.objects import Object, Shipped

_API = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}


def objects(shipped: Shipped) -> dict[str, Object]:
    """The files of the base and of both overlays."""
    namespace = shipped.config.namespace
    made = plain.objects(replace(shipped, config=shipped.config.model_copy(update=_OPEN)))
    return {
        **{f"base/{path}": document for path, document in made.items()},
        "base/kustomization.yaml": {**_API, "resources": sorted(made)},
        "overlays/production/kustomization.yaml": _overlay(shipped, namespace, []),
        "overlays/staging/kustomization.yaml": _overlay(
            shipped, namespace and f"{namespace}-staging", [_few(shipped)]
        ),
    }


_OPEN = {"namespace": None}


def _overlay(shipped: Shipped, namespace: str | None, patches: Sequence[Object]) -> Object:
    repository, _, tag = shipped.pulled.rpartition(":")
    return {
        **_API,
        **({"namespace": namespace} if namespace else {}),
        "resources": ["../../base"],
        "images": [{"name": repository, "newTag": tag}],
        **({"patches": list(patches)} if patches else {}),
    }


def _few(shipped: Shipped) -> Object:
    """Staging makes do with one replica."""
    return {
        "target": {"kind": "HorizontalPodAutoscaler", "name": shipped.called},
        "patch": "- {op: replace, path: /spec/minReplicas, value: 1}\n"
        "- {op: replace, path: /spec/maxReplicas, value: 1}\n",
    }
