"""The manifests of a release as files, one object each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from seatrial.packaging.kubernetes import argo, gateway, helm, kserve, kustomize, plain
from seatrial.packaging.kubernetes.config import Form
from seatrial.packaging.kubernetes.objects import Object, Shipped
from seatrial.packaging.yaml_text import dump

MARK = "# Written by seatrial: "
"""Begins every file, so that one that no form needs any more can be told from a person's own."""


def render(shipped: Shipped, *, extend_s: float) -> Mapping[str, str]:
    """The manifests by path below ``kubernetes/``.

    Args:
        shipped: the version, and how it is to be shipped.
        extend_s: how long after its watch a step without a verdict goes on, in seconds.
    """
    form = shipped.config.form
    texts = {
        path: dump(document, comment=_comment(shipped, document))
        for path, document in _objects(shipped, form, extend_s).items()
    }
    if form is Form.HELM:
        return {path: helm.with_numbers(text) for path, text in texts.items()}
    return texts


def _comment(shipped: Shipped, document: Object) -> str:
    """Whose a file is, what to do with it, and why its sizes are what they are."""
    use = _USE[shipped.config.form]
    whose = f"{MARK.removeprefix('# ')}{shipped.name}, version {shipped.version}. {use}"
    sized = document.get("kind") in _SIZED
    return f"{whose}\nResources: {shipped.resources.why}." if sized else whose


def _objects(shipped: Shipped, form: Form, extend_s: float) -> Mapping[str, Object]:
    match form:
        case Form.ARGO:
            return argo.objects(shipped, extend_s=extend_s)
        case Form.GATEWAY:
            return gateway.objects(shipped)
        case Form.KSERVE:
            return kserve.objects(shipped)
        case Form.PLAIN:
            return plain.objects(shipped)
        case Form.HELM:
            return helm.objects(shipped)
        case Form.KUSTOMIZE:
            return kustomize.objects(shipped)
        case _:
            assert_never(form)


_SIZED = frozenset({"Deployment", "Rollout", "InferenceService"})

_USE: Mapping[Form, str] = {
    Form.PLAIN: "kubectl apply -f kubernetes/",
    Form.ARGO: "kubectl apply -f kubernetes/",
    Form.GATEWAY: "kubectl apply -f kubernetes/ and, once it has passed, kubernetes/promoted/",
    Form.KSERVE: "kubectl apply -f kubernetes/ and, once it has passed, kubernetes/promoted/",
    Form.HELM: "helm upgrade --install NAME kubernetes/",
    Form.KUSTOMIZE: "kubectl apply -k kubernetes/overlays/production/",
}
