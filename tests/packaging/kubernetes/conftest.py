import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import yaml

from seatrial.packaging.kubernetes import Form, KubernetesConfig, Shipped, render
from seatrial.packaging.sizing import Measured, size
from seatrial.release.rollout import Step

SERVER = "1.31"
MEASURED = Measured(
    rss_bytes=120 << 20, cpu_per_request_s=0.004, requests_per_s=80, p95_s=0.02, start_s=4
)
HOUR = 3600.0
STEPS = (Step(share=0.05, watch_s=HOUR), Step(share=0.25, watch_s=2 * HOUR))
EXTEND_S = 4 * HOUR
_SCHEMAS = Path(__file__).parent.parent / "schemas"
OWN = {
    kind: json.loads((_SCHEMAS / f"{kind.lower()}-{file}.json").read_text())
    for kind, file in (
        ("Rollout", "argoproj-v1alpha1"),
        ("AnalysisTemplate", "argoproj-v1alpha1"),
        ("HTTPRoute", "gateway-v1"),
        ("InferenceService", "serving-v1beta1"),
        ("PodMonitor", "monitoring-v1"),
    )
}


def shipped(form: Form = Form.PLAIN, **said: Any) -> Shipped:
    """Version 3 of churn, unless something else is said of the version or of the configuration."""
    own = {"name", "version", "resources", "steps", "keys", "engine"}
    config = {
        "namespace": "models",
        "image": "registry.example/models",
        "gateway": "edge/public",
        **{key: value for key, value in said.items() if key not in own},
    }
    version = {"name": "churn", "version": 3, "resources": size(MEASURED), "steps": STEPS}
    version |= {key: value for key, value in said.items() if key in own}
    return Shipped(digest="ab" * 32, config=KubernetesConfig(form=form, **config), **version)


def texts(form: Form = Form.PLAIN, **said: Any) -> Mapping[str, str]:
    return render(shipped(form, **said), extend_s=EXTEND_S)


def documents(form: Form = Form.PLAIN, **said: Any) -> dict[str, Any]:
    return {path: yaml.safe_load(text) for path, text in texts(form, **said).items()}


def validate(document: Any) -> None:
    """Against what Kubernetes publishes of its own kinds, and others of theirs."""
    if schema := OWN.get(document["kind"]):
        jsonschema.validate(document, schema)
        template = document["spec"].get("template")
        if document["kind"] == "Rollout":
            _validate_pod(template)
        return
    kubernetes_validate.validate(document, SERVER, strict=True)


def _validate_pod(template: Any) -> None:
    labels = template["metadata"]["labels"]
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "as-a-deployment"},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }
    kubernetes_validate.validate(deployment, SERVER, strict=True)
